/** One process per state directory: a lock that the kernel frees when its holder dies, however it dies. */
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** SQLite's result code for "somebody else has it" (sqlite.org/rescode.html#busy). */
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_CANTOPEN = 14;

/** Locks that are held. A database that nothing refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<DatabaseSync>();

export type LockAttempt =
  | { held: true; release(): void }
  /** `holder` is what the holder said of itself, "" when it has not yet. */
  | { held: false; holder: string };

/**
 * Takes the lock, or says who has it. Never waits.
 *
 * An exclusive transaction on a database file holds the lock: node has no `flock`, and a file with a process id in it
 * would outlive its writer and name a stranger once the id is used again.
 *
 * @param path File of the lock; `<path>.holder` beside it names the holder
 * @param holder What to tell others, one line: `pid 4711, trueup run /srv/repo`
 * @throws The system's error when the file cannot be opened
 */
export function takeLock(path: string, holder: string): LockAttempt {
  const note = `${path}.holder`;
  // SQLite would make it as the umask says, and gives its journal the same mode.
  closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    return { held: false, holder: readNote(note) };
  }
  writeFileSync(note, `${holder}\n`, { mode: 0o600 });
  held.add(database);
  const release = (): void => {
    if (held.delete(database)) database.close();
  };
  return { held: true, release };
}

/**
 * Whether somebody has the lock now, and what the last holder said of itself. Reads only.
 *
 * @throws The system's error when that cannot be found out
 */
export function lookAtLock(path: string): { held: boolean; holder: string } {
  const holder = readNote(`${path}.holder`);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return { held: false, holder };
  const database = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  try {
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return { held: false, holder };
  } catch (error) {
    if (isBusy(error)) return { held: true, holder };
    // A killed holder leaves a journal that only a writer may take back: then nobody has it.
    if (isPrimary(error, SQLITE_READONLY) || isPrimary(error, SQLITE_CANTOPEN)) return { held: false, holder };
    throw error;
  } finally {
    database.close();
  }
}

function isPrimary(error: unknown, code: number): boolean {
  return error instanceof Error && ((error as { errcode?: number }).errcode ?? 0) % 256 === code;
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && (error as { errcode?: number }).errcode === SQLITE_BUSY;
}

function readNote(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
