/** One kubelet per state directory: a lock that the system itself frees when its holder dies. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf, TrueupError } from "../model/errors.ts";
import { readIfPresent } from "./files.ts";

/** What `<state>/kubelet/kubelet.json` says of the kubelet that runs, or ran last. */
export interface KubeletFile {
  pid: number;
  socket: string;
  version: string;
  /** RFC 3339. */
  startedAt: string;
}

/**
 * Takes the lock. SQLite's exclusive transaction is a lock of the kernel's on the file, so nothing is left behind by a
 * kubelet that was killed.
 *
 * @param directory `<state>/kubelet`
 * @returns What gives it back
 * @throws {TrueupError} `conflict`, naming the holder, when another kubelet has it
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, "lock.db");
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    chmodSync(path, 0o600);
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    const holder = readKubeletFile(directory);
    const who = holder === null ? "another kubelet" : `the kubelet with process id ${holder.pid}`;
    throw new TrueupError("conflict", `Cannot start a kubelet as it must be the only one of ${directory}: ${who} is.`, {
      hint: "`trueup down` ends it.",
      cause: error,
    });
  }
  return () => database.close();
}

const SQLITE_BUSY = 5;

/** @throws {TrueupError} `io` when the file is no JSON */
export function readKubeletFile(directory: string): KubeletFile | null {
  const path = join(directory, "kubelet.json");
  const text = readIfPresent(path);
  if (text === null) return null;
  try {
    return JSON.parse(text) as KubeletFile;
  } catch (error) {
    throw new TrueupError("io", `Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
