/** Changes fields of a manifest in its text, leaving every other byte, comments included, as it was. */
import { isError } from "../model/diagnostic.ts";
import { TrueupError } from "../model/errors.ts";
import { type Declared, type FieldPath, formatFieldPath } from "../model/manifest.ts";
import { displayId, type Json, keyOfId, type ObjectId } from "../model/object.ts";
import { asObjectHash } from "../model/source.ts";
import { readDocuments } from "./documents.ts";
import { type ObjectPlace, treeOf } from "./locate.ts";
import { parseManifestFile, placeOf } from "./parse.ts";
import { reach, type Target } from "./reach.ts";
import { removeField, setField } from "./splice.ts";
import { extractSubtree, replaceSubtree } from "./transplant.ts";

export type FieldEdit =
  | { op: "set"; path: FieldPath; value: Json }
  /** Nothing happens when the field is not there. */
  | { op: "remove"; path: FieldPath }
  /** Takes the field's source text, comments included, from another version of the file; removes it when it has none. */
  | {
      op: "replaceFrom";
      path: FieldPath;
      sourceText: string;
      sourceId: ObjectId;
      /** Name of that version's file, where it is not the edited one's. */
      sourceFile?: string;
    };

export interface EditOptions {
  /** Named in errors, and read as JSON when it ends so. */
  file?: string;
  /** Namespace of objects that name none; "default" when absent. */
  defaultNamespace?: string;
}

/**
 * Edits one object of a file. After each edit the text is parsed again: the object must be as meant, and every other
 * object as it was.
 *
 * @returns The file's new text; the same text when the edits change nothing
 * @throws {TrueupError} `not-found` when the file does not declare the object; `invalid` when the text cannot be edited
 * so (it is not well-formed, the value comes through an alias, …)
 */
export function editObject(text: string, id: ObjectId, edits: readonly FieldEdit[], options: EditOptions = {}): string {
  return edits.reduce((current, edit) => applyEdit(current, id, edit, options), text);
}

function applyEdit(text: string, id: ObjectId, edit: FieldEdit, options: EditOptions): string {
  const { target, within, object } = open(text, id, options);
  const path = [...within, ...edit.path];
  if (edit.path.length === 0)
    throw new TrueupError("usage", "Cannot edit an object as a field must be named: the path is empty");
  if (edit.op === "remove") return removed(target, path, object, edit.path, options);
  if (edit.op === "set") return put(target, path, object, edit.path, edit.value, options);
  const source = open(
    edit.sourceText,
    edit.sourceId,
    edit.sourceFile === undefined ? options : { ...options, file: edit.sourceFile },
  );
  const value = valueAt(source.object, edit.path);
  if (value === undefined) return removed(target, path, object, edit.path, options);
  if (isEqual(valueAt(object, edit.path), value) && hasSameText(target, path, source, edit.path)) return text;
  return (
    transplanted(target, path, source, edit.path, value, options) ??
    piecewise(text, id, edit, [valueAt(object, edit.path), value], options) ??
    put(target, path, object, edit.path, value, options)
  );
}

interface Opened {
  target: Target;
  within: FieldPath;
  object: Json;
}

function open(text: string, id: ObjectId, { file = "the file", defaultNamespace }: EditOptions): Opened {
  const blob = asObjectHash("0".repeat(40));
  const parsed = parseManifestFile({ file, blob, text, ...(defaultNamespace !== undefined && { defaultNamespace }) });
  const unreadable = parsed.diagnostics.find(
    (diagnostic) => isError(diagnostic) && diagnostic.rule.startsWith("yaml-"),
  );
  if (unreadable !== undefined) {
    const { line, column } = unreadable.location;
    throw new TrueupError(
      "invalid",
      `Cannot edit ${file} as it must be well-formed: ${line}:${column}: ${unreadable.message}`,
    );
  }
  const key = keyOfId(id);
  const declared = parsed.declared.find((each) => keyOfId(each.id) === key);
  const place = declared === undefined ? undefined : placeOf(declared);
  if (declared === undefined || place === undefined) {
    throw new TrueupError("not-found", `Cannot edit ${displayId(id)} as ${file} must declare it: it does not`);
  }
  const [line] = place.source.padded ?? [];
  if (line !== undefined) {
    throw new TrueupError(
      "invalid",
      `Cannot edit ${file} as each line of a bracket must be indented further than its key: line ${line + 1} is not.`,
    );
  }
  return opened(declared, place);
}

function opened(declared: Declared, place: ObjectPlace): Opened {
  const { text, json } = place.source;
  return {
    target: { text, root: treeOf(place), json, document: declared.document },
    within: place.within,
    object: declared.object as unknown as Json,
  };
}

function put(
  target: Target,
  path: FieldPath,
  object: Json,
  field: FieldPath,
  value: Json,
  options: EditOptions,
): string {
  // Looked up first, so that a value behind an alias is refused also when it is the same.
  reach(target, path);
  if (isEqual(valueAt(object, field), value)) return target.text;
  return checked(target, setField(target, path, value), path, value, options);
}

function removed(target: Target, path: FieldPath, object: Json, field: FieldPath, options: EditOptions): string {
  if (valueAt(object, field) === undefined) return target.text;
  return checked(target, removeField(target, path), path, undefined, options);
}

/** The new text with the source's own; `null` where only the value can be carried over. */
function transplanted(
  target: Target,
  path: FieldPath,
  source: Opened,
  field: FieldPath,
  value: Json,
  options: EditOptions,
): string | null {
  if (target.json || source.target.json) return null;
  const extract = extractSubtree(source.target, [...source.within, ...field]);
  const text = extract === null ? null : replaceSubtree(target, path, extract);
  if (text === null) return null;
  try {
    return checked(target, text, path, value, options);
  } catch (thrown) {
    // The text means something else in its new place: its value is written out instead.
    if (thrown instanceof TrueupError && thrown.code === "invalid") return null;
    throw thrown;
  }
}

/**
 * Where the text cannot be carried over as a whole (it holds aliases, or stands in brackets): only the parts whose values
 * differ, each in the same way. `null` when the two are not alike enough for that.
 */
function piecewise(
  text: string,
  id: ObjectId,
  edit: Extract<FieldEdit, { op: "replaceFrom" }>,
  [ours, theirs]: [Json | undefined, Json],
  options: EditOptions,
): string | null {
  const isList = Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length;
  if (!isList && !(isMapping(ours) && isMapping(theirs))) return null;
  const keys = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])];
  const steps = keys.filter((key) => !isEqual(valueAt(ours, [key]), valueAt(theirs, [key])));
  if (steps.length === 0) return null;
  const paths = steps.map((step) => [...edit.path, isList ? Number(step) : step]);
  try {
    return paths.reduce((current, path) => applyEdit(current, id, { ...edit, path }, options), text);
  } catch (thrown) {
    // One of the parts comes through an alias: then the whole is written out.
    if (thrown instanceof TrueupError && thrown.code === "invalid") return null;
    throw thrown;
  }
}

function isMapping(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasSameText(target: Target, path: FieldPath, source: Opened, field: FieldPath): boolean {
  const ours = extractSubtree(target, path);
  const theirs = extractSubtree(source.target, [...source.within, ...field]);
  return ours === null || theirs === null || JSON.stringify(ours) === JSON.stringify(theirs);
}

/** Parses the new text and compares every document with what was meant. */
function checked(
  target: Target,
  text: string,
  path: FieldPath,
  value: Json | undefined,
  { file = "the file" }: EditOptions,
): string {
  const before = readDocuments(target.text, target.json);
  const after = readDocuments(text, target.json);
  const { document } = target;
  const meant = before.map((each, at) =>
    at === document ? withValue(each.value ?? null, path, value) : (each.value ?? null),
  );
  const found = after.map((each) => (each.faults.length > 0 ? undefined : (each.value ?? null)));
  if (found.length === meant.length && found.every((each, at) => isEqual(each, meant[at]))) return text;
  throw new TrueupError(
    "invalid",
    `Cannot edit ${formatFieldPath(path)} of ${file} as the rest of the file must stay as it is: it would change`,
    {
      hint: "Edit the file by hand, or write it in plain block style first.",
    },
  );
}

function valueAt(root: Json, path: FieldPath): Json | undefined {
  let at: Json | undefined = root;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = Object.hasOwn(at, step) ? (at as Record<string | number, Json>)[step] : undefined;
  }
  return at;
}

/** A copy with the value put at the path, or removed when it is `undefined`. */
function withValue(root: Json, path: FieldPath, value: Json | undefined): Json {
  const [step, ...rest] = path;
  if (step === undefined) return value ?? null;
  if (Array.isArray(root)) {
    const at = Number(step);
    if (rest.length === 0 && value === undefined) return root.toSpliced(at, 1);
    return root.map((item, index) => (index === at ? withValue(item, rest, value) : item));
  }
  const record = typeof root === "object" && root !== null ? root : {};
  const entries = Object.entries(record).filter(([key]) => key !== String(step));
  if (rest.length === 0 && value === undefined) return Object.fromEntries(entries);
  const inner = withValue(Object.hasOwn(record, step) ? (record[String(step)] ?? null) : null, rest, value);
  return Object.fromEntries([...entries, [String(step), inner]]);
}

/** Whether two values are the same JSON, in whatever order their keys stand. */
function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) => Object.hasOwn(b, key) && isEqual((a as Record<string, Json>)[key], (b as Record<string, Json>)[key]),
  );
}
