/** What tells a state directory from a copy of it: an id inside, with the place in which it was given. */
import { closeSync, mkdirSync, openSync, readFileSync, realpathSync, renameSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { parseRecord } from "./json.ts";
import { type Random, randomUuid } from "./random.ts";

/** Name of the file inside a state directory. */
export const IDENTITY_FILE = "identity.json";

/** What the file says. */
export interface StateIdentity {
  id: string;
  /** Where the directory was when it was used last, symbolic links resolved. */
  path: string;
  /** Device and inode number of the directory: they stay when it is renamed, and no copy has them. */
  device: string;
  inode: string;
}

/** Where a state directory is now. */
export type StatePlace = Omit<StateIdentity, "id">;

/**
 * - `new`: it has no id yet. `same`: it is where it was. `moved`: it was renamed, or nothing is left where it was.
 * - `copy`: the directory that has this id is still where it was, so this one is a copy of it.
 */
export type StateStanding = "new" | "same" | "moved" | "copy";

/**
 * Compares what a directory says of itself with where it is. A path that is the same counts as the same directory:
 * device numbers may change when the machine restarts, and a state that was put back from a backup has another inode.
 *
 * @param recorded What the directory says; `null` when it says nothing
 * @param original What stands at the recorded path now; `null` when nothing with this id does
 */
export function standingOf(
  recorded: StateIdentity | null,
  place: StatePlace,
  original: StatePlace | null,
): StateStanding {
  if (recorded === null) return "new";
  if (recorded.path === place.path) return "same";
  if (recorded.device === place.device && recorded.inode === place.inode) return "moved";
  return original === null ? "moved" : "copy";
}

/** @throws The system's error when the directory cannot be looked at */
export function placeOf(directory: string): StatePlace {
  const path = realpathSync(directory);
  const { dev, ino } = statSync(path, { bigint: true });
  return { path, device: String(dev), inode: String(ino) };
}

/** What a directory says of itself; `null` when it says nothing, or is not there. */
export function readIdentity(directory: string): StateIdentity | null {
  let text: string;
  try {
    text = readFileSync(join(directory, IDENTITY_FILE), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
  return parseIdentity(text);
}

/** `null` for a text that is none of ours: the file is written in one step, so somebody else wrote it. */
function parseIdentity(text: string): StateIdentity | null {
  const value = parseRecord(text);
  if (value === null) return null;
  const { id, path, device, inode } = value;
  const texts = { id, path, device, inode };
  return Object.values(texts).every((part) => typeof part === "string" && part !== "")
    ? (texts as StateIdentity)
    : null;
}

/** A directory's standing, with what it says of itself. Reads only. */
export function lookAtIdentity(directory: string): { standing: StateStanding; recorded: StateIdentity | null } {
  const recorded = readIdentity(directory);
  const place = placeOf(directory);
  return { standing: standingOf(recorded, place, originalOf(recorded, place)), recorded };
}

/** What stands where the id was given, when it still has that id. */
function originalOf(recorded: StateIdentity | null, place: StatePlace): StatePlace | null {
  if (recorded === null || recorded.path === place.path) return null;
  if (readIdentity(recorded.path)?.id !== recorded.id) return null;
  return placeOf(recorded.path);
}

/**
 * Says that the directory is used here, giving it an id when it has none. A copy is left as it is.
 *
 * @param random For a new id
 * @returns Its standing before; for a copy, where the original is
 * @throws The system's error when it cannot be read or written
 */
export function claimIdentity(directory: string, random: Random): { standing: StateStanding; original: string } {
  const { standing, recorded } = lookAtIdentity(directory);
  const place = placeOf(directory);
  if (standing === "copy") return { standing, original: recorded?.path ?? "" };
  const next: StateIdentity = { id: recorded?.id ?? randomUuid(random), ...place };
  // Nothing is written where nothing changes: a full disk must not keep a daemon from starting.
  if (JSON.stringify(next) !== JSON.stringify(recorded)) write(directory, next);
  return { standing, original: place.path };
}

function write(directory: string, identity: StateIdentity): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `${IDENTITY_FILE}.${process.pid}.new`);
  const fd = openSync(temporary, "w", 0o600);
  try {
    writeSync(fd, `${JSON.stringify(identity)}\n`);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, join(directory, IDENTITY_FILE));
}
