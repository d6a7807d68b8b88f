/** A SQLite file with a version: private, in WAL mode, and brought forward step by step after a backup copy was made. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { requireSound } from "./database-trouble.ts";

/** How long a write waits for another handle's, milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

/** What the file must hold. Its version is SQLite's `user_version`; 0 is a new file. */
export interface FileSchema {
  version: number;
  /** Makes everything of the present version in a new file. */
  create(db: DatabaseSync): void;
  /** `migrations[n]` turns version n + 1 into version n + 2; as many as there are versions before the present one. */
  migrations: readonly ((db: DatabaseSync) => void)[];
  /** Further settings of a connection. */
  pragmas?: string;
}

/** A newer trueup wrote the file: it is left alone. */
export class NewerFileError extends Error {
  readonly version: number;

  constructor(version: number) {
    super(`its version is ${version}`);
    this.name = "NewerFileError";
    this.version = version;
  }
}

/**
 * Opens the file, making it (mode 0600, its directory 0700) when it is not there, and brings it to the present version.
 *
 * An older file is copied to `<path>.v<version>.bak` first; the migration is one transaction, so that a crash leaves the
 * old content or the new one.
 *
 * @throws {NewerFileError} A newer trueup wrote it
 * @throws {UnsoundDatabase} It is damaged
 * @throws The system's or SQLite's error when the file cannot be opened, copied or migrated
 */
export function openSqliteFile(path: string, schema: FileSchema): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // SQLite gives its -wal and -shm files the mode of the database: making that first keeps all three private.
  closeSync(openSync(path, "a", 0o600));
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${schema.pragmas ?? ""}`);
    requireSound(db);
    bringForward(db, path, schema);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function bringForward(db: DatabaseSync, path: string, schema: FileSchema): void {
  while (!isForward(db, path, schema)) {
    // Another handle wrote between the copy and the migration: the copy would lack that, so it is made again.
  }
}

/** @returns Whether the file has the present version now */
function isForward(db: DatabaseSync, path: string, schema: FileSchema): boolean {
  const before = versionOf(db);
  const seen = dataVersion(db);
  if (before > schema.version) throw new NewerFileError(before);
  if (before > 0 && before < schema.version) keepCopy(db, `${path}.v${before}.bak`);
  // Taken before looking again, so that of two handles that open a file at once only one makes or migrates its tables.
  db.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(db);
    if (version !== before || (version > 0 && version < schema.version && dataVersion(db) !== seen)) {
      db.exec("ROLLBACK");
      return false;
    }
    if (version === 0) schema.create(db);
    else for (const migrate of schema.migrations.slice(version - 1)) migrate(db);
    if (version < schema.version) db.exec(`PRAGMA user_version = ${schema.version}`);
    db.exec("COMMIT");
    return true;
  } catch (error) {
    // SQLite ends the transaction by itself on some errors (a full disk): a second ROLLBACK would hide the first error.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.user_version);
}

/** Grows whenever another connection has written. */
function dataVersion(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA data_version").get()?.data_version);
}

/** Writes a copy under a name that no half-written one ever has. */
function keepCopy(db: DatabaseSync, path: string): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  writeCopy(db, temporary);
  renameSync(temporary, path);
}

/** The file as it is at one moment, what is still in the WAL included, as a file of its own (mode 0600), on the disk. */
function writeCopy(db: DatabaseSync, path: string): void {
  // SQLite takes an empty file for a new one; made by SQLite itself, it would be as the umask says.
  closeSync(openSync(path, "wx", 0o600));
  db.prepare("VACUUM INTO ?").run(path);
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Opens a file only to read it, whether or not another process has it open, and leaves nothing beside it.
 *
 * @throws SQLite's error when the file is not there or cannot be read
 */
export function openSqliteFileToRead(path: string): DatabaseSync {
  if (existsSync(`${path}-wal`)) return new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  // Nobody has it open. A plain reader would make a -wal and a -shm file, and leave them there.
  const url = pathToFileURL(path);
  url.searchParams.set("immutable", "1");
  return new DatabaseSync(url, { readOnly: true });
}

/**
 * Copies a file, also while another process writes to it.
 *
 * @param to Must not exist
 * @returns The version of both
 */
export function copySqliteFile(from: string, to: string): number {
  const db = openSqliteFileToRead(from);
  try {
    writeCopy(db, to);
    return versionOf(db);
  } finally {
    db.close();
  }
}

/** The version that a file says it has, without changing anything. */
export function sqliteFileVersion(path: string): number {
  const db = openSqliteFileToRead(path);
  try {
    return versionOf(db);
  } finally {
    db.close();
  }
}
