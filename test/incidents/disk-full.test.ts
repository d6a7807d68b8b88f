/** Elsewhere a status that could not be written is never sent again and a rollout waits for good; here it follows when there is room. */
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { narrateDaemon } from "../../src/cli/live/narrator.ts";
import type { Output } from "../../src/cli/output.ts";
import { styleFor } from "../../src/cli/output.ts";
import { recordFile } from "../../src/kubelet/files.ts";
import { KubeletState } from "../../src/kubelet/state.ts";
import { TrueupError } from "../../src/model/errors.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { pod, world } from "../kubelet/harness.ts";
import { FakeDaemon } from "../server/fake-daemon.ts";

const web = { name: "web", image: "web:v1", ports: [{ name: "http", containerPort: 8080 }] };
const noRoom = (): never => {
  throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
};

it("a pod that became ready while its report could not be written is reported ready as soon as it can", async () => {
  const w = world({ containers: [{ image: "*", startMs: 2_000 }] });
  await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
  await w.clock.advance(1_000);
  const full = vi.spyOn(w.journal, "append").mockImplementation(noRoom);
  await w.clock.advance(600_000);
  expect(full.mock.calls.length).toBeGreaterThan(1);
  expect(w.container("uid-a").ready).toBe(false);
  full.mockRestore();
  await w.clock.advance(1_000);
  expect(w.container("uid-a").ready).toBe(true);
  const told = w.reports().length;
  await w.clock.advance(600_000);
  expect(w.reports().length).toBe(told);
});

it("a pod's record that cannot be written leaves the old one whole", () => {
  const dir = mkdtempSync(join(tmpdir(), "trueup-full-"));
  try {
    const state = new KubeletState(dir);
    const assignment = {
      pod: pod("a", { containers: [web] }),
      images: {},
      configMaps: {},
      secrets: {},
      serviceEnv: {},
    };
    const record = {
      format: 1,
      assignment,
      ports: {},
      startTime: "old",
      conditions: [],
      containers: {},
      terminating: null,
    } as const;
    state.writePod("uid-a", { ...record, ports: {}, conditions: [] });
    // What stands in the way of the temporary file fails its writing as a full disk does.
    mkdirSync(`${recordFile(dir, "uid-a")}.new`);
    expect(() => state.writePod("uid-a", { ...record, conditions: [], startTime: "new" })).toThrow("Cannot write");
    expect(state.readPods().map(({ startTime }) => startTime)).toEqual(["old"]);
    rmdirSync(`${recordFile(dir, "uid-a")}.new`);
    state.writePod("uid-a", { ...record, conditions: [], startTime: "new" });
    expect(state.readPods().map(({ startTime }) => startTime)).toEqual(["new"]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

it("the daemon's story goes on after a state that could not be kept, and after lines that could not be written", async () => {
  const daemon = new FakeDaemon();
  const clock = new VirtualClock();
  const over = new AbortController();
  const list = vi.spyOn(daemon.backend, "list");
  for (let tries = 0; tries < 3; tries++) {
    list.mockRejectedValueOnce(new TrueupError("io", "Cannot write the cluster's state: database or disk is full"));
  }
  const out: Output = {
    isTerminal: false,
    width: undefined,
    style: styleFor(false, {}),
    write: async () => noRoom(),
    line: async () => noRoom(),
  };
  const story = narrateDaemon(daemon, out, clock, over.signal);
  await clock.advance(3_000);
  expect(list.mock.calls.length).toBe(4);
  over.abort();
  await clock.advance(1_000);
  await expect(story).resolves.toBeUndefined();
});
