/** Deletes the very object that is there, and waits until it is gone. */
import type { DeleteRequest } from "../../model/backend.ts";
import type { JsonObject, KubeObject, ObjectId } from "../../model/object.ts";
import type { KubeContext } from "./context.ts";
import { statusOf } from "./status.ts";
import { untilGone } from "./until-gone.ts";
import { anotherObject } from "./write-rules.ts";

/** @throws {TrueupError} `conflict` when it is not the one that was meant; what the server says */
export async function deletePresent(
  { api, cache }: Pick<KubeContext, "api" | "cache">,
  { id, live, path, present }: { id: ObjectId; live: ObjectId; path: string; present: KubeObject },
  { uid: meant, gracePeriodSeconds }: DeleteRequest,
  signal: AbortSignal,
): Promise<void> {
  const uid = present.metadata.uid ?? "";
  if (meant !== undefined && meant !== uid) throw anotherObject(id);
  const body = {
    apiVersion: "v1",
    kind: "DeleteOptions",
    propagationPolicy: "Background",
    preconditions: { uid },
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
  };
  let answer: JsonObject | null = null;
  try {
    answer = await api.request({ method: "DELETE", path, body }, signal);
  } catch (error) {
    if (statusOf(error)?.code !== 404) throw error;
  }
  // A status says that it is gone; an object may be the last one of its kind, or wait for its finalizers: events tell.
  if (answer === null || answer.kind === "Status") cache.remove(live, uid);
  await untilGone(cache, live, uid, signal);
}
