/** A limit for work that waits for somebody else: when the time is up, the wait ends with an error that says for what. */
import type { Clock } from "./clock.ts";

/**
 * Does the work, and gives up waiting for it when it takes too long. Its signal is aborted then, and when the given one is.
 *
 * @param ms Longest wait, milliseconds
 * @param late Makes the error when the time is up
 * @throws What the work throws, the signal's reason, or what `late` makes
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => Error,
): Promise<T> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const ended = Promise.withResolvers<never>();
  const end = (reason: unknown): void => {
    limit.abort(reason);
    ended.reject(reason);
  };
  const onAbort = (): void => end(signal.reason);
  const cancel = clock.setTimer(ms, () => end(late()));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work(limit.signal), ended.promise]);
  } finally {
    cancel();
    signal.removeEventListener("abort", onAbort);
  }
}
