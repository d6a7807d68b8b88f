/** Field by field, what differs between two versions of an object. Pure; no noise from spelling or bookkeeping. */
import { applyDefaults } from "../defaulting/defaults.ts";
import type { KubeObject } from "../model/object.ts";
import type { FieldChange } from "../model/plan.ts";
import { ANNOTATION } from "../model/workload.ts";
import { sameScalar } from "./equality.ts";
import { PART_OF_LABEL } from "./managed-fields.ts";
import { isEmptyAbsent, isOpenMap, type KindRules, rulesOf } from "./merge-keys.ts";
import { declarationOf, SERVER_METADATA } from "./three-way.ts";
import { appendKey, childPath, isTree, keyedItems, read, type Tree } from "./tree.ts";

/** Annotations that say who applied what: they follow every change and are none themselves. */
const BOOKKEEPING: ReadonlySet<string> = new Set([
  ANNOTATION.commit,
  ANNOTATION.source,
  ANNOTATION.declared,
  ANNOTATION.lastApplied,
]);

/**
 * What changes from `live` to `merged`, ordered by path; status, server bookkeeping and trueup's own annotations left out.
 *
 * Defaults count as written, quantities are equal by value, `null` is absent, and so are empty maps and lists where the API server drops them. A
 * keyed list whose items only change places is one change of their order. Values are as they are: pass the result through
 * `redactChanges` before anybody sees it.
 */
export function compareObjects(live: KubeObject, merged: KubeObject): FieldChange[] {
  // `stringData` is a way of writing `data`: only as it is stored can one be compared with the other.
  if (merged.kind === "Secret") return compareWritten(applyDefaults(live), applyDefaults(merged));
  const written = compareWritten(live, merged);
  if (written.length === 0) return written;
  // What the API server fills in again, or stores in another way, is no change. Fields that it fills in because of a change
  // are none that anybody made, so only what is written is asked for.
  const meant = compareWritten(applyDefaults(live), applyDefaults(merged));
  const paths = new Set(meant.map(({ path }) => path));
  const kept = written.flatMap((change) =>
    paths.has(change.path) ? [change] : meant.filter(({ path }) => isWithin(path, change.path)),
  );
  return kept.length === 0 ? meant : kept;
}

/** As `compareObjects`, each field as it is written: what is filled in counts as absent. */
function compareWritten(live: KubeObject, merged: KubeObject): FieldChange[] {
  if (live === merged) return [];
  const comparison = new Comparison(rulesOf(merged));
  comparison.maps("", "", live, merged);
  return comparison.changes;
}

function isWithin(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && /^[.[]/.test(path.slice(prefix.length));
}

/** Whether the pod template differs, so that every pod of the workload is replaced. */
export function templateDiffers(changes: readonly FieldChange[], templatePath = "spec.template"): boolean {
  return changes.some(({ path }) => path === templatePath || path.startsWith(`${templatePath}.`));
}

class Comparison {
  readonly changes: FieldChange[] = [];
  readonly #rules: KindRules;

  constructor(rules: KindRules) {
    this.#rules = rules;
  }

  /**
   * @param path Path as the rules know it
   * @param shown Path as people read it
   */
  maps(path: string, shown: string, before: Tree, after: Tree): void {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const key of [...keys].sort()) {
      if (isHidden(path, key)) continue;
      this.#values(childPath(path, key), appendKey(shown, key), read(before, key), read(after, key));
    }
  }

  #values(path: string, shown: string, before: unknown, after: unknown): void {
    if (before === after) return;
    if (before === undefined || after === undefined) this.#oneSided(path, shown, before, after);
    else if (isTree(before) && isTree(after)) this.maps(path, shown, before, after);
    else if (Array.isArray(before) && Array.isArray(after)) this.#lists(path, shown, before, after);
    else if (!sameScalar(path, before, after)) this.changes.push({ path: shown, kind: "change", before, after });
  }

  #oneSided(path: string, shown: string, before: unknown, after: unknown): void {
    const value = before ?? after;
    if (isEmptyAbsent(this.#rules, path, value)) return;
    // Keys of an open map are facts of their own: each is reported, so that each can be masked or ignored.
    if (isTree(value) && (isOpenMap(this.#rules, path) || path === "metadata")) {
      this.maps(path, shown, isTree(before) ? before : {}, isTree(after) ? after : {});
    } else if (before === undefined) this.changes.push({ path: shown, kind: "add", after });
    else this.changes.push({ path: shown, kind: "remove", before });
  }

  #lists(path: string, shown: string, before: readonly unknown[], after: readonly unknown[]): void {
    const rule = this.#rules.lists.get(path);
    const was = rule?.type === "map" ? keyedItems(rule, before) : null;
    const is = rule?.type === "map" ? keyedItems(rule, after) : null;
    if (was !== null && is !== null) {
      this.#keyed(path, shown, was, is);
      return;
    }
    if (before.some(isScalar) || after.some(isScalar)) {
      if (!sameScalars(path, before, after)) this.changes.push({ path: shown, kind: "change", before, after });
      return;
    }
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      this.#values(`${path}[]`, `${shown}[${index}]`, before[index] ?? undefined, after[index] ?? undefined);
    }
  }

  #keyed(path: string, shown: string, was: ReadonlyMap<string, unknown>, is: ReadonlyMap<string, unknown>): void {
    for (const [key, item] of is) this.#values(`${path}[]`, `${shown}[${key}]`, was.get(key), item);
    for (const [key, item] of was) {
      if (!is.has(key)) this.changes.push({ path: `${shown}[${key}]`, kind: "remove", before: item });
    }
    const before = [...was.keys()].filter((key) => is.has(key));
    const after = [...is.keys()].filter((key) => was.has(key));
    if (before.some((key, index) => key !== after[index])) {
      this.changes.push({ path: `${shown}[order]`, kind: "change", before, after });
    }
  }
}

function isHidden(path: string, key: string): boolean {
  if (path === "") return key === "status";
  if (path === "metadata") return SERVER_METADATA.has(key);
  // To which set it belongs follows from whose it is.
  if (path === "metadata.labels") return key === PART_OF_LABEL;
  return path === "metadata.annotations" && BOOKKEEPING.has(key);
}

function isScalar(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

function sameScalars(path: string, before: readonly unknown[], after: readonly unknown[]): boolean {
  return before.length === after.length && before.every((value, index) => sameScalar(`${path}[]`, value, after[index]));
}

/**
 * Whether two declarations of an object ask for the same: what was applied, and what git has now. When they do not, an
 * apply is due even if the live object already is as declared, so that a field that git drops later is known to be its own.
 */
export function sameDeclaration(applied: KubeObject, desired: KubeObject): boolean {
  const [before, after] = [declared(applied, desired), declared(desired, desired)];
  const written = compareWritten(before, after);
  if (written.length === 0) return true;
  // Of what is one value to the API server (an atomic list, a reference) it tells as applied what it filled in, too, and of every
  // value how it spells it. Only a field that is applied now and was not is news.
  const isMore = written.every(({ kind, after }) => kind !== "add" || isNothing(after));
  return isMore && compareWritten(applyDefaults(before), applyDefaults(after)).length === 0;
}

/** Whether all of a declaration was applied just so; more may have been. */
export function declaresAllOf(applied: KubeObject, desired: KubeObject): boolean {
  return compareWritten(declared(applied, desired), declared(desired, desired)).every(({ kind }) => kind === "remove");
}

function isNothing(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === "" || value === null;
}

function declared(object: KubeObject, desired: KubeObject): KubeObject {
  const tree = declarationOf(object, desired);
  const annotations: Record<string, unknown> = { ...((tree.metadata as Tree).annotations as Tree | undefined) };
  // Apply adds a change cause of its own where git states none.
  if (desired.metadata.annotations?.[ANNOTATION.changeCause] === undefined) delete annotations[ANNOTATION.changeCause];
  return { ...tree, metadata: { ...(tree.metadata as Tree), annotations } } as unknown as KubeObject;
}
