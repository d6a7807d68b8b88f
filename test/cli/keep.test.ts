/** `log --verify`, `backup` and `restore` as people run them, on a state directory whose daemon does not run. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultStateDir } from "../../src/daemon/paths.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { verifyLedgerFile } from "../../src/ledger/verify.ts";
import { takeLock } from "../../src/util/state-lock.ts";
import { minute, opening, playHistory } from "../ledger/facts.ts";
import { type Home, makeHome, ROOT, run } from "../support/processes.ts";

let home: Home;
let stateDir: string;

beforeEach(async () => {
  home = makeHome();
  home.env.XDG_CACHE_HOME = join(ROOT, "node_modules/.cache");
  stateDir = join(home.dir, "state");
  const ledger = new SqliteLedger({ path: join(stateDir, "ledger.db") });
  await playHistory(ledger);
  ledger.close();
});
afterEach(() => home.remove());

async function trueup(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return run([process.execPath, join(ROOT, "bin/trueup.js"), ...args], { cwd: home.dir, env: home.env });
}

describe("the state of the repository here", () => {
  it("is found where no daemon runs and none has left a record, also from a directory below", async () => {
    const shop = join(home.dir, "shop");
    mkdirSync(join(shop, "deploy"), { recursive: true });
    const own = await defaultStateDir(home.env, { repository: shop, ref: "HEAD", path: "" }, home.dir);
    const ledger = new SqliteLedger({ path: join(own, "ledger.db") });
    await playHistory(ledger);
    ledger.close();
    const inside = (...args: string[]): ReturnType<typeof trueup> => trueup("-C", join(shop, "deploy"), ...args);
    expect((await inside("log", "--verify")).stdout).toMatch(/^Intact: 9 entries/);
    expect((await inside("doctor")).stdout).toContain(`state directory: ${own}\n`);
    expect((await inside("backup", join(home.dir, "copy"))).stdout).toContain(`Backed up ${own} to `);
    // Of a stranger's directory nobody knows a state.
    expect(await trueup("-C", "/", "log", "--verify")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("as exactly one must be known: 0 are."),
    });
  });
});

describe("log --verify", () => {
  it("says that all is intact, and the head to write down", async () => {
    const { head } = verifyLedgerFile(join(stateDir, "ledger.db"));
    const intact =
      `Intact: 9 entries, from ${minute(0)} to ${minute(7)}\nKept: 3 attempts, 1 revision\n` +
      `Head: entry 9, hash ${head.hash}\n`;
    expect(await trueup("log", "--verify", "--state", "state")).toEqual({ code: 0, stdout: intact, stderr: "" });
    expect(readdirSync(stateDir)).toEqual(["ledger.db"]);
    const data = await trueup("log", "--verify", "--expect", head.hash.toUpperCase(), "--state", "state", "-o", "json");
    expect({ ...data, stdout: JSON.parse(data.stdout) }).toEqual({
      ...{ code: 0, stderr: "" },
      stdout: { ...verifyLedgerFile(join(stateDir, "ledger.db")), expected: 9 },
    });
  });

  it("says which first entry is wrong, and fails", async () => {
    const db = new DatabaseSync(join(stateDir, "ledger.db"));
    db.exec("DROP TRIGGER attempt_endings_no_update; UPDATE attempt_endings SET outcome = 'deployed', reason = ''");
    db.close();
    const { code, stdout } = await trueup("log", "--verify", "--state", "state");
    expect({ code, lines: stdout.split("\n").slice(0, 2) }).toEqual({
      code: 1,
      lines: [
        "Not intact: Entry 8 (ending) was changed: its row is not what was recorded.",
        `Intact before it: 7 entries, from ${minute(0)} to ${minute(5)}`,
      ],
    });
  });

  it.each([
    {
      args: ["--expect", "abc", "--verify"],
      code: 2,
      says: 'must be a head\'s hash, 64 hexadecimal digits: it is "abc".',
    },
    { args: ["--expect", "0".repeat(64)], code: 2, says: "--verify must be given too" },
    { args: ["--verify", "--expect", "f".repeat(64)], code: 1, says: "" },
    { args: ["--verify", "--state", "elsewhere"], code: 1, says: "there is no such file." },
  ])("takes $args as $code", async ({ args, code, says }) => {
    const result = await trueup("log", "--state", "state", ...args);
    expect(result).toMatchObject({ code, stderr: expect.stringContaining(says) });
  });
});

describe("backup and restore", () => {
  it("bring a lost state directory back where it was", async () => {
    const { head } = verifyLedgerFile(join(stateDir, "ledger.db"));
    const made = await trueup("backup", "--state", "state", "saved");
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(made.stdout).toBe(
      `Backed up ${stateDir} to ${join(home.dir, "saved")}: 1 files.\nLedger: entry 9, hash ${head.hash}\n`,
    );
    const refused = await trueup("restore", "saved");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("as it must be empty: it is not.") });

    const ledger = new SqliteLedger({ path: join(stateDir, "ledger.db") });
    await ledger.open(opening("f", 30));
    ledger.close();
    const forced = await trueup("restore", "saved", "--force", "-o", "json");
    expect({ code: forced.code, stderr: forced.stderr }).toEqual({ code: 0, stderr: "" });
    const { movedTo, ...said } = JSON.parse(forced.stdout);
    expect(said).toMatchObject({ stateDir, ledger: { intact: true, entries: 9, head } });
    expect(verifyLedgerFile(join(movedTo, "ledger.db")).entries).toBe(10);
    expect(await trueup("log", "--verify", "--expect", head.hash, "--state", "state")).toMatchObject({ code: 0 });
  });

  it("goes to an empty directory that is named", async () => {
    await trueup("backup", "--state", "state", "saved");
    mkdirSync(join(home.dir, "empty"));
    expect(await trueup("restore", "--state", "empty", "saved")).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(home.dir).filter((name) => name.startsWith("empty"))).toEqual(["empty"]);
    expect(readdirSync(join(home.dir, "empty"))).toEqual(["ledger.db"]);
  });

  it("never replaces a state that a daemon or its pods have, not even with --force", async () => {
    await trueup("backup", "--state", "state", "saved");
    const attempt = takeLock(join(stateDir, "daemon.lock"), "pid 4711, on /srv/shop");
    try {
      const { code, stderr } = await trueup("restore", "saved", "--force");
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("pid 4711, on /srv/shop has it"),
      });
    } finally {
      if (attempt.held) attempt.release();
    }
    const pod = join(stateDir, "kubelet/pods/uid-1");
    mkdirSync(pod, { recursive: true });
    writeFileSync(join(pod, "record.json"), "{}");
    const { code, stderr } = await trueup("restore", "saved", "--force");
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("its pods run") });
    expect(existsSync(join(pod, "record.json"))).toBe(true);
  });
});
