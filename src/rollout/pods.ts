/** Pods as a ReplicaSet sees them: which count, which are available, and which go first. Pure. */
import { isPodReady } from "../model/endpoints.ts";
import { ANNOTATION, type Condition, type Pod } from "../model/workload.ts";
import { getCondition } from "./conditions.ts";
import { compareText } from "./equal.ts";

/** Whether the pod has ended for good. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Whether the pod counts as a replica: neither ended nor being deleted. */
export function isActivePod(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !hasEnded(pod);
}

/** Whether the pod is being deleted and has not ended. */
export function isTerminatingPod(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !hasEnded(pod);
}

function readyCondition(pod: Pod): Condition | undefined {
  return getCondition(pod.status?.conditions, "Ready");
}

/** Since when the pod is ready, milliseconds; `undefined` when it is not, or does not say. */
function readySince(pod: Pod): number | undefined {
  const condition = readyCondition(pod);
  if (condition?.status !== "True") return undefined;
  const since = Date.parse(condition.lastTransitionTime ?? "");
  return Number.isNaN(since) ? undefined : since;
}

/**
 * How long until the pod is available, in milliseconds: 0 when it is, `undefined` when it is not ready. It is available once
 * it has been ready for `minReadySeconds`, to the millisecond.
 *
 * A pod that is ready since a time to come was so before the clock was set back: it is available. Kubernetes would call it
 * unavailable until the clock is there again, and a rollout meanwhile would remove it as a broken one.
 */
export function untilAvailableMs(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  if (!isPodReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = readySince(pod);
  if (since === undefined) return undefined;
  return since > now ? 0 : Math.max(0, since + minReadySeconds * 1000 - now);
}

export function isPodAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  return untilAvailableMs(pod, minReadySeconds, now) === 0;
}

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Sorts pods into the order in which they are deleted when there are too many: not assigned to a node, Pending, Unknown, not
 * ready, of lower deletion cost, on a node with more pods of the same owner, ready for less time, restarted more often, newer;
 * and by name, so that the order is always the same.
 *
 * Kubernetes compares the times of ready pods in powers of two, to spread deletions over a cluster; on one machine there is
 * nothing to spread, and exact times keep what has proved itself longest.
 *
 * @param related Pods of the same owner that count for "more pods on the node"; the pods themselves unless given
 * @param now Milliseconds since the Unix epoch; a pod that is ready since a later time was so before the clock was set back,
 *   and goes last
 * @see Kubernetes pkg/controller/controller_utils.go, ActivePodsWithRanks
 */
export function inDeletionOrder(
  pods: readonly Pod[],
  related: readonly Pod[] = pods,
  now: number = Number.POSITIVE_INFINITY,
): Pod[] {
  const perNode = new Map<string, number>();
  for (const { spec } of related) perNode.set(spec.nodeName ?? "", (perNode.get(spec.nodeName ?? "") ?? 0) + 1);
  const rank = (pod: Pod): number => perNode.get(pod.spec.nodeName ?? "") ?? 0;
  return [...pods].sort((a, b) => {
    const bothReady = isPodReady(a) && isPodReady(b);
    return (
      Number((a.spec.nodeName ?? "") !== "") - Number((b.spec.nodeName ?? "") !== "") ||
      phaseRank(a) - phaseRank(b) ||
      Number(isPodReady(a)) - Number(isPodReady(b)) ||
      deletionCost(a) - deletionCost(b) ||
      rank(b) - rank(a) ||
      (bothReady ? laterFirst(provedSince(a, now), provedSince(b, now)) : 0) ||
      restarts(b) - restarts(a) ||
      laterFirst(creation(a), creation(b)) ||
      compareText(a.metadata.name, b.metadata.name)
    );
  });
}

function provedSince(pod: Pod, now: number): number | undefined {
  const since = readySince(pod);
  return since !== undefined && since > now ? Number.NEGATIVE_INFINITY : since;
}

function phaseRank(pod: Pod): number {
  return PHASE_ORDER[pod.status?.phase ?? "Pending"] ?? 0;
}

/** The cost that an annotation gives; 0 when it is absent or no number, as the API server refuses the latter. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[ANNOTATION.podDeletionCost] ?? "0";
  return /^-?[0-9]+$/.test(text) ? Number(text) : 0;
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
}

function creation(pod: Pod): number | undefined {
  const at = Date.parse(pod.metadata.creationTimestamp ?? "");
  return Number.isNaN(at) ? undefined : at;
}

/** Unknown times first, then the latest. */
function laterFirst(a: number | undefined, b: number | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  return b - a;
}
