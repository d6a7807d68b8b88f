/** What `rollout status` says of a Deployment, in kubectl's words. Pure. */
import type { Deployment } from "../model/workload.ts";
import { getCondition } from "./conditions.ts";
import { REASON } from "./progress.ts";
import { revisionOf } from "./replicasets.ts";

export interface RolloutStatus {
  /** One line, without its end. */
  message: string;
  /** `failed`: it cannot be waited for any longer. */
  state: "waiting" | "done" | "failed";
}

/**
 * How far the rollout is, decided in kubectl's order: spec not observed yet, another revision, deadline, pods to update, old
 * pods to end, updated pods to become available, done.
 *
 * @param revision Fails when the Deployment is at another revision; 0 or absent: any
 * @see kubectl pkg/polymorphichelpers/rollout_status.go
 */
export function rolloutStatus(deployment: Deployment, revision = 0): RolloutStatus {
  const { metadata, status = {} } = deployment;
  if (revision > 0) {
    const running = revisionOf(deployment);
    if (running !== revision) {
      return failed(`desired revision (${revision}) is different from the running revision (${running})`);
    }
  }
  if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return waiting("Waiting for deployment spec update to be observed...");
  }
  if (getCondition(status.conditions, "Progressing")?.reason === REASON.timedOut) {
    return failed(`deployment "${metadata.name}" exceeded its progress deadline`);
  }
  const waitingFor = pendingCounts(deployment);
  if (waitingFor !== undefined) {
    return waiting(`Waiting for deployment "${metadata.name}" rollout to finish: ${waitingFor}...`);
  }
  return { message: `deployment "${metadata.name}" successfully rolled out`, state: "done" };
}

/** What is still to happen, in counts, `1 of 3 updated replicas are available`; `undefined` when nothing is. */
export function pendingCounts({ spec, status = {} }: Deployment): string | undefined {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const desired = spec.replicas ?? 1;
  if (updatedReplicas < desired) return `${updatedReplicas} out of ${desired} new replicas have been updated`;
  if (replicas > updatedReplicas) return `${replicas - updatedReplicas} old replicas are pending termination`;
  if (availableReplicas < updatedReplicas) {
    return `${availableReplicas} of ${updatedReplicas} updated replicas are available`;
  }
  return undefined;
}

function waiting(message: string): RolloutStatus {
  return { message, state: "waiting" };
}

function failed(message: string): RolloutStatus {
  return { message, state: "failed" };
}
