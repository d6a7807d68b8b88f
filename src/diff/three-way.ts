/** Three-way merge: what an apply makes of a live object. Pure; used by plans and by backends alike. */
import { groupOf, type KubeObject } from "../model/object.ts";
import { ANNOTATION } from "../model/workload.ts";
import { sameScalar } from "./equality.ts";
import {
  asksNothing,
  excludedBy,
  isEmptyAbsent,
  isOpenMap,
  type KindRules,
  type ListRule,
  rulesOf,
} from "./merge-keys.ts";
import { childPath, isTree, keyedItems, read, type Tree, withoutNulls, write } from "./tree.ts";

/** Metadata that only the server writes, once the object exists. */
export const SERVER_METADATA: ReadonlySet<string> = new Set([
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "managedFields",
  "selfLink",
]);

/** Annotations that apply sets beside what git declares: they stay when git does not declare them. */
const SET_BY_APPLY: ReadonlySet<string> = new Set([
  ANNOTATION.commit,
  ANNOTATION.source,
  ANNOTATION.declared,
  ANNOTATION.changeCause,
]);

/** Annotations that controllers and other tools write; a declaration of them (an exported object in git) is ignored. */
const SET_BY_OTHERS: ReadonlySet<string> = new Set([
  ANNOTATION.revision,
  ANNOTATION.lastApplied,
  ANNOTATION.hostPorts,
  ANNOTATION.localPorts,
]);

/**
 * The live object with what git declares set, what trueup applied and git no longer declares removed, and the rest kept.
 *
 * Lists are merged by the API's merge keys, in git's order for what git declares; atomic lists are replaced. A value that
 * only differs in spelling (`1000m`, `1`) keeps the live spelling. Status and the server's metadata are the live ones.
 *
 * @param applied The declaration as it was applied last, `null` when trueup never applied the object
 * @param live The object as the backend has it
 * @param desired The object as git declares it now
 * @returns `live` itself when nothing changes, else a new object; the arguments are never changed
 * @see Kubernetes apimachinery/pkg/util/strategicpatch for the three ways, structured-merge-diff for owned keys of maps
 */
export function mergeThreeWay(applied: KubeObject | null, live: KubeObject, desired: KubeObject): KubeObject {
  const merge = new Merge(rulesOf(desired));
  return merge.map("", declarationOf(applied ?? {}), live, declarationOf(desired, live)) as KubeObject;
}

/** The part of an object that a declaration decides: no status, no server metadata, `stringData` as `data`. */
export function declarationOf(object: KubeObject | Tree, live?: KubeObject): Tree {
  const { status: _status, metadata, ...rest } = object as Tree;
  const declared: Record<string, unknown> = { ...rest };
  if (isTree(metadata)) declared.metadata = declaredMetadata(metadata);
  if (rest.kind === "Secret" && rest.apiVersion === "v1") encodeStringData(declared);
  // The server answers in the version it was asked in; another version of the same group is the same object.
  if (live !== undefined && groupOf(live.apiVersion) === groupOf(String(rest.apiVersion))) {
    declared.apiVersion = live.apiVersion;
  }
  return declared;
}

function declaredMetadata(metadata: Tree): Tree {
  const declared: Record<string, unknown> = {};
  for (const key of Object.keys(metadata)) {
    // The two objects are the same one, so a namespace that only one of them states is no difference.
    if (!SERVER_METADATA.has(key) && key !== "namespace") write(declared, key, metadata[key]);
  }
  if (isTree(metadata.annotations)) {
    const annotations: Record<string, unknown> = {};
    for (const key of Object.keys(metadata.annotations)) {
      if (!SET_BY_OTHERS.has(key)) write(annotations, key, metadata.annotations[key]);
    }
    declared.annotations = annotations;
  }
  return declared;
}

/** As the API server does on write: `stringData` wins over `data` and is never read back. */
function encodeStringData(secret: Record<string, unknown>): void {
  if (!isTree(secret.stringData)) return;
  const data: Record<string, unknown> = isTree(secret.data) ? { ...secret.data } : {};
  for (const [key, value] of Object.entries(secret.stringData)) {
    if (typeof value === "string") write(data, key, Buffer.from(value, "utf8").toString("base64"));
  }
  delete secret.stringData;
  secret.data = data;
}

/** One merge of one object: the rules of its kind, applied level by level. */
class Merge {
  readonly #rules: KindRules;

  constructor(rules: KindRules) {
    this.#rules = rules;
  }

  value(path: string, applied: unknown, live: unknown, desired: unknown): unknown {
    if (isTree(desired) && isTree(live)) return this.map(path, isTree(applied) ? applied : {}, live, desired);
    if (Array.isArray(desired) && Array.isArray(live)) {
      return this.#list(path, Array.isArray(applied) ? applied : [], live, desired);
    }
    return sameScalar(path, live, desired) ? live : withoutNulls(this.#rules, path, desired);
  }

  map(path: string, applied: Tree, live: Tree, desired: Tree): Tree {
    const changes = new Map<string, unknown>();
    for (const key of Object.keys(desired)) {
      const want = read(desired, key);
      if (want !== undefined) this.#set(path, key, read(applied, key), live, want, changes);
    }
    for (const key of Object.keys(applied)) {
      const have = read(live, key);
      if (have === undefined || read(desired, key) !== undefined || this.#keeps(path, key)) continue;
      const rest = this.#without(childPath(path, key), read(applied, key), have);
      if (rest !== have) changes.set(key, rest);
    }
    for (const key of excludedBy(this.#rules, path, desired, live)) changes.set(key, undefined);
    if (changes.size === 0) return live;
    const merged: Record<string, unknown> = { ...live };
    for (const [key, value] of changes) {
      if (value === undefined) delete merged[key];
      else write(merged, key, value);
    }
    return merged;
  }

  #set(path: string, key: string, applied: unknown, live: Tree, want: unknown, changes: Map<string, unknown>): void {
    const child = childPath(path, key);
    if (asksNothing(child, want)) return;
    const have = read(live, key);
    if (have !== undefined) {
      const next = this.value(child, applied, have, want);
      if (next !== have) changes.set(key, next);
      return;
    }
    // Written as null, an empty text is read back as such: `data: {key: null}` of a Secret.
    const isNullText = want === "" && Object.hasOwn(live, key);
    if (!isNullText && !isEmptyAbsent(this.#rules, child, want)) {
      changes.set(key, withoutNulls(this.#rules, child, want));
    }
  }

  /** Whether a field stays though git no longer declares it: apply's own annotations, and what names an item of a list. */
  #keeps(path: string, key: string): boolean {
    if (path === "metadata.annotations") return SET_BY_APPLY.has(key);
    const rule = path.endsWith("[]") ? this.#rules.lists.get(path.slice(0, -2)) : undefined;
    return rule?.type === "map" && rule.keys.includes(key);
  }

  /** What is left of a live value when what was applied is taken away; `undefined` when nothing is. */
  #without(path: string, applied: unknown, live: unknown): unknown {
    if (applied === undefined) return live;
    if (isTree(applied) && isTree(live) && isOpenMap(this.#rules, path)) {
      const rest = this.map(path, applied, live, {});
      return Object.keys(rest).length === 0 && rest !== live ? undefined : rest;
    }
    const rule = this.#rules.lists.get(path);
    if (rule === undefined || !Array.isArray(applied) || !Array.isArray(live)) return undefined;
    const before = keyedItems(rule, applied);
    const now = keyedItems(rule, live);
    if (before === null || now === null) return undefined;
    const rest = [...now].filter(([key]) => !before.has(key)).map(([, item]) => item);
    if (rest.length === live.length) return live;
    return rest.length === 0 ? undefined : rest;
  }

  #list(path: string, applied: readonly unknown[], live: readonly unknown[], desired: readonly unknown[]): unknown {
    const rule = this.#rules.lists.get(path);
    return (
      (rule !== undefined && this.#keyed(rule, path, applied, live, desired)) ||
      this.#atomic(path, applied, live, desired)
    );
  }

  #keyed(
    rule: ListRule,
    path: string,
    applied: readonly unknown[],
    live: readonly unknown[],
    desired: readonly unknown[],
  ): readonly unknown[] | null {
    const before = keyedItems(rule, applied) ?? new Map<string, unknown>();
    const have = keyedItems(rule, live);
    const want = keyedItems(rule, desired);
    if (have === null || want === null) return null;
    const kept = [...have.keys()].filter((key) => want.has(key) || !before.has(key));
    const merged = mergeOrder(kept, [...want.keys()]).map((key) => {
      const item = have.get(key);
      if (!want.has(key)) return item;
      if (item === undefined) return withoutNulls(this.#rules, `${path}[]`, want.get(key));
      return this.value(`${path}[]`, before.get(key), item, want.get(key));
    });
    return merged.length === live.length && merged.every((item, index) => item === live[index]) ? live : merged;
  }

  /** Replaces the list, but an item that already is as declared keeps what the server filled in. */
  #atomic(
    path: string,
    applied: readonly unknown[],
    live: readonly unknown[],
    desired: readonly unknown[],
  ): readonly unknown[] {
    const merged = desired.map((want, index) => {
      const have = live[index];
      if (have === undefined) return withoutNulls(this.#rules, `${path}[]`, want);
      const next = this.value(`${path}[]`, applied[index], have, want);
      return next === have ? have : withoutNulls(this.#rules, `${path}[]`, want);
    });
    return merged.length === live.length && merged.every((item, index) => item === live[index]) ? live : merged;
  }
}

/**
 * The order of a merged list: items that git does not declare stay where they are, declared ones follow git's order, new
 * ones stand before the declared item that follows them.
 */
function mergeOrder(live: readonly string[], desired: readonly string[]): string[] {
  const declared = new Set(desired);
  const present = new Set(live);
  const order: string[] = [];
  let next = 0;
  for (const key of live) {
    if (!declared.has(key)) {
      order.push(key);
      continue;
    }
    for (let placed = false; !placed && next < desired.length; next++) {
      const candidate = desired[next];
      if (candidate === undefined) break;
      order.push(candidate);
      placed = present.has(candidate);
    }
  }
  order.push(...desired.slice(next));
  return order;
}
