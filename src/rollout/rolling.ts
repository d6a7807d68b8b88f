/** Rolling update arithmetic: how far the new ReplicaSet may grow, and how far the old ones may shrink. Pure: counts in, counts out. */
import type { RollingLimits } from "../model/rollout.ts";

/** A ReplicaSet in numbers. */
export interface Sized {
  /** Replicas it is told to have. */
  replicas: number;
  /** Its available pods. */
  available: number;
}

/** A change of one ReplicaSet's size; `index` is its place in the list that was given. */
export interface Resize {
  index: number;
  from: number;
  to: number;
}

/**
 * The size that the new ReplicaSet may take: `desired + maxSurge` less what there is already, and never past `desired`.
 *
 * With 10 desired and surge 2: 10 old and 0 new give 2; 5 old and 0 new give 7.
 *
 * @param newReplicas Its size now
 * @param total Pods that exist or are asked for, over all ReplicaSets, the new one included
 * @see Kubernetes pkg/controller/deployment/util/deployment_util.go, NewRSNewReplicas
 */
export function newReplicasWithin(desired: number, maxSurge: number, newReplicas: number, total: number): number {
  const room = desired + maxSurge - total;
  if (room <= 0) return newReplicas;
  return newReplicas + Math.min(room, desired - newReplicas);
}

/** The size of the new ReplicaSet after one step: what it may grow to, or `desired` if it has more. */
export function nextNewReplicas(desired: number, maxSurge: number, newReplicas: number, total: number): number {
  return newReplicas >= desired ? desired : newReplicasWithin(desired, maxSurge, newReplicas, total);
}

/**
 * How far the old ReplicaSets shrink in one step, in two passes: first what is not available anyway, so that a dead old
 * revision cannot block the rollout, then available pods as far as `desired − maxUnavailable` stay.
 *
 * New pods that are not available earn nothing: they are taken off the allowance, so a new revision that crashes costs at
 * most `maxUnavailable` of the old one. An available count that exceeds the size (pods that are still to be removed) counts
 * as the size: those pods are spent already.
 *
 * @param old Old ReplicaSets, oldest first
 * @param current The new one; `undefined` when there is none
 * @see Kubernetes pkg/controller/deployment/rolling.go, reconcileOldReplicaSets
 */
export function planScaleDown(
  desired: number,
  limits: RollingLimits,
  old: readonly Sized[],
  current: Sized | undefined,
): Resize[] {
  const oldTotal = old.reduce((total, { replicas }) => total + replicas, 0);
  if (oldTotal === 0) return [];
  const minAvailable = desired - limits.maxUnavailable;
  const allowance = oldTotal + usable(current) - minAvailable;
  if (allowance <= 0) return [];

  const unhealthy = planCleanupUnhealthy(old, allowance);
  const cleaned = applyResizes(old, unhealthy);
  const removed = unhealthy.reduce((total, { from, to }) => total + from - to, 0);
  return [...unhealthy, ...planScaleDownHealthy(desired, limits, cleaned, current, allowance - removed)];
}

/** Available pods that are there to stay. */
function usable(own: Sized | undefined): number {
  return own === undefined ? 0 : Math.min(own.available, own.replicas);
}

/**
 * Removes replicas that are not available, oldest ReplicaSet first, `max` in all. The ReplicaSet controller deletes pods
 * that are not ready first, so this never costs an available pod.
 */
export function planCleanupUnhealthy(old: readonly Sized[], max: number): Resize[] {
  return takeFrom(old, max, ({ replicas, available }) => replicas - available);
}

/**
 * Removes replicas, oldest ReplicaSet first, as far as `desired − maxUnavailable` available ones stay.
 *
 * @param most Replicas to remove at most
 */
export function planScaleDownHealthy(
  desired: number,
  limits: RollingLimits,
  old: readonly Sized[],
  current: Sized | undefined,
  most: number = Number.POSITIVE_INFINITY,
): Resize[] {
  const available = old.reduce((total, own) => total + usable(own), usable(current));
  const budget = Math.min(most, available - (desired - limits.maxUnavailable));
  return takeFrom(old, budget, ({ replicas }) => replicas);
}

function takeFrom(old: readonly Sized[], max: number, removable: (own: Sized) => number): Resize[] {
  const resizes: Resize[] = [];
  let left = max;
  for (const [index, own] of old.entries()) {
    const count = Math.min(left, removable(own));
    if (count <= 0) continue;
    left -= count;
    resizes.push({ index, from: own.replicas, to: own.replicas - count });
  }
  return resizes;
}

function applyResizes(old: readonly Sized[], resizes: readonly Resize[]): Sized[] {
  const sizes = new Map(resizes.map(({ index, to }) => [index, to]));
  return old.map((own, index) => ({ ...own, replicas: sizes.get(index) ?? own.replicas }));
}
