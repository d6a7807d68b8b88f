/** The ledger in a file: the suite of all ledgers, and what is its own: the file, and several handles on it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import type { Fault } from "../../src/util/fault.ts";
import { ending, minute, opening, revision } from "./facts.ts";
import { ledgerSuite } from "./ledger.suite.ts";

const AT = minute(0);

ledgerSuite("in a file", {
  newHome: async () => {
    const directory = mkdtempSync(join(tmpdir(), "trueup-ledger-"));
    const ledgers: SqliteLedger[] = [];
    return {
      async open() {
        const ledger = new SqliteLedger({ path: join(directory, "ledger.db") });
        ledgers.push(ledger);
        return ledger;
      },
      async leave() {
        for (const ledger of ledgers) await ledger.close();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  },
  runs: 60,
});

let folder: string;
let open: SqliteLedger[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trueup-ledger-"));
  open = [];
});
afterEach(async () => {
  for (const ledger of open) await ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

function openLedger(name = "ledger.db"): SqliteLedger {
  const ledger = new SqliteLedger({ path: join(folder, name) });
  open.push(ledger);
  return ledger;
}

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
    await ledger.end(opening("a"), ending("deployed", 1));
    await ledger.startRevision(revision(1, "a"));
    await ledger.endRevision(revision(1, "a"), { endedAt: AT, outcome: "deployed", reason: "" });
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

  it("may be closed twice", async () => {
    const ledger = openLedger();
    await ledger.close();
    await ledger.close();
    chmodSync(join(folder, "ledger.db"), 0o600);
  });
});

describe("appends at the same moment", () => {
  function counted(path = "ledger.db"): { ledger: SqliteLedger; transactions: string[] } {
    const transactions: string[] = [];
    const fault: Fault = (when, kind, about) => void (when === "before" && transactions.push(`${kind}: ${about}`));
    const ledger = new SqliteLedger({ path: join(folder, path), fault });
    open.push(ledger);
    return { ledger, transactions };
  }

  it("share one transaction, in the order they were asked for", async () => {
    const { ledger, transactions } = counted();
    const letters = ["a", "b", "c"];
    await Promise.all(letters.map((letter) => ledger.open(opening(letter))));
    expect(transactions).toEqual(["ledger append: record an attempt (and 2 more)"]);
    const rows = await ledger.attempts({});
    expect(rows.map(({ commit, row }) => [commit, row])).toEqual(
      letters.map((letter, at) => [opening(letter).commit, at + 1]).reverse(),
    );
    expect(await ledger.prove()).toMatchObject({ intact: true, entries: 3 });
  });

  it("fail alone: what one asks for in vain is no matter of the others", async () => {
    const { ledger, transactions } = counted();
    await ledger.open(opening("a"));
    await ledger.end(opening("a"), ending("deployed", 1));
    const outcomes = await Promise.allSettled([
      ledger.open(opening("b")),
      ledger.end(opening("a"), ending("failed", 1)),
      ledger.event(opening("b"), { at: AT, type: "t", message: "m" }),
      ledger.end(opening("f"), ending("failed", 1)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    expect(outcomes.map((each) => (each.status === "rejected" ? each.reason.code : ""))).toEqual([
      "",
      "conflict",
      "",
      "not-found",
    ]);
    expect(transactions).toHaveLength(3);
    expect((await ledger.attempts({})).map(({ events }) => events.length)).toEqual([1, 0]);
    expect(await ledger.prove()).toMatchObject({ intact: true, entries: 4 });
  });

  it("are written before the file is closed", async () => {
    const { ledger } = counted();
    const opened = ledger.open(opening("a"));
    await ledger.close();
    await opened;
    expect(await openLedger().attempts({})).toHaveLength(1);
  });
});

describe("several handles", () => {
  it("see each other's rows at once", async () => {
    const one = openLedger();
    const two = openLedger();
    await one.open(opening("a"));
    await two.event(opening("a"), { at: AT, type: "t", message: "from two" });
    await one.end(opening("a"), ending("deployed", 1));
    await expect(two.end(opening("a"), ending("failed", 1))).rejects.toMatchObject({ code: "conflict" });
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
