/** Whether a program can be started: Node ends the whole process where pipes to a child cannot be made and nobody listens yet. */
import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";

/** Three pipes have two ends each, and starting takes two more; the rest is for what others open in between. */
const NEEDED = 16;

/**
 * Opens and closes as many files as starting a program may take: some 50 µs.
 *
 * @throws The system's error (EMFILE, ENFILE) when there are not so many left
 */
export function requireDescriptors(count: number = NEEDED): void {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync(devNull, "r"));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}
