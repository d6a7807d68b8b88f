/** Closes what this process inherited and did not ask for, so that no pod inherits it in turn. */
import { closeSync, readdirSync } from "node:fs";
import { readIfPresent } from "./files.ts";

/** `O_CLOEXEC` in the octal `flags` of proc(5) `fdinfo`. Node sets it on all that it opens itself. */
const CLOSE_ON_EXEC = 0o2000000;
const LAST_STANDARD = 2;

/**
 * Closes the descriptors that whoever started this process left open: a lock, a pipe that somebody waits for the end of.
 * Node keeps only low ones from its children, as it stops looking at the first gap. Elsewhere than on Linux the system
 * hands a child no more than it is given.
 */
export function closeInherited(): void {
  if (process.platform !== "linux") return;
  for (const fd of readdirSync("/proc/self/fd").map(Number)) {
    if (fd <= LAST_STANDARD) continue;
    // The one by which the directory was read is among them, and gone by now.
    const flags = /^flags:\s*([0-7]+)$/m.exec(readIfPresent(`/proc/self/fdinfo/${fd}`) ?? "")?.[1];
    if (flags === undefined || (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0) continue;
    closeSync(fd);
  }
}
