/** Ends reading at once when a signal is aborted, even if the source does not look at the signal. */

/** @throws The signal's reason, as soon as it is aborted */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let abort: () => void = () => {};
  const onAbort = (): void => abort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      // Not a race against one promise for the signal: that one would hold on to all that was read until it settles.
      const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
        abort = () => reject(signal.reason);
        if (signal.aborted) abort();
        else iterator.next().then(resolve, reject);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a source that hangs would hold the reader. Its failure after the end is of no interest to anybody.
    iterator.return?.()?.catch(() => {});
  }
}
