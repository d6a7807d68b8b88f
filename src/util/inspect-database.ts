/** Looks at a SQLite file without changing it, whoever else has it open. */
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

export interface DatabaseReport {
  /** `PRAGMA user_version`. */
  version: number;
  /** What is wrong with its structure; empty when it is sound. */
  faults: string[];
  /** Rows that refer to a row which is not there. */
  dangling: number;
  /** Size of the write-ahead log, bytes. */
  journalBytes: number;
  /** First column of the first row of the query that was given; `null` without one, or when it found none. */
  answer: string | null;
}

const FAULTS_SHOWN = 5;

/**
 * @param query Asked when the structure is sound
 * @throws What SQLite says when it cannot be opened or read
 */
export function inspectDatabase(path: string, query?: string): DatabaseReport {
  const journalBytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  // Without a log nobody has it open; SQLite would make an empty one to read it otherwise.
  const url = pathToFileURL(path);
  if (journalBytes === 0) url.search = "immutable=1";
  const db = new DatabaseSync(url, { readOnly: true, timeout: 2_000 });
  try {
    const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
    // All of it, indexes against tables included: doctor has the time that a start has not.
    const rows = db.prepare(`PRAGMA integrity_check(${FAULTS_SHOWN})`).all();
    const faults = rows.map((row) => String(row.integrity_check)).filter((line) => line !== "ok");
    const isSound = faults.length === 0;
    const dangling = isSound ? db.prepare("PRAGMA foreign_key_check").all().length : 0;
    const row = isSound && query !== undefined ? db.prepare(query).get() : undefined;
    const [value = null] = row === undefined ? [] : Object.values(row);
    return { version, faults, dangling, journalBytes, answer: value === null ? null : String(value) };
  } finally {
    db.close();
  }
}
