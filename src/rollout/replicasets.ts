/** Reading ReplicaSets: their sizes, their order, and the bookkeeping in their annotations. Pure. */
import type { KubeObject } from "../model/object.ts";
import { ANNOTATION, type ReplicaSet } from "../model/workload.ts";
import { compareText } from "./equal.ts";

const MAX_INT32 = 2_147_483_647;

/** Replicas that the ReplicaSet is told to have; 1 when it does not say. */
export function sizeOf(replicaSet: ReplicaSet): number {
  return replicaSet.spec.replicas ?? 1;
}

/** Pods that it reports, terminating ones not counted. */
export function actualOf(replicaSet: ReplicaSet): number {
  return replicaSet.status?.replicas ?? 0;
}

export function availableOf(replicaSet: ReplicaSet): number {
  return replicaSet.status?.availableReplicas ?? 0;
}

/** Whether it is told to have any pod. */
export function isActive(replicaSet: ReplicaSet): boolean {
  return sizeOf(replicaSet) > 0;
}

export function sum(replicaSets: readonly ReplicaSet[], count: (replicaSet: ReplicaSet) => number): number {
  return replicaSets.reduce((total, replicaSet) => total + count(replicaSet), 0);
}

/** Oldest first; of equal age, by name. */
export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  return (
    compareText(a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? "") ||
    compareText(a.metadata.name, b.metadata.name)
  );
}

/**
 * A count kept in an annotation.
 *
 * @returns `valid: false` when the annotation is absent
 * @throws {RangeError} If it is not a whole number ("invalid syntax") or does not fit 32 bits ("out of range")
 */
export function annotationInt32(object: KubeObject, key: string): { value: number; valid: boolean } {
  const text = object.metadata.annotations?.[key];
  if (text === undefined) return { value: 0, valid: false };
  if (!/^[0-9]+$/.test(text)) {
    throw new RangeError(`Cannot read annotation ${key} as it must be a whole number: invalid syntax: "${text}".`);
  }
  const value = Number(text);
  if (value > MAX_INT32) {
    throw new RangeError(`Cannot read annotation ${key} as it must be at most ${MAX_INT32}: out of range: "${text}".`);
  }
  return { value, valid: true };
}

/** What one annotation says, where somebody else may have edited it: anything that is no count reads as absent. */
function lenientInt32(object: KubeObject, key: string): number | undefined {
  try {
    const { value, valid } = annotationInt32(object, key);
    return valid ? value : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The Deployment's size when this ReplicaSet was scaled last; `undefined` when nothing readable says. */
export function desiredAnnotationOf(replicaSet: ReplicaSet): number | undefined {
  return lenientInt32(replicaSet, ANNOTATION.desiredReplicas);
}

/** The Deployment's size and surge when this ReplicaSet was scaled last; `undefined` when nothing readable says. */
export function maxAnnotationOf(replicaSet: ReplicaSet): number | undefined {
  return lenientInt32(replicaSet, ANNOTATION.maxReplicas);
}

/** Revision number of a ReplicaSet or Deployment; 0 when it has none. */
export function revisionOf(object: KubeObject): number {
  return lenientInt32(object, ANNOTATION.revision) ?? 0;
}

/** The two annotations that remember at which size of the Deployment a ReplicaSet was scaled. */
export function replicasAnnotations(desired: number, max: number): Record<string, string> {
  return { [ANNOTATION.desiredReplicas]: String(desired), [ANNOTATION.maxReplicas]: String(max) };
}

/** Whether those annotations differ from what they should say. */
export function replicasAnnotationsNeedUpdate(replicaSet: KubeObject, desired: number, max: number): boolean {
  const wanted = replicasAnnotations(desired, max);
  return Object.entries(wanted).some(([key, value]) => replicaSet.metadata.annotations?.[key] !== value);
}

/** Sums over ReplicaSets. */
export interface ReplicaCounts {
  spec: number;
  status: number;
  /** `undefined` when a ReplicaSet that was synced does not say. */
  terminating: number | undefined;
}

/**
 * Sums sizes, pods and terminating pods. A ReplicaSet that was never synced and reports no pods has no terminating ones.
 *
 * @see Kubernetes pkg/controller/deployment/util/deployment_util.go, GetTerminatingReplicaCountForReplicaSets
 */
export function replicaCounts(replicaSets: readonly ReplicaSet[]): ReplicaCounts {
  let terminating: number | undefined = 0;
  for (const { status } of replicaSets) {
    const unsynced = (status?.observedGeneration ?? 0) === 0 && (status?.replicas ?? 0) === 0;
    const own: number | undefined = status?.terminatingReplicas ?? (unsynced ? 0 : undefined);
    terminating = terminating === undefined || own === undefined ? undefined : terminating + own;
  }
  return { spec: sum(replicaSets, sizeOf), status: sum(replicaSets, actualOf), terminating };
}
