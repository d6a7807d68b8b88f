/** Checks many files on two threads; a few on this one, as another takes a while to start. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { FileCheck } from "../../validation/index.ts";
import { type Share, type Work, workOn } from "./share.ts";

/** Fewer files than these are checked sooner by one thread (measured on two cores, files of 1.3 kB). */
const WORTH_A_THREAD = 400;

/** V8 sets aside room for new objects by these; what a check makes is hardly ever kept. Megabytes. */
const YOUNG_MB = 64;

/** A file could not be read. */
export class Unreadable extends Error {
  readonly file: string;
  readonly code: string | undefined;

  constructor({ file, code, message }: NonNullable<Share["unreadable"]>) {
    super(message);
    this.file = file;
    this.code = code;
  }
}

/**
 * Every file's check, in the order of the files.
 *
 * @param worthAThread From how many files on a second thread helps
 * @throws {Unreadable} When a file cannot be read
 */
export async function checkFiles(work: Omit<Work, "next">, worthAThread = WORTH_A_THREAD): Promise<FileCheck[]> {
  const shared: Work = { ...work, next: new SharedArrayBuffer(4) };
  const isWorth = work.files.length >= worthAThread && availableParallelism() > 1;
  const other = isWorth ? startThread(shared) : undefined;
  const found = new Array<FileCheck | undefined>(work.files.length);
  take(found, workOn(shared));
  if (other !== undefined) take(found, await other);
  // What a thread took that then ended (no memory, no descriptors) is done here.
  const left = [...found.keys()].filter((at) => found[at] === undefined);
  if (left.length > 0) {
    const files = left.map((at) => work.files[at] as Work["files"][number]);
    const rest = workOn({ ...work, files, next: new SharedArrayBuffer(4) });
    take(found, { ...rest, found: rest.found.map(([at, check]) => [left[at] as number, check]) });
  }
  return found as FileCheck[];
}

function take(into: (FileCheck | undefined)[], { found, unreadable }: Share): void {
  if (unreadable !== undefined) throw new Unreadable(unreadable);
  for (const [at, check] of found) into[at] = check;
}

/**
 * Starts at once: the thread loads its code while this one goes on.
 *
 * @returns What the thread found: nothing, where it ended before it was done
 */
function startThread(work: Work): Promise<Share> {
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./check-worker.js";
  return new Promise((resolve) => {
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: work,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.once("message", (text: string) => resolve(JSON.parse(text) as Share));
    // Its files are checked by the main thread, which meets the same fault, if it is one of the files'.
    worker.once("error", () => resolve({ found: [] }));
    worker.once("exit", () => resolve({ found: [] }));
  });
}
