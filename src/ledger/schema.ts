/** The tables of the ledger's file, version by version: append-only by triggers that refuse every change of a row. */
import type { DatabaseSync } from "node:sqlite";
import type { FileSchema } from "../util/sqlite-file.ts";
import { chainFacts } from "./chain-facts.ts";

/** Version 1: attempts and revisions, not chained. */
const VERSION_1 = `
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
`;

/**
 * Version 2: each row is a fact with a link in the chain. What an anchor names may be deleted, and nothing else; `anchored`
 * has the attempts that anchors name.
 */
const VERSION_2 = `
  ALTER TABLE attempts ADD COLUMN committer_name TEXT;
  ALTER TABLE attempts ADD COLUMN committer_email TEXT;
  CREATE TABLE chain (
    seq INTEGER PRIMARY KEY CHECK (seq >= 1),
    kind TEXT NOT NULL, fact INTEGER NOT NULL, digest TEXT NOT NULL, hash TEXT NOT NULL,
    UNIQUE (kind, fact)
  ) STRICT;
  CREATE TABLE anchors (
    row INTEGER PRIMARY KEY,
    removed_at TEXT NOT NULL, attempts INTEGER NOT NULL, links TEXT NOT NULL,
    last_seq INTEGER NOT NULL, last_hash TEXT NOT NULL
  ) STRICT;
  CREATE TABLE anchored (attempt INTEGER PRIMARY KEY, anchor INTEGER NOT NULL REFERENCES anchors (row)) STRICT;
  ${["chain", "anchors", "anchored"].flatMap((table) => ["UPDATE", "DELETE"].map((change) => refusal(table, change))).join("\n")}
  ${[
    ["attempts", "row"],
    ["attempt_events", "attempt"],
    ["attempt_endings", "attempt"],
  ]
    .map(
      ([table, column]) => `
  DROP TRIGGER ${table}_no_delete;
  CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table}
    WHEN NOT EXISTS (SELECT 1 FROM anchored WHERE anchored.attempt = OLD.${column})
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;`,
    )
    .join("\n")}
`;

function refusal(table: string, change: string): string {
  return `CREATE TRIGGER ${table}_no_${change.toLowerCase()} BEFORE ${change} ON ${table}
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;`;
}

function toVersion2(db: DatabaseSync): void {
  db.exec(VERSION_2);
  chainFacts(db);
}

export const LEDGER_SCHEMA: FileSchema = {
  version: 2,
  create(db) {
    db.exec(VERSION_1);
    toVersion2(db);
  },
  migrations: [toVersion2],
  // With recursive triggers, a row that REPLACE would remove is defended like any other.
  pragmas: "PRAGMA recursive_triggers = ON;",
};
