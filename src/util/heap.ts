/** How much V8 has in its heap, and having it look now what of that is still used. */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of objects, of which some may be used no more. */
export function heapInUse(): number {
  return getHeapStatistics().used_heap_size;
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
