/** How much memory V8 holds for its heap, and having it look now what of that is still used. */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of its pages, with what lies in them and is used no more, and with what is free. */
export function heapHeld(): number {
  return getHeapStatistics().total_heap_size;
}

/**
 * Collects garbage at once, which takes about a millisecond for each megabyte that is used. Pages that are empty then are given
 * back by V8 itself in the half minute that follows.
 */
export function collectGarbage(): void {
  // Node has no function for it: V8 hands its own to the contexts that are made while this flag is set.
  setFlagsFromString("--expose-gc");
  try {
    (runInNewContext("gc") as () => void)();
  } finally {
    setFlagsFromString("--no-expose-gc");
  }
}
