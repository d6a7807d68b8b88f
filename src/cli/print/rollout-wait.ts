/** What a rollout waits for, pod by pod: the part of `rollout status` that kubectl leaves out. Pure. */
import { isPodReady } from "../../model/endpoints.ts";
import { controllerOf } from "../../model/object.ts";
import type { Condition, Deployment, KubeEvent, Pod, ReplicaSet } from "../../model/workload.ts";
import { podHealth } from "../../rollout/pod-health.ts";
import { findNewReplicaSet } from "../../rollout/revisions.ts";

export interface WaitReason {
  text: string;
  /** Something is wrong, or waits for a person; otherwise it is what every rollout goes through. */
  trouble: boolean;
}

/** Most pods that are named at once. */
const NAMED_PODS = 3;

export interface RolloutWorld {
  replicaSets: readonly ReplicaSet[];
  pods: readonly Pod[];
  events: readonly KubeEvent[];
}

/** Why the rollout is not done yet, the weightiest first; empty when nothing tells. */
export function waitReasons(deployment: Deployment, world: RolloutWorld): WaitReason[] {
  const reasons: WaitReason[] = [];
  if (deployment.spec.paused === true) {
    reasons.push(trouble(`it is paused: trueup rollout resume deployment/${deployment.metadata.name}`));
  }
  const failure = conditionOf(deployment, "ReplicaFailure");
  if (failure?.status === "True") reasons.push(trouble(failure.message ?? failure.reason ?? "pods cannot be created"));
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

function freshReason(pod: Pod, deployment: Deployment, events: readonly KubeEvent[]): WaitReason[] {
  const name = `pod ${pod.metadata.name}`;
  if (!isPodReady(pod)) {
    const { status, reason } = podHealth(pod, events);
    return [{ text: `${name}: ${reason === "" ? "not ready" : reason}`, trouble: status === "Degraded" }];
  }
  const wait = deployment.spec.minReadySeconds ?? 0;
  const updated = deployment.status?.updatedReplicas ?? 0;
  const available = deployment.status?.availableReplicas ?? 0;
  // All of them are ready and still not all available: only minReadySeconds is left to wait for.
  return wait > 0 && available < updated
    ? [routine(`${name}: ready, must stay so for ${wait}s (minReadySeconds)`)]
    : [];
}

function endingReason({ metadata }: Pod): WaitReason {
  return routine(`pod ${metadata.name}: ending, has up to ${metadata.deletionGracePeriodSeconds ?? 30}s`);
}

function trouble(text: string): WaitReason {
  return { text, trouble: true };
}

function routine(text: string): WaitReason {
  return { text, trouble: false };
}

function isLive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined;
}

/** The troubled pods first. */
function limited(reasons: readonly WaitReason[]): WaitReason[] {
  const sorted = reasons.toSorted((a, b) => Number(b.trouble) - Number(a.trouble));
  const more = sorted.slice(NAMED_PODS);
  if (more.length === 0) return sorted;
  const rest = { text: `and ${more.length} more`, trouble: more.some((reason) => reason.trouble) };
  return [...sorted.slice(0, NAMED_PODS), rest];
}

function conditionOf({ status }: Deployment, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function byPodName(a: Pod, b: Pod): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
