/** The ledger: what may be said twice, what may not be said at all, and that it always reads back what was written. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import type {
  Attempt,
  AttemptEnding,
  AttemptEvent,
  AttemptKey,
  AttemptOpening,
  Revision,
  RevisionEnding,
} from "../../src/model/ledger.ts";
import { asCommitId } from "../../src/model/source.ts";
import { NaiveLedger } from "./naive-ledger.ts";

let folder: string;
let open: SqliteLedger[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trueup-ledger-"));
  open = [];
});
afterEach(() => {
  for (const ledger of open) ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

function openLedger(name = "ledger.db"): SqliteLedger {
  const ledger = new SqliteLedger({ path: join(folder, name) });
  open.push(ledger);
  return ledger;
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

describe("attempts", () => {
  it("read back as they were written, newest first, with their events and their ending", async () => {
    const ledger = openLedger();
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
    const end: AttemptEnding = { ...ending("deployed"), planDigest: "sha256:1", changes: { update: 2, unchanged: 1 } };
    await ledger.end(opening("a"), end);
    const expected: Attempt[] = [
      { ...opening("b"), row: 2, events: [] },
      { ...opening("a"), row: 1, events: [event, { at: LATER, type: "applied", message: "" }], ending: end },
    ];
    expect(await ledger.attempts({})).toEqual(expected);
    expect(await openLedger().attempts({})).toEqual(expected);
  });

  it("are found by app, target, commit, openness, and counted from the newest", async () => {
    const ledger = openLedger();
    await ledger.open(opening("a"));
    await ledger.open(opening("a", 2));
    await ledger.open(opening("b"));
    await ledger.open(opening("a", 1, { app: "other" }));
    await ledger.open(opening("a", 1, { target: "cluster" }));
    await ledger.end(opening("a"), ending("superseded", "by b"));
    const rows = async (query: Parameters<SqliteLedger["attempts"]>[0]): Promise<number[]> =>
      (await ledger.attempts(query)).map(({ row }) => row);
    expect(await rows({ app: "shop" })).toEqual([5, 3, 2, 1]);
    expect(await rows({ app: "shop", target: "local" })).toEqual([3, 2, 1]);
    expect(await rows({ app: "shop", target: "local", commit: commit("a") })).toEqual([2, 1]);
    expect(await rows({ app: "shop", target: "local", onlyOpen: true })).toEqual([3, 2]);
    expect(await rows({ onlyOpen: true, limit: 2 })).toEqual([5, 4]);
    expect(await rows({ app: "nobody" })).toEqual([]);
  });

  it.each([
    { name: "opening again", twice: (l: SqliteLedger) => l.open(opening("a", 1, { openedAt: LATER })) },
    {
      name: "the same event",
      twice: (l: SqliteLedger) => l.event(opening("a"), { at: AT, type: "t", message: "m", detail: { a: 1, b: 2 } }),
    },
    {
      name: "the same ending at another time",
      twice: (l: SqliteLedger) => l.end(opening("b"), { ...ending("failed", "x"), endedAt: AT }),
    },
  ])("say nothing new when said twice: $name", async ({ twice }) => {
    const ledger = openLedger();
    await ledger.open(opening("a"));
    await ledger.event(opening("a"), { at: AT, type: "t", message: "m", detail: { b: 2, a: 1 } });
    await ledger.open(opening("b"));
    await ledger.end(opening("b"), ending("failed", "x"));
    const before = await ledger.attempts({});
    await twice(ledger);
    expect(await ledger.attempts({})).toEqual(before);
  });

  it.each([
    { name: "another outcome", say: (l: SqliteLedger) => l.end(opening("a"), ending("failed")), code: "conflict" },
    {
      name: "another reason",
      say: (l: SqliteLedger) => l.end(opening("a"), ending("deployed", "why")),
      code: "conflict",
    },
    {
      name: "another plan",
      say: (l: SqliteLedger) => l.end(opening("a"), { ...ending("deployed"), planDigest: "x" }),
      code: "conflict",
    },
    {
      name: "another author",
      say: (l: SqliteLedger) => l.open(opening("a", 1, { authorName: "Eve" })),
      code: "conflict",
    },
    { name: "an end of nothing", say: (l: SqliteLedger) => l.end(opening("c"), ending("failed")), code: "not-found" },
    {
      name: "an event of nothing",
      say: (l: SqliteLedger) => l.event(opening("a", 7), { at: AT, type: "t", message: "" }),
      code: "not-found",
    },
    { name: "ordinal 0", say: (l: SqliteLedger) => l.open(opening("c", 0)), code: "io" },
  ])("refuse $name", async ({ say, code }) => {
    const ledger = openLedger();
    await ledger.open(opening("a"));
    await ledger.end(opening("a"), ending("deployed"));
    const before = await ledger.attempts({});
    await expect(say(ledger)).rejects.toMatchObject({ code });
    expect(await ledger.attempts({})).toEqual(before);
  });

  it("take events after their end: drift is found on commits long deployed", async () => {
    const ledger = openLedger();
    await ledger.open(opening("a"));
    await ledger.end(opening("a"), ending("deployed"));
    await ledger.event(opening("a"), { at: LATER, type: "drift", message: "deployment/web was edited" });
    expect((await ledger.attempts({}))[0]?.events.map(({ type }) => type)).toEqual(["drift"]);
  });
});

describe("revisions", () => {
  it("read back as they were written, oldest first, found by workload and uid", async () => {
    const ledger = openLedger();
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
    const ledger = openLedger();
    await ledger.startRevision(revision(1));
    await ledger.startRevision(revision(1, { startedAt: LATER }));
    await ledger.endRevision(revision(1), { endedAt: AT, outcome: "failed", reason: "x" });
    await ledger.endRevision(revision(1), { endedAt: LATER, outcome: "failed", reason: "x" });
    await expect(ledger.startRevision(revision(1, { templateHash: "z" }))).rejects.toMatchObject({ code: "conflict" });
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
    const ledger = openLedger();
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

describe("the file", () => {
  it("is private, and so are the files beside it", async () => {
    const ledger = openLedger(join("state", "ledger.db"));
    await ledger.open(opening("a"));
    const mode = (path: string): string => (statSync(join(folder, path)).mode & 0o777).toString(8);
    expect(mode("state")).toBe("700");
    expect(["state/ledger.db", "state/ledger.db-wal", "state/ledger.db-shm"].map(mode)).toEqual(["600", "600", "600"]);
  });

  it("refuses every change and deletion of a row, whoever asks", async () => {
    const ledger = openLedger();
    await ledger.open(opening("a"));
    await ledger.event(opening("a"), { at: AT, type: "t", message: "m" });
    await ledger.end(opening("a"), ending("deployed"));
    await ledger.startRevision(revision(1));
    await ledger.endRevision(revision(1), { endedAt: AT, outcome: "deployed", reason: "" });
    const db = new DatabaseSync(join(folder, "ledger.db"));
    try {
      const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
      expect(tables).toHaveLength(9);
      db.exec("INSERT INTO anchors VALUES (1, 't', 0, '[]', 0, ''); INSERT INTO anchored VALUES (99, 1);");
      for (const { name } of tables) {
        const [first] = db.prepare(`PRAGMA table_info(${String(name)})`).all();
        const column = String(first?.name);
        expect(() => db.exec(`UPDATE ${String(name)} SET ${column} = ${column}`), String(name)).toThrow("append-only");
        expect(() => db.exec(`DELETE FROM ${String(name)}`), String(name)).toThrow("append-only");
      }
    } finally {
      db.close();
    }
  });

  it("is left alone when a newer trueup wrote it", () => {
    const path = join(folder, "ledger.db");
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 3");
    db.close();
    expect(() => openLedger()).toThrow(`as its version must be at most 2: it is 3.`);
  });

  it("is refused when it is no database", () => {
    writeFileSync(join(folder, "ledger.db"), "this is not a database, and long enough to be seen as none".repeat(20));
    expect(() => openLedger()).toThrow("Cannot open the ledger");
  });

  it("may be closed twice", () => {
    const ledger = openLedger();
    ledger.close();
    ledger.close();
    chmodSync(join(folder, "ledger.db"), 0o600);
  });
});

describe("several handles", () => {
  it("see each other's rows at once", async () => {
    const one = openLedger();
    const two = openLedger();
    await one.open(opening("a"));
    await two.event(opening("a"), { at: AT, type: "t", message: "from two" });
    await one.end(opening("a"), ending("deployed"));
    await expect(two.end(opening("a"), ending("failed"))).rejects.toMatchObject({ code: "conflict" });
    expect(await two.attempts({})).toEqual(await one.attempts({}));
  });

  it("of several processes append together: nothing lost, nothing twice", async () => {
    const path = join(folder, "ledger.db");
    const script = `
      import { SqliteLedger } from ${JSON.stringify(join(import.meta.dirname, "../../src/ledger/sqlite-ledger.ts"))};
      const [path, name] = process.argv.slice(2);
      const ledger = new SqliteLedger({ path });
      const rest = { app: "shop", target: "local", openedAt: "t", ref: "r", authorName: "", authorEmail: "", subject: "" };
      for (let n = 1; n <= 40; n++) {
        await ledger.open({ ...rest, commit: "a".repeat(40), ordinal: n });
        await ledger.event({ ...rest, commit: "a".repeat(40), ordinal: n }, { at: "t", type: name, message: "" });
      }
      ledger.close();
    `;
    const file = join(folder, "writer.ts");
    writeFileSync(file, script);
    const children = ["x", "y"].map((name) =>
      spawn(process.execPath, [file, path, name], { stdio: ["ignore", "ignore", "pipe"] }),
    );
    try {
      const errors = children.map(async (child) => (await child.stderr.toArray()).join(""));
      const codes = await Promise.all(children.map(async (child) => (await once(child, "close"))[0] as number));
      expect([codes, ...(await Promise.all(errors))]).toEqual([[0, 0], "", ""]);
    } finally {
      for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
    }
    const attempts = await openLedger().attempts({});
    expect(attempts.map(({ ordinal }) => ordinal).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
    for (const { events } of attempts) expect(events.map(({ type }) => type).sort()).toEqual(["x", "y"]);
  });
});

// ---- Against a naive model ------------------------------------------------------------------------------------------

const key: fc.Arbitrary<AttemptKey> = fc.record({
  app: fc.constantFrom("shop", "other"),
  target: fc.constant("local"),
  commit: fc.constantFrom(commit("a"), commit("b")),
  ordinal: fc.integer({ min: 1, max: 2 }),
});
const time = fc.constantFrom(AT, LATER);
const revisionKey = fc.record({ revision: fc.integer({ min: 1, max: 3 }), uid: fc.constantFrom("u1", "u2") });

type Step = (ledger: SqliteLedger | NaiveLedger) => Promise<unknown>;

const step: fc.Arbitrary<Step> = fc.oneof(
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

describe("against a naive model", () => {
  it("answers alike, refuses alike and keeps the same rows, also after it was opened again", async () => {
    let file = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const naive = new NaiveLedger();
        let ledger = openLedger(`model-${file}.db`);
        for (const [index, run] of steps.entries()) {
          if (index === 10) {
            ledger.close();
            ledger = openLedger(`model-${file}.db`);
          }
          const outcomes = await Promise.all(
            [naive, ledger].map((each) =>
              run(each).then(
                () => "ok",
                (error) => error.code,
              ),
            ),
          );
          expect(outcomes[1]).toBe(outcomes[0]);
        }
        file++;
        expect(await ledger.attempts({})).toEqual(await naive.attempts({}));
        expect(await ledger.attempts({ onlyOpen: true, app: "shop" })).toEqual(
          await naive.attempts({ onlyOpen: true, app: "shop" }),
        );
        expect(await ledger.revisions({})).toEqual(await naive.revisions({}));
        expect(await ledger.imageDigest("shop", "local", "i")).toEqual(await naive.imageDigest("shop", "local", "i"));
        ledger.close();
      }),
      { numRuns: 60 },
    );
  });
});
