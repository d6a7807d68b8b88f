/** `trueup revert`: real repositories and real processes, with and without a daemon that knows what failed. */
import { chmodSync, existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decideRevert } from "../../src/cli/change/revert.ts";
import type { Outcome } from "../../src/model/ledger.ts";
import { asObjectHash, type CommitId, type TreeFile } from "../../src/model/source.ts";
import { commitAll, gitIn, headOf, initRepository } from "../git/support.ts";
import { appStatus, type Running, startFake } from "./with-daemon.ts";

describe("what goes back", () => {
  const at = (digit: string, executable = false): TreeFile => ({
    path: "f",
    blob: asObjectHash(digit.repeat(40)),
    executable,
  });
  const restore = (digit: string, executable = false) => [
    { path: "f", blob: asObjectHash(digit.repeat(40)), executable },
  ];
  it.each([
    ["a changed file", at("a"), at("b"), at("b"), restore("a"), []],
    ["one changed since", at("a"), at("b"), at("c"), [], ["f"]],
    ["one that is back already", at("a"), at("b"), at("a"), [], []],
    ["one deleted since", at("a"), at("b"), null, [], ["f"]],
    ["an added file", null, at("b"), at("b"), [{ path: "f", delete: true }], []],
    ["an added file, deleted since", null, at("b"), null, [], []],
    ["an added file, changed since", null, at("b"), at("c"), [], ["f"]],
    ["a deleted file", at("a"), null, null, restore("a"), []],
    ["a deleted file, made anew since", at("a"), null, at("c"), [], ["f"]],
    ["the executable bit", at("a", true), at("a"), at("a"), restore("a", true), []],
    ["the executable bit, changed since", at("a"), at("b"), at("b", true), [], ["f"]],
  ])("of %s", (_what, before, after, now, changes, conflicts) => {
    expect(decideRevert([{ path: "f", before, after, now }])).toEqual({ changes, conflicts });
  });
});

let fake: Running;
let repository: string;
let first: CommitId;

beforeEach(async () => {
  fake = await startFake();
  repository = join(fake.home.dir, "shop");
  initRepository(repository);
  first = commitAll(repository, { "a.yaml": "a: 1\n", "dir/b.txt": "b\n", "run.sh": "#!/bin/sh\n" }, "First");
});
afterEach(() => fake.end());

/** The daemon follows the repository, and tried its head with this outcome. */
function tried(outcome: Outcome | null, reason = "", commit = headOf(repository)): void {
  const head = { commit, subject: "Second", author: "Ann", authoredAt: "" };
  const phase = outcome === "rejected" ? "Rejected" : outcome === "failed" ? "Failed" : "Synced";
  fake.daemon.apps = [appStatus("shop", { repository, head, phase, reason })];
  fake.daemon.attemptRows.unshift({
    row: fake.daemon.attemptRows.length + 1,
    app: "shop",
    target: "local",
    commit,
    ordinal: 1,
    openedAt: "2026-01-01T00:00:00.000Z",
    ref: "refs/heads/main",
    authorName: "Ann",
    authorEmail: "",
    subject: "Second",
    events: [],
    ...(outcome !== null && { ending: { endedAt: "2026-01-01T00:00:01.000Z", outcome, reason } }),
  });
}

/** Without a daemon: the repository is named. */
async function revert(...args: string[]) {
  await fake.server.close();
  const { code, stdout, stderr } = await fake.run("-C", repository, "revert", ...args);
  const note = "trueup: no daemon runs; the commit is made in the repository of this directory\n";
  return { code, stdout, stderr: stderr.replace(note, "") };
}
const body = (): string => gitIn(repository, ["log", "-1", "--format=%B"]).trim();
const short = (commit: CommitId): string => commit.slice(0, 7);
const isAs = (commit: CommitId): boolean => gitIn(repository, ["diff", "--stat", commit, "HEAD"]) === "";

describe("revert", () => {
  it("takes back changed, added, deleted, renamed and executable files, in history and in the work tree", async () => {
    const files = {
      "a.yaml": "a: 2\n",
      "dir/b.txt": null,
      "dir/c.txt": "b\n",
      "images/web/v1/x": Buffer.from([0, 255]),
    };
    commitAll(repository, { ...files, "run.sh": null }, "Second");
    writeFileSync(join(repository, "run.sh"), "#!/bin/sh\n");
    chmodSync(join(repository, "run.sh"), 0o755);
    const third = commitAll(repository, {}, "Third");
    const done = await revert("HEAD");
    expect(done.code).toBe(0);
    expect(isAs(headOf(repository, "HEAD~2"))).toBe(true);
    expect(existsSync(join(repository, "run.sh"))).toBe(false);
    const second = headOf(repository, "HEAD~2");
    expect((await revert(short(second))).stdout).toBe(
      "  restore a.yaml\n  restore dir/b.txt\n  remove dir/c.txt\n  remove images/web/v1/x\n  restore run.sh\n" +
        `reverted ${short(second)} "Second"\ncommitted ${short(headOf(repository))} "Revert "Second"" on main\n`,
    );
    expect(isAs(first)).toBe(true);
    expect(statSync(join(repository, "run.sh")).mode & 0o111).toBe(0);
    expect(readFileSync(join(repository, "a.yaml"), "utf8")).toBe("a: 1\n");
    expect(gitIn(repository, ["status", "--porcelain"])).toBe("");
    expect(body()).toBe(`Revert "Second"\n\nThis reverts commit ${second}.`);
    expect(third).not.toBe(second);
    // What it did is a commit like any other.
    expect((await revert("HEAD")).code).toBe(0);
    expect(readFileSync(join(repository, "images/web/v1/x"))).toEqual(Buffer.from([0, 255]));
  });

  it("leaves alone what others changed beside it", async () => {
    const second = commitAll(repository, { "a.yaml": "a: 2\n" }, "Second");
    commitAll(repository, { "dir/b.txt": "changed\n" }, "Third");
    expect((await revert(second)).code).toBe(0);
    expect(readFileSync(join(repository, "a.yaml"), "utf8")).toBe("a: 1\n");
    expect(readFileSync(join(repository, "dir/b.txt"), "utf8")).toBe("changed\n");
  });

  it("refuses what was changed since, and names each file with its commit", async () => {
    const second = commitAll(repository, { "a.yaml": "a: 2\n", "dir/b.txt": "2\n", "[x].txt": "2\n" }, "Second");
    const third = commitAll(repository, { "a.yaml": "a: 3\n" }, "Third");
    const fourth = commitAll(repository, { "[x].txt": null }, "Fourth");
    expect(await revert(second)).toEqual({
      code: 1,
      stdout: "",
      stderr:
        `trueup: Cannot revert ${short(second)} as its files must be as it left them: changed since are\n` +
        `  a.yaml: by ${short(third)} Third\n` +
        "  hint: Revert those commits first, or edit by hand.\n",
    });
    expect(headOf(repository)).toBe(fourth);
  });

  it("shows with --dry-run what it would do, and says so when nothing is left to do", async () => {
    const second = commitAll(repository, { "a.yaml": "a: 2\n" }, "Second");
    expect((await revert(second, "--dry-run")).stdout).toBe(
      `  restore a.yaml\nreverted ${short(second)} "Second" (dry run)\n`,
    );
    expect(headOf(repository)).toBe(second);
    expect((await revert("HEAD", "-m", "Away with it")).code).toBe(0);
    expect(body()).toBe("Away with it");
    expect(await revert(second)).toEqual({
      code: 0,
      stdout: `${short(second)} "Second" unchanged: main already is without it\n`,
      stderr: "",
    });
  });

  it("takes a merge back against its first parent", async () => {
    gitIn(repository, ["checkout", "-q", "-b", "side"]);
    commitAll(repository, { "side.txt": "s\n" }, "Side");
    gitIn(repository, ["checkout", "-q", "main"]);
    const main = commitAll(repository, { "a.yaml": "a: 2\n" }, "Main");
    gitIn(repository, ["merge", "-q", "--no-ff", "-m", "Merge side", "side"]);
    const merge = headOf(repository);
    const done = await revert("HEAD");
    expect(done.stderr).toBe(
      `trueup: ${short(merge)} is a merge; it is taken back against its first parent ${short(main)}\n`,
    );
    expect(isAs(main)).toBe(true);
    expect(body()).toBe(`Revert "Merge side"\n\nThis reverts commit ${merge}, reversing\nchanges made to ${main}.`);
  });

  it("of a file that became a directory is refused where that is checked out, and changes nothing", async () => {
    commitAll(repository, { "a.yaml": null, "a.yaml/x": "x\n" }, "Second");
    rmSync(join(repository, "a.yaml"), { recursive: true });
    const third = commitAll(repository, { "a.yaml": "file\n" }, "Third");
    const done = await revert("HEAD");
    expect(done).toMatchObject({ code: 1 });
    expect(done.stderr).toContain("a.yaml is no directory there");
    expect(headOf(repository)).toBe(third);
    expect(gitIn(repository, ["status", "--porcelain"])).toBe("");
  });

  it("refuses a root, a stranger, links, a dirty work tree and what names nothing", async () => {
    expect((await revert("HEAD")).stderr).toContain("as there must be a commit before it: it is the first one");
    gitIn(repository, ["checkout", "-q", "-b", "side"]);
    const stranger = commitAll(repository, { "side.txt": "s\n" }, "Side");
    gitIn(repository, ["checkout", "-q", "main"]);
    expect((await revert(stranger)).stderr).toContain("as it must be part of the branch: it is not");
    symlinkSync("a.yaml", join(repository, "link"));
    commitAll(repository, {}, "Link");
    expect((await revert("HEAD")).stderr).toContain("must change regular files alone: link is none (symlink)");
    const last = commitAll(repository, { "a.yaml": "a: 2\n" }, "Second");
    writeFileSync(join(repository, "a.yaml"), "mine: true\n");
    expect(await revert("HEAD")).toMatchObject({ code: 1 });
    expect(readFileSync(join(repository, "a.yaml"), "utf8")).toBe("mine: true\n");
    expect((await revert("nonsense")).code).toBe(1);
    expect(headOf(repository)).toBe(last);
  });

  it("needs a name when no daemon runs", async () => {
    expect(await revert()).toEqual({
      code: 2,
      stdout: "",
      stderr:
        "trueup: Cannot tell which commit to revert as it must be named: no daemon runs that would know which one failed.\n" +
        `  hint: The head of main is ${short(first)}: trueup revert ${short(first)}.\n`,
    });
  });
});

describe("revert with a daemon", () => {
  let second: CommitId;
  beforeEach(() => {
    second = commitAll(repository, { "a.yaml": "a: 2\n" }, "Second");
  });

  it.each([
    ["failed", "failed"],
    ["rejected", "was rejected"],
    ["rolled back", "was rolled back"],
  ] as const)("takes back the head that %s, and says why", async (outcome, words) => {
    tried(outcome, `pod web-1 exited with code 3,\nlast log lines: \u001b[2J${"x".repeat(700)}`);
    const done = await fake.run("revert");
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(isAs(first)).toBe(true);
    const [subject, , line, , why = ""] = body().split("\n");
    expect([subject, line]).toEqual(['Revert "Second"', `This reverts commit ${second}.`]);
    expect(why).toMatch(new RegExp(`^It ${words}: pod web-1 exited with code 3, last log lines: \\^\\[\\[2Jx+…$`));
    expect(why.length).toBeLessThan(640);
  });

  it.each([["deployed"], ["no-op"], [null]] as const)("wants a name when the head's outcome is %s", async (outcome) => {
    tried(outcome);
    expect(await fake.run("revert")).toEqual({
      code: 2,
      stdout: "",
      stderr:
        `trueup: Cannot tell which commit to revert as the head must have failed: ${short(second)} "Second" did not (shop is Synced).\n` +
        `  hint: Name it to take it back all the same: trueup revert ${short(second)}.\n`,
    });
    expect((await fake.run("revert", second)).code).toBe(0);
    expect(body()).toBe(`Revert "Second"\n\nThis reverts commit ${second}.`);
  });

  it("does not take back a head that failed before somebody committed another", async () => {
    tried("failed", "why");
    commitAll(repository, { "dir/b.txt": "new\n" }, "Third");
    expect(await fake.run("revert")).toMatchObject({ code: 2, stdout: "" });
  });

  it.each([
    ["Synced", "", 0],
    ["Failed", "pod web-1 crashed", 1],
  ] as const)("waits with --wait until the commit is %s", async (phase, reason, code) => {
    tried("failed", "why");
    const child = fake.start("revert", "--wait");
    await child.waitFor(/committed/);
    const head = { commit: headOf(repository), subject: "", author: "", authoredAt: "" };
    fake.daemon.setApps([appStatus("shop", { repository, head, phase: "Progressing", reason: "2 of 3" })]);
    fake.daemon.setApps([appStatus("shop", { repository, head, phase, reason })]);
    expect(await child.exited).toEqual({ code, signal: null });
    expect(child.output).toContain(`\nshop: ${phase}${reason === "" ? "" : `: ${reason}`}\n`);
  });
});
