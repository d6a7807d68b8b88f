/** Ends reading at once when a signal is aborted, even if the source does not look at the signal. */

/** @throws The signal's reason, as soon as it is aborted */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let abort: () => void = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  // The race below may be over when the signal comes: nobody waits for this promise then.
  aborted.catch(() => {});
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    // Not awaited: a source that hangs would hold the reader. Its failure after the end is of no interest to anybody.
    iterator.return?.()?.catch(() => {});
  }
}
