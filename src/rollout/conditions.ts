/** Conditions of a status: look up, set, remove. Pure: each returns a new list. */
import { timestamp } from "../model/object.ts";
import type { Condition, ConditionStatus } from "../model/workload.ts";

export function getCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function makeCondition(
  type: string,
  status: ConditionStatus,
  reason: string,
  message: string,
  now: number,
): Condition {
  const at = timestamp(now);
  return { type, status, lastUpdateTime: at, lastTransitionTime: at, reason, message };
}

/**
 * Sets a condition, last in the list. One with the same status and reason stays exactly as it is; one with the same status and
 * another reason passes on when the status changed last.
 *
 * @see Kubernetes pkg/controller/deployment/util/deployment_util.go, SetDeploymentCondition
 */
export function setCondition(conditions: readonly Condition[] | undefined, condition: Condition): Condition[] {
  const current = getCondition(conditions, condition.type);
  if (current?.status === condition.status && current.reason === condition.reason) return [...(conditions ?? [])];
  const kept =
    current?.status === condition.status && current.lastTransitionTime !== undefined
      ? { ...condition, lastTransitionTime: current.lastTransitionTime }
      : condition;
  return [...removeCondition(conditions, condition.type), kept];
}

export function removeCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
