/** Checks many files on two threads; a few on this one, as another takes a while to start. */
import { readFileSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Diagnostic } from "../../model/diagnostic.ts";
import type { FileCheck } from "../../validation/index.ts";
import { type CheckCache, type Kept, keyOf } from "./cache.ts";
import { type Share, type Work, workOn } from "./share.ts";
import { stampOf } from "./stamp.ts";

/** Fewer files than these are checked sooner by one thread (measured on two cores, files of 1.3 kB). */
const WORTH_A_THREAD = 400;

/** V8 sets aside room for new objects by these; what a check makes is hardly ever kept. Megabytes. */
const YOUNG_MB = 64;

/** What the thread is told. */
export interface ThreadData {
  work: Work;
  /** Where Node keeps compiled code, if it does. */
  compiled: string | undefined;
}

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

export interface CheckFilesOptions {
  /** From how many files on a second thread helps. */
  worthAThread?: number;
  /** From how many files on a cache helps. */
  worthACache?: number;
  /** Where results are kept for the next run. */
  cache?: CheckCache | undefined;
  /** Whether what is wrong with an object by itself decides about what comparing it with others says; taken to be so. */
  setsApart?: (diagnostic: Diagnostic) => boolean;
  /** Milliseconds since the epoch: files written to just before are read in any case. */
  now?: number;
}

export interface CheckedFiles {
  /** In the order of the files. */
  checks: FileCheck[];
  /** What comparing their objects would find, where that is known already. */
  together?: Diagnostic[];
  /** Keeps it all for the next run, with what comparing the objects found, if that depends on these files alone. */
  keep(together?: readonly Diagnostic[]): void;
}

/**
 * Checks every file.
 *
 * @throws {Unreadable} When a file cannot be read
 */
export async function checkFiles(
  work: Omit<Work, "next" | "withKeys">,
  {
    worthAThread = WORTH_A_THREAD,
    worthACache = WORTH_A_THREAD,
    cache,
    setsApart = () => true,
    now = Date.now(),
  }: CheckFilesOptions = {},
): Promise<CheckedFiles> {
  if (cache === undefined || work.files.length < worthACache)
    return { checks: (await checkAll(work, false, worthAThread)).checks, keep: () => {} };
  const kept = new Map<string, Kept>();
  const stamps = work.files.map(({ path }) => stampOf(path, now));
  const checks = work.files.map(({ path, file }, at) => {
    const stamp = stamps[at] as string;
    const known = cache.isEmpty ? undefined : (cache.unchanged(file, stamp) ?? sameContent(cache, path, file));
    if (known !== undefined) kept.set(known.key, { file, stamp, check: known.check });
    return known?.check;
  });
  const left = [...checks.keys()].filter((at) => checks[at] === undefined);
  const files = left.map((at) => work.files[at] as Work["files"][number]);
  const { checks: own, keys } = await checkAll({ ...work, files }, true, worthAThread);
  for (const [nth, check] of own.entries()) {
    const at = left[nth] as number;
    checks[at] = check;
    kept.set(keys[nth] as string, { file: files[nth]?.file ?? "", stamp: stamps[at] as string, check });
  }
  const together = cache.together(kept, setsApart);
  if (together !== undefined) {
    cache.save(kept, together);
    return { checks: checks as FileCheck[], together, keep: () => {} };
  }
  return {
    checks: checks as FileCheck[],
    keep: (found) => cache.save(kept, found),
  };
}

function sameContent(cache: CheckCache, path: string, file: string): { key: string; check: FileCheck } | undefined {
  const key = keyOf(file, readText(path, file));
  const check = cache.get(key);
  return check === undefined ? undefined : { key, check };
}

function readText(path: string, file: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Unreadable({ file, code, message });
  }
}

async function checkAll(
  work: Omit<Work, "next" | "withKeys">,
  withKeys: boolean,
  worthAThread: number,
): Promise<{ checks: FileCheck[]; keys: string[] }> {
  const shared: Work = { ...work, withKeys, next: new SharedArrayBuffer(4) };
  const isWorth = work.files.length >= worthAThread && availableParallelism() > 1;
  const other = isWorth ? startThread(shared) : undefined;
  const found: Found = { checks: new Array<FileCheck | undefined>(work.files.length), keys: [] };
  take(found, workOn(shared));
  if (other !== undefined) take(found, await other);
  // What a thread took that then ended (no memory, no descriptors) is done here.
  const left = [...found.checks.keys()].filter((at) => found.checks[at] === undefined);
  if (left.length > 0) {
    const files = left.map((at) => work.files[at] as Work["files"][number]);
    const rest = workOn({ ...work, files, withKeys, next: new SharedArrayBuffer(4) });
    take(found, { ...rest, found: rest.found.map(([at, check, key]) => [left[at] as number, check, key]) });
  }
  return { checks: found.checks as FileCheck[], keys: found.keys };
}

interface Found {
  checks: (FileCheck | undefined)[];
  keys: string[];
}

function take({ checks, keys }: Found, { found, unreadable }: Share): void {
  if (unreadable !== undefined) throw new Unreadable(unreadable);
  for (const [at, check, key] of found) {
    checks[at] = check;
    keys[at] = key;
  }
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
      workerData: { work, compiled: getCompileCacheDir() } satisfies ThreadData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.once("message", (text: string) => resolve(JSON.parse(text) as Share));
    // Its files are checked by the main thread, which meets the same fault, if it is one of the files'.
    worker.once("error", () => resolve({ found: [] }));
    worker.once("exit", () => resolve({ found: [] }));
  });
}
