/** Log files of containers: opened for the process itself to write, rotated in place, read back line by line. */
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  watch,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import type { ContainerLaunch } from "../model/runtime.ts";
import type { Clock } from "../util/clock.ts";
import { logDirectory, logFile, makeDirectory, removeDirectory } from "./files.ts";

/** When a log is rotated, bytes, and how many older files are kept beside it. */
export interface LogLimits {
  maxBytes: number;
  keep: number;
}

export const DEFAULT_LOG_LIMITS: LogLimits = { maxBytes: 10 * 1024 * 1024, keep: 3 };

const CHUNK = 64 * 1024;

/** A line longer than this is given in pieces. */
const LONGEST_LINE = 1024 * 1024;

/** Most that is read for the last lines, bytes: more than a log and its older files hold, unless they grew between two looks. */
const LONGEST_TAIL = 64 * 1024 * 1024;

/** Runs whose logs are kept: the present one and the one before it, as the kubelet does. */
const RUNS_KEPT = 2;

/** How long a follower waits before it looks by itself, in case the file system does not tell of changes, milliseconds. */
const FOLLOW_POLL_MS = 1_000;

export function logPath(directory: string, { podUid, container, run }: ContainerLaunch): string {
  return logFile(directory, podUid, container, run);
}

/**
 * Opens the log of a run for appending, for its process to inherit, and drops logs of runs long past. With O_APPEND each
 * write goes to the end of the file as it is then, so that cutting the file short leaves no hole.
 */
export function openLog(directory: string, launch: ContainerLaunch): number {
  const folder = logDirectory(directory, launch.podUid, launch.container);
  makeDirectory(folder);
  for (const name of readdirSync(folder)) {
    if (Number.parseInt(name, 10) <= launch.run - RUNS_KEPT) removeDirectory(join(folder, name));
  }
  return openSync(logPath(directory, launch), "a", 0o600);
}

/**
 * Rotates a log that is over its limit, while its process goes on writing: the content is copied to `<log>.1` and the
 * file cut to nothing. What is written between the last look and the cut, a few microseconds, is lost; the alternative,
 * a pipe through the kubelet, would stop the process when the kubelet dies.
 */
export function rotateLog(path: string, { maxBytes, keep }: LogLimits): boolean {
  const size = sizeOf(path);
  if (size === null || size <= maxBytes) return false;
  for (let index = keep; index > 1; index--) {
    if (sizeOf(`${path}.${index - 1}`) !== null) renameSync(`${path}.${index - 1}`, `${path}.${index}`);
  }
  copyFileSync(path, `${path}.1`, constants.COPYFILE_FICLONE);
  const source = openSync(path, "r+");
  const target = openSync(`${path}.1`, "a");
  try {
    const buffer = Buffer.alloc(CHUNK);
    for (let at = fstatSync(target).size; ; ) {
      const count = readSync(source, buffer, 0, CHUNK, at);
      if (count === 0) break;
      writeSync(target, buffer, 0, count);
      at += count;
    }
    ftruncateSync(source, 0);
  } finally {
    closeSync(source);
    closeSync(target);
  }
  return true;
}

/**
 * The last lines of a log, oldest first, rotated files included. Of a log without line ends it reads no more than as many
 * of the longest lines, so that a pod that writes gigabytes at once does not keep the kubelet from its work.
 */
export function tailLog(path: string, count: number): string[] {
  if (count <= 0) return [];
  const limit = Math.min(count * LONGEST_LINE, LONGEST_TAIL);
  const parts: Buffer[] = [];
  let ends = 0;
  let bytes = 0;
  for (const file of [...olderFiles(path), path].reverse()) {
    let end = sizeOf(file) ?? 0;
    while (end > 0 && ends <= count && bytes < limit) {
      const start = Math.max(0, end - CHUNK);
      const part = readRange(file, start, end);
      parts.push(part);
      ends += lineEnds(part);
      bytes += part.length;
      end = start;
    }
  }
  const lines = Buffer.concat(parts.reverse()).toString("utf8").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.slice(-count);
}

export interface FollowOptions {
  clock: Clock;
  /** Whether the run has ended: then what is there is all. */
  ended(): boolean;
  /** Resolves when the run has ended. */
  end: Promise<unknown>;
  signal: AbortSignal;
}

/** All lines of a log from its oldest file on, or its last ones; with `follow`, those to come too. */
export async function* readLog(
  path: string,
  tail: number | undefined,
  follow: FollowOptions | null,
): AsyncGenerator<string> {
  let position = 0;
  if (tail === undefined) {
    for (const file of olderFiles(path)) yield* new LineReader(file).rest(true);
  } else {
    position = sizeOf(path) ?? 0;
    const lines = tailLog(path, tail);
    const unfinished = position > 0 && readRange(path, position - 1, position).toString() !== "\n";
    if (follow !== null && unfinished) position -= Buffer.byteLength(lines.pop() ?? "");
    yield* lines;
    if (follow === null) return;
  }
  const reader = new LineReader(path, position);
  const waiting = { wake: () => undefined };
  // Once for all waits: each wait's own would stay with the run for as long as it runs.
  if (follow !== null) void follow.end.then(() => waiting.wake());
  for (;;) {
    const last = follow === null || follow.ended();
    yield* reader.rest(last);
    if (last || follow.signal.aborted) return;
    if (!follow.ended()) await changeOf(path, follow, waiting);
  }
}

/** Reads lines from where it stopped; starts over when the file was cut short. */
class LineReader {
  readonly #path: string;
  #position: number;
  #decoder = new StringDecoder("utf8");
  #partial = "";

  constructor(path: string, position = 0) {
    this.#path = path;
    this.#position = position;
  }

  /** @param all Whether an unfinished last line counts as one */
  *rest(all: boolean): Generator<string> {
    const size = sizeOf(this.#path) ?? 0;
    if (size < this.#position) this.#position = 0;
    while (this.#position < size) {
      const bytes = readRange(this.#path, this.#position, Math.min(size, this.#position + CHUNK));
      if (bytes.length === 0) break;
      this.#position += bytes.length;
      const lines = (this.#partial + this.#decoder.write(bytes)).split("\n");
      this.#partial = lines.pop() ?? "";
      yield* lines;
      if (this.#partial.length > LONGEST_LINE) {
        yield this.#partial;
        this.#partial = "";
      }
    }
    if (all && this.#partial !== "") {
      yield this.#partial;
      this.#partial = "";
    }
  }
}

/** Resolves when the file may have changed, the run has ended, or the signal ends it. */
function changeOf(path: string, { clock, signal }: FollowOptions, waiting: { wake: () => void }): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(path, { persistent: false });
    const finish = (): void => {
      waiting.wake = () => undefined;
      cancel();
      watcher.close();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.setTimer(FOLLOW_POLL_MS, finish);
    watcher.once("change", finish);
    watcher.once("error", finish);
    signal.addEventListener("abort", finish, { once: true });
    waiting.wake = finish;
  });
}

/** Rotated files, oldest first. */
function olderFiles(path: string): string[] {
  const found: string[] = [];
  for (let index = 1; sizeOf(`${path}.${index}`) !== null; index++) found.unshift(`${path}.${index}`);
  return found;
}

function lineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

function readRange(path: string, start: number, end: number): Buffer {
  const fd = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(end - start);
    return buffer.subarray(0, readSync(fd, buffer, 0, end - start, start));
  } finally {
    closeSync(fd);
  }
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}
