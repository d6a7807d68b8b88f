/** Objects for the API: masked, filtered, and as a list that turns into a watch without a gap. */

import { redactObject } from "../diff/redact.ts";
import type { Backend, ListQuery, WatchEvent } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import type { KubeObject } from "../model/object.ts";
import type { KubeEvent } from "../model/workload.ts";
import type { ObjectEvent, ObjectListBody } from "./wire.ts";

/** Which of the listed objects are wanted. */
export type ObjectFilter = (object: KubeObject) => boolean;

export const everyObject: ObjectFilter = () => true;

/** Event objects about one object; a kind is compared without regard to case. */
export function eventsAbout(kind: string | undefined, name: string | undefined): ObjectFilter {
  return (object) => {
    const about = (object as Partial<KubeEvent>).involvedObject;
    if (about === undefined) return false;
    if (kind !== undefined && about.kind.toLowerCase() !== kind.toLowerCase()) return false;
    return name === undefined || about.name === name;
  };
}

export async function listObjects(
  backend: Backend,
  query: ListQuery,
  filter: ObjectFilter,
  signal: AbortSignal,
): Promise<ObjectListBody> {
  const { items, version } = await backend.list(query, signal);
  return {
    items: items
      .map(({ object }) => object)
      .filter(filter)
      .map(redactObject),
    version,
  };
}

/**
 * What is there, then `synced`, then each change, until the signal ends it. When the store no longer knows the version
 * to go on from, the stream fails with `unavailable`: whoever reads it begins again with a new list.
 */
export async function* watchObjects(
  backend: Backend,
  query: ListQuery,
  filter: ObjectFilter,
  signal: AbortSignal,
): AsyncIterable<ObjectEvent> {
  const { items, version } = await listObjects(backend, query, filter, signal);
  for (const object of items) yield { type: "added", object, version };
  yield { type: "synced", version };
  try {
    for await (const event of backend.watch(query, version, signal)) {
      const sent = asObjectEvent(event, filter);
      if (sent !== null) yield sent;
    }
  } catch (error) {
    if (error instanceof TrueupError && error.code === "not-found") {
      throw new TrueupError("unavailable", "Cannot go on with the watch as its version is too old: begin again.", {
        cause: error,
      });
    }
    throw error;
  }
}

function asObjectEvent(event: WatchEvent, filter: ObjectFilter): ObjectEvent | null {
  if (event.type === "bookmark" || !filter(event.observed.object)) return null;
  return { type: event.type, object: redactObject(event.observed.object), version: event.version };
}
