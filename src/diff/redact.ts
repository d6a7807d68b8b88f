/** Masks the values of Secrets, so that nobody who reads a diff learns one. Pure. */
import type { KubeObject } from "../model/object.ts";
import type { FieldChange } from "../model/plan.ts";
import { ANNOTATION } from "../model/workload.ts";
import { isTree, read, type Tree, write } from "./tree.ts";

export const MASK = "***";
const MASK_BEFORE = "*** (before)";
const MASK_AFTER = "*** (after)";

const SECRET_FIELDS = ["data", "stringData"] as const;

/** The object with secret values as `***`; the object itself when it holds none. */
export function redactObject(object: KubeObject): KubeObject {
  return redact(object, () => MASK);
}

/**
 * Both versions masked so that a changed value shows as `*** (before)` and `*** (after)`, an unchanged or one-sided one as
 * `***`. Nothing else of a value shows: no length, no digest.
 */
export function redactPair(
  before: KubeObject | null,
  after: KubeObject | null,
): { before: KubeObject | null; after: KubeObject | null } {
  const old = plainSecret(before);
  const next = plainSecret(after);
  const differs = (key: string): boolean => {
    const a = secretValue(old, key);
    const b = secretValue(next, key);
    return a !== undefined && b !== undefined && a !== b;
  };
  return {
    before: old && redact(old, (key) => (differs(key) ? MASK_BEFORE : MASK)),
    after: next && redact(next, (key) => (differs(key) ? MASK_AFTER : MASK)),
  };
}

/** The changes of one object with secret values masked. */
export function redactChanges(object: KubeObject, changes: readonly FieldChange[]): FieldChange[] {
  return changes.map((change) => {
    if (isSecret(object) && SECRET_FIELDS.some((field) => isWithin(change.path, field))) {
      return maskedChange(change);
    }
    return change.path.includes(ANNOTATION.lastApplied) ? maskedChange(change) : change;
  });
}

function maskedChange(change: FieldChange): FieldChange {
  const both = change.kind === "change";
  return {
    path: change.path,
    kind: change.kind,
    ...(change.kind !== "add" && { before: both ? MASK_BEFORE : MASK }),
    ...(change.kind !== "remove" && { after: both ? MASK_AFTER : MASK }),
  };
}

function isWithin(path: string, field: string): boolean {
  return path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`);
}

function isSecret(object: Tree): boolean {
  return object.kind === "Secret" && object.apiVersion === "v1";
}

/** `stringData` as `data`, so that the two spellings of one value compare as equal. */
export function plainSecret(object: KubeObject | null): KubeObject | null {
  if (object === null || !isSecret(object) || !isTree(object.stringData)) return object;
  const { stringData, ...rest } = object;
  const data: Record<string, unknown> = isTree(object.data) ? { ...object.data } : {};
  for (const [key, value] of Object.entries(stringData as Tree)) {
    write(data, key, Buffer.from(String(value ?? ""), "utf8").toString("base64"));
  }
  return { ...rest, apiVersion: object.apiVersion, kind: object.kind, metadata: object.metadata, data };
}

function secretValue(object: KubeObject | null, key: string): unknown {
  if (object === null || !isSecret(object) || !isTree(object.data)) return undefined;
  return read(object.data, key);
}

function redact(object: KubeObject, mask: (key: string) => string): KubeObject {
  const masked: KubeObject = isSecret(object) ? (maskedSecret(object, mask) as KubeObject) : object;
  const annotations = masked.metadata.annotations;
  const lastApplied = annotations?.[ANNOTATION.lastApplied];
  if (annotations === undefined || lastApplied === undefined) return masked;
  const text = maskedLastApplied(lastApplied, isSecret(object));
  if (text === lastApplied) return masked;
  return {
    ...masked,
    metadata: { ...masked.metadata, annotations: { ...annotations, [ANNOTATION.lastApplied]: text } },
  };
}

function maskedSecret(secret: Tree, mask: (key: string) => string): Tree {
  const copy: Record<string, unknown> = { ...secret };
  for (const field of SECRET_FIELDS) {
    const values = copy[field];
    if (values === undefined || values === null) continue;
    if (!isTree(values)) {
      copy[field] = MASK;
      continue;
    }
    const hidden: Record<string, unknown> = {};
    for (const key of Object.keys(values)) write(hidden, key, mask(key));
    copy[field] = hidden;
  }
  return copy;
}

/** The annotation is a copy of the object as text; one that cannot be read is masked as a whole. */
function maskedLastApplied(text: string, always: boolean): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return MASK;
    throw thrown;
  }
  if (!isTree(parsed)) return always ? MASK : text;
  return always || isSecret(parsed) ? JSON.stringify(maskedSecret(parsed, () => MASK)) : text;
}
