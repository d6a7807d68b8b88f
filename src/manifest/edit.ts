/** Changes fields of a manifest in its text, leaving every other byte, comments included, as it was. */
import { TrueupError } from "../model/errors.ts";
import type { FieldPath } from "../model/manifest.ts";
import type { Json, ObjectId } from "../model/object.ts";

export type FieldEdit =
  | { op: "set"; path: FieldPath; value: Json }
  /** Nothing happens when the field is not there. */
  | { op: "remove"; path: FieldPath }
  /** Takes the field's source text, comments included, from another version of the file; removes it when it has none. */
  | { op: "replaceFrom"; path: FieldPath; sourceText: string; sourceId: ObjectId };

export interface EditOptions {
  /** Named in errors. */
  file?: string;
  /** Namespace of objects that name none; "default" when absent. */
  defaultNamespace?: string;
}

/**
 * Edits one object of a file.
 *
 * @returns The file's new text
 * @throws {TrueupError} `not-found` when the file does not declare the object; `invalid` when the text cannot be edited so
 */
export function editObject(
  _text: string,
  _id: ObjectId,
  _edits: readonly FieldEdit[],
  _options: EditOptions = {},
): string {
  throw new TrueupError("internal", "editing is not built yet");
}
