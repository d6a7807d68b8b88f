/** What a rollout waits for, pod by pod: the part of `rollout status` that kubectl leaves out. Pure. */
import { isPodReady } from "../../model/endpoints.ts";
import { controllerOf } from "../../model/object.ts";
import type { Condition, Deployment, KubeEvent, Pod, ReplicaSet } from "../../model/workload.ts";
import { podHealth } from "../../rollout/pod-health.ts";
import { findNewReplicaSet } from "../../rollout/revisions.ts";

/** Most pods that are named at once. */
const NAMED_PODS = 3;

export interface RolloutWorld {
  replicaSets: readonly ReplicaSet[];
  pods: readonly Pod[];
  events: readonly KubeEvent[];
}

/** Why the rollout is not done yet, the weightiest first; empty when nothing tells. */
export function waitReasons(deployment: Deployment, world: RolloutWorld): string[] {
  const reasons: string[] = [];
  if (deployment.spec.paused === true) {
    reasons.push(`it is paused: trueup rollout resume deployment/${deployment.metadata.name}`);
  }
  const failure = conditionOf(deployment, "ReplicaFailure");
  if (failure?.status === "True") reasons.push(failure.message ?? failure.reason ?? "pods cannot be created");
  const own = world.replicaSets.filter((set) => controllerOf(set)?.uid === deployment.metadata.uid);
  const current = findNewReplicaSet(deployment, own);
  const ownedBy = (set: ReplicaSet): Pod[] =>
    world.pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid).toSorted(byPodName);
  const fresh = current === undefined ? [] : ownedBy(current);
  const old = own.filter((set) => set !== current).flatMap(ownedBy);
  reasons.push(
    ...limited(fresh.filter(isLive).flatMap((pod) => freshReason(pod, deployment, world.events))),
    ...limited(old.filter((pod) => !isLive(pod)).map(endingReason)),
  );
  return reasons;
}

function freshReason(pod: Pod, deployment: Deployment, events: readonly KubeEvent[]): string[] {
  const name = `pod ${pod.metadata.name}`;
  if (!isPodReady(pod)) {
    const { reason } = podHealth(pod, events);
    return [reason === "" ? `${name}: not ready` : `${name}: ${reason}`];
  }
  const wait = deployment.spec.minReadySeconds ?? 0;
  const updated = deployment.status?.updatedReplicas ?? 0;
  const available = deployment.status?.availableReplicas ?? 0;
  // All of them are ready and still not all available: only minReadySeconds is left to wait for.
  return wait > 0 && available < updated ? [`${name}: ready, must stay so for ${wait}s (minReadySeconds)`] : [];
}

function endingReason({ metadata }: Pod): string {
  return `pod ${metadata.name}: ending, has up to ${metadata.deletionGracePeriodSeconds ?? 30}s`;
}

function isLive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined;
}

function limited(reasons: readonly string[]): string[] {
  const more = reasons.length - NAMED_PODS;
  return more > 0 ? [...reasons.slice(0, NAMED_PODS), `and ${more} more`] : [...reasons];
}

function conditionOf({ status }: Deployment, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function byPodName(a: Pod, b: Pod): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
