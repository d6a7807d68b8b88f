/** maxSurge and maxUnavailable as counts of pods: percentages, their rounding, and the bounds that follow. Pure. */
import type { RollingLimits } from "../model/rollout.ts";
import type { Deployment, IntOrPercent } from "../model/workload.ts";

const PERCENT = /^[0-9]+%$/;

/**
 * A count or a percentage of `total` as a count.
 *
 * @param value `undefined` and `null` count as 0: a field that was never defaulted
 * @throws {RangeError} If it is a text that is not a percentage
 */
export function resolveIntOrPercent(
  value: IntOrPercent | null | undefined,
  total: number,
  rounding: "up" | "down",
): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === "number") return value;
  if (!PERCENT.test(value)) {
    throw new RangeError(
      `Cannot resolve a count as it must be a whole number or a percentage like 25%: it is "${value}".`,
    );
  }
  const share = (Number.parseInt(value, 10) * total) / 100;
  return rounding === "up" ? Math.ceil(share) : Math.floor(share);
}

/**
 * Both limits as counts: surge rounds up, unavailable rounds down (25 % of 3: surge 1, unavailable 0). Where both come out as
 * 0, one pod may be unavailable, else no step could ever be taken.
 *
 * @throws {RangeError} If a limit is a text that is not a percentage
 * @see Kubernetes pkg/controller/deployment/util/deployment_util.go, ResolveFenceposts
 */
export function resolveFenceposts(
  maxSurge: IntOrPercent | null | undefined,
  maxUnavailable: IntOrPercent | null | undefined,
  desired: number,
): RollingLimits {
  const surge = resolveIntOrPercent(maxSurge, desired, "up");
  const unavailable = resolveIntOrPercent(maxUnavailable, desired, "down");
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/** Replicas that the Deployment asks for; 1 when it does not say. */
export function desiredOf(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

/** Whether the strategy is a rolling update, which is the default. */
export function isRollingUpdate(deployment: Deployment): boolean {
  return (deployment.spec.strategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

/**
 * The limits in force: none for Recreate, and never more unavailable than desired.
 *
 * @throws {RangeError} If a limit is a text that is not a percentage
 */
export function limitsOf(deployment: Deployment): RollingLimits {
  if (!isRollingUpdate(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const desired = desiredOf(deployment);
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const { maxSurge, maxUnavailable } = resolveFenceposts(rolling?.maxSurge, rolling?.maxUnavailable, desired);
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, desired) };
}

/** Pods that have to stay available while rolling: `desired − maxUnavailable`; 0 for Recreate. */
export function minAvailableOf(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? desiredOf(deployment) - limitsOf(deployment).maxUnavailable : 0;
}

/** Pods, terminating ones not counted, that there may be: `desired + maxSurge`. */
export function maxPodsOf(deployment: Deployment): number {
  return desiredOf(deployment) + limitsOf(deployment).maxSurge;
}
