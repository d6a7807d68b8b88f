/** Carries out the plan of one ReplicaSet sync: pods are created in growing batches, deleted, adopted and let go. */
import { messageOf, TrueupError } from "../../model/errors.ts";
import { keyOf } from "../../model/object.ts";
import type { EventRecorder, ObjectStore } from "../../model/store.ts";
import type { Pod, ReplicaSet } from "../../model/workload.ts";
import { type ReplicaSetPlan, replicaSetStatus, withFailure } from "../../rollout/plan-replicaset.ts";
import { controllerReference } from "../../rollout/revisions.ts";
import { type Random, randomSuffix } from "../../util/random.ts";

const COMPONENT = "replicaset-controller";

/** Longest first part of a generated name: 63 characters, less the random ones. */
const MAX_NAME_BASE = 58;

/** Names tried when one is taken; with 27^5 names, needing a second try is rare already. */
const NAME_TRIES = 8;

export interface PodContext {
  store: ObjectStore;
  events: EventRecorder;
  random: Random;
  /** Milliseconds since the Unix epoch. */
  now: number;
}

interface Failure {
  reason: "FailedCreate" | "FailedDelete";
  message: string;
  error: unknown;
}

/**
 * Does what the plan says in one transaction, the status that follows from it included: a Deployment that saw the pods of a
 * moment ago, and a size that it has lowered meanwhile, would take room for free that is not.
 *
 * @throws The first error, once the status says that it happened: the caller tries again
 */
export function executeReplicaSetPlan(context: PodContext, replicaSet: ReplicaSet, plan: ReplicaSetPlan): void {
  const { store } = context;
  const failure = store.transaction(() => {
    for (const pod of plan.adopt) store.update(reowned(pod, replicaSet, true));
    for (const pod of plan.release) store.update(reowned(pod, replicaSet, false));
    const failed = deletePods(context, replicaSet, plan.remove) ?? createPods(context, replicaSet, plan.create);
    writeStatus(context, replicaSet, plan, failed);
    return failed;
  });
  if (failure !== undefined) throw failure.error;
}

function writeStatus(
  { store, now }: PodContext,
  replicaSet: ReplicaSet,
  plan: ReplicaSetPlan,
  failure: Failure | undefined,
): void {
  const stored = store.get(keyOf(replicaSet)) as ReplicaSet | undefined;
  if (stored === undefined) return;
  const isOther = failure !== undefined || plan.create > 0 || plan.remove.length > 0;
  const counted = isOther ? replicaSetStatus(stored, podsOf(store, stored), now) : (plan.status ?? stored.status);
  if (counted === undefined) return;
  const said = failure === undefined ? undefined : { reason: failure.reason, message: failure.message };
  const status = withFailure(counted, said, now);
  if (status !== stored.status) store.updateStatus({ ...stored, status });
}

function podsOf(store: ObjectStore, replicaSet: ReplicaSet): Pod[] {
  return store.controlledBy(replicaSet.metadata.uid ?? "").filter((object) => object.kind === "Pod") as Pod[];
}

function deletePods({ store, events }: PodContext, replicaSet: ReplicaSet, pods: readonly Pod[]): Failure | undefined {
  let failure: Failure | undefined;
  for (const pod of pods) {
    const { name, uid } = pod.metadata;
    try {
      store.delete(keyOf(pod), uid === undefined ? {} : { uid });
      events.record(replicaSet, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`, COMPONENT);
    } catch (error) {
      const message = messageOf(error);
      events.record(replicaSet, "Warning", "FailedDelete", `Error deleting: ${message}`, COMPONENT);
      failure ??= { reason: "FailedDelete", message, error };
    }
  }
  return failure;
}

/** Creates pods in batches of 1, 2, 4, 8 …, so that what fails each time fails once and not five hundred times. */
function createPods(context: PodContext, replicaSet: ReplicaSet, count: number): Failure | undefined {
  let left = count;
  for (let batch = 1; left > 0; batch *= 2) {
    const size = Math.min(batch, left);
    let failure: Failure | undefined;
    for (let i = 0; i < size; i++) failure = createPod(context, replicaSet) ?? failure;
    if (failure !== undefined) return failure;
    left -= size;
  }
  return undefined;
}

function createPod({ store, events, random }: PodContext, replicaSet: ReplicaSet): Failure | undefined {
  try {
    const { metadata } = createNamed(store, random, replicaSet);
    events.record(replicaSet, "Normal", "SuccessfulCreate", `Created pod: ${metadata.name}`, COMPONENT);
    return undefined;
  } catch (error) {
    const message = messageOf(error);
    events.record(replicaSet, "Warning", "FailedCreate", `Error creating: ${message}`, COMPONENT);
    return { reason: "FailedCreate", message, error };
  }
}

function createNamed(store: ObjectStore, random: Random, replicaSet: ReplicaSet): Pod {
  for (let tries = 1; ; tries++) {
    try {
      return store.create(podOf(replicaSet, random)) as Pod;
    } catch (error) {
      if (!(error instanceof TrueupError && error.code === "conflict") || tries >= NAME_TRIES) throw error;
    }
  }
}

/** A pod of the ReplicaSet's template, named `<replica set>-<5 random characters>`. */
function podOf(replicaSet: ReplicaSet, random: Random): Pod {
  const { metadata, spec } = replicaSet;
  const generateName = `${metadata.name}-`;
  const { labels, annotations, finalizers } = spec.template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: generateName.slice(0, MAX_NAME_BASE) + randomSuffix(random),
      generateName,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [controllerReference(replicaSet)],
    },
    spec: spec.template.spec,
  };
}

function reowned(pod: Pod, replicaSet: ReplicaSet, adopt: boolean): Pod {
  const others = (pod.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== replicaSet.metadata.uid);
  const ownerReferences = adopt ? [...others, controllerReference(replicaSet)] : others;
  return { ...pod, metadata: { ...pod.metadata, ownerReferences } };
}
