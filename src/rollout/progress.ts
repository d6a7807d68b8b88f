/** Is a rollout complete, does it get on, has it run out of time: a Deployment's status and its conditions. Pure. */
import type { Condition, Deployment, DeploymentStatus, ReplicaSet } from "../model/workload.ts";
import { getCondition, makeCondition, removeCondition, setCondition } from "./conditions.ts";
import { desiredOf, minAvailableOf } from "./limits.ts";
import { actualOf, availableOf, replicaCounts, revisionOf, sum } from "./replicasets.ts";

/** Means "no deadline" and "no limit", as does the absence of a value. */
export const UNLIMITED = 2_147_483_647;

export const REASON = {
  available: "MinimumReplicasAvailable",
  unavailable: "MinimumReplicasUnavailable",
  created: "NewReplicaSetCreated",
  found: "FoundNewReplicaSet",
  updated: "ReplicaSetUpdated",
  complete: "NewReplicaSetAvailable",
  timedOut: "ProgressDeadlineExceeded",
  createError: "ReplicaSetCreateError",
  paused: "DeploymentPaused",
  resumed: "DeploymentResumed",
} as const;

/** The Deployment's deadline in seconds; `undefined` when it has none. */
export function progressDeadlineOf(deployment: Deployment): number | undefined {
  const seconds = deployment.spec.progressDeadlineSeconds;
  return seconds === undefined || seconds === null || seconds === UNLIMITED ? undefined : seconds;
}

/** Whether everything runs the current template and is available, and nothing old is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = desiredOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

/** Whether there is progress between two statuses: more updated, fewer old, more ready or more available pods. */
export function isProgressing(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

/**
 * Whether the last progress is longer ago than the deadline allows. Once said, it stays said until there is progress; a
 * rollout that was complete never times out.
 *
 * @param heardSince Since when somebody hears how the pods do, milliseconds since the epoch: what happened before is not
 *   known, so the deadline begins no earlier; infinite while nobody hears
 */
export function isTimedOut(
  deployment: Deployment,
  conditions: readonly Condition[] | undefined,
  now: number,
  heardSince = 0,
): boolean {
  const deadline = progressDeadlineOf(deployment);
  const condition = getCondition(conditions, "Progressing");
  if (deadline === undefined || condition === undefined || condition.reason === REASON.complete) return false;
  if (condition.reason === REASON.timedOut) return true;
  return Math.max(lastUpdateOf(condition), heardSince) + deadline * 1000 < now;
}

/** When a condition was updated last, milliseconds; 0 when it does not say. */
function lastUpdateOf(condition: Condition): number {
  return Date.parse(condition.lastUpdateTime ?? condition.lastTransitionTime ?? "") || 0;
}

/**
 * When to look at a rollout again that may run out of time, in milliseconds from now; `undefined` when time alone changes
 * nothing. One second more than the deadline, as conditions are written in whole seconds.
 */
export function progressRequeueMs(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const deadline = progressDeadlineOf(deployment);
  const condition = getCondition(status.conditions, "Progressing");
  if (deadline === undefined || condition === undefined || deployment.spec.paused === true) return undefined;
  if (condition.reason === REASON.timedOut || condition.reason === REASON.complete) return undefined;
  if (isComplete(deployment, status)) return undefined;
  return Math.max(0, lastUpdateOf(condition) + deadline * 1000 - now) + 1000;
}

/**
 * The counts and the condition Available as the ReplicaSets have them; other conditions as they are.
 *
 * @param current The new ReplicaSet
 * @see Kubernetes pkg/controller/deployment/sync.go, calculateStatus
 */
export function statusOf(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  now: number,
): DeploymentStatus {
  const { spec, status: replicas, terminating } = replicaCounts(replicaSets);
  const available = sum(replicaSets, availableOf);
  const enough = available >= minAvailableOf(deployment);
  const { collisionCount, conditions } = deployment.status ?? {};
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas,
    updatedReplicas: current === undefined ? 0 : actualOf(current),
    readyReplicas: sum(replicaSets, (replicaSet) => replicaSet.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, spec - available),
    ...(terminating === undefined ? {} : { terminatingReplicas: terminating }),
    conditions: setCondition(
      conditions,
      enough
        ? makeCondition("Available", "True", REASON.available, "Deployment has minimum availability.", now)
        : makeCondition(
            "Available",
            "False",
            REASON.unavailable,
            "Deployment does not have minimum availability.",
            now,
          ),
    ),
    ...(collisionCount === undefined ? {} : { collisionCount }),
  };
}

/**
 * The status of a Deployment under way: `statusOf`, with the conditions Progressing and ReplicaFailure brought up to date.
 *
 * @param heardSince As for `isTimedOut`
 * @see Kubernetes pkg/controller/deployment/progress.go, syncRolloutStatus
 */
export function rolloutStatusOf(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  now: number,
  heardSince = 0,
): DeploymentStatus {
  const status = statusOf(deployment, replicaSets, current, now);
  const before = deployment.status ?? {};
  const condition = getCondition(before.conditions, "Progressing");
  const subject =
    current === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${current.metadata.name}"`;
  const isDone = status.replicas === status.updatedReplicas && condition?.reason === REASON.complete;
  if (progressDeadlineOf(deployment) === undefined) {
    status.conditions = removeCondition(status.conditions, "Progressing");
  } else if (!isDone) {
    status.conditions = progressConditions(deployment, before, status, subject, now, heardSince);
  }
  const failure = replicaFailure(replicaSets, current);
  status.conditions =
    failure === undefined
      ? removeCondition(status.conditions, "ReplicaFailure")
      : setCondition(status.conditions, failure);
  return status;
}

function progressConditions(
  deployment: Deployment,
  before: DeploymentStatus,
  status: DeploymentStatus,
  subject: string,
  now: number,
  heardSince: number,
): Condition[] {
  const { conditions } = status;
  const say = (value: "True" | "False", reason: string, end: string): Condition =>
    makeCondition("Progressing", value, reason, `${subject} ${end}`, now);
  if (isComplete(deployment, status)) {
    return setCondition(conditions, say("True", REASON.complete, "has successfully progressed."));
  }
  if (isProgressing(before, status)) {
    const fresh = say("True", REASON.updated, "is progressing.");
    const current = getCondition(conditions, "Progressing");
    // Removed first, so that the time of the update is new each time; the deadline counts from it.
    if (current?.status === "True" && current.lastTransitionTime !== undefined) {
      fresh.lastTransitionTime = current.lastTransitionTime;
    }
    return setCondition(removeCondition(conditions, "Progressing"), fresh);
  }
  if (isTimedOut(deployment, conditions, now, heardSince)) {
    return setCondition(conditions, say("False", REASON.timedOut, "has timed out progressing."));
  }
  return [...(conditions ?? [])];
}

/** The failure to create or delete pods that the new ReplicaSet reports, or else any other one. */
function replicaFailure(replicaSets: readonly ReplicaSet[], current: ReplicaSet | undefined): Condition | undefined {
  const ordered = current === undefined ? replicaSets : [current, ...replicaSets];
  for (const { status } of ordered) {
    const failure = getCondition(status?.conditions, "ReplicaFailure");
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/**
 * The condition Progressing of a Deployment that was just given another template after the one before it ran out of time;
 * `undefined` otherwise. Kubernetes leaves it until the first pod of the new template, and a Recreate that ends its old pods
 * first would be called late by the deadline of what it replaces.
 *
 * @param current The ReplicaSet of the present template, of those that it owns
 */
export function newTemplateCondition(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  now: number,
): Condition | undefined {
  const { status = {}, metadata } = deployment;
  const revision = current === undefined ? 0 : revisionOf(current);
  const isAnother = replicaSets.some((other) => revisionOf(other) > revision);
  const isNew = isAnother && (status.observedGeneration ?? 0) < (metadata.generation ?? 0);
  const condition = getCondition(status.conditions, "Progressing");
  if (!isNew || condition?.reason !== REASON.timedOut) return undefined;
  return makeCondition("Progressing", "True", REASON.updated, `Deployment "${metadata.name}" is progressing.`, now);
}

/**
 * The condition Progressing of a Deployment that was just paused or resumed; `undefined` when it stays as it is. While it is
 * paused no deadline runs, and resuming starts it anew.
 */
export function pauseCondition(deployment: Deployment, now: number): Condition | undefined {
  if (progressDeadlineOf(deployment) === undefined) return undefined;
  const condition = getCondition(deployment.status?.conditions, "Progressing");
  if (condition?.reason === REASON.timedOut) return undefined;
  const saysPaused = condition?.reason === REASON.paused;
  if (deployment.spec.paused === true && !saysPaused) {
    return makeCondition("Progressing", "Unknown", REASON.paused, "Deployment is paused", now);
  }
  if (deployment.spec.paused !== true && saysPaused) {
    return makeCondition("Progressing", "Unknown", REASON.resumed, "Deployment is resumed", now);
  }
  return undefined;
}
