/** Files of the kubelet's state: where they are, and writing one so that a crash leaves the old or the new content. */
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";

/** Directories under the kubelet's own one, `<state>/kubelet`. */
export const podsDirectory = (root: string): string => join(root, "pods");
export const podDirectory = (root: string, uid: string): string => join(podsDirectory(root), safeName(uid));
export const recordFile = (root: string, uid: string): string => join(podDirectory(root, uid), "record.json");
export const logDirectory = (root: string, uid: string, container: string): string =>
  join(podDirectory(root, uid), "logs", safeName(container));
export const logFile = (root: string, uid: string, container: string, run: number): string =>
  join(logDirectory(root, uid, container), `${run}.log`);
/** Where a container may write: its HOME, with TMPDIR inside. */
export const workDirectory = (root: string, uid: string, container: string): string =>
  join(podDirectory(root, uid), "work", safeName(container));

/** Uids and container names become file names; what is no plain name is encoded, so that none leaves its directory. */
function safeName(name: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) ? name : `%${Buffer.from(name).toString("hex")}`;
}

/**
 * Writes a file that only the user can read, in one step: a reader or a crash sees the old content or the new one.
 *
 * @throws {TrueupError} `io`
 */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  try {
    const fd = openSync(temporary, "w", 0o600);
    try {
      writeAll(fd, text);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    throw new TrueupError("io", `Cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Writes all of the text: a single write may stop half-way when the disk is full. */
export function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** The file's text; `null` when there is no such file. */
export function readIfPresent(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Makes a directory, and those above it, that only the user can enter. */
export function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
