/** `verifyLedgerFile` against files that somebody changed: each change is found, and at the entry that it was made to. */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { verifyLedgerFile } from "../../src/ledger/verify.ts";
import { ending, minute, opening, playHistory, revision } from "./facts.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trueup-verify-"));
  path = join(folder, "ledger.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function write(play: (ledger: SqliteLedger) => Promise<void>, file = path): Promise<void> {
  const ledger = new SqliteLedger({ path: file });
  try {
    await play(ledger);
  } finally {
    ledger.close();
  }
}

/** Does what somebody with the file and an SQL prompt can do. */
function tamper(sql: string, file = path): void {
  const db = new DatabaseSync(file);
  try {
    db.exec("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; BEGIN");
    for (const { name } of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all()) {
      db.exec(`DROP TRIGGER ${String(name)}`);
    }
    db.exec(`${sql}; COMMIT`);
  } finally {
    db.close();
  }
}

describe("an untouched ledger", () => {
  it("is intact, and says from when to when and where its head is", async () => {
    await write(playHistory);
    const proof = verifyLedgerFile(path);
    expect(proof).toEqual({
      ...{ intact: true, entries: 9, removed: 0, attempts: 3, revisions: 1, from: minute(0), to: minute(7) },
      head: { seq: 9, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(verifyLedgerFile(path, proof.head.hash).expected).toBe(9);
  });

  it("is intact when nothing was ever written", async () => {
    await write(async () => undefined);
    const head = { seq: 0, hash: "0".repeat(64) };
    expect(verifyLedgerFile(path)).toEqual({ intact: true, entries: 0, removed: 0, attempts: 0, revisions: 0, head });
  });

  it("gets one entry for each fact, however often it is said", async () => {
    await write(playHistory);
    await write(playHistory);
    expect(verifyLedgerFile(path)).toMatchObject({ intact: true, entries: 9 });
  });

  it("is read without leaving anything beside it, also from a directory that may not be written", async () => {
    await write(playHistory);
    chmodSync(folder, 0o500);
    try {
      expect(verifyLedgerFile(path).intact).toBe(true);
      expect(readdirSync(folder)).toEqual(["ledger.db"]);
    } finally {
      chmodSync(folder, 0o700);
    }
  });

  it("is read while a daemon writes to it, up to what is written", async () => {
    const ledger = new SqliteLedger({ path });
    try {
      await playHistory(ledger);
      const before = verifyLedgerFile(path);
      await ledger.end(opening("c"), ending("deployed", 8));
      expect(verifyLedgerFile(path, before.head.hash)).toMatchObject({ intact: true, entries: 10, expected: 9 });
    } finally {
      ledger.close();
    }
  });

  it("is not looked for where there is none, and nothing is made there", () => {
    expect(() => verifyLedgerFile(path)).toThrow("as it must be a ledger: there is no such file.");
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a changed ledger", () => {
  it.each<[string, string, { seq?: number; kind: string }]>([
    ["a changed author", "UPDATE attempts SET author_name = 'Eve' WHERE row = 2", { seq: 6, kind: "changed" }],
    ["a changed committer", "UPDATE attempts SET committer_email = NULL WHERE row = 2", { seq: 6, kind: "changed" }],
    ["a changed time", "UPDATE attempts SET opened_at = '2026' WHERE row = 1", { seq: 1, kind: "changed" }],
    ["an altered event", `UPDATE attempt_events SET detail = '{"due":2}' WHERE row = 2`, { seq: 2, kind: "changed" }],
    ["an event of another attempt", "UPDATE attempt_events SET attempt = 3 WHERE row = 7", { seq: 7, kind: "changed" }],
    ["an altered ending", "UPDATE attempt_endings SET outcome = 'no-op'", { seq: 5, kind: "changed" }],
    ["a reason taken away", "UPDATE attempt_endings SET reason = '' WHERE attempt = 2", { seq: 8, kind: "changed" }],
    ["another image", "UPDATE revisions SET images = '{}'", { seq: 3, kind: "changed" }],
    ["another image in the index", "UPDATE revision_images SET digest = 'sha256:2'", { seq: 3, kind: "changed" }],
    ["an image less in the index", "DELETE FROM revision_images", { seq: 3, kind: "changed" }],
    ["an ended revision", "UPDATE revision_endings SET outcome = 'failed'", { seq: 4, kind: "changed" }],
    ["text that is no JSON", "UPDATE attempt_events SET detail = '{' WHERE row = 2", { seq: 2, kind: "changed" }],
    ["a commit that is none", "UPDATE attempts SET commit_id = 'x' WHERE row = 3", { seq: 9, kind: "changed" }],
    ["a deleted event", "DELETE FROM attempt_events WHERE row = 7", { seq: 7, kind: "missing" }],
    ["a deleted ending", "DELETE FROM attempt_endings WHERE attempt = 2", { seq: 8, kind: "missing" }],
    ["a deleted attempt", "DELETE FROM attempts WHERE row = 2", { seq: 6, kind: "missing" }],
    [
      "a deleted event and its link",
      "DELETE FROM attempt_events WHERE row = 7; DELETE FROM chain WHERE seq = 7",
      { seq: 7, kind: "missing" },
    ],
    [
      "a deleted event, and the later links moved up",
      `DELETE FROM attempt_events WHERE row = 7; DELETE FROM chain WHERE seq = 7;
       UPDATE chain SET seq = seq - 1 WHERE seq = 8; UPDATE chain SET seq = seq - 1 WHERE seq = 9`,
      { seq: 7, kind: "changed" },
    ],
    [
      "an inserted event",
      "INSERT INTO attempt_events VALUES (99, 2, 't', 'approved', 'yes', 'null')",
      { kind: "added" },
    ],
    [
      "an inserted event with a link",
      `INSERT INTO attempt_events VALUES (99, 2, 't', 'approved', 'yes', 'null');
       INSERT INTO chain VALUES (10, 'event', 99, 'x', 'y')`,
      { seq: 10, kind: "changed" },
    ],
    [
      "two attempts in each other's place",
      `UPDATE attempts SET row = 77 WHERE row = 1; UPDATE attempts SET row = 1 WHERE row = 2;
       UPDATE attempts SET row = 2 WHERE row = 77`,
      { seq: 1, kind: "changed" },
    ],
    [
      "two attempts in each other's place, with their rows",
      `UPDATE attempts SET row = 77 WHERE row = 3; UPDATE attempts SET row = 3 WHERE row = 2;
       UPDATE attempts SET row = 2 WHERE row = 77;
       UPDATE chain SET fact = 77 WHERE seq = 9; UPDATE chain SET fact = 3 WHERE seq = 6;
       UPDATE chain SET fact = 2 WHERE seq = 9;
       UPDATE attempt_events SET attempt = 3 WHERE attempt = 2; UPDATE attempt_endings SET attempt = 3 WHERE attempt = 2;
       UPDATE chain SET fact = 3 WHERE seq = 8`,
      { seq: 9, kind: "moved" },
    ],
    [
      "two links in each other's place",
      "UPDATE chain SET seq = 77 WHERE seq = 7; UPDATE chain SET seq = 7 WHERE seq = 8; UPDATE chain SET seq = 8 WHERE seq = 77",
      { seq: 7, kind: "changed" },
    ],
    ["a changed hash", "UPDATE chain SET hash = digest WHERE seq = 4", { seq: 4, kind: "changed" }],
    ["a kind that is none", "UPDATE chain SET kind = 'note' WHERE seq = 4", { seq: 4, kind: "changed" }],
    ["a forgotten start", "DELETE FROM chain WHERE seq = 1", { seq: 1, kind: "missing" }],
    ["no chain at all", "DELETE FROM chain", { kind: "added" }],
    [
      "a deletion covered by a forged anchor",
      `DELETE FROM attempt_events WHERE row = 7;
       INSERT INTO anchors VALUES (1, 't', 1, '[[7,7]]', 7, 'x'); INSERT INTO chain VALUES (10, 'anchor', 1, 'x', 'y')`,
      { seq: 10, kind: "changed" },
    ],
  ])("shows %s", async (_name, sql, expected) => {
    await write(playHistory);
    tamper(sql);
    const { intact, entries, problem, head } = verifyLedgerFile(path);
    expect({ intact, problem }).toEqual({ intact: false, problem: { ...expected, message: expect.any(String) } });
    if (expected.seq !== undefined) {
      expect({ entries, head: head.seq }).toEqual({ entries: expected.seq - 1, head: expected.seq - 1 });
      expect(problem?.message).toContain(`Entry ${expected.seq} `);
    }
  });

  it("shows a cut-off end to whoever wrote the head down", async () => {
    await write(playHistory);
    const { hash } = verifyLedgerFile(path).head;
    tamper(
      "DELETE FROM attempt_endings WHERE attempt = 2; DELETE FROM attempts WHERE row = 3; DELETE FROM chain WHERE seq > 7",
    );
    expect(verifyLedgerFile(path)).toMatchObject({ intact: true, entries: 7 });
    const { intact, expected, problem } = verifyLedgerFile(path, hash);
    expect({ intact, expected, kind: problem?.kind }).toEqual({ intact: false, expected: undefined, kind: "missing" });
    // Grown again, it is another chain.
    await write(async (ledger) => {
      await ledger.end(opening("b"), ending("deployed", 6));
      await ledger.open(opening("c", 7));
    });
    expect(verifyLedgerFile(path)).toMatchObject({ intact: true, entries: 9 });
    expect(verifyLedgerFile(path, hash).intact).toBe(false);
  });
});

// ---- Properties ------------------------------------------------------------------------------------------------------

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("", "\ud800", "a\0b", "é", "__proto__"),
);
const fact = fc.record({
  digit: fc.constantFrom("a", "b", "c"),
  text,
  type: fc.constantFrom("held", "drift"),
  what: fc.nat(4),
});

async function say(
  ledger: SqliteLedger,
  { digit, text, type, what }: { digit: string; text: string; type: string; what: number },
) {
  const number = Number.parseInt(digit, 16) - 9;
  await ledger.open(opening(digit, 0, { subject: digit }));
  if (what === 1)
    await ledger.event(opening(digit), { at: minute(1), type, message: text, detail: { [text]: [text, 0.1] } });
  if (what === 2) await ledger.end(opening(digit), { ...ending("failed", 2, text), changes: { update: 1 } });
  if (what >= 3)
    await ledger.startRevision({ ...revision(number, digit, 2), file: text, images: { [text]: "sha256:1" } });
  if (what === 4) await ledger.endRevision(revision(number, digit), { endedAt: text, outcome: "failed", reason: text });
}

describe("any history", () => {
  it("is intact as it was written, whatever its texts are; and with one value changed it is not", async () => {
    let file = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fact, { minLength: 1, maxLength: 12 }), fc.nat(), async (facts, pick) => {
        const at = join(folder, `${file++}.db`);
        await write(async (ledger) => {
          for (const each of facts) {
            await say(ledger, each).catch((error: { code?: string }) => {
              // Said before otherwise: refused, and nothing is written.
              if (error.code !== "conflict") throw error;
            });
          }
        }, at);
        expect(verifyLedgerFile(at)).toMatchObject({ intact: true });
        tamper(changeOne(at, pick), at);
        expect(verifyLedgerFile(at)).toMatchObject({ intact: false });
      }),
      { numRuns: 40 },
    );
  });
});

/** SQL that changes one text of one row. */
function changeOne(file: string, pick: number): string {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const places = db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .flatMap(({ name }) => {
        const columns = db.prepare(`PRAGMA table_info(${String(name)})`).all();
        const texts = columns.filter((column) => column.type === "TEXT").map((column) => String(column.name));
        const rows = db.prepare(`SELECT count(*) AS n FROM ${String(name)}`).get()?.n;
        return texts.flatMap((column) => Array.from({ length: Number(rows) }, (_, row) => ({ name, column, row })));
      });
    const { name, column, row } = places[pick % places.length] ?? { name: "", column: "", row: 0 };
    const key = name === "chain" ? "seq" : name === "revision_images" ? "reference" : "";
    const order = key === "" ? "rowid" : key;
    return `UPDATE ${String(name)} SET ${column} = coalesce(${column}, '') || '!' WHERE ${order} = (SELECT ${order} FROM ${String(name)} LIMIT 1 OFFSET ${row})`;
  } finally {
    db.close();
  }
}
