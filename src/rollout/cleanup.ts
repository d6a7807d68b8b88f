/** Which ReplicaSets of former revisions are beyond the history limit. Pure. */
import type { Deployment, ReplicaSet } from "../model/workload.ts";
import { UNLIMITED } from "./progress.ts";
import { actualOf, byCreation, isActive, revisionOf } from "./replicasets.ts";

/**
 * The ReplicaSets to delete: of the old ones, the lowest revisions beyond the limit, without those that still have or
 * should have pods, that their controller has not looked at since their last change, or that are being deleted.
 *
 * It keeps the latest revisions, not the latest that worked.
 *
 * @param old All ReplicaSets but the new one
 * @see Kubernetes pkg/controller/deployment/sync.go, cleanupDeployment
 */
export function planHistoryCleanup(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined || limit === null || limit === UNLIMITED) return [];
  const alive = old.filter((replicaSet) => replicaSet.metadata.deletionTimestamp === undefined);
  const beyond = alive
    .sort((a, b) => revisionOf(a) - revisionOf(b) || byCreation(a, b))
    .slice(0, Math.max(0, alive.length - limit));
  return beyond.filter(
    (replicaSet) =>
      !isActive(replicaSet) &&
      actualOf(replicaSet) === 0 &&
      (replicaSet.metadata.generation ?? 0) <= (replicaSet.status?.observedGeneration ?? 0),
  );
}
