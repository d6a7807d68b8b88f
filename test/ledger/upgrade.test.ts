/** The ledger's way from version 1 to 2, on a file that the old code made, and through kills in the middle of it. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { verifyLedgerFile } from "../../src/ledger/verify.ts";
import { commit } from "./facts.ts";

const SRC = resolve(import.meta.dirname, "../../src");
const FIXTURE = resolve(import.meta.dirname, "../fixtures/ledger/ledger-v1.db");
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trueup-upgrade-"));
  path = join(folder, "ledger.db");
  copyFileSync(FIXTURE, path);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Every row of the tables of version 1, in their columns of then. */
function factsOf(file: string): unknown {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = [
      "attempts",
      "attempt_events",
      "attempt_endings",
      "revisions",
      "revision_images",
      "revision_endings",
    ];
    return tables.map((table) => {
      const rows = db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all();
      return rows.map(({ committer_name: _name, committer_email: _email, ...row }) => ({ ...row }));
    });
  } finally {
    db.close();
  }
}

const versionOf = (file: string): unknown => {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db.prepare("PRAGMA user_version").get()?.user_version;
  } finally {
    db.close();
  }
};

async function upgraded(): Promise<SqliteLedger> {
  return new SqliteLedger({ path });
}

describe("a ledger of version 1", () => {
  it("is chained row by row, and keeps what it says", async () => {
    const before = factsOf(FIXTURE);
    const ledger = await upgraded();
    try {
      expect(await ledger.attempts({ app: "shop", limit: 1 })).toEqual([
        expect.objectContaining({ commit: commit("a"), ordinal: 2, row: 5, events: [] }),
      ]);
    } finally {
      ledger.close();
    }
    expect(factsOf(path)).toEqual(before);
    const db = new DatabaseSync(path, { readOnly: true });
    const links = db.prepare("SELECT kind || ' ' || fact AS link FROM chain ORDER BY seq").all();
    db.close();
    // The drift event is dated before what was written before it: rows of one kind keep their order all the same.
    expect(links.map(({ link }) => link)).toEqual([
      ...["attempt 1", "event 1", "revision 1", "event 2", "revision-ending 1", "ending 1", "attempt 2"],
      ...["revision 2", "attempt 3", "attempt 4", "ending 2", "attempt 5", "ending 4"],
    ]);
    const head = "cf1f69612f9a73e7692e8aa2d3888a4d205b638aca61b4f5508aa5b6db88018a";
    expect(verifyLedgerFile(path)).toMatchObject({
      intact: true,
      entries: 13,
      attempts: 5,
      revisions: 2,
      head: { hash: head },
    });
  });

  it("is copied first, privately, and the copy is what the old trueup can go on with", async () => {
    (await upgraded()).close();
    expect(readdirSync(folder)).toEqual(["ledger.db", "ledger.db.v1.bak"]);
    expect((statSync(`${path}.v1.bak`).mode & 0o777).toString(8)).toBe("600");
    expect(versionOf(`${path}.v1.bak`)).toBe(1);
    expect(factsOf(`${path}.v1.bak`)).toEqual(factsOf(FIXTURE));
    (await upgraded()).close();
    expect(versionOf(`${path}.v1.bak`)).toBe(1);
  });

  it("is copied with what only the WAL has", async () => {
    const writer = new DatabaseSync(path);
    try {
      writer.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
      writer.exec(
        "INSERT INTO attempt_events VALUES (3, 2, '2026-03-01T10:09:00.000Z', 'retry', 'in the WAL', 'null')",
      );
      const ledger = await upgraded();
      try {
        expect((await ledger.attempts({ commit: commit("b") }))[0]?.events).toHaveLength(1);
        expect(factsOf(`${path}.v1.bak`)).toEqual(factsOf(path));
      } finally {
        ledger.close();
      }
    } finally {
      writer.close();
    }
  });

  it("goes on being written: what it lacks, who committed, cannot differ", async () => {
    const ledger = await upgraded();
    try {
      const [ended] = await ledger.attempts({ app: "shop", commit: commit("b") });
      if (ended === undefined) throw new Error("the fixture has an ended attempt at b");
      const { row: _row, events: _events, ending: _ending, ...opening } = ended;
      await ledger.open({ ...opening, committerName: "Bob", committerEmail: "bob@example.org" });
      await expect(ledger.open({ ...opening, authorName: "Eve" })).rejects.toMatchObject({ code: "conflict" });
      await ledger.event(opening, { at: "2026-03-01T11:00:00.000Z", type: "drift", message: "" });
    } finally {
      ledger.close();
    }
    expect(verifyLedgerFile(path)).toMatchObject({ intact: true, entries: 14 });
  });

  it("is not verified before it was brought forward, and not touched by trying", () => {
    expect(() => verifyLedgerFile(path)).toThrow("as its version must be 2: it is 1.");
    expect(readdirSync(folder)).toEqual(["ledger.db"]);
  });

  it("stays as it is when the copy cannot be made", () => {
    mkdirSync(`${path}.v1.bak`);
    expect(() => new SqliteLedger({ path })).toThrow("Cannot open the ledger in");
    expect(versionOf(path)).toBe(1);
    expect(factsOf(path)).toEqual(factsOf(FIXTURE));
  });

  it("stays as it is when a step fails", () => {
    const db = new DatabaseSync(path);
    db.exec("ALTER TABLE attempts ADD COLUMN committer_name TEXT");
    db.close();
    // The step would add that column.
    expect(() => new SqliteLedger({ path })).toThrow("Cannot open the ledger in");
    expect(versionOf(path)).toBe(1);
    expect(factsOf(path)).toEqual(factsOf(FIXTURE));
  });
});

describe("killed on the way", () => {
  /** Opens the ledger in a process that kills itself at the given point of the migration. */
  function killedAt(point: string): void {
    const script = join(folder, "opener.ts");
    writeFileSync(
      script,
      `import { DatabaseSync } from "node:sqlite";
       import { LEDGER_SCHEMA } from ${JSON.stringify(join(SRC, "ledger/schema.ts"))};
       import { openSqliteFile } from ${JSON.stringify(join(SRC, "util/sqlite-file.ts"))};
       const die = () => process.kill(process.pid, "SIGKILL");
       const [path, point] = process.argv.slice(2);
       const exec = DatabaseSync.prototype.exec;
       const prepare = DatabaseSync.prototype.prepare;
       DatabaseSync.prototype.prepare = function (sql) {
         if (point === "before the copy" && sql.startsWith("VACUUM")) die();
         return prepare.call(this, sql);
       };
       DatabaseSync.prototype.exec = function (sql) {
         if (point === "before the transaction" && sql.startsWith("BEGIN")) die();
         if (point === "before the commit" && sql === "COMMIT") die();
         exec.call(this, sql);
         if (point === "after the commit" && sql === "COMMIT") die();
       };
       const migrations = LEDGER_SCHEMA.migrations.map((migrate) => (db) => {
         if (point === "before the step") die();
         migrate(db);
         if (point === "after the step") die();
       });
       openSqliteFile(path, { ...LEDGER_SCHEMA, migrations });`,
    );
    const { signal, stderr } = spawnSync(process.execPath, [script, path, point], { encoding: "utf8" });
    expect({ signal, stderr }).toEqual({ signal: "SIGKILL", stderr: "" });
    rmSync(script);
  }

  it.each([
    { point: "before the copy", version: 1, copy: false },
    { point: "before the transaction", version: 1, copy: true },
    { point: "before the step", version: 1, copy: true },
    { point: "after the step", version: 1, copy: true },
    { point: "before the commit", version: 1, copy: true },
    { point: "after the commit", version: 2, copy: true },
  ])("$point, it is of version $version, whole, and the next start goes on", ({ point, version, copy }) => {
    const before = factsOf(FIXTURE);
    killedAt(point);
    expect(versionOf(path)).toBe(version);
    expect(factsOf(path)).toEqual(before);
    expect(existsSync(`${path}.v1.bak`)).toBe(copy);
    if (copy) expect(factsOf(`${path}.v1.bak`)).toEqual(before);
    new SqliteLedger({ path }).close();
    expect(factsOf(path)).toEqual(before);
    expect(verifyLedgerFile(path)).toMatchObject({ intact: true, entries: 13 });
    expect(readdirSync(folder).filter((name) => name.includes(".bak"))).toEqual(["ledger.db.v1.bak"]);
  });
});
