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
import type { Attempt, Outcome } from "../../src/model/ledger.ts";
import { lastApplied, lastGood, wasBroken } from "../../src/reconcile/course.ts";
import { ending, minute, opening, playHistory, revision } from "./facts.ts";

const NOW = Date.UTC(2026, 5, 1);
const DAY = 24 * 60 * 60 * 1_000;

/** `jobs:deployed@c 9*`: of app jobs, ended so nine days ago at commit c, and was carried out; `!`: not well; `open`. */
function candidate(text: string, index: number): RetentionCandidate {
  const pattern = /^(?:(\w+):)?([a-z -]+?)(?:@(\w))?(?: (\d+))?(\*)?(!)?$/;
  const [, app = "shop", what = "", commit = String(index), days = "0", star, bad] = pattern.exec(text) ?? [];
  const endedAt = new Date(NOW - Number(days) * DAY).toISOString();
  return {
    ...{ row: index + 1, app, target: "local", commit, carriedOut: star !== undefined },
    ...(what !== "open" && {
      ending: { endedAt, outcome: what as Outcome, reason: bad === undefined ? "" : "not well" },
    }),
  };
}

describe("what may go", () => {
  it.each<{ attempts: string[]; rules: RetentionRules; gone: number[] }>([
    { attempts: ["failed 9", "failed 9", "failed 9"], rules: {}, gone: [] },
    { attempts: [], rules: { keepAttempts: 1 }, gone: [] },
    { attempts: ["rejected 9", "rejected 9", "rejected 9"], rules: { keepAttempts: 1 }, gone: [1, 2] },
    { attempts: ["rejected 9", "rejected 9", "rejected 9"], rules: { keepAttempts: 2 }, gone: [1] },
    { attempts: ["rejected 9", "rejected 5", "rejected 1"], rules: { keepDays: 5 }, gone: [1] },
    { attempts: ["rejected 9", "rejected 9", "rejected 9"], rules: { keepDays: 5 }, gone: [1, 2] },
    // With both, each keeps what it keeps.
    {
      attempts: ["rejected 9", "rejected 9", "rejected 3", "rejected 1"],
      rules: { keepAttempts: 1, keepDays: 5 },
      gone: [1, 2],
    },
    { attempts: ["rejected 9", "rejected 9", "rejected 8"], rules: { keepAttempts: 2, keepDays: 5 }, gone: [1] },
    // Never an open one, and it does not count as kept.
    { attempts: ["open", "rejected 9", "open", "rejected 9", "rejected 9"], rules: { keepAttempts: 1 }, gone: [2, 4] },
    { attempts: ["rejected 9", "rejected 9", "open"], rules: { keepDays: 5 }, gone: [1, 2] },
    // Never the last that left the app well, nor the last that did so with another commit.
    { attempts: ["deployed 9", "deployed 9", "deployed 9", "rejected 9"], rules: { keepAttempts: 1 }, gone: [1] },
    { attempts: ["deployed@a 9", "no-op@b 9", "deployed@b 9", "rejected 9"], rules: { keepAttempts: 1 }, gone: [2] },
    // Never the last that says how the app was, nor the last at another commit, nor the last that was carried out.
    { attempts: ["failed 9", "failed 9", "superseded 9", "rejected 9"], rules: { keepAttempts: 1 }, gone: [3] },
    { attempts: ["failed@a 9", "failed@a 9", "superseded 9", "rejected 9"], rules: { keepAttempts: 1 }, gone: [1, 3] },
    { attempts: ["failed 9*", "rejected 9*", "failed 9", "failed 9"], rules: { keepAttempts: 1 }, gone: [1] },
    { attempts: ["no-op@a 9!", "no-op@b 9!", "failed 9", "rejected 9"], rules: { keepAttempts: 1 }, gone: [1] },
    // Each app for itself.
    {
      attempts: ["rejected 9", "jobs:rejected 9", "rejected 9", "jobs:rejected 9"],
      rules: { keepAttempts: 1 },
      gone: [1, 2],
    },
  ])("$attempts by $rules: $gone", ({ attempts, rules, gone }) => {
    expect(planRetention(attempts.map(candidate), rules, NOW)).toEqual(gone);
  });

  it("is never what ended at a time that cannot be read", () => {
    const [first, ...rest] = ["rejected 9", "rejected 9", "rejected 9"].map(candidate);
    const odd = { ...first, ending: { endedAt: "yesterday", outcome: "rejected", reason: "" } } as RetentionCandidate;
    expect(planRetention([odd, ...rest], { keepDays: 5 }, NOW)).toEqual([2]);
  });

  it("is never open, never what the rules keep, and nothing by which the reconciler would decide otherwise", () => {
    const outcomes = ["open", "deployed", "no-op", "failed", "superseded", "rejected", "rolled back"] as const;
    const anAttempt = fc.record({
      app: fc.constantFrom("a", "b"),
      commit: fc.constantFrom("x", "y", "z"),
      outcome: fc.constantFrom(...outcomes),
      reason: fc.constantFrom("", "not well"),
      days: fc.nat(20),
      event: fc.constantFrom("planned", "nothing to do", "applied", "held", "rollback"),
    });
    const rules = fc.record(
      { keepAttempts: fc.integer({ min: 1, max: 4 }), keepDays: fc.integer({ min: 1, max: 15 }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(anAttempt, { maxLength: 15 }), rules, (drawn, given) => {
        const attempts = drawn.map(({ app, commit, outcome, reason, days, event }, index) => {
          const endedAt = new Date(NOW - days * DAY).toISOString();
          const detail = { to: `before ${index}`, reason, due: event === "planned" ? 1 : 0 };
          const type = event === "nothing to do" ? "planned" : event;
          return {
            ...{ row: index + 1, app, target: "local", commit, events: [{ at: "", type, message: "", detail }] },
            ...{ carriedOut: event !== "planned", ...(outcome !== "open" && { ending: { endedAt, outcome, reason } }) },
          };
        });
        const gone = new Set(planRetention(attempts, given, NOW));
        for (const { row, ending: end } of attempts) {
          const isYoung = given.keepDays !== undefined && Date.parse(end?.endedAt ?? "") >= NOW - given.keepDays * DAY;
          if (end === undefined || isYoung) expect(gone.has(row)).toBe(false);
        }
        for (const app of ["a", "b"]) {
          const all = attempts.filter((each) => each.app === app).toReversed() as unknown as Attempt[];
          const kept = all.filter(({ row }) => !gone.has(row));
          const ended = all.filter((each) => each.ending !== undefined);
          for (const { row } of ended.slice(0, given.keepAttempts))
            expect(given.keepAttempts && gone.has(row)).toBeFalsy();
          const [newest] = all;
          expect(kept[0]).toBe(newest);
          expect(lastApplied(kept)).toBe(lastApplied(all));
          const next = ["x", "y", "z", "new"].map((commit) => ({ commit, row: 1_000 }) as unknown as Attempt);
          for (const present of newest === undefined ? next : [newest, ...next]) {
            expect(lastGood(kept, present)).toBe(lastGood(all, present));
            expect(wasBroken(kept, present)).toBe(wasBroken(all, present));
          }
        }
        // What is left would be left again.
        const left = attempts.filter(({ row }) => !gone.has(row));
        expect(planRetention(left, given, NOW)).toEqual([]);
      }),
      { numRuns: 1_000 },
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
      await ledger.end(opening(digit), ending("rejected", 11));
    }
    expect(await ledger.retain({ keepAttempts: 1 }, NOW, 1)).toBe(1);
    expect(await commits()).toEqual(["f", "e", "d", "b", "a"]);
    expect(await ledger.retain({ keepAttempts: 1 }, NOW, 2)).toBe(1);
    // d failed: it says how the app was.
    expect(await commits()).toEqual(["f", "d", "b", "a"]);
    expect(verifyLedgerFile(path)).toMatchObject({ intact: true, removed: 4 });
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
