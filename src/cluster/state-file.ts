/** The SQLite file under the object store: opened, read once, and written in groups that are whole or absent. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { TrueupError } from "../model/errors.ts";
import type { KubeObject, ObjectKey } from "../model/object.ts";
import { databaseTrouble } from "../util/database-trouble.ts";
import { effect, type Fault } from "../util/fault.ts";
import { type FileSchema, NewerFileError, openSqliteFile } from "../util/sqlite-file.ts";
import { freezeParsed } from "./json.ts";

/** Version of the tables. A file with a higher one was written by a newer trueup and is left alone. */
export const STATE_VERSION = 1;

const TABLES = `
  CREATE TABLE objects (key TEXT PRIMARY KEY NOT NULL, object TEXT NOT NULL);
  CREATE TABLE applied (key TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL, object TEXT NOT NULL);
  CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);
`;

const SCHEMA: FileSchema = { version: STATE_VERSION, create: (db) => db.exec(TABLES), migrations: [] };

/** Name under which the number of the last report is kept whose effect the store has. */
export const META_LAST_REPORT = "kubelet-report";

/** One group of writes; `null` deletes. */
export interface StateChanges {
  objects: Map<ObjectKey, KubeObject | null>;
  applied: Map<ObjectKey, { owner: string; object: KubeObject } | null>;
  meta: Map<string, string | null>;
}

export interface StateContent {
  objects: { key: ObjectKey; object: KubeObject }[];
  applied: Map<ObjectKey, { owner: string; object: KubeObject }>;
  meta: Map<string, string>;
}

/** Statements for one table: what stores a row and what deletes it. */
interface Writer {
  put: StatementSync;
  drop: StatementSync;
}

export class StateFile {
  readonly #path: string;
  readonly #fault: Fault | undefined;
  readonly #db: DatabaseSync;
  readonly #objects: Writer;
  readonly #applied: Writer;
  readonly #meta: Writer;

  /**
   * Opens the file, making it (mode 0600, its directory 0700) when it is not there.
   *
   * @throws {TrueupError} `io` when it cannot be opened, `invalid` when a newer trueup wrote it
   */
  constructor(path: string, fault?: Fault) {
    this.#path = path;
    this.#fault = fault;
    this.#db = openDatabase(path);
    const writer = (put: string, drop: string): Writer => ({
      put: this.#db.prepare(put),
      drop: this.#db.prepare(drop),
    });
    this.#objects = writer(
      "INSERT INTO objects (key, object) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET object = excluded.object",
      "DELETE FROM objects WHERE key = ?",
    );
    this.#applied = writer(
      `INSERT INTO applied (key, owner, object) VALUES (?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, object = excluded.object`,
      "DELETE FROM applied WHERE key = ?",
    );
    this.#meta = writer(
      "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      "DELETE FROM meta WHERE name = ?",
    );
  }

  /** Everything in the file, frozen; objects in the order in which they were first written. */
  read(): StateContent {
    try {
      const objects = this.#db.prepare("SELECT key, object FROM objects ORDER BY rowid").all();
      const applied = this.#db.prepare("SELECT key, owner, object FROM applied").all();
      const meta = this.#db.prepare("SELECT name, value FROM meta").all();
      return {
        objects: objects.map((row) => ({ key: String(row.key) as ObjectKey, object: parse(row.object) })),
        applied: new Map(
          applied.map((row) => [
            String(row.key) as ObjectKey,
            Object.freeze({ owner: String(row.owner), object: parse(row.object) }),
          ]),
        ),
        meta: new Map(meta.map((row) => [String(row.name), String(row.value)])),
      };
    } catch (error) {
      throw this.#failure("read", error);
    }
  }

  /**
   * Writes all changes or none. What is written survives the death of this process; the last groups may be lost, each as
   * a whole, when the machine loses power (synchronous=NORMAL).
   *
   * @throws {TrueupError} `io`
   */
  write(changes: StateChanges): void {
    const rows = changes.objects.size + changes.applied.size + changes.meta.size;
    try {
      effect(this.#fault, "store write", `${rows} rows`, () => this.#commit(changes));
    } catch (error) {
      throw this.#failure("write", error);
    }
  }

  #commit(changes: StateChanges): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      this.#writeRows(changes);
      this.#db.exec("COMMIT");
    } catch (error) {
      // SQLite ends the transaction by itself on some errors (a full disk): a second ROLLBACK would hide the first error.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #writeRows({ objects, applied, meta }: StateChanges): void {
    for (const [key, object] of objects) {
      if (object === null) this.#objects.drop.run(key);
      else this.#objects.put.run(key, JSON.stringify(object));
    }
    for (const [key, record] of applied) {
      if (record === null) this.#applied.drop.run(key);
      else this.#applied.put.run(key, record.owner, JSON.stringify(record.object));
    }
    for (const [name, value] of meta) {
      if (value === null) this.#meta.drop.run(name);
      else this.#meta.put.run(name, value);
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #failure(doing: string, error: unknown): TrueupError {
    return unusable(`${doing} the cluster's state`, this.#path, error);
  }
}

function parse(text: unknown): KubeObject {
  return freezeParsed(JSON.parse(String(text)) as KubeObject);
}

function openDatabase(path: string): DatabaseSync {
  try {
    return openSqliteFile(path, SCHEMA);
  } catch (error) {
    if (error instanceof NewerFileError) {
      throw new TrueupError(
        "invalid",
        `Cannot open the cluster's state in ${path} as its version must be at most ${STATE_VERSION}: it is ${error.version}.`,
        { hint: "A newer trueup wrote it: use that one, or another state directory (--state).", cause: error },
      );
    }
    throw unusable("open the cluster's state", path, error);
  }
}

/**
 * Forgets what belongs to the machine that a copy was made on: pods, and the number of its kubelet's last report. The
 * controllers make new pods; as these have new uids, none is taken for one that may still run elsewhere.
 *
 * @throws {TrueupError} As the constructor
 */
export function forgetMachine(path: string): void {
  const db = openDatabase(path);
  try {
    db.exec(`
      BEGIN IMMEDIATE;
      DELETE FROM objects WHERE key LIKE '/Pod/%';
      DELETE FROM applied WHERE key LIKE '/Pod/%';
      DELETE FROM meta WHERE name = '${META_LAST_REPORT}';
      COMMIT;
      PRAGMA wal_checkpoint(TRUNCATE);
    `);
  } finally {
    db.close();
  }
}

/** @param doing `open the cluster's state` */
function unusable(doing: string, path: string, error: unknown): TrueupError {
  const { says, hint } = databaseTrouble(error);
  return new TrueupError("io", `Cannot ${doing} in ${path}: ${says}`, { cause: error, hint });
}
