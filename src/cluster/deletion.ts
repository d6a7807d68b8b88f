/** What deleting an object means: whether it goes at once, or is marked and waits for something. Pure. */
import { type KubeObject, timestamp } from "../model/object.ts";
import { hasFinalizers } from "./object-fields.ts";

/** How long a pod's containers may take to stop unless it, or the request, says otherwise; Kubernetes' default. */
const DEFAULT_GRACE_SECONDS = 30;

/**
 * The object as it waits for its end; `null` when it goes at once. The object itself when it already waits and the request
 * does not shorten that.
 *
 * Pods wait for their processes, Namespaces for their content, others for their finalizers. A pod that was never assigned
 * goes at once only when no grace period is wanted.
 *
 * @param gracePeriodSeconds Asked for; for pods only
 * @param now Milliseconds since the Unix epoch
 */
export function deleted(object: KubeObject, gracePeriodSeconds: number | undefined, now: number): KubeObject | null {
  if (object.kind === "Pod") {
    const spec = object.spec as { terminationGracePeriodSeconds?: number; nodeName?: string };
    const grace = Math.max(0, gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
    if (grace === 0 && spec.nodeName === undefined && !hasFinalizers(object)) return null;
    return marked(object, grace, now);
  }
  if (object.kind === "Namespace") {
    return marked(
      { ...object, status: { ...(object.status as object | undefined), phase: "Terminating" } },
      0,
      now,
      object,
    );
  }
  return hasFinalizers(object) ? marked(object, 0, now) : null;
}

/** The object as it waits for nothing but its finalizers. */
export function ended(object: KubeObject, now: number): KubeObject | null {
  return hasFinalizers(object) ? marked(object, 0, now) : null;
}

/** Whether a change took away the last thing that held an object which is being deleted. Pods and Namespaces wait for more. */
export function isReleased(before: KubeObject, after: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = after.metadata;
  if (deletionTimestamp === undefined || hasFinalizers(after) || !hasFinalizers(before)) return false;
  return after.kind === "Pod" ? deletionGracePeriodSeconds === 0 : after.kind !== "Namespace";
}

/** A grace period is shortened by a later request, never prolonged. */
function marked(object: KubeObject, graceSeconds: number, now: number, unchanged: KubeObject = object): KubeObject {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = object.metadata;
  if (deletionTimestamp !== undefined && deletionGracePeriodSeconds <= graceSeconds) return unchanged;
  const metadata = {
    ...object.metadata,
    deletionTimestamp: timestamp(now + graceSeconds * 1000),
    deletionGracePeriodSeconds: graceSeconds,
  };
  return { ...object, metadata };
}
