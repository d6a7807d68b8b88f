/** What every ledger must do, whatever it is stored in: each runs this suite on its own storage. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  Attempt,
  AttemptEnding,
  AttemptEvent,
  AttemptKey,
  AttemptOpening,
  AttemptQuery,
  DurableLedger,
  Ledger,
  LedgerEntry,
  Revision,
  RevisionEnding,
} from "../../src/model/ledger.ts";
import { asCommitId } from "../../src/model/source.ts";
import * as facts from "./facts.ts";
import { NaiveLedger } from "./naive-ledger.ts";

/** A place where one ledger is. */
export interface LedgerHome {
  /** Opens the ledger that is there, as the next daemon does; the one before need not be closed. */
  open(): Promise<DurableLedger>;
  /** Ends all that was opened. */
  leave(): Promise<void>;
}

export interface LedgerSuiteOptions {
  /** An empty place. */
  newHome: () => Promise<LedgerHome>;
  /** Of the property against a naive model. */
  runs: number;
}

const AT = "2026-11-23T17:42:02.000Z";
const LATER = "2026-11-23T17:42:09.000Z";
const commit = (digit: string) => asCommitId(digit.repeat(40));

function opening(digit: string, ordinal = 1, rest: Partial<AttemptOpening> = {}): AttemptOpening {
  return {
    app: "shop",
    target: "local",
    commit: commit(digit),
    ordinal,
    openedAt: AT,
    ref: "refs/heads/main",
    authorName: "Ada",
    authorEmail: "ada@example.invalid",
    subject: `change ${digit}`,
    ...rest,
  };
}

const ending = (outcome: AttemptEnding["outcome"], reason = ""): AttemptEnding => ({ endedAt: LATER, outcome, reason });

function revision(number: number, rest: Partial<Revision> = {}): Revision {
  return {
    app: "shop",
    target: "local",
    workload: "apps/Deployment/default/web",
    uid: "uid-1",
    revision: number,
    commit: commit("a"),
    authorName: "Ada",
    authorEmail: "ada@example.invalid",
    subject: "change a",
    file: "web.yaml",
    template: { spec: { containers: [{ name: "web", image: `web:v${number}` }] } },
    templateHash: `hash${number}`,
    images: { [`web:v${number}`]: `sha256:${number}` },
    planDigest: "sha256:plan",
    startedAt: AT,
    ...rest,
  };
}

/** @param name `in a file` */
export function ledgerSuite(name: string, { newHome, runs }: LedgerSuiteOptions): void {
  describe(`a ledger ${name}`, () => {
    let home: LedgerHome;
    beforeEach(async () => {
      home = await newHome();
    });
    afterEach(() => home.leave());

    describe("attempts", () => {
      it("read back as they were written, newest first, with their events and their ending", async () => {
        const ledger = await home.open();
        await ledger.open(opening("a"));
        await ledger.open(opening("b"));
        const event: AttemptEvent = {
          at: AT,
          type: "planned",
          message: "2 to update",
          detail: { digest: "sha256:1", n: [1] },
        };
        await ledger.event(opening("a"), event);
        await ledger.event(opening("a"), { at: LATER, type: "applied", message: "" });
        const end: AttemptEnding = {
          ...ending("deployed"),
          planDigest: "sha256:1",
          changes: { update: 2, unchanged: 1 },
        };
        await ledger.end(opening("a"), end);
        const expected: Attempt[] = [
          { ...opening("b"), row: 2, events: [] },
          { ...opening("a"), row: 1, events: [event, { at: LATER, type: "applied", message: "" }], ending: end },
        ];
        expect(await ledger.attempts({})).toEqual(expected);
        expect(await (await home.open()).attempts({})).toEqual(expected);
      });

      it("are found by app, target, commit, openness, and counted from the newest", async () => {
        const ledger = await home.open();
        await ledger.open(opening("a"));
        await ledger.open(opening("a", 2));
        await ledger.open(opening("b"));
        await ledger.open(opening("a", 1, { app: "other" }));
        await ledger.open(opening("a", 1, { target: "cluster" }));
        await ledger.end(opening("a"), ending("superseded", "by b"));
        const rows = async (query: AttemptQuery): Promise<number[]> =>
          (await ledger.attempts(query)).map(({ row }) => row);
        expect(await rows({ app: "shop" })).toEqual([5, 3, 2, 1]);
        expect(await rows({ app: "shop", target: "local" })).toEqual([3, 2, 1]);
        expect(await rows({ app: "shop", target: "local", commit: commit("a") })).toEqual([2, 1]);
        expect(await rows({ app: "shop", target: "local", onlyOpen: true })).toEqual([3, 2]);
        expect(await rows({ onlyOpen: true, limit: 2 })).toEqual([5, 4]);
        expect(await rows({ app: "nobody" })).toEqual([]);
      });

      it.each([
        { name: "opening again", twice: (l: Ledger) => l.open(opening("a", 1, { openedAt: LATER })) },
        {
          name: "the same event",
          twice: (l: Ledger) => l.event(opening("a"), { at: AT, type: "t", message: "m", detail: { a: 1, b: 2 } }),
        },
        {
          name: "the same ending at another time",
          twice: (l: Ledger) => l.end(opening("b"), { ...ending("failed", "x"), endedAt: AT }),
        },
      ])("say nothing new when said twice: $name", async ({ twice }) => {
        const ledger = await home.open();
        await ledger.open(opening("a"));
        await ledger.event(opening("a"), { at: AT, type: "t", message: "m", detail: { b: 2, a: 1 } });
        await ledger.open(opening("b"));
        await ledger.end(opening("b"), ending("failed", "x"));
        const before = await ledger.attempts({});
        await twice(ledger);
        expect(await ledger.attempts({})).toEqual(before);
      });

      it.each([
        { name: "another outcome", say: (l: Ledger) => l.end(opening("a"), ending("failed")), code: "conflict" },
        {
          name: "another reason",
          say: (l: Ledger) => l.end(opening("a"), ending("deployed", "why")),
          code: "conflict",
        },
        {
          name: "another plan",
          say: (l: Ledger) => l.end(opening("a"), { ...ending("deployed"), planDigest: "x" }),
          code: "conflict",
        },
        {
          name: "another author",
          say: (l: Ledger) => l.open(opening("a", 1, { authorName: "Eve" })),
          code: "conflict",
        },
        { name: "an end of nothing", say: (l: Ledger) => l.end(opening("c"), ending("failed")), code: "not-found" },
        {
          name: "an event of nothing",
          say: (l: Ledger) => l.event(opening("a", 7), { at: AT, type: "t", message: "" }),
          code: "not-found",
        },
        { name: "ordinal 0", say: (l: Ledger) => l.open(opening("c", 0)), code: "invalid" },
      ])("refuse $name", async ({ say, code }) => {
        const ledger = await home.open();
        await ledger.open(opening("a"));
        await ledger.end(opening("a"), ending("deployed"));
        const before = await ledger.attempts({});
        await expect(say(ledger)).rejects.toMatchObject({ code });
        expect(await ledger.attempts({})).toEqual(before);
      });

      it("take events after their end: drift is found on commits long deployed", async () => {
        const ledger = await home.open();
        await ledger.open(opening("a"));
        await ledger.end(opening("a"), ending("deployed"));
        await ledger.event(opening("a"), { at: LATER, type: "drift", message: "deployment/web was edited" });
        expect((await ledger.attempts({}))[0]?.events.map(({ type }) => type)).toEqual(["drift"]);
      });
    });

    describe("revisions", () => {
      it("read back as they were written, oldest first, found by workload and uid", async () => {
        const ledger = await home.open();
        const other = revision(1, { workload: "apps/Deployment/default/api", uid: "uid-2" });
        const end: RevisionEnding = { endedAt: LATER, outcome: "deployed", reason: "" };
        await ledger.startRevision(revision(1));
        await ledger.startRevision(other);
        await ledger.startRevision(revision(2));
        await ledger.endRevision(revision(1), end);
        expect(await ledger.revisions({})).toEqual([{ ...revision(1), ending: end }, other, revision(2)]);
        expect(await ledger.revisions({ workload: other.workload })).toEqual([other]);
        expect(await ledger.revisions({ app: "shop", target: "local", uid: "uid-1" })).toHaveLength(2);
        expect(await ledger.revisions({ app: "nobody" })).toEqual([]);
      });

      it("are said twice without harm, and never otherwise", async () => {
        const ledger = await home.open();
        await ledger.startRevision(revision(1));
        await ledger.startRevision(revision(1, { startedAt: LATER }));
        await ledger.endRevision(revision(1), { endedAt: AT, outcome: "failed", reason: "x" });
        await ledger.endRevision(revision(1), { endedAt: LATER, outcome: "failed", reason: "x" });
        await expect(ledger.startRevision(revision(1, { templateHash: "z" }))).rejects.toMatchObject({
          code: "conflict",
        });
        await expect(
          ledger.endRevision(revision(1), { endedAt: AT, outcome: "deployed", reason: "" }),
        ).rejects.toMatchObject({
          code: "conflict",
        });
        await expect(
          ledger.endRevision(revision(9), { endedAt: AT, outcome: "deployed", reason: "" }),
        ).rejects.toMatchObject({
          code: "not-found",
        });
        expect(await ledger.revisions({})).toHaveLength(1);
      });

      it("tell the digest that an image reference had last, per app and target", async () => {
        const ledger = await home.open();
        const of = (number: number, digest: string, rest: Partial<Revision> = {}): Revision =>
          revision(number, { images: { "web:v1": digest }, ...rest });
        await ledger.startRevision(of(1, "sha256:old"));
        await ledger.startRevision(of(2, "sha256:new"));
        await ledger.startRevision(of(3, "sha256:other", { app: "other" }));
        await ledger.startRevision(revision(4));
        const found = await ledger.imageDigest("shop", "local", "web:v1");
        expect(found).toEqual({ digest: "sha256:new", revision: of(2, "sha256:new") });
        expect(await ledger.imageDigest("shop", "local", "web:v9")).toBeNull();
        expect(await ledger.imageDigest("shop", "cluster", "web:v1")).toBeNull();
      });
    });

    describe("retention", () => {
      const NOW = Date.UTC(2026, 5, 1);
      let ledger: DurableLedger;

      beforeEach(async () => {
        ledger = await home.open();
        await facts.playHistory(ledger);
        // Of a, b and c, only b may go: a is the last deployed one, c is open.
        await ledger.open(facts.opening("d", 8));
        await ledger.end(facts.opening("d"), facts.ending("failed", 9));
        await ledger.end(facts.opening("c"), facts.ending("superseded", 9));
      });

      const commits = async (): Promise<string[]> => (await ledger.attempts({})).map((each) => each.commit.charAt(0));

      it("removes old attempts with all their facts, keeps every revision, and is proven as before", async () => {
        const { head } = await ledger.prove();
        const revisions = await ledger.revisions({});
        const before = await entriesOf(ledger);
        expect(await ledger.retain({ keepAttempts: 1 }, NOW, 100)).toBe(1);
        // b was held, so it was carried out last and stays; c was not.
        const expectKept = async (): Promise<void> => {
          expect(await commits()).toEqual(["d", "b", "a"]);
          expect(await ledger.revisions({})).toEqual(revisions);
          expect(await ledger.prove(head.hash)).toMatchObject({
            ...{ intact: true, entries: 13, removed: 2, attempts: 3, revisions: 1, expected: 12, head: { seq: 13 } },
          });
          const bare = before.map((entry) => ([9, 12].includes(entry.seq) ? { ...entry, content: null } : entry));
          expect((await entriesOf(ledger)).slice(0, 12)).toEqual(bare);
        };
        await expectKept();
        expect(await ledger.retain({ keepAttempts: 1 }, NOW, 100)).toBe(0);
        await ledger.close();
        ledger = await home.open();
        await expectKept();
      });

      it("removes no more than it is told at once, the oldest first", async () => {
        for (const digit of ["e", "f"]) {
          await ledger.open(facts.opening(digit, 10));
          await ledger.end(facts.opening(digit), facts.ending("rejected", 11));
        }
        expect(await ledger.retain({ keepAttempts: 1 }, NOW, 1)).toBe(1);
        expect(await commits()).toEqual(["f", "e", "d", "b", "a"]);
        expect(await ledger.retain({ keepAttempts: 1 }, NOW, 2)).toBe(1);
        // d failed: it says how the app was.
        expect(await commits()).toEqual(["f", "d", "b", "a"]);
        expect(await ledger.prove()).toMatchObject({ intact: true, removed: 4 });
      });

      it.each([
        { due: 0, kept: ["f", "e", "d", "b", "a"] },
        { due: 1, kept: ["f", "d", "b", "a"] },
      ])(
        "keeps the commit that runs: the one that $due changes were planned for, last, decides",
        async ({ due, kept }) => {
          await ledger.open(facts.opening("e", 10));
          const planned = { at: facts.minute(10), type: "planned", message: "", detail: { due } };
          await ledger.event(facts.opening("e"), planned);
          await ledger.end(facts.opening("e"), facts.ending("superseded", 11));
          await ledger.open(facts.opening("f", 12));
          await ledger.end(facts.opening("f"), facts.ending("rejected", 13));
          await ledger.retain({ keepAttempts: 1 }, NOW, 100);
          expect(await commits()).toEqual(kept);
        },
      );

      it("goes on after a removal, with numbers that never come again", async () => {
        const drift = { type: "drift", message: "the newest event, of one that goes" };
        await ledger.event(facts.opening("c"), { at: facts.minute(9), ...drift });
        await ledger.retain({ keepAttempts: 1 }, NOW, 100);
        await ledger.event(facts.opening("d"), { at: facts.minute(10), ...drift });
        await ledger.open(facts.opening("c", 11));
        await ledger.startRevision(facts.revision(2, "c", 12));
        expect((await ledger.attempts({ limit: 1 }))[0]).toMatchObject({ row: 5, events: [] });
        await expect(ledger.end(facts.opening("e"), facts.ending("failed", 1))).rejects.toMatchObject({
          code: "not-found",
        });
        expect(await ledger.prove()).toMatchObject({ intact: true, removed: 3 });
      });
    });

    describe("proof and entries", () => {
      it("say what there is, from when to when, and where the head is", async () => {
        const ledger = await home.open();
        const start = { seq: 0, hash: "0".repeat(64) };
        expect(await ledger.prove()).toEqual({
          ...{ intact: true, entries: 0, removed: 0, attempts: 0, revisions: 0, head: start },
        });
        await facts.playHistory(ledger);
        await facts.playHistory(ledger);
        const proof = await ledger.prove();
        expect(proof).toEqual({
          ...{
            intact: true,
            entries: 9,
            removed: 0,
            attempts: 3,
            revisions: 1,
            from: facts.minute(0),
            to: facts.minute(7),
          },
          // Of any ledger to which the same was said.
          head: { seq: 9, hash: "2c246f0323efc1d18af7b741bbc6755caa0479589bee05b238569e194b5a486e" },
        });
        expect(await ledger.prove(proof.head.hash)).toMatchObject({ intact: true, expected: 9 });
        expect(await ledger.prove("f".repeat(64))).toMatchObject({ intact: false, problem: { kind: "missing" } });
        const entries = await entriesOf(ledger);
        expect(entries.map(({ seq, kind }) => `${seq} ${kind}`)).toEqual([
          ...[
            "1 attempt",
            "2 event",
            "3 revision",
            "4 revision-ending",
            "5 ending",
            "6 attempt",
            "7 event",
            "8 ending",
          ],
          "9 attempt",
        ]);
        expect(entries.at(-1)?.hash).toBe(proof.head.hash);
      });

      it.each(["\ud800", "a\0b", "__proto__", "é", "x".repeat(40_000)])("keep any text: %j", async (text) => {
        const ledger = await home.open();
        const key = opening("a", 1, { subject: text });
        const end: AttemptEnding = { ...ending("failed", text), changes: { update: 1 } };
        const event: AttemptEvent = { at: AT, type: "t", message: text, detail: { [text]: [text, 0.1] } };
        for (let times = 0; times < 2; times++) {
          await ledger.open(key);
          await ledger.event(key, event);
          await ledger.end(key, end);
          await ledger.startRevision(revision(1, { file: text, template: { [text]: text }, images: { [text]: text } }));
        }
        const kept = text.toWellFormed();
        const [attempt] = await (await home.open()).attempts({});
        expect(attempt).toMatchObject({ subject: kept, events: [{ message: kept }], ending: { reason: kept } });
        expect(Object.keys(attempt?.events[0]?.detail ?? {})).toEqual([kept]);
        expect((await ledger.imageDigest("shop", "local", text))?.digest).toBe(kept);
        expect(await (await home.open()).prove()).toMatchObject({ intact: true, entries: 4 });
      });
    });

    describe("against a naive model", () => {
      it("answers alike, refuses alike and keeps the same rows, also after it was opened again", async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
            const naive = new NaiveLedger();
            const place = await newHome();
            try {
              let ledger = await place.open();
              for (const [index, run] of steps.entries()) {
                if (index === 10) {
                  await ledger.close();
                  ledger = await place.open();
                }
                const outcomes = await Promise.all(
                  [naive, ledger].map((each) =>
                    run(each).then(
                      (answer) => answer ?? "ok",
                      (error) => error.code,
                    ),
                  ),
                );
                expect(outcomes[1]).toBe(outcomes[0]);
              }
              await expectSameRows(ledger, naive);
              expect(await ledger.prove()).toMatchObject({ intact: true });
            } finally {
              await place.leave();
            }
          }),
          { numRuns: runs },
        );
      });
    });
  });
}

/** Every query of any step's facts is answered alike. */
export async function expectSameRows(ledger: Ledger, other: Ledger): Promise<void> {
  expect(await ledger.attempts({})).toEqual(await other.attempts({}));
  const open: AttemptQuery = { onlyOpen: true, app: "shop" };
  expect(await ledger.attempts(open)).toEqual(await other.attempts(open));
  const newest: AttemptQuery = { app: "shop", target: "local", limit: 2 };
  expect(await ledger.attempts(newest)).toEqual(await other.attempts(newest));
  expect(await ledger.revisions({})).toEqual(await other.revisions({}));
  expect(await ledger.imageDigest("shop", "local", "i")).toEqual(await other.imageDigest("shop", "local", "i"));
}

export async function entriesOf(ledger: DurableLedger): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for await (const entry of ledger.entries()) entries.push(entry);
  return entries;
}

const key: fc.Arbitrary<AttemptKey> = fc.record({
  app: fc.constantFrom("shop", "other"),
  target: fc.constant("local"),
  commit: fc.constantFrom(commit("a"), commit("b")),
  ordinal: fc.integer({ min: 1, max: 2 }),
});
const time = fc.constantFrom(AT, LATER);
const revisionKey = fc.record({ revision: fc.integer({ min: 1, max: 3 }), uid: fc.constantFrom("u1", "u2") });

/** One call, on facts of which there are few, so that much is said again or otherwise. */
export type Step = (ledger: Ledger) => Promise<unknown>;

export const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(key, time, fc.constantFrom("Ada", "Eve")).map(
    ([at, openedAt, authorName]): Step =>
      (ledger) =>
        ledger.open({ ...opening("a"), ...at, openedAt, authorName }),
  ),
  fc.tuple(key, time, fc.constantFrom("held", "retry")).map(
    ([at, when, type]): Step =>
      (ledger) =>
        ledger.event(at, { at: when, type, message: "m" }),
  ),
  fc.tuple(key, time, fc.constantFrom("deployed" as const, "failed" as const)).map(
    ([at, endedAt, outcome]): Step =>
      (ledger) =>
        ledger.end(at, { endedAt, outcome, reason: "" }),
  ),
  fc.tuple(revisionKey, time, fc.constantFrom("x", "y")).map(
    ([at, startedAt, templateHash]): Step =>
      (ledger) =>
        ledger.startRevision(revision(at.revision, { ...at, startedAt, templateHash, images: { i: templateHash } })),
  ),
  fc.tuple(revisionKey, fc.constantFrom("deployed" as const, "failed" as const)).map(
    ([at, outcome]): Step =>
      (ledger) =>
        ledger.endRevision({ app: "shop", target: "local", ...at }, { endedAt: AT, outcome, reason: "" }),
  ),
);
