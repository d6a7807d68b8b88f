/** One sync of a Deployment as data: the world in, ordered actions and a status out. Pure. */
import { controllerOf } from "../model/object.ts";
import { ANNOTATION, type Deployment, type DeploymentStatus, type Pod, type ReplicaSet } from "../model/workload.ts";
import { planHistoryCleanup } from "./cleanup.ts";
import { makeCondition, setCondition } from "./conditions.ts";
import { DeploymentDraft, type DeploymentPlan } from "./draft.ts";
import { desiredOf, isRollingUpdate, limitsOf, maxPodsOf, minAvailableOf } from "./limits.ts";
import {
  isComplete,
  newTemplateCondition,
  pauseCondition,
  progressDeadlineOf,
  progressRequeueMs,
  REASON,
  rolloutStatusOf,
  statusOf,
} from "./progress.ts";
import { keepAvailable, planProportionalScale } from "./proportional.ts";
import { oldPodsRunning } from "./recreate.ts";
import { availableOf, desiredAnnotationOf, isActive, maxAnnotationOf, sizeOf } from "./replicasets.ts";
import { planLegacyRollback } from "./rollback.ts";
import { nextNewReplicas, planScaleDown, type Sized } from "./rolling.ts";
import { templatesEqual } from "./template.ts";

export type { DeploymentAction, DeploymentPlan } from "./draft.ts";

export interface DeploymentWorld {
  deployment: Deployment;
  /** Those that the Deployment owns, and orphans it may adopt; others are passed over. */
  replicaSets: readonly ReplicaSet[];
  /** Pods of its ReplicaSets, terminating ones included. Only the Recreate strategy looks at them. */
  pods: readonly Pod[];
  /** Milliseconds since the Unix epoch. */
  now: number;
  /** As `isTimedOut` has it; absent: always. */
  heardSince?: number;
}

/**
 * What one sync of a Deployment does: at most one round of scaling, then its status. Carried out and called again until it
 * has nothing more to do, it takes a rollout from pod event to pod event.
 *
 * @throws {RangeError} If maxSurge or maxUnavailable is a text that is not a percentage
 * @see Kubernetes pkg/controller/deployment/deployment_controller.go, syncDeployment
 */
export function planDeployment(world: DeploymentWorld): DeploymentPlan {
  const { deployment, now } = world;
  const draft = new DeploymentDraft(deployment, now, world.heardSince);
  if (selectsAll(deployment)) {
    const message = "This deployment is selecting all pods. A non-empty selector is required.";
    const generation = deployment.metadata.generation ?? 0;
    const isNews = (deployment.status?.observedGeneration ?? 0) < generation;
    if (isNews) draft.event("Warning", "SelectingAll", message);
    return draft.finish(isNews ? { ...deployment.status, observedGeneration: generation } : (deployment.status ?? {}));
  }
  draft.claim(world.replicaSets);
  if (deployment.metadata.deletionTimestamp !== undefined) return finishSync(draft);

  const pause = pauseCondition(deployment, now);
  if (pause !== undefined) draft.setCondition(pause);
  const fresh = newTemplateCondition(deployment, draft.replicaSets, draft.current, now);
  if (fresh !== undefined) draft.setCondition(fresh);
  if (deployment.spec.paused === true) {
    draft.syncCurrent(false);
    // Kubernetes would start the new pods of a Recreate beside the old ones that end, only as it was paused meanwhile.
    const isEmptying = !isRollingUpdate(deployment) && oldPodsRunning(draft.old, draft.current, world.pods);
    if (!isEmptying || draft.replicaSets.some(isActive)) scale(draft);
    cleanUp(draft);
    return finishSync(draft);
  }
  if (deployment.metadata.annotations?.[ANNOTATION.rollbackTo] !== undefined) {
    planLegacyRollback(draft);
    return finishSync(draft);
  }
  if (isScalingEvent(draft)) {
    draft.syncCurrent(false);
    scale(draft);
    return finishSync(draft);
  }
  return isRollingUpdate(deployment) ? roll(draft) : recreate(draft, world.pods);
}

function selectsAll({ spec: { selector } }: Deployment): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}

/** Whether the Deployment's size changed since one of its active ReplicaSets was scaled last. */
function isScalingEvent(draft: DeploymentDraft): boolean {
  const desired = desiredOf(draft.deployment);
  return draft.replicaSets.some((replicaSet) => {
    const scaledAt = desiredAnnotationOf(replicaSet);
    return isActive(replicaSet) && scaledAt !== undefined && scaledAt !== desired;
  });
}

/** Grows the new ReplicaSet, or else shrinks the old ones, or else forgets the oldest revisions. */
function roll(draft: DeploymentDraft): DeploymentPlan {
  draft.syncCurrent(true);
  if (!growNew(draft) && !shrinkOld(draft)) cleanUpWhenComplete(draft);
  return finishRollout(draft);
}

function growNew(draft: DeploymentDraft): boolean {
  const { current, deployment } = draft;
  if (current === undefined) return false;
  const desired = desiredOf(deployment);
  const size = sizeOf(current);
  const to = nextNewReplicas(desired, limitsOf(deployment).maxSurge, size, draft.total);
  return to !== size && draft.scale(current, to);
}

function shrinkOld(draft: DeploymentDraft): boolean {
  const { current, old, deployment } = draft;
  const resizes = planScaleDown(
    desiredOf(deployment),
    limitsOf(deployment),
    old.map(sized),
    current === undefined ? undefined : sized(current),
  );
  for (const { index, to } of resizes) {
    // Read again each time: one ReplicaSet may shrink twice, first by what is unhealthy.
    const name = old[index]?.metadata.name;
    const replicaSet = draft.replicaSets.find(({ metadata }) => metadata.name === name);
    if (replicaSet !== undefined) draft.scale(replicaSet, to);
  }
  return resizes.length > 0;
}

function sized(replicaSet: ReplicaSet): Sized {
  return { replicas: sizeOf(replicaSet), available: availableOf(replicaSet) };
}

/** Ends all old pods, waits until they are gone, and only then starts new ones. */
function recreate(draft: DeploymentDraft, pods: readonly Pod[]): DeploymentPlan {
  draft.syncCurrent(false);
  const active = draft.old.filter(isActive);
  for (const replicaSet of active) draft.scale(replicaSet, 0);
  if (active.length > 0 || oldPodsRunning(draft.old, draft.current, pods)) return finishRollout(draft);
  draft.syncCurrent(true);
  const { current } = draft;
  const desired = desiredOf(draft.deployment);
  if (current === undefined || sizeOf(current) === desired || !draft.scale(current, desired)) {
    cleanUpWhenComplete(draft);
  }
  return finishRollout(draft);
}

/**
 * Brings the sum of the sizes to what the Deployment asks for now, and says so in the annotations, which ends the scaling
 * event. Kubernetes leaves the annotations alone where the size is right already, and with them the event, for ever.
 *
 * @see Kubernetes pkg/controller/deployment/sync.go, scale
 */
function scale(draft: DeploymentDraft): void {
  const desired = desiredOf(draft.deployment);
  const { current } = draft;
  const active = draft.replicaSets.filter(isActive);
  if (active.length <= 1) {
    const only = active[0] ?? current ?? draft.old.at(-1);
    if (only !== undefined) draft.scale(only, only === current ? scaledWithin(draft, only) : desired);
    return;
  }
  if (current !== undefined && isSaturated(current, desired)) {
    for (const replicaSet of draft.old.filter(isActive)) draft.scale(replicaSet, 0);
    return;
  }
  const sizes = isRollingUpdate(draft.deployment)
    ? proportionalSizes(draft, active)
    : active.map((replicaSet) => ({ name: replicaSet.metadata.name, to: sizeOf(replicaSet) }));
  for (const { name, to } of sizes) {
    const replicaSet = active.find(({ metadata }) => metadata.name === name);
    if (replicaSet !== undefined) draft.scale(replicaSet, to);
  }
}

/**
 * What the new ReplicaSet, the only one that is to have pods, may have now: all that is asked for, unless pods of the others
 * are still there, which Kubernetes does not look at. The rollout gives it the rest as they go.
 */
function scaledWithin(draft: DeploymentDraft, current: ReplicaSet): number {
  const desired = desiredOf(draft.deployment);
  if (!isRollingUpdate(draft.deployment)) return desired;
  return nextNewReplicas(desired, limitsOf(draft.deployment).maxSurge, sizeOf(current), draft.total);
}

function proportionalSizes(draft: DeploymentDraft, active: readonly ReplicaSet[]): { name: string; to: number }[] {
  const { deployment } = draft;
  const shares = active.map((replicaSet) => ({
    name: replicaSet.metadata.name,
    replicas: sizeOf(replicaSet),
    maxBefore: maxAnnotationOf(replicaSet) ?? deployment.status?.replicas ?? 0,
    creationTimestamp: replicaSet.metadata.creationTimestamp ?? "",
  }));
  const sizes = planProportionalScale(desiredOf(deployment), maxPodsOf(deployment), shares);
  const available = new Map(active.map((own) => [own.metadata.name, Math.min(sizeOf(own), availableOf(own))]));
  return keepAvailable(
    sizes.map((size) => ({ ...size, available: available.get(size.name) ?? 0 })),
    minAvailableOf(deployment),
  );
}

/** Whether the new ReplicaSet has all that the Deployment asks for, and all of it is available. */
function isSaturated(current: ReplicaSet, desired: number): boolean {
  return sizeOf(current) === desired && desiredAnnotationOf(current) === desired && availableOf(current) === desired;
}

function cleanUp(draft: DeploymentDraft): void {
  for (const replicaSet of planHistoryCleanup(draft.deployment, draft.old)) draft.delete(replicaSet);
}

function cleanUpWhenComplete(draft: DeploymentDraft): void {
  const status = statusOf(draft.deployment, draft.replicaSets, draft.current, draft.now);
  if (isComplete(draft.deployment, status)) cleanUp(draft);
}

function finishSync(draft: DeploymentDraft): DeploymentPlan {
  return draft.finish(statusOf(draft.deployment, draft.replicaSets, draft.current, draft.now));
}

function finishRollout(draft: DeploymentDraft): DeploymentPlan {
  const { deployment, now } = draft;
  const status = rolloutStatusOf(deployment, draft.replicaSets, draft.current, now, draft.heardSince);
  return draft.finish(status, progressRequeueMs(deployment, status, now));
}

/**
 * The status to write when the name of a new ReplicaSet is taken by another one: with one more collision, so that the next
 * try has another hash. `undefined` when it is the wanted one, made by an earlier try.
 */
export function planNameTaken(deployment: Deployment, existing: ReplicaSet): DeploymentStatus | undefined {
  const isOurs = controllerOf(existing)?.uid === deployment.metadata.uid;
  if (isOurs && templatesEqual(existing.spec.template, deployment.spec.template)) return undefined;
  return { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
}

/** What to say when a new ReplicaSet cannot be created: an event, and a condition where there is a deadline. */
export function planCreateError(
  deployment: Deployment,
  name: string,
  error: string,
  now: number,
): { message: string; status: DeploymentStatus } {
  const message = `Failed to create new replica set "${name}": ${error}`;
  const status = deployment.status ?? {};
  if (progressDeadlineOf(deployment) === undefined) return { message, status };
  const condition = makeCondition("Progressing", "False", REASON.createError, message, now);
  return { message, status: { ...status, conditions: setCondition(status.conditions, condition) } };
}
