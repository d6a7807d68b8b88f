/** The embedded cluster's object store as its controllers see it: synchronous, always current, versioned. */
import type { KubeObject, ObjectKey } from "./object.ts";

export interface StoreEvent {
  type: "added" | "modified" | "deleted";
  object: KubeObject;
  /** The object before the change; absent for "added". */
  previous?: KubeObject;
  /** Version of the store after the change. */
  version: number;
}

/** Name and, for namespaced kinds, namespace and kind index: what `list` can narrow by. */
export interface StoreQuery {
  group?: string;
  kind?: string;
  namespace?: string;
}

/**
 * Objects handed out are frozen: copy before changing. Every write bumps `resourceVersion`; a write that changes nothing
 * is no write. `update` with a `resourceVersion` that is not the stored one is refused (code `conflict`).
 */
export interface ObjectStore {
  get(key: ObjectKey): KubeObject | undefined;
  byUid(uid: string): KubeObject | undefined;
  list(query: StoreQuery): KubeObject[];
  /** Objects whose controller (ownerReference with controller: true) has this uid. */
  controlledBy(uid: string): KubeObject[];
  /** Fills in uid, timestamps, generation 1, defaults. Code `conflict` when the name is taken; `generateName` is honoured. */
  create(object: KubeObject): KubeObject;
  /** Replaces all but status; `generation` grows when the spec changed. Code `not-found` when it is gone. */
  update(object: KubeObject): KubeObject;
  /** Replaces status only. */
  updateStatus(object: KubeObject): KubeObject;
  /**
   * Pods get a deletionTimestamp and stay until `remove` (the kubelet has ended them), unless the grace period is 0 and
   * they were never assigned; objects with finalizers stay until those are gone; others go at once. Absent: nothing happens.
   */
  delete(key: ObjectKey, options?: { gracePeriodSeconds?: number; uid?: string }): void;
  /** Ends the deletion of a pod whose processes are gone. */
  remove(key: ObjectKey, uid: string): void;
  /** Called after each change, in order, synchronously after the change is visible; never inside another listener. */
  subscribe(listener: (event: StoreEvent) => void): () => void;
  /** Groups writes into one database transaction; listeners hear of them afterwards. */
  transaction<T>(work: () => T): T;
  readonly version: number;
}

/** Records an event about an object; equal ones are counted, not repeated. */
export interface EventRecorder {
  record(about: KubeObject, type: "Normal" | "Warning", reason: string, message: string, component: string): void;
}
