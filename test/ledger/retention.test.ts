/** Retention: which attempts may go, that nothing else ever goes, and that what is left is still proven. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { planRetention, type RetentionCandidate, type RetentionRules, runsOf } from "../../src/ledger/retention.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { verifyLedgerFile } from "../../src/ledger/verify.ts";
import type { Outcome } from "../../src/model/ledger.ts";
import { ending, minute, opening, playHistory, revision } from "./facts.ts";

const NOW = Date.UTC(2026, 5, 1);
const DAY = 24 * 60 * 60 * 1_000;

/** `deployed 9`: ended so nine days ago; `open`; a `*` behind it: carried out. */
function candidate(text: string, index: number): RetentionCandidate {
  const [, app = "shop", what = "", days = "0", star] = /^(?:(\w+):)?([a-z -]+?)(?: (\d+))?(\*)?$/.exec(text) ?? [];
  const endedAt = new Date(NOW - Number(days) * DAY).toISOString();
  return {
    ...{ row: index + 1, app, target: "local", carriedOut: star !== undefined },
    ...(what !== "open" && { ending: { endedAt, outcome: what as Outcome } }),
  };
}

describe("what may go", () => {
  it.each<{ attempts: string[]; rules: RetentionRules; gone: number[] }>([
    { attempts: ["failed 9", "failed 9", "failed 9"], rules: {}, gone: [] },
    { attempts: [], rules: { keepAttempts: 1 }, gone: [] },
    { attempts: ["failed 9", "failed 9", "failed 9"], rules: { keepAttempts: 1 }, gone: [1, 2] },
    { attempts: ["failed 9", "failed 9", "failed 9"], rules: { keepAttempts: 2 }, gone: [1] },
    { attempts: ["failed 9", "failed 5", "failed 1"], rules: { keepDays: 5 }, gone: [1] },
    { attempts: ["failed 9", "failed 9", "failed 9"], rules: { keepDays: 5 }, gone: [1, 2] },
    // With both, each keeps what it keeps.
    {
      attempts: ["failed 9", "failed 9", "failed 3", "failed 1"],
      rules: { keepAttempts: 1, keepDays: 5 },
      gone: [1, 2],
    },
    { attempts: ["failed 9", "failed 9", "failed 8"], rules: { keepAttempts: 2, keepDays: 5 }, gone: [1] },
    // Never an open one, and it does not count as kept.
    { attempts: ["open", "failed 9", "open", "failed 9", "failed 9"], rules: { keepAttempts: 1 }, gone: [2, 4] },
    { attempts: ["failed 9", "failed 9", "open"], rules: { keepDays: 5 }, gone: [1, 2] },
    // Never the last that was deployed, or had nothing to do, or was carried out.
    { attempts: ["deployed 9", "deployed 9", "failed 9", "failed 9"], rules: { keepAttempts: 1 }, gone: [1, 3] },
    { attempts: ["deployed 9", "no-op 9", "failed 9"], rules: { keepAttempts: 1 }, gone: [1] },
    {
      attempts: ["deployed 9", "failed 9*", "failed 9*", "rejected 9", "rejected 9"],
      rules: { keepAttempts: 1 },
      gone: [2, 4],
    },
    // Each app for itself.
    { attempts: ["failed 9", "jobs:failed 9", "failed 9", "jobs:failed 9"], rules: { keepAttempts: 1 }, gone: [1, 2] },
  ])("$attempts by $rules: $gone", ({ attempts, rules, gone }) => {
    expect(planRetention(attempts.map(candidate), rules, NOW)).toEqual(gone);
  });

  it("is never what ended at a time that cannot be read", () => {
    const [first, ...rest] = ["failed 9", "failed 9", "failed 9"].map(candidate);
    const odd = { ...first, ending: { endedAt: "yesterday", outcome: "failed" } } as RetentionCandidate;
    expect(planRetention([odd, ...rest], { keepDays: 5 }, NOW)).toEqual([2]);
  });

  it("is never what the reconciler or an operator still needs", () => {
    const anAttempt = fc.record({
      app: fc.constantFrom("a", "b"),
      outcome: fc.constantFrom<"open" | Outcome>("open", "deployed", "no-op", "failed", "superseded"),
      days: fc.nat(20),
      carriedOut: fc.boolean(),
    });
    const rules = fc.record(
      { keepAttempts: fc.integer({ min: 1, max: 4 }), keepDays: fc.integer({ min: 1, max: 15 }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(anAttempt, { maxLength: 15 }), rules, (drawn, given) => {
        const attempts = drawn.map(({ app, outcome, days, carriedOut }, index): RetentionCandidate => {
          const endedAt = new Date(NOW - days * DAY).toISOString();
          return {
            row: index + 1,
            app,
            target: "local",
            carriedOut,
            ...(outcome !== "open" && { ending: { endedAt, outcome } }),
          };
        });
        const gone = new Set(planRetention(attempts, given, NOW));
        const kept = attempts.filter(({ row }) => !gone.has(row));
        const isDone = ({ ending: end }: RetentionCandidate): boolean =>
          ["deployed", "no-op"].includes(end?.outcome ?? "");
        for (const app of ["a", "b"]) {
          const of = (list: RetentionCandidate[]): RetentionCandidate[] => list.filter((each) => each.app === app);
          const ended = of(attempts).filter((each) => each.ending !== undefined);
          expect(of(kept).at(-1)).toBe(of(attempts).at(-1));
          expect(of(kept).findLast(isDone)).toBe(of(attempts).findLast(isDone));
          expect(of(kept).findLast((each) => each.carriedOut)).toBe(of(attempts).findLast((each) => each.carriedOut));
          for (const each of ended.slice(-(given.keepAttempts ?? 0) || ended.length))
            expect(gone.has(each.row)).toBe(false);
        }
        for (const { row, ending: end } of attempts) {
          if (end === undefined) expect(gone.has(row)).toBe(false);
          else if (given.keepDays !== undefined && Date.parse(end.endedAt) >= NOW - given.keepDays * DAY)
            expect(gone.has(row)).toBe(false);
        }
        // What is left would be left again.
        expect(planRetention(kept, given, NOW)).toEqual([]);
      }),
    );
  });

  it("is written as runs", () => {
    expect(runsOf([])).toEqual([]);
    expect(runsOf([1, 2, 3, 5, 7, 8])).toEqual([
      [1, 3],
      [5, 5],
      [7, 8],
    ]);
  });
});

describe("a ledger", () => {
  let folder: string;
  let path: string;
  let ledger: SqliteLedger;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "trueup-retention-"));
    path = join(folder, "ledger.db");
    ledger = new SqliteLedger({ path });
    await playHistory(ledger);
    // Of a, b and c, only b may go: a is the last deployed one, c is open.
    await ledger.open(opening("d", 8));
    await ledger.end(opening("d"), ending("failed", 9));
    await ledger.end(opening("c"), ending("superseded", 9));
  });
  afterEach(() => {
    ledger.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const commits = async (): Promise<string[]> => (await ledger.attempts({})).map(({ commit }) => commit.charAt(0));

  it("removes old attempts with all their facts, keeps every revision, and is proven as before", async () => {
    const head = verifyLedgerFile(path).head;
    const revisions = await ledger.revisions({});
    expect(await ledger.retain({ keepAttempts: 1 }, NOW, 100)).toBe(1);
    // b was held, so it was carried out last and stays; c was not.
    expect(await commits()).toEqual(["d", "b", "a"]);
    expect(await ledger.revisions({})).toEqual(revisions);
    expect(verifyLedgerFile(path, head.hash)).toMatchObject({
      ...{ intact: true, entries: 13, removed: 2, attempts: 3, revisions: 1, expected: 12, head: { seq: 13 } },
    });
    expect(await ledger.retain({ keepAttempts: 1 }, NOW, 100)).toBe(0);
    expect(verifyLedgerFile(path).entries).toBe(13);
  });

  it("removes no more than it is told at once, the oldest first", async () => {
    for (const digit of ["e", "f"]) {
      await ledger.open(opening(digit, 10));
      await ledger.end(opening(digit), ending("failed", 11));
    }
    expect(await ledger.retain({ keepAttempts: 1 }, NOW, 2)).toBe(2);
    expect(await commits()).toEqual(["f", "e", "b", "a"]);
    expect(await ledger.retain({ keepAttempts: 1 }, NOW, 2)).toBe(1);
    expect(await commits()).toEqual(["f", "b", "a"]);
    expect(verifyLedgerFile(path)).toMatchObject({ intact: true, removed: 6 });
  });

  it("goes on after a removal, with numbers that never come again", async () => {
    await ledger.event(opening("c"), { at: minute(9), type: "drift", message: "the newest event, of one that goes" });
    await ledger.retain({ keepAttempts: 1 }, NOW, 100);
    await ledger.event(opening("d"), { at: minute(10), type: "drift", message: "deployment/web" });
    await ledger.open(opening("c", 11));
    await ledger.startRevision(revision(2, "c", 12));
    expect((await ledger.attempts({ limit: 1 }))[0]).toMatchObject({ row: 5, events: [] });
    expect(verifyLedgerFile(path)).toMatchObject({ intact: true, removed: 3 });
  });

  it("refuses any other deletion as before, and one that nobody recorded shows", async () => {
    await ledger.retain({ keepAttempts: 1 }, NOW, 100);
    const db = new DatabaseSync(path);
    try {
      db.exec("PRAGMA foreign_keys = OFF");
      for (const table of [
        "attempts",
        "attempt_events",
        "attempt_endings",
        "chain",
        "anchors",
        "anchored",
        "revisions",
      ]) {
        expect(() => db.exec(`DELETE FROM ${table}`), table).toThrow("append-only");
      }
      expect(() => db.exec("UPDATE anchors SET links = '[[1,99]]'")).toThrow("append-only");
      db.exec("INSERT INTO anchored VALUES (2, 1); DELETE FROM attempt_events WHERE attempt = 2");
    } finally {
      db.close();
    }
    expect(verifyLedgerFile(path).problem).toMatchObject({ seq: 7, kind: "missing" });
  });

  it("leaves a row alone that was put in without a link, for the proof to show", async () => {
    const db = new DatabaseSync(path);
    db.exec(`INSERT INTO attempts (row, app, target, commit_id, ordinal, opened_at, ref, author_name, author_email, subject)
      SELECT 0, app, target, '${"9".repeat(40)}', 1, opened_at, ref, author_name, author_email, subject FROM attempts LIMIT 1;
      INSERT INTO attempt_endings VALUES (0, '2026-01-01T00:00:00.000Z', 'failed', '', NULL, NULL)`);
    db.close();
    await ledger.retain({ keepAttempts: 1 }, NOW, 100);
    expect(verifyLedgerFile(path).problem).toMatchObject({
      kind: "added",
      message: expect.stringContaining("Row 0 of attempts"),
    });
  });
});
