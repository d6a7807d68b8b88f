/** Scaling in the middle of a rollout: each ReplicaSet gets its share, so that the rollout keeps its balance. Pure. */
import { compareText } from "./equal.ts";

/** A ReplicaSet in numbers, with what its annotation remembers. */
export interface Share {
  name: string;
  /** Replicas it is told to have, > 0. */
  replicas: number;
  /** `desired + maxSurge` when it was scaled last; where nothing says, the pods that the Deployment reports. */
  maxBefore: number;
  creationTimestamp: string;
}

/**
 * New sizes, by name, for a Deployment whose replicas changed while several ReplicaSets have pods: each is multiplied by
 * `(desired + maxSurge) / maxBefore`, rounded half away from zero, and clamped to what is left to give or to take; the rest
 * goes to the largest. Among equals the newest gains first and the oldest loses first.
 *
 * From 9 to 4 desired (no surge) with 8 and 1: 4 and 0.
 *
 * @param active ReplicaSets with replicas, in any order
 * @param maxPods `desired + maxSurge`; not used when `desired` is 0
 * @returns Sizes, largest ReplicaSet first, in which they are to be written
 * @see Kubernetes pkg/controller/deployment/sync.go, scale
 */
export function planProportionalScale(
  desired: number,
  maxPods: number,
  active: readonly Share[],
): { name: string; to: number }[] {
  const allowed = desired > 0 ? maxPods : 0;
  const toAdd = allowed - active.reduce((total, { replicas }) => total + replicas, 0);
  const sorted = [...active].sort((a, b) => b.replicas - a.replicas || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  let added = 0;
  const sizes = sorted.map((own) => {
    const share = proportion(own, desired, maxPods, toAdd, added);
    added += share;
    return { name: own.name, to: own.replicas + share };
  });
  const first = sizes[0];
  if (first !== undefined && toAdd !== 0) first.to = Math.max(0, first.to + toAdd - added);
  return sizes;
}

/** A ReplicaSet's new size, and its available pods, at most as many as it is told to have. */
export interface AvailableShare {
  name: string;
  to: number;
  available: number;
}

/**
 * The same sizes in sum, with replicas moved from ReplicaSets whose pods are not available to those whose are, as far as
 * `least` available pods, or all that there are, ask for it. Kubernetes shares by size alone: 4 available old and 2 broken
 * new pods, scaled to 4 with 1 more for surge, become 3 and 2, fewer than the update itself may leave.
 *
 * @param least `desired − maxUnavailable`, at most the sum of the sizes
 */
export function keepAvailable(sizes: readonly AvailableShare[], least: number): { name: string; to: number }[] {
  const count = (of: (share: AvailableShare) => number): number => sizes.reduce((total, own) => total + of(own), 0);
  const kept = count(({ to, available }) => Math.min(to, available));
  let missing =
    Math.min(
      least,
      count(({ available }) => available),
    ) - kept;
  let taken = 0;
  // A ReplicaSet deletes pods that are not ready first, so all but its available ones can go without loss.
  const lowered = sizes.map(({ name, to, available }) => {
    const take = Math.min(Math.max(0, missing - taken), Math.max(0, to - available));
    taken += take;
    return { name, to: to - take, available };
  });
  missing = taken;
  return lowered.map(({ name, to, available }) => {
    const give = Math.min(missing, Math.max(0, available - to));
    missing -= give;
    return { name, to: to + give };
  });
}

function proportion(own: Share, desired: number, maxPods: number, toAdd: number, added: number): number {
  const left = toAdd - added;
  if (toAdd === 0 || left === 0) return 0;
  const wanted = fraction(own, desired, maxPods);
  return toAdd > 0 ? Math.min(wanted, left) : Math.max(wanted, left);
}

function fraction(own: Share, desired: number, maxPods: number): number {
  if (desired === 0) return -own.replicas;
  // Nothing known of the size before: no share can be computed, and all of the rest goes to the largest.
  if (own.maxBefore === 0) return 0;
  // All numbers are >= 0, where Math.round rounds halves up, that is away from zero.
  return Math.round((own.replicas * maxPods) / own.maxBefore) - own.replicas;
}

/** Oldest first; of equal age, by name. */
function byAge(a: Share, b: Share): number {
  return compareText(a.creationTimestamp, b.creationTimestamp) || compareText(a.name, b.name);
}
