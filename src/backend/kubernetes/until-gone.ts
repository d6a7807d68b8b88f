/** Waits for the end of an object, as events tell it. */
import type { ObjectId } from "../../model/object.ts";
import type { ObjectCache } from "./cache.ts";

/**
 * Settles when the cache does not show the object with this uid any more.
 *
 * @throws The signal's reason, when it is aborted
 */
export function untilGone(cache: ObjectCache, id: ObjectId, uid: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      unsubscribe();
      signal.removeEventListener("abort", abort);
      settle();
    };
    const abort = (): void => end(() => reject(signal.reason));
    const unsubscribe = cache.subscribe(({ type, observed }) => {
      if (type === "deleted" && observed.object.metadata.uid === uid) end(resolve);
    });
    if (cache.get(id)?.object.metadata.uid !== uid) end(resolve);
    else if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
