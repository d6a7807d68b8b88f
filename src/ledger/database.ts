/** Opens the ledger's file, to write or only to read, and says in words why it cannot. */
import type { DatabaseSync } from "node:sqlite";
import { TrueupError } from "../model/errors.ts";
import { databaseTrouble } from "../util/database-trouble.ts";
import { NewerFileError, openSqliteFile, openSqliteFileToRead } from "../util/sqlite-file.ts";
import { LEDGER_SCHEMA } from "./schema.ts";

/** Version of the tables. A file with a higher one was written by a newer trueup and is left alone. */
export const LEDGER_VERSION = LEDGER_SCHEMA.version;

/** The newest time that any row carries. */
export const NEWEST_TIME = `SELECT max(at) FROM (
  SELECT max(opened_at) AS at FROM attempts UNION ALL SELECT max(at) FROM attempt_events
  UNION ALL SELECT max(ended_at) FROM attempt_endings)`;

/**
 * Finds an app's newest attempt without a look at those of all other apps, which each pass of each app would otherwise take. It
 * says nothing that the tables do not say, so it is of no version: an older trueup opens the file just as well.
 */
const NEWEST_FIRST = "CREATE INDEX IF NOT EXISTS attempts_newest ON attempts (app, target)";

/**
 * Opens the file, making it (mode 0600, its directory 0700) when it is not there, and brings it to the present version.
 *
 * @throws {TrueupError} `io` when it cannot be opened, `invalid` when a newer trueup wrote it
 */
export function openLedgerDatabase(path: string): DatabaseSync {
  return told(path, () => {
    const db = openSqliteFile(path, LEDGER_SCHEMA);
    try {
      db.exec(NEWEST_FIRST);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/**
 * Opens the file without changing anything, whether or not a daemon has it.
 *
 * @throws {TrueupError} `io` when it cannot be read, `invalid` when its version is another one
 */
export function openLedgerToRead(path: string): DatabaseSync {
  return told(path, () => {
    const db = openSqliteFileToRead(path);
    try {
      const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
      if (version > LEDGER_VERSION) throw new NewerFileError(version);
      if (version < LEDGER_VERSION) throw olderFile(path, version);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

function told(path: string, open: () => DatabaseSync): DatabaseSync {
  try {
    return open();
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    if (error instanceof NewerFileError) {
      throw new TrueupError(
        "invalid",
        `Cannot open the ledger in ${path} as its version must be at most ${LEDGER_VERSION}: it is ${error.version}.`,
        { hint: "A newer trueup wrote it: use that one, or another state directory (--state).", cause: error },
      );
    }
    throw unusable("open the ledger", path, error);
  }
}

function olderFile(path: string, version: number): TrueupError {
  return new TrueupError(
    "invalid",
    `Cannot read the ledger in ${path} as its version must be ${LEDGER_VERSION}: it is ${version}.`,
    { hint: "Start a daemon on it once (trueup run): it brings the ledger forward and keeps a copy of the old one." },
  );
}

/** @param doing `open the ledger` */
function unusable(doing: string, path: string, error: unknown): TrueupError {
  const { says, hint } = databaseTrouble(error);
  return new TrueupError("io", `Cannot ${doing} in ${path}: ${says}`, { cause: error, hint });
}
