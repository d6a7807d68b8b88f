/** The rollback that a client asks for with an annotation of the first Deployment API. Pure. */
import { ANNOTATION, type Deployment, type ReplicaSet } from "../model/workload.ts";
import type { DeploymentDraft } from "./draft.ts";
import { revisionOf } from "./replicasets.ts";
import { isCopiedAnnotation } from "./revisions.ts";
import { templatesEqual, withoutHashLabel } from "./template.ts";

/** The revision before the current one: the second highest number; 0 when there are fewer than two. */
export function previousRevision(replicaSets: readonly ReplicaSet[]): number {
  const numbers = replicaSets.map(revisionOf).sort((a, b) => b - a);
  return numbers[1] ?? 0;
}

/** The Deployment's annotations once it runs `replicaSet` again: its own bookkeeping stays, the rest is the revision's. */
export function annotationsOfRevision(deployment: Deployment, replicaSet: ReplicaSet): Record<string, string> {
  const own = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !isCopiedAnnotation(key));
  const theirs = Object.entries(replicaSet.metadata.annotations ?? {}).filter(([key]) => isCopiedAnnotation(key));
  return Object.fromEntries([...own, ...theirs]);
}

/**
 * Puts the template of the wanted revision back (0 or unreadable: the previous one), says what happened, and takes the
 * annotation away.
 *
 * @see Kubernetes pkg/controller/deployment/rollback.go
 */
export function planLegacyRollback(draft: DeploymentDraft): void {
  const { deployment, replicaSets } = draft;
  const { [ANNOTATION.rollbackTo]: text = "0", ...annotations } = deployment.metadata.annotations ?? {};
  const asked = /^[0-9]+$/.test(text) ? Number(text) : 0;
  const revision = asked === 0 ? previousRevision(replicaSets) : asked;
  const found = replicaSets.find((replicaSet) => revision > 0 && revisionOf(replicaSet) === revision);
  if (found === undefined) {
    const message = asked === 0 ? "Unable to find last revision." : "Unable to find the revision to rollback to.";
    draft.event("Warning", "DeploymentRollbackRevisionNotFound", message);
    draft.updateDeployment(annotations);
    return;
  }
  const name = deployment.metadata.name;
  if (templatesEqual(found.spec.template, deployment.spec.template)) {
    const message = `The rollback revision contains the same template as current deployment "${name}"`;
    draft.event("Warning", "DeploymentRollbackTemplateUnchanged", message);
    draft.updateDeployment(annotations);
    return;
  }
  const { [ANNOTATION.rollbackTo]: _done, ...restored } = annotationsOfRevision(deployment, found);
  draft.updateDeployment(restored, withoutHashLabel(found.spec.template));
  draft.event("Normal", "DeploymentRollback", `Rolled back deployment "${name}" to revision ${revision}`);
}
