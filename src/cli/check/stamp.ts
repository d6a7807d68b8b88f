/** Tells a file that nobody wrote to since, without reading it. */
import { statSync } from "node:fs";

/** A file written to so shortly before it was looked at may be written to again within one tick of its clock. Milliseconds. */
const TOO_FRESH_MS = 2_000;

/**
 * Device, inode, size and both times of a file, to the microsecond: equal when the file was not written to, replaced or
 * touched in between. Asked for before the file is read.
 *
 * @param now Milliseconds since the epoch
 * @returns "" when nothing can be concluded: it is not there, or was written to a moment ago
 */
export function stampOf(path: string, now: number): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "";
  const { dev, ino, size, mtimeMs, ctimeMs } = found;
  return Math.max(mtimeMs, ctimeMs) > now - TOO_FRESH_MS ? "" : `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}
