/** Versioned SQLite files: made, brought forward one version after the other, refused, copied. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copySqliteFile, type FileSchema, openSqliteFile, sqliteFileVersion } from "../../src/util/sqlite-file.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trueup-sqlite-"));
  path = join(folder, "state", "x.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const step = (name: string) => (db: DatabaseSync) => db.exec(`INSERT INTO steps VALUES ('${name}')`);
const schema = (version: number): FileSchema => ({
  version,
  create: (db) => db.exec(`CREATE TABLE steps (name TEXT); INSERT INTO steps VALUES ('made ${version}')`),
  migrations: [step("to 2"), step("to 3"), step("to 4")].slice(0, version - 1),
});

function open(version: number): string[] {
  const db = openSqliteFile(path, schema(version));
  try {
    return db
      .prepare("SELECT name FROM steps ORDER BY rowid")
      .all()
      .map(({ name }) => String(name));
  } finally {
    db.close();
  }
}

describe("openSqliteFile", () => {
  it.each([
    { versions: [4], steps: ["made 4"], files: ["x.db"] },
    { versions: [1, 1], steps: ["made 1"], files: ["x.db"] },
    { versions: [1, 4], steps: ["made 1", "to 2", "to 3", "to 4"], files: ["x.db", "x.db.v1.bak"] },
    { versions: [2, 3, 4], steps: ["made 2", "to 3", "to 4"], files: ["x.db", "x.db.v2.bak", "x.db.v3.bak"] },
  ])("goes forward through versions $versions step by step, each time from a copy", ({ versions, steps, files }) => {
    expect(versions.map(open).at(-1)).toEqual(steps);
    expect(sqliteFileVersion(path)).toBe(versions.at(-1));
    expect(readdirSync(join(folder, "state"))).toEqual(files);
    const modes = files.map((file) => (statSync(join(folder, "state", file)).mode & 0o777).toString(8));
    expect(modes).toEqual(files.map(() => "600"));
    expect((statSync(join(folder, "state")).mode & 0o777).toString(8)).toBe("700");
  });

  it("refuses what a newer version wrote, and leaves it as it is", () => {
    open(3);
    expect(() => open(2)).toThrow("its version is 3");
    expect(open(3)).toEqual(["made 3"]);
  });

  it("takes all steps or none", () => {
    open(1);
    const failing = {
      ...schema(3),
      migrations: [step("to 2"), (db: DatabaseSync) => db.exec("INSERT INTO none VALUES (1)")],
    };
    expect(() => openSqliteFile(path, failing)).toThrow("no such table");
    expect(open(1)).toEqual(["made 1"]);
  });

  it("copies again what another handle wrote meanwhile", () => {
    open(1);
    const other = new DatabaseSync(path);
    let copies = 0;
    const prepare = DatabaseSync.prototype.prepare;
    try {
      DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
        const statement = prepare.call(this, sql);
        // Right after the first copy, as a second daemon of an older version would.
        if (sql.startsWith("VACUUM") && copies++ === 0)
          queue(() => other.exec("INSERT INTO steps VALUES ('late')"), statement);
        return statement;
      };
      expect(open(2)).toEqual(["made 1", "late", "to 2"]);
    } finally {
      DatabaseSync.prototype.prepare = prepare;
      other.close();
    }
    expect(copies).toBe(2);
    const copy = new DatabaseSync(`${path}.v1.bak`, { readOnly: true });
    expect(copy.prepare("SELECT count(*) AS n FROM steps").get()?.n).toBe(2);
    copy.close();
  });
});

/** Has something happen when the statement has run. */
function queue(then: () => void, statement: ReturnType<DatabaseSync["prepare"]>): void {
  const run = statement.run.bind(statement);
  statement.run = ((...values: never[]) => {
    const result = run(...values);
    then();
    return result;
  }) as typeof statement.run;
}

describe("copySqliteFile", () => {
  it("copies what is committed, with its version, while a writer has the file", () => {
    const db = openSqliteFile(path, schema(3));
    try {
      db.exec("INSERT INTO steps VALUES ('in the WAL'); BEGIN IMMEDIATE; INSERT INTO steps VALUES ('not yet')");
      const to = join(folder, "copy.db");
      expect(copySqliteFile(path, to)).toBe(3);
      const copy = new DatabaseSync(to, { readOnly: true });
      expect(
        copy
          .prepare("SELECT name FROM steps")
          .all()
          .map(({ name }) => name),
      ).toEqual(["made 3", "in the WAL"]);
      copy.close();
      expect((statSync(to).mode & 0o777).toString(8)).toBe("600");
      expect(() => copySqliteFile(path, to)).toThrow("EEXIST");
    } finally {
      db.close();
    }
  });
});
