/** Whether a rollout gets any further: by marks that only rise, as pods that come and go would look like progress for ever. */
import type { KubeObject, ObjectKey } from "../model/object.ts";
import type { Deployment, ReplicaSet } from "../model/workload.ts";

/** The best that was seen of one workload. */
interface Marks {
  /** Pods of the new revision. */
  updated: number;
  /** Those of them that were available at once. */
  available: number;
  /** Pods of all revisions beyond the new one: fewer is better. */
  old: number;
  /** When one of them got better last, on the monotonic clock, milliseconds. */
  at: number;
}

export class Headway {
  readonly #marks = new Map<ObjectKey, Marks>();

  /** Another rollout begins: its marks are its own. */
  restart(): void {
    this.#marks.clear();
  }

  /**
   * When the rollout got further last, on the monotonic clock.
   *
   * @param current The ReplicaSet of the new revision, once there is one
   */
  of(key: ObjectKey, { status = {} }: Deployment, current: ReplicaSet | undefined, now: number): number {
    const updated = status.updatedReplicas ?? 0;
    const available = current?.status?.availableReplicas ?? 0;
    return this.#at(key, { updated, available, old: Math.max(0, (status.replicas ?? 0) - updated) }, now);
  }

  /** The same of what counts its pods in its status: a StatefulSet, a DaemonSet, a Job. Of others, when it was first asked. */
  ofCounts(key: ObjectKey, { status }: KubeObject, now: number): number {
    const counts = (typeof status === "object" && status !== null ? status : {}) as Readonly<Record<string, unknown>>;
    const most = (...names: string[]): number =>
      Math.max(0, ...names.map((name) => counts[name]).filter((count) => typeof count === "number"));
    const updated = most("updatedReplicas", "updatedNumberScheduled", "succeeded");
    return this.#at(key, { updated, available: most("readyReplicas", "numberAvailable", "ready"), old: 0 }, now);
  }

  #at(key: ObjectKey, { updated, available, old }: Omit<Marks, "at">, now: number): number {
    const before = this.#marks.get(key);
    const isFurther =
      before === undefined || updated > before.updated || available > before.available || old < before.old;
    const marks: Marks = {
      updated: Math.max(updated, before?.updated ?? 0),
      available: Math.max(available, before?.available ?? 0),
      old: Math.min(old, before?.old ?? old),
      at: isFurther ? now : before.at,
    };
    this.#marks.set(key, marks);
    return marks.at;
  }
}
