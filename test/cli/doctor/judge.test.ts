/** What `trueup doctor` makes of what it sees: each judgement as a table. */
import { describe, expect, it } from "vitest";
import type { Finding } from "../../../src/cli/doctor/check.ts";
import { judgeChain, judgeClock, judgeDatabase } from "../../../src/cli/doctor/databases.ts";
import { judgeRoom } from "../../../src/cli/doctor/directory.ts";
import { checkNode, checkOpenFiles, judgeGit } from "../../../src/cli/doctor/programs.ts";
import { judgePods } from "../../../src/cli/doctor/records.ts";
import type { PodProcess } from "../../../src/kubelet/process-table.ts";

const brief = (findings: Finding[]): string[] => findings.map(({ level, message }) => `${level}: ${message}`);
const MB = 1024 * 1024;

it.each([
  ["26.10.0", ["ok: Node 26.10.0"]],
  ["24.0.0", ["ok: Node 24.0.0"]],
  ["23.11.1", ["problem: Node 23.11.1: it must be at least 24"]],
  ["?", ["problem: Node ?: it must be at least 24"]],
])("Node %s", (nodeVersion, expected) => {
  expect(brief(checkNode({ nodeVersion }))).toEqual(expected);
});

it.each([
  ["git version 2.39.5", "ok: git version 2.39.5"],
  ["git version 2.31.0 (Apple Git-1)\n", "ok: git version 2.31.0 (Apple Git-1)"],
  ["git version 2.30.9", "problem: git version 2.30.9: it must be at least 2.31"],
  ["git version 3.0.0", "ok: git version 3.0.0"],
  ["1.8.3", "problem: 1.8.3: it must be at least 2.31"],
])("%s", (version, expected) => {
  expect(brief([judgeGit(version)])).toEqual([expected]);
});

it.each([
  [20_000, ["ok: 20000 allowed"]],
  [1024, ["ok: 1024 allowed"]],
  [256, ["warning: 256 allowed: with many pods and connections they run out"]],
  [null, ["ok: the system does not say how many are allowed"]],
])("open files: %s", (openFiles, expected) => {
  expect(brief(checkOpenFiles({ openFiles }))).toEqual(expected);
});

it.each([
  [{ bytesFree: 900 * MB, inodes: 1000, inodesFree: 500 }, ["ok: 900 MB free"]],
  [{ bytesFree: 199 * MB, inodes: 0, inodesFree: 0 }, ["warning: only 199 MB are free"]],
  [{ bytesFree: 3 * MB, inodes: 0, inodesFree: 0 }, ["problem: only 3 MB are free"]],
  [
    { bytesFree: 0, inodes: 1000, inodesFree: 2 },
    ["problem: only 0 MB are free", "problem: only 2 more files can be made (inodes)"],
  ],
])("room %j", (room, expected) => {
  expect(brief(judgeRoom(room))).toEqual(expected);
});

const sound = { version: 1, faults: [], dangling: 0, journalBytes: 0, answer: null };
it.each([
  [sound, ["ok: version 1, sound"]],
  [{ ...sound, version: 0 }, ["ok: version 0, sound"]],
  [{ ...sound, version: 2 }, ["problem: its version is 2: this trueup knows 1"]],
  [{ ...sound, faults: ["a\n b", "c"] }, ["problem: damaged: a b", "problem: damaged: c"]],
  [{ ...sound, dangling: 3 }, ["problem: 3 rows refer to rows that are not there"]],
  [{ ...sound, journalBytes: 300 * MB }, ["warning: its journal has 300 MB"]],
])("database %j", (report, expected) => {
  expect(brief(judgeDatabase("cluster.db", 1, report))).toEqual(expected);
});

const now = Date.parse("2026-01-01T00:00:00.000Z");
it.each([
  [null, "ok: 2026-01-01T00:00:00.000Z"],
  ["2025-12-31T00:00:00.000Z", "ok: 2026-01-01T00:00:00.000Z"],
  ["2026-01-01T00:00:59.000Z", "ok: 2026-01-01T00:00:00.000Z"],
  [
    "2026-01-02T00:00:00.000Z",
    "warning: it says 2026-01-01T00:00:00.000Z, and the ledger has 2026-01-02T00:00:00.000Z",
  ],
])("the clock, when the ledger's newest time is %s", (newest, expected) => {
  expect(brief([judgeClock(now, newest)])).toEqual([expected]);
});

describe("pods", () => {
  const process = (pid: number, podUid: string, more: Partial<PodProcess> = {}): PodProcess => {
    return { pid, group: pid, podUid, container: "web", run: 0, home: "/own/x", ...more };
  };
  const a = { uid: "a", name: "web-a", running: [10] };
  const isOwn = ({ home }: PodProcess): boolean => home.startsWith("/own/");

  it.each([
    ["none at all", [], [], ["ok: 0 recorded, 0 processes"]],
    ["one that runs", [a], [process(10, "a")], ["ok: 1 recorded, 1 processes"]],
    [
      "with helpers in its group",
      [a],
      [process(10, "a"), process(11, "a", { group: 10 })],
      ["ok: 1 recorded, 2 processes"],
    ],
    [
      "another state's beside",
      [a],
      [process(10, "a"), process(12, "z", { home: "/other/x" })],
      ["ok: 1 recorded, 1 processes"],
    ],
    ["one without a record", [], [process(10, "a")], ["problem: 1 processes belong to pods that are not recorded: 10"]],
    [
      "one that runs twice",
      [a],
      [process(10, "a"), process(20, "a")],
      ["problem: container web of pod web-a runs 2 times: 10 20"],
    ],
    [
      "two containers of one",
      [a],
      [process(10, "a"), process(20, "a", { container: "log" })],
      ["ok: 1 recorded, 2 processes"],
    ],
    ["one that has ended, or is a zombie", [a], [], ["warning: 1 pods are recorded as running and have ended: web-a"]],
  ])("%s", (_case, pods, processes, expected) => {
    expect(brief(judgePods(pods, processes, isOwn, false))).toEqual(expected);
  });
});

const head = { seq: 9, hash: "0123456789abcdef".repeat(4) };
const proof = { intact: true, entries: 9, removed: 0, attempts: 3, revisions: 1, head };
it.each([
  [proof, "ok: 9 entries, head 0123456789ab"],
  [
    { ...proof, intact: false, problem: { seq: 4, kind: "changed" as const, message: "the attempt was changed" } },
    "problem: entry 4: the attempt was changed",
  ],
  [
    { ...proof, intact: false, problem: { kind: "missing" as const, message: "the end is missing" } },
    "problem: the end is missing",
  ],
])("a ledger chain %j", (found, expected) => {
  expect(brief([judgeChain(found)])).toEqual([expected]);
});
