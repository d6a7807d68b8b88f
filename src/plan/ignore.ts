/** What of a declaration is left to others: fields that `ignore` names, and sizes that an autoscaler sets. Pure. */
import { plainSecret } from "../diff/redact.ts";
import type { FieldPattern, FieldStep, IgnoreRule } from "../model/ignore.ts";
import { ignoredBy, parseFieldPattern } from "../model/ignore.ts";
import type { Declared } from "../model/manifest.ts";
import { groupOf, idOf, type KubeObject, keyOfId, type ObjectKey } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";

type Tree = Readonly<Record<string, unknown>>;

const REPLICAS = [parseFieldPattern("spec.replicas")].filter((pattern) => pattern !== null);

/** What of each object is ignored. */
export interface Ignored {
  /** The paths of one declared object, and a text by which equal answers are known; none for most. */
  of(declared: Pick<Declared, "id">): { fields: readonly FieldPattern[]; name: string };
}

const NONE: ReturnType<Ignored["of"]> = { fields: [], name: "" };
export const NOTHING_IGNORED: Ignored = { of: () => NONE };

/**
 * @param autoscalers HorizontalPodAutoscalers, declared or live: what they scale keeps the size that they give it
 */
export function ignoredOf(rules: readonly IgnoreRule[], autoscalers: readonly KubeObject[]): Ignored {
  if (rules.length === 0 && autoscalers.length === 0) return NOTHING_IGNORED;
  const scaled = new Set(autoscalers.flatMap((each) => scaledBy(each) ?? []));
  return {
    of(declared) {
      const own = ignoredBy(rules, declared.id);
      const fields = scaled.has(keyOfId(declared.id)) ? [...own, ...REPLICAS] : own;
      return fields.length === 0 ? NONE : { fields, name: fields.map(({ text }) => text).join(" ") };
    },
  };
}

/** What an autoscaler scales; `null` when it does not say so in a way that can be read. */
export function scaledBy(autoscaler: KubeObject): ObjectKey | null {
  const target = (autoscaler.spec as { scaleTargetRef?: Tree } | undefined)?.scaleTargetRef;
  const { apiVersion = "", kind, name } = target ?? {};
  if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof name !== "string") return null;
  return keyOfId({ group: groupOf(apiVersion), kind, namespace: idOf(autoscaler).namespace, name });
}

/** A pair without what is ignored, for comparison, and the declaration as it is to be sent. */
export interface Spared {
  /** As declared, with the live values of ignored fields: nothing of them differs. */
  desired: KubeObject;
  /** Without ignored fields, so that none of them is taken for one that git gave up. */
  applied: KubeObject | null;
  /**
   * What to send: an ignored field that trueup set and nobody else has set since goes along with its live value, as an apply that leaves
   * it out would remove it; once somebody else has set it, it is left out, and is theirs alone.
   */
  sent: KubeObject;
}

/** @param fields At least one */
export function spare(declared: KubeObject, observed: Observed, fields: readonly FieldPattern[]): Spared {
  const { object: live, applied } = observed;
  // Of a Secret, fields are named as they are read back.
  const plain = plainSecret(declared) ?? declared;
  let desired = plain;
  let without = applied;
  let sent = plain;
  for (const { steps } of fields) {
    desired = replaced(desired, live, steps, false) as KubeObject;
    const isOurs = applied !== null && holds(applied, steps);
    if (without !== null) without = replaced(without, undefined, steps, false) as KubeObject;
    const isAlone = isOurs && !isSetByOthers(live, steps);
    sent = replaced(sent, isAlone ? live : undefined, steps, isAlone) as KubeObject;
  }
  return { desired, applied: without, sent };
}

/** The same declaration without ignored fields: two are equal when these are. */
export function withoutFields(object: KubeObject, fields: readonly FieldPattern[]): KubeObject {
  const plain = fields.length === 0 ? object : (plainSecret(object) ?? object);
  return fields.reduce((left, { steps }) => replaced(left, undefined, steps, false) as KubeObject, plain);
}

/**
 * `want` with the value at a path taken from `have`; removed where `have` has none.
 *
 * @param adds Whether a field that `want` does not have is set, too; never an item of a list
 */
function replaced(want: unknown, have: unknown, steps: readonly FieldStep[], adds: boolean): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return want === undefined && !adds ? undefined : have;
  if ("key" in step) return replacedKey(want, have, step.key, rest, adds);
  if (!Array.isArray(want)) return want;
  const others = Array.isArray(have) ? have : [];
  const items = want.map((item: unknown, at) => {
    if (!isMeant(item, at, step)) return item;
    return replaced(item, counterpart(item, at, others, step), rest, adds);
  });
  const kept = items.filter((item) => item !== undefined);
  return kept.length === want.length && kept.every((item, at) => item === want[at]) ? want : kept;
}

function replacedKey(want: unknown, have: unknown, key: string, rest: readonly FieldStep[], adds: boolean): unknown {
  const other = isTree(have) && Object.hasOwn(have, key) ? have[key] : undefined;
  if (!isTree(want)) {
    if (want !== undefined || !adds || other === undefined) return want;
    const value = replaced(undefined, other, rest, adds);
    return value === undefined ? undefined : withKey({}, key, value);
  }
  const own = Object.hasOwn(want, key) ? want[key] : undefined;
  const next = replaced(own, other, rest, adds);
  return next === own ? want : withKey(want, key, next);
}

/** A copy with the key set, or without it; `__proto__` is a key like any other. */
function withKey(tree: Tree, key: string, value: unknown): Tree {
  const entries = Object.entries(tree).filter(([name]) => name !== key);
  return Object.fromEntries(value === undefined ? entries : [...entries, [key, value]]);
}

/** Whether there is a value at the path; of `[*]`, in any item. */
function holds(value: unknown, [step, ...rest]: readonly FieldStep[]): boolean {
  if (step === undefined) return value !== undefined;
  if ("key" in step) return isTree(value) && Object.hasOwn(value, step.key) && holds(value[step.key], rest);
  return Array.isArray(value) && value.some((item: unknown, at) => isMeant(item, at, step) && holds(item, rest));
}

function isMeant(item: unknown, at: number, step: Exclude<FieldStep, { key: string }>): boolean {
  if ("every" in step) return true;
  if ("index" in step) return step.index === at;
  return isTree(item) && Object.entries(step.having).every(([key, value]) => String(item[key]) === value);
}

/** The live item that is the same one: by what the step says of it, by its name, or by its place. */
function counterpart(
  item: unknown,
  at: number,
  others: readonly unknown[],
  step: Exclude<FieldStep, { key: string }>,
): unknown {
  if ("having" in step) return others.find((other, place) => isMeant(other, place, step));
  const name = isTree(item) ? item.name : undefined;
  if (name === undefined || "index" in step) return others[at];
  return others.find((other) => isTree(other) && other.name === name);
}

/**
 * Whether a manager of fields other than trueup has set a path, or something in it.
 *
 * @see structured-merge-diff: `f:key` for a field, `k:{"name":"web"}` for an item of a list
 */
function isSetByOthers(live: KubeObject, steps: readonly FieldStep[]): boolean {
  const { managedFields } = live.metadata as { managedFields?: unknown };
  if (!Array.isArray(managedFields)) return false;
  return managedFields.some((entry: unknown) => {
    return isTree(entry) && entry.manager !== "trueup" && ownsAt(entry.fieldsV1, steps);
  });
}

function ownsAt(fields: unknown, [step, ...rest]: readonly FieldStep[]): boolean {
  if (step === undefined) return fields !== undefined;
  if (!isTree(fields)) return false;
  if ("key" in step) return Object.hasOwn(fields, `f:${step.key}`) && ownsAt(fields[`f:${step.key}`], rest);
  return Object.entries(fields).some(([name, below]) => {
    if (!name.startsWith("k:")) return false;
    return isMeant(itemOf(name), -1, "index" in step ? { every: true } : step) && ownsAt(below, rest);
  });
}

function itemOf(name: string): unknown {
  try {
    return JSON.parse(name.slice(2)) as unknown;
  } catch (error) {
    // Written by somebody who does not keep to the form: no item of anything.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
