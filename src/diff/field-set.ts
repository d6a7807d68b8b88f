/**
 * Sets of fields as the API server writes them into `metadata.managedFields` (FieldsV1). Pure.
 *
 * A set is the very JSON: `f:name` is a field, `k:{"name":"web"}` an item of a keyed list, `v:"x"` an item of a set, `i:0` one
 * by place; an empty map is a member, `.` beside others says that what they are in is one too.
 *
 * @see Kubernetes structured-merge-diff/fieldpath: serialize.go, serialize-pe.go
 */
import { isTree, read, write } from "./tree.ts";

export type FieldSet = Readonly<Record<string, unknown>>;

/** A member besides what is in it: the map or the item as such. */
const ITSELF = ".";

/** Maps of any object that others may own keys of. */
const SHARED = ["metadata", "labels", "annotations"];
/** Of a kind that the API server fills nothing in of, any other map that is a leaf is atomic, or as empty as it was declared. */
export const NOTHING_FILLED_IN: ReadonlySet<string> = new Set(SHARED);

/**
 * Maps that the API server fills in, or that others may own keys of: declared empty, they are a leaf whatever they hold.
 * Other maps that are a leaf are atomic (a label selector, a reference): all of the value is the owner's.
 */
const FILLED_IN: ReadonlySet<string> = new Set([
  ...SHARED,
  "data",
  "binaryData",
  "spec",
  "template",
  "strategy",
  "updateStrategy",
  "rollingUpdate",
  "behavior",
  "securityContext",
  "resources",
  "limits",
  "requests",
]);

/** The set below one step; `undefined` when it holds nothing there. */
export function below(set: FieldSet, step: string): FieldSet | undefined {
  const found = read(set, step);
  return isTree(found) ? found : undefined;
}

/** Whether the set names nothing further in: all of the value is meant, or a map that was declared empty. */
export function isLeaf(set: FieldSet): boolean {
  for (const step of Object.keys(set)) if (step !== ITSELF) return false;
  return true;
}

/** What is in either set. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  const joined: Record<string, unknown> = { ...a };
  for (const step of Object.keys(b)) {
    const mine = below(a, step);
    const theirs = below(b, step) ?? {};
    write(joined, step, mine === undefined ? theirs : joinedBelow(mine, theirs));
  }
  return joined;
}

/** An empty set is a member; together with what is further in, it must say so. */
function joinedBelow(a: FieldSet, b: FieldSet): FieldSet {
  const joined = union(a, b);
  const isMember = Object.keys(a).length === 0 || Object.keys(b).length === 0;
  return isMember && Object.keys(joined).length > 0 ? { [ITSELF]: {}, ...joined } : joined;
}

/** The set without a field and all below it; what holds nothing any more goes too, unless it is a member itself. */
export function without(set: FieldSet, path: readonly string[]): FieldSet {
  const [step, ...rest] = path;
  const child = step === undefined ? undefined : below(set, step);
  if (step === undefined || child === undefined) return set;
  const { [step]: _gone, ...others } = set;
  if (rest.length === 0) return others;
  const left = without(child, rest);
  if (left === child) return set;
  return Object.keys(left).length === 0 ? others : { ...set, [step]: left };
}

/**
 * The part of a value that the set names, as client-go's Extract takes it; `undefined` when there is none.
 *
 * @param others What other managers own of the value: what has owners further in is no whole
 * @param filledIn Names of maps that may hold more than was declared
 * @param name Name of the field, "" for the object and for items of lists
 */
export function extract(
  value: unknown,
  set: FieldSet,
  others: readonly FieldSet[] = [],
  filledIn: ReadonlySet<string> = FILLED_IN,
  name = "",
): unknown {
  if (isLeaf(set)) return wholeOf(value, others, filledIn.has(name));
  if (Array.isArray(value)) return extractItems(value, set, others, filledIn);
  // What other versions of the API have fields in may be a plain value in this one.
  if (!isTree(value)) return below(set, ITSELF) === undefined ? undefined : value;
  const part: Record<string, unknown> = {};
  for (const step of Object.keys(set)) {
    const child = below(set, step);
    if (!step.startsWith("f:") || child === undefined) continue;
    const key = step.slice(2);
    if (!Object.hasOwn(value, key)) continue;
    const taken = extract(value[key], child, allBelow(others, step), filledIn, key);
    if (taken !== undefined) write(part, key, taken);
  }
  return Object.keys(part).length === 0 ? undefined : part;
}

function wholeOf(value: unknown, others: readonly FieldSet[], isFilledIn: boolean): unknown {
  const isShared = others.some((other) => !isLeaf(other));
  if (Array.isArray(value)) return isShared ? [] : value;
  if (isTree(value)) return isShared || isFilledIn ? {} : value;
  return value;
}

function extractItems(
  list: readonly unknown[],
  set: FieldSet,
  others: readonly FieldSet[],
  filledIn: ReadonlySet<string>,
): unknown {
  const steps = Object.keys(set).map((step) => ({ step, matches: itemMatcher(step) }));
  const part: unknown[] = [];
  for (const [index, item] of list.entries()) {
    for (const { step, matches } of steps) {
      const child = below(set, step);
      if (child === undefined || !matches(item, index)) continue;
      const taken = extract(item, child, allBelow(others, step), filledIn);
      if (taken !== undefined) part.push(taken);
    }
  }
  return part.length === 0 ? undefined : part;
}

function allBelow(sets: readonly FieldSet[], step: string): FieldSet[] {
  return sets.map((set) => below(set, step)).filter((set) => set !== undefined);
}

/** Whether a step means this item of a list. */
export function itemMatcher(step: string): (item: unknown, index: number) => boolean {
  const text = step.slice(2);
  if (step.startsWith("i:")) return (_item, index) => String(index) === text;
  if (step.startsWith("v:")) return (item) => JSON.stringify(item) === text;
  const keys = step.startsWith("k:") ? keyFields(text) : [];
  if (keys.length === 0) return () => false;
  return (item) => isTree(item) && keys.every(([key, value]) => isKeyValue(read(item, key), value));
}

/** The fields that name an item; none when the text is not what the API server writes. */
export function keyFields(text: string): [string, unknown][] {
  try {
    const fields: unknown = JSON.parse(text);
    return isTree(fields) ? Object.entries(fields) : [];
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return [];
    throw thrown;
  }
}

/** A step states every key field; an item that states none has the default, which is the same for all of Kubernetes' lists. */
export function isKeyValue(have: unknown, wanted: unknown): boolean {
  return have === undefined ? wanted === "TCP" : have === wanted;
}
