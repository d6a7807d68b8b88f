/** One sync of a ReplicaSet as data: pods to create, pods to delete, its status. Pure. */
import { isPodReady } from "../model/endpoints.ts";
import { controllerOf, matchesSelector, timestamp } from "../model/object.ts";
import type { Condition, Pod, ReplicaSet, ReplicaSetStatus } from "../model/workload.ts";
import { getCondition, removeCondition, setCondition } from "./conditions.ts";
import { jsonEqual } from "./equal.ts";
import { inDeletionOrder, isActivePod, isPodAvailable, isTerminatingPod, untilAvailableMs } from "./pods.ts";
import { sizeOf } from "./replicasets.ts";

/** Pods that one sync creates or deletes at most. */
export const BURST_REPLICAS = 500;

export interface ReplicaSetWorld {
  replicaSet: ReplicaSet;
  /** Pods that it owns, and orphans it may adopt; others are passed over. */
  pods: readonly Pod[];
  /** Milliseconds since the Unix epoch. */
  now: number;
}

export interface ReplicaSetPlan {
  /** Orphans to make its own. */
  adopt: Pod[];
  /** Pods to let go, as their labels no longer match. */
  release: Pod[];
  /** How many pods to create, 0 … 500. */
  create: number;
  /** Pods to delete, at most 500, first the one that is missed least. */
  remove: Pod[];
  /** The status to write when nothing is created or removed, else it is counted anew; `undefined` when it stays as it is. */
  status?: ReplicaSetStatus;
  /** Milliseconds after which a ready pod becomes available. */
  requeueAfterMs?: number;
}

/**
 * What one sync of a ReplicaSet does.
 *
 * @see Kubernetes pkg/controller/replicaset/replica_set.go, syncReplicaSet
 */
export function planReplicaSet({ replicaSet, pods, now }: ReplicaSetWorld): ReplicaSetPlan {
  const { owned, adopt, release } = claim(replicaSet, pods);
  const active = owned.filter(isActivePod);
  const isGoing = replicaSet.metadata.deletionTimestamp !== undefined;
  const excess = isGoing ? 0 : active.length - sizeOf(replicaSet);
  const status = replicaSetStatus(replicaSet, owned, now);
  const requeueAfterMs = nextAvailableMs(replicaSet, active, now);
  return {
    adopt,
    release,
    create: Math.min(BURST_REPLICAS, Math.max(0, -excess)),
    remove: excess > 0 ? inDeletionOrder(active, active, now).slice(0, Math.min(BURST_REPLICAS, excess)) : [],
    ...(jsonEqual(status, replicaSet.status ?? {}) ? {} : { status }),
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

function claim(replicaSet: ReplicaSet, pods: readonly Pod[]): { owned: Pod[]; adopt: Pod[]; release: Pod[] } {
  const { metadata, spec } = replicaSet;
  const isGoing = metadata.deletionTimestamp !== undefined;
  const owned: Pod[] = [];
  const adopt: Pod[] = [];
  const release: Pod[] = [];
  for (const pod of pods) {
    const owner = controllerOf(pod);
    const matches = matchesSelector(spec.selector, pod.metadata.labels);
    if (owner?.uid === metadata.uid && owner !== undefined) {
      if (matches) owned.push(pod);
      else if (!isGoing && isActivePod(pod)) release.push(pod);
    } else if (owner === undefined && matches && !isGoing && isActivePod(pod)) {
      adopt.push(pod);
      owned.push(pod);
    }
  }
  return { owned, adopt, release };
}

/**
 * The counts of a ReplicaSet's pods, its failure condition as it is.
 *
 * @param pods Pods that it owns, terminating and ended ones included
 */
export function replicaSetStatus(replicaSet: ReplicaSet, pods: readonly Pod[], now: number): ReplicaSetStatus {
  const active = pods.filter(isActivePod);
  const labels = Object.entries(replicaSet.spec.template.metadata?.labels ?? {});
  const minReadySeconds = replicaSet.spec.minReadySeconds ?? 0;
  const { conditions } = replicaSet.status ?? {};
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter(({ metadata }) =>
      labels.every(([key, value]) => metadata.labels?.[key] === value),
    ).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => isPodAvailable(pod, minReadySeconds, now)).length,
    terminatingReplicas: pods.filter(isTerminatingPod).length,
    observedGeneration: replicaSet.metadata.generation ?? 0,
    ...(conditions === undefined ? {} : { conditions }),
  };
}

/**
 * The status once pods were created or deleted: with a failure condition when that failed, without one when it did not. A
 * failure that is already said keeps its words.
 *
 * @param failure What went wrong; `undefined` when nothing did
 */
export function withFailure(
  status: ReplicaSetStatus,
  failure: { reason: "FailedCreate" | "FailedDelete"; message: string } | undefined,
  now: number,
): ReplicaSetStatus {
  const said = getCondition(status.conditions, "ReplicaFailure");
  if (failure === undefined) {
    if (said === undefined) return status;
    const conditions = removeCondition(status.conditions, "ReplicaFailure");
    const { conditions: _said, ...rest } = status;
    return conditions.length === 0 ? rest : { ...rest, conditions };
  }
  if (said !== undefined) return status;
  const condition: Condition = {
    type: "ReplicaFailure",
    status: "True",
    lastTransitionTime: timestamp(now),
    ...failure,
  };
  return { ...status, conditions: setCondition(status.conditions, condition) };
}

/** Milliseconds until the next pod that is ready becomes available; `undefined` when none waits for that. */
function nextAvailableMs(replicaSet: ReplicaSet, active: readonly Pod[], now: number): number | undefined {
  const minReadySeconds = replicaSet.spec.minReadySeconds ?? 0;
  let next: number | undefined;
  for (const pod of active) {
    const left = untilAvailableMs(pod, minReadySeconds, now);
    if (left !== undefined && left > 0 && (next === undefined || left < next)) next = left;
  }
  return next;
}
