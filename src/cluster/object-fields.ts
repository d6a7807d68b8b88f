/** Small questions about an object's fields that the store asks. */
import type { KubeObject, ObjectMeta } from "../model/object.ts";
import { sameJson } from "./json.ts";

/** Metadata that only the store writes: an update cannot change it. */
const SERVER_FIELDS = [
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** The wanted metadata with what only the store writes as it is stored. */
export function keepServerFields(wanted: ObjectMeta, stored: ObjectMeta): ObjectMeta {
  const kept: Record<string, unknown> = { ...wanted };
  for (const field of SERVER_FIELDS) {
    if (stored[field] === undefined) delete kept[field];
    else kept[field] = stored[field];
  }
  return kept as unknown as ObjectMeta;
}

export function withMetadata(object: KubeObject, metadata: Partial<ObjectMeta>): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...metadata } };
}

/** Whether anything but metadata and status differs: that is what a generation counts. */
export function specDiffers(a: KubeObject, b: KubeObject): boolean {
  for (const field of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (field !== "metadata" && field !== "status" && !sameJson(a[field], b[field])) return true;
  }
  return false;
}

export function hasFinalizers(object: KubeObject): boolean {
  return (object.metadata.finalizers ?? []).length > 0;
}
