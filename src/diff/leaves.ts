/** Takes an object apart into its single values, each with its path as a difference names it. Pure. */
import type { FieldPath } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import { sameScalar } from "./equality.ts";
import { type KindRules, rulesOf } from "./merge-keys.ts";
import { appendKey, childPath, isTree, keyedItems, read } from "./tree.ts";

/** One value of an object: a scalar, a list of scalars, or an empty map or list. */
export interface Leaf {
  /** As people read it: `spec.template.spec.containers[name=web].image`. */
  shown: string;
  /** As the rules of the kind know it: `spec.template.spec.containers[].image`. */
  rule: string;
  /** Where it is in this very object: `["spec", …, "containers", 0, "image"]`. */
  path: FieldPath;
  value: unknown;
}

/** The values of an object, in its own order; absent and null ones are none. */
export function leavesOf(object: KubeObject): Leaf[] {
  const leaves: Leaf[] = [];
  collect(rulesOf(object), { shown: "", rule: "", path: [], value: object }, leaves);
  return leaves;
}

function collect(rules: KindRules, at: Leaf, leaves: Leaf[]): void {
  const { shown, rule, path, value } = at;
  if (isTree(value)) {
    const keys = Object.keys(value).filter((key) => read(value, key) !== undefined);
    if (keys.length === 0 && path.length > 0) leaves.push(at);
    for (const key of keys) {
      const child = {
        shown: appendKey(shown, key),
        rule: childPath(rule, key),
        path: [...path, key],
        value: value[key],
      };
      collect(rules, child, leaves);
    }
  } else if (Array.isArray(value) && value.some(isTree)) {
    const list = rules.lists.get(rule);
    const keyed = list?.type === "map" ? keyedItems(list, value) : null;
    const names = keyed === null ? value.map((_, index) => String(index)) : [...keyed.keys()];
    for (const [index, item] of value.entries()) {
      collect(
        rules,
        { shown: `${shown}[${names[index]}]`, rule: `${rule}[]`, path: [...path, index], value: item },
        leaves,
      );
    }
  } else leaves.push(at);
}

/** Whether two values of one leaf mean the same to the API server. */
export function sameLeaf({ rule }: Leaf, a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameScalar(`${rule}[]`, item, b[index]));
  }
  if (typeof a === "object" && typeof b === "object") return JSON.stringify(a) === JSON.stringify(b);
  return sameScalar(rule, a, b);
}
