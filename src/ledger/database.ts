/** The ledger's file: private, versioned, and append-only by triggers that refuse every change and deletion of a row. */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TrueupError } from "../model/errors.ts";
import { databaseTrouble, requireSound } from "../util/database-trouble.ts";

/** Version of the tables. A file with a higher one was written by a newer trueup and is left alone. */
export const LEDGER_VERSION = 1;

/** The newest time that any row carries. */
export const NEWEST_TIME = `SELECT max(at) FROM (
  SELECT max(opened_at) AS at FROM attempts UNION ALL SELECT max(at) FROM attempt_events
  UNION ALL SELECT max(ended_at) FROM attempt_endings)`;

/** How long a write waits for another handle's, milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

const TABLES = `
  CREATE TABLE attempts (
    row INTEGER PRIMARY KEY,
    app TEXT NOT NULL, target TEXT NOT NULL, commit_id TEXT NOT NULL, ordinal INTEGER NOT NULL CHECK (ordinal >= 1),
    opened_at TEXT NOT NULL, ref TEXT NOT NULL,
    author_name TEXT NOT NULL, author_email TEXT NOT NULL, subject TEXT NOT NULL,
    UNIQUE (app, target, commit_id, ordinal)
  ) STRICT;
  CREATE TABLE attempt_events (
    row INTEGER PRIMARY KEY,
    attempt INTEGER NOT NULL REFERENCES attempts (row),
    at TEXT NOT NULL, type TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL,
    UNIQUE (attempt, at, type, message, detail)
  ) STRICT;
  CREATE TABLE attempt_endings (
    attempt INTEGER PRIMARY KEY REFERENCES attempts (row),
    ended_at TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL,
    plan_digest TEXT, changes TEXT
  ) STRICT;
  CREATE TABLE revisions (
    row INTEGER PRIMARY KEY,
    app TEXT NOT NULL, target TEXT NOT NULL, uid TEXT NOT NULL, revision INTEGER NOT NULL,
    workload TEXT NOT NULL, commit_id TEXT NOT NULL,
    author_name TEXT NOT NULL, author_email TEXT NOT NULL, subject TEXT NOT NULL,
    file TEXT NOT NULL, template TEXT NOT NULL, template_hash TEXT NOT NULL, images TEXT NOT NULL,
    plan_digest TEXT NOT NULL, started_at TEXT NOT NULL,
    UNIQUE (app, target, uid, revision)
  ) STRICT;
  CREATE INDEX revisions_by_workload ON revisions (app, target, workload);
  CREATE TABLE revision_images (
    revision_row INTEGER NOT NULL REFERENCES revisions (row),
    reference TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (reference, revision_row)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE revision_endings (
    revision_row INTEGER PRIMARY KEY REFERENCES revisions (row),
    ended_at TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL
  ) STRICT;
  ${["attempts", "attempt_events", "attempt_endings", "revisions", "revision_images", "revision_endings"]
    .flatMap((table) => ["UPDATE", "DELETE"].map((change) => refusal(table, change)))
    .join("\n")}
  PRAGMA user_version = ${LEDGER_VERSION};
`;

function refusal(table: string, change: string): string {
  return `CREATE TRIGGER ${table}_no_${change.toLowerCase()} BEFORE ${change} ON ${table}
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;`;
}

/**
 * Opens the file, making it (mode 0600, its directory 0700) when it is not there.
 *
 * @throws {TrueupError} `io` when it cannot be opened, `invalid` when a newer trueup wrote it
 */
export function openLedgerDatabase(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // SQLite gives its -wal and -shm files the mode of the database: making that first keeps all three private.
    closeSync(openSync(path, "a", 0o600));
    const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      // With recursive triggers, a row that REPLACE would remove is defended like any other.
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA recursive_triggers = ON;");
      requireSound(db);
      prepareTables(db, path);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    throw unusable("open the ledger", path, error);
  }
}

/** @param doing `open the ledger` */
function unusable(doing: string, path: string, error: unknown): TrueupError {
  const { says, hint } = databaseTrouble(error);
  return new TrueupError("io", `Cannot ${doing} in ${path}: ${says}`, { cause: error, hint });
}

function prepareTables(db: DatabaseSync, path: string): void {
  // Taken before looking, so that of two handles that open a new file at once only one makes the tables.
  db.exec("BEGIN IMMEDIATE");
  try {
    const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
    if (version > LEDGER_VERSION) {
      throw new TrueupError(
        "invalid",
        `Cannot open the ledger in ${path} as its version must be at most ${LEDGER_VERSION}: it is ${version}.`,
        { hint: "A newer trueup wrote it: use that one, or another state directory (--state)." },
      );
    }
    if (version === 0) db.exec(TABLES);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
