/**
 * Who set which field of an object, as the object itself says (`metadata.managedFields`). Pure.
 *
 * @see Kubernetes apimachinery/pkg/util/managedfields: extract.go for what a manager applied
 */
import { hasDefaults } from "../defaulting/defaults.ts";
import type { KubeObject } from "../model/object.ts";
import {
  below,
  extract,
  type FieldSet,
  isKeyValue,
  isLeaf,
  itemMatcher,
  keyFields,
  NOTHING_FILLED_IN,
} from "./field-set.ts";
import { isTree, read, type Tree } from "./tree.ts";
import { asVersion } from "./versions.ts";

/** trueup's own name among the managers of fields. */
export const FIELD_MANAGER = "trueup";

/** On each object of an app: the id of the app's parent object. A backend sets it; no declaration does. */
export const PART_OF_LABEL = "applyset.kubernetes.io/part-of";

/** One entry of `managedFields`. */
export interface ManagedEntry {
  manager: string;
  /** `Apply` for what was declared, `Update` for what was changed. */
  operation: string;
  /** "" for the object itself. */
  subresource: string;
  apiVersion: string;
  /** RFC 3339; "" when it is not told. */
  time: string;
  fields: FieldSet;
}

/** Who owns a field, and since when at the latest. */
export interface FieldOwner {
  manager: string;
  operation: string;
  subresource: string;
  /** RFC 3339; "" when it is not told. */
  time: string;
}

/** The entries of an object, in its own order; what is no entry is left out. */
export function managedEntries(object: KubeObject | undefined): ManagedEntry[] {
  const list = (object?.metadata as { managedFields?: unknown } | undefined)?.managedFields;
  if (!Array.isArray(list)) return [];
  return list.filter(isTree).flatMap((entry) => {
    const manager = read(entry, "manager");
    const time = read(entry, "time") ?? "";
    if (typeof manager !== "string" || typeof time !== "string") return [];
    const fields = read(entry, "fieldsV1");
    return [
      {
        manager,
        time,
        operation: textOf(entry, "operation"),
        subresource: textOf(entry, "subresource"),
        apiVersion: textOf(entry, "apiVersion"),
        fields: isTree(fields) ? fields : {},
      },
    ];
  });
}

function textOf(entry: Tree, key: string): string {
  const value = read(entry, key);
  return typeof value === "string" ? value : "";
}

/** The manager's declaration among the entries: what it applied, as the server keeps track of it. */
export function declarationEntry(entries: readonly ManagedEntry[], manager: string): ManagedEntry | undefined {
  return entries.find((entry) => entry.manager === manager && entry.operation === "Apply" && entry.subresource === "");
}

/**
 * The part of the object that the manager declared last and still owns, with its identity; `null` when it declared nothing.
 * The membership label is left out: no git declares it, and it is not for a difference to take away.
 */
export function appliedPart(object: KubeObject, manager: string): KubeObject | null {
  const entries = managedEntries(object);
  const own = declarationEntry(entries, manager);
  if (own === undefined) return null;
  return partOf(
    asVersion(object, own.apiVersion),
    own.fields,
    entries.filter((entry) => entry !== own).map(({ fields }) => fields),
  );
}

/** The part of an object that a set of fields names, with its identity. */
export function partOf(object: KubeObject, fields: FieldSet, others: readonly FieldSet[]): KubeObject {
  // A set without any field is that of a manager who owns nothing.
  const filledIn = hasDefaults(object) ? undefined : NOTHING_FILLED_IN;
  const part = isLeaf(fields) ? undefined : extract(object, fields, others, filledIn);
  const { metadata, ...rest } = isTree(part) ? part : {};
  const { name, namespace } = object.metadata;
  return {
    ...rest,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { ...withoutMembership(metadata), name, ...(namespace !== undefined && { namespace }) },
  };
}

function withoutMembership(metadata: unknown): Tree {
  if (!isTree(metadata) || !isTree(metadata.labels)) return isTree(metadata) ? metadata : {};
  const { [PART_OF_LABEL]: _id, ...labels } = metadata.labels;
  return { ...metadata, labels };
}

/** Whether the manager declared the object to be a member of the set that its label names: a copied label proves nothing. */
export function declaredMembership(object: KubeObject, manager: string): boolean {
  const labels = ["f:metadata", "f:labels", `f:${PART_OF_LABEL}`];
  return managedEntries(object).some(
    (entry) =>
      entry.manager === manager &&
      entry.operation === "Apply" &&
      labels.reduce<FieldSet | undefined>((set, step) => set && below(set, step), entry.fields) !== undefined,
  );
}

/**
 * Who owns a field, latest first: of itself, of what it is a part of, or, where nobody does, of something in it.
 *
 * @param path As a difference names it: `spec.template.spec.containers[name=web].image`, `metadata.labels["a/b"]`
 */
export function ownersOf(object: KubeObject, path: string): FieldOwner[] {
  const steps = stepsOf(path);
  const entries = managedEntries(object);
  const found = entries.filter(({ fields }) => owns(fields, object, steps));
  return found
    .map(({ manager, operation, subresource, time }) => ({ manager, operation, subresource, time }))
    .sort((a, b) => b.time.localeCompare(a.time));
}

/** One step of a difference's path: a field's name, or what stands in brackets after a list. */
type Step = { field: string } | { item: string };

/** Names, brackets with quoted text, brackets with a key or a place; the order of a list is the list. */
function stepsOf(path: string): Step[] {
  const steps: Step[] = [];
  for (const [, name, quoted, item] of path.matchAll(
    /\.?([^.[\]]+)|\[("(?:[^"\\]|\\.)*")\]|\[((?:"(?:[^"\\]|\\.)*"|[^\]"])*)\]/g,
  )) {
    if (name !== undefined) steps.push({ field: name });
    else if (quoted !== undefined) steps.push({ field: unquoted(quoted) });
    else if (item !== undefined && item !== "order") steps.push({ item });
  }
  return steps;
}

function owns(set: FieldSet, value: unknown, steps: readonly Step[]): boolean {
  const [step, ...rest] = steps;
  // A set that names nothing further in owns all of it; one that does owns at least a part.
  if (step === undefined || isLeaf(set)) return true;
  if ("field" in step) {
    const child = below(set, `f:${step.field}`);
    return child !== undefined && owns(child, isTree(value) ? read(value, step.field) : undefined, rest);
  }
  const item = itemAt(value, step.item);
  return Object.keys(set).some((name) => {
    const child = below(set, name);
    if (child === undefined || !(matchesText(name, step.item) || isItem(name, item))) return false;
    return owns(child, Array.isArray(value) ? value.find(itemMatcher(name)) : undefined, rest);
  });
}

function isItem(step: string, item: { value: unknown; index: number } | undefined): boolean {
  return item !== undefined && itemMatcher(step)(item.value, item.index);
}

/** The item of a list by its place, where a difference names it so. */
function itemAt(list: unknown, text: string): { value: unknown; index: number } | undefined {
  if (!Array.isArray(list) || !/^\d+$/.test(text)) return undefined;
  const index = Number(text);
  return index < list.length ? { value: list[index], index } : undefined;
}

/** Whether a step of a set is the item that a difference names by its keys: `name=web`, `containerPort=80,protocol=UDP`. */
function matchesText(step: string, text: string): boolean {
  if (!step.startsWith("k:") || !text.includes("=")) return false;
  const named = new Map<string, string>();
  for (const [, key = "", value = ""] of text.matchAll(/([^=,]+)=("(?:[^"\\]|\\.)*"|[^,]*)/g)) {
    named.set(key, value.startsWith('"') ? unquoted(value) : value.replace(/#\d+$/, ""));
  }
  const keys = keyFields(step.slice(2));
  return (
    keys.length > 0 && keys.every(([key, value]) => isKeyValue(named.get(key), isText(value) ? value : String(value)))
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function unquoted(text: string): string {
  const value: unknown = JSON.parse(text);
  return String(value);
}
