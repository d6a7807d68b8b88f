/** How often the start of a pod's container was tried in vain, where nodes fetch images: by events, and by what was seen. */

import { timesOf } from "../model/event-times.ts";
import type { KubeObject } from "../model/object.ts";
import type { KubeEvent, Pod } from "../model/workload.ts";

/** A kubelet that could not fetch an image says so, backs off (which is another reason), and says so again. */
const FETCH_FAILED = "ErrImagePull";

interface Seen {
  /** Whether the last thing seen was a failed try, so that the same one seen again is not counted again. */
  isFailing: boolean;
  tries: number;
}

export class StartTries {
  /** Uid of a pod to its containers. */
  readonly #seen = new Map<string, Map<string, Seen>>();

  /** A pod changed or went. */
  see(object: KubeObject, present: boolean): void {
    const { uid } = object.metadata;
    if (object.kind !== "Pod" || uid === undefined) return;
    if (!present) {
      this.#seen.delete(uid);
      return;
    }
    for (const { name, state } of statusesOf(object as Pod)) {
      const isFailing = state.waiting?.reason === FETCH_FAILED;
      const seen = this.#seen.get(uid)?.get(name);
      if (seen === undefined && !isFailing) continue;
      const containers = this.#seen.get(uid) ?? new Map<string, Seen>();
      this.#seen.set(uid, containers);
      const isAnother = isFailing && seen?.isFailing !== true;
      containers.set(name, { isFailing, tries: (seen?.tries ?? 0) + (isAnother ? 1 : 0) });
    }
  }

  /** @param events Warnings about the pod */
  of({ metadata: { uid = "" } }: Pod, container: string, events: readonly KubeEvent[]): number {
    let told = 0;
    for (const event of events) {
      const { fieldPath } = event.involvedObject;
      // `spec.containers{web}`, `spec.initContainers{setup}`
      const isAbout = fieldPath === undefined || fieldPath.endsWith(`{${container}}`);
      if (event.reason !== "Failed" || !isAbout) continue;
      // "Error: ErrImagePull" and "Error: ImagePullBackOff" are about the same tries again.
      if (/^Error: (?:Err|ImagePull|ImageInspect)/.test(event.message)) continue;
      told = Math.max(told, timesOf(event).count);
    }
    return Math.max(told, this.#seen.get(uid)?.get(container)?.tries ?? 0);
  }
}

function statusesOf({ status }: Pod): NonNullable<NonNullable<Pod["status"]>["containerStatuses"]> {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
