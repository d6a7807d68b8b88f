/** A declared object together with where it is declared. */
import type { KubeObject, ObjectId } from "./object.ts";
import type { Location, ObjectHash } from "./source.ts";

/** Path to a value inside an object: keys and list indexes. */
export type FieldPath = readonly (string | number)[];

/** One object as a file declares it. The same instance is handed out as long as its blob is unchanged. */
export interface Declared {
  object: KubeObject;
  id: ObjectId;
  file: string;
  blob: ObjectHash;
  /** Which YAML document of the file, from 0; items of a List share one. */
  document: number;
  /**
   * Place of a field: of its key when it is a mapping entry, of the item when it is in a list. The nearest enclosing
   * field's place when the path does not exist in the source. Computed lazily.
   */
  locate(path: FieldPath): Location;
  /** As `locate`, but of the value. */
  locateValue(path: FieldPath): Location;
}

/** `spec.template.spec.containers[0].image`; keys with dots or slashes as `metadata.annotations["a.b/c"]`. */
export function formatFieldPath(path: FieldPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}
