/** The Recreate strategy: nothing new before all of the old is gone. Pure. */
import { controllerOf } from "../model/object.ts";
import type { Pod, ReplicaSet } from "../model/workload.ts";
import { actualOf, sum } from "./replicasets.ts";

/**
 * Whether anything of an old revision may still run: a pod that a ReplicaSet counts, or any pod, terminating ones
 * included, that has not ended.
 *
 * @param pods Pods of the Deployment's ReplicaSets
 * @param current The new ReplicaSet, whose pods do not count
 * @see Kubernetes pkg/controller/deployment/recreate.go, oldPodsRunning
 */
export function oldPodsRunning(
  old: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  pods: readonly Pod[],
): boolean {
  if (sum(old, actualOf) > 0) return true;
  return pods.some((pod) => {
    const owner = controllerOf(pod);
    if (owner === undefined || (current !== undefined && owner.uid === current.metadata.uid)) return false;
    return pod.status?.phase !== "Failed" && pod.status?.phase !== "Succeeded";
  });
}
