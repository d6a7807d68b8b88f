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
  const shares = [workOn(shared)];
  if (other !== undefined) shares.push(await other);
  const found = new Array<FileCheck>(work.files.length);
  for (const { found: own, unreadable } of shares) {
    if (unreadable !== undefined) throw new Unreadable(unreadable);
    for (const [at, check] of own) found[at] = check;
  }
  return found;
}

/** Starts at once: the thread loads its code while this one goes on. */
function startThread(work: Work): Promise<Share> {
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./check-worker.js";
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: work,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", (text: string) => resolve(JSON.parse(text) as Share));
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the second thread ended with ${code} before it was done`)));
  });
}
