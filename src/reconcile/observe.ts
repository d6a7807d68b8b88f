/** What the backend has of an app: all that it owns, and whatever else stands where git declares something. */
import type { Backend } from "../model/backend.ts";
import type { Declared } from "../model/manifest.ts";
import { groupOf, idOfLive, type KubeObject, keyOfId, type ObjectKey } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";
import { hooksOf } from "../plan/hooks.ts";
import { scaledBy } from "../plan/ignore.ts";
import { keptOf, orderOf } from "../plan/stages.ts";
import { kindHealth } from "../rollout/kind-health.ts";

/** Objects looked up one by one; of more, whole kinds are listed instead. */
const LOOKUPS = 16;

/** Keys of declared objects and of live ones, remembered by instance: most stay the same from pass to pass. */
const declaredKeys = new WeakMap<Declared, ObjectKey>();
const objectKeys = new WeakMap<KubeObject, ObjectKey>();

export function keyOfDeclared(declared: Declared): ObjectKey {
  let key = declaredKeys.get(declared);
  if (key === undefined) {
    key = keyOfId(declared.id);
    declaredKeys.set(declared, key);
  }
  return key;
}

export function keyOfObject(object: KubeObject): ObjectKey {
  let key = objectKeys.get(object);
  if (key === undefined) {
    key = keyOfId(idOfLive(object));
    objectKeys.set(object, key);
  }
  return key;
}

/**
 * Reads what a plan needs: one request when nothing is new.
 *
 * @throws {TrueupError} What the backend throws: a failed read is never an empty answer
 */
export async function observe(
  backend: Backend,
  app: string,
  declared: readonly Declared[],
  signal: AbortSignal,
): Promise<Observed[]> {
  const { items } = await backend.list({ owner: app }, signal);
  const present = new Set(items.map(({ object }) => keyOfObject(object)));
  const missing = declared.filter((each) => !present.has(keyOfDeclared(each)));
  if (missing.length === 0) return items;
  return [...items, ...(await lookUp(backend, missing, signal))];
}

const AUTOSCALER = { group: "autoscaling", kind: "HorizontalPodAutoscaler" };
/** Kinds that an autoscaler may scale and that Kubernetes brings; of others, only an autoscaler that is declared itself counts. */
const SCALED: ReadonlySet<string> = new Set([
  "apps/Deployment",
  "apps/StatefulSet",
  "apps/ReplicaSet",
  "/ReplicationController",
]);

/**
 * The autoscalers that may scale what is declared: those declared beside it, and those that are there.
 *
 * @throws {TrueupError} What the backend throws
 */
export async function autoscalersOf(
  backend: Backend,
  declared: readonly Declared[],
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const own = declared.filter(({ id }) => id.group === AUTOSCALER.group && id.kind === AUTOSCALER.kind);
  const found = own.map(({ object, id }) => ({ ...object, metadata: { ...object.metadata, namespace: id.namespace } }));
  const { kinds } = backend.capabilities;
  const canBeThere = kinds === null || kinds.includes(`${AUTOSCALER.group}/${AUTOSCALER.kind}`);
  if (!canBeThere || !declared.some(({ id }) => SCALED.has(`${id.group}/${id.kind}`))) return found;
  const { items } = await backend.list(AUTOSCALER, signal);
  return [...found, ...items.map(({ object }) => object)];
}

/**
 * What begins or ends to be scaled by an autoscaler that came, changed or went: its size is left to others, or git's again. None
 * for most events: autoscalers report how they do every few seconds.
 */
export function scaledAnew({ object }: Observed, present: boolean, before: KubeObject | undefined): ObjectKey[] {
  if (object.kind !== AUTOSCALER.kind || groupOf(object.apiVersion) !== AUTOSCALER.group) return [];
  const [was, is] = [before === undefined ? null : scaledBy(before), present ? scaledBy(object) : null];
  return was === is ? [] : [was, is].filter((key) => key !== null);
}

async function lookUp(backend: Backend, missing: readonly Declared[], signal: AbortSignal): Promise<Observed[]> {
  // One that lives in no namespace is found there, though nothing in git says so of its kind.
  const wanted = new Set(missing.flatMap((each) => [keyOfDeclared(each), keyOfId({ ...each.id, namespace: "" })]));
  const queries =
    missing.length <= LOOKUPS
      ? missing.map(({ id }) => id)
      : [...new Map(missing.map(({ id: { group, kind } }) => [`${group}/${kind}`, { group, kind }])).values()];
  const found: Observed[] = [];
  for (const query of queries) {
    const { items } = await backend.list(query, signal);
    for (const observed of items) {
      // Once each: a name that is declared twice is another stage's error, not two objects.
      if (wanted.delete(keyOfObject(observed.object))) found.push(observed);
    }
  }
  return found;
}

/** Kinds that the app defines itself, and whether they are established: before, nothing can be asked about their objects. */
export function definedKinds(observed: readonly Observed[], declared: readonly Declared[]): Map<string, boolean> {
  const { definitions } = orderOf(declared);
  const defined = new Map<string, boolean>();
  if (definitions.size === 0) return defined;
  const live = new Map(observed.map(({ object }) => [keyOfObject(object), object]));
  for (const [kind, key] of definitions) {
    const object = live.get(key);
    defined.set(kind, object !== undefined && kindHealth(object).status === "Healthy");
  }
  return defined;
}

/** What there is where hooks are declared. */
export function hooksAmong(observed: readonly Observed[], declared: readonly Declared[]): Map<ObjectKey, Observed> {
  if (keptOf(declared) === declared) return new Map();
  const hooks = new Set([...hooksOf(declared, false), ...hooksOf(declared, true)].map(({ key }) => key));
  const found = observed.map((each): [ObjectKey, Observed] => [keyOfObject(each.object), each]);
  return new Map(found.filter(([key]) => hooks.has(key)));
}

/** What the app owns, does not declare, and is on its way out. */
export function goingOf(app: string, observed: readonly Observed[], declared: readonly Declared[]): Observed[] {
  const going = observed.filter(
    ({ object, owner }) => owner === app && object.metadata.deletionTimestamp !== undefined,
  );
  if (going.length === 0) return going;
  const own = new Set(declared.map(keyOfDeclared));
  return going.filter(({ object }) => !own.has(keyOfObject(object)));
}
