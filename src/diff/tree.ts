/** Small steps over plain JSON trees, shared by merge and comparison. */
import type { KindRules, ListRule } from "./merge-keys.ts";

export type Tree = Readonly<Record<string, unknown>>;

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of a key of the map's own; `null` counts as absent, as for the API server. */
export function read(tree: Tree, key: string): unknown {
  const value = Object.hasOwn(tree, key) ? tree[key] : undefined;
  return value === null ? undefined : value;
}

/** Sets a key of the map's own, whatever its name: a plain assignment to `__proto__` would not. */
export function write(tree: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(tree, key, { value, writable: true, enumerable: true, configurable: true });
  } else tree[key] = value;
}

/** `path.key`: a path as the rules know it. */
export function childPath(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** As `formatFieldPath` writes a key: plain where it can be, quoted where it has dots or slashes. */
export function appendKey(shown: string, key: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) return `${shown}[${JSON.stringify(key)}]`;
  return shown === "" ? key : `${shown}.${key}`;
}

/** A copy without nulls and without empty maps and lists that mean nothing. */
export function withoutNulls(rules: KindRules, path: string, value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => item !== null).map((item) => withoutNulls(rules, `${path}[]`, item));
  }
  if (!isTree(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const child = read(value, key);
    if (child !== undefined) write(copy, key, withoutNulls(rules, childPath(path, key), child));
  }
  return copy;
}

/**
 * Items of a keyed list by key, in order. The second item of a key is its own entry (`NAME#2`): duplicates are legal in
 * some lists, and each is matched with its counterpart. `null` when an item has no key: then the list is atomic.
 */
export function keyedItems(rule: ListRule, list: readonly unknown[]): Map<string, unknown> | null {
  const items = new Map<string, unknown>();
  const seen = new Map<string, number>();
  for (const item of list) {
    const key = rule.type === "set" ? scalarKey(item) : itemKey(rule.keys, rule.defaults ?? {}, item);
    if (key === null) return null;
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    items.set(count === 1 ? key : `${key}#${count}`, item);
  }
  return items;
}

function scalarKey(item: unknown): string | null {
  return isTree(item) || Array.isArray(item) ? null : String(item);
}

function itemKey(keys: readonly string[], defaults: Readonly<Record<string, string>>, item: unknown): string | null {
  if (!isTree(item)) return null;
  const parts: string[] = [];
  for (const key of keys) {
    const given = read(item, key);
    // An empty text is filled in as none is.
    const value = given === "" || given === undefined ? (defaults[key] ?? given) : given;
    if (value === undefined || typeof value === "object") return null;
    // A key that is what the API server would fill in says nothing: `ports[containerPort=80]`, not `…,protocol=TCP`.
    if (keys.length > 1 && value === defaults[key]) continue;
    parts.push(`${key}=${quoteKey(String(value))}`);
  }
  return parts.join(",");
}

function quoteKey(value: string): string {
  return /[\]\s",=#]/.test(value) || value === "" ? JSON.stringify(value) : value;
}
