/** Phase, states and restarts, rule by rule. */
import { describe, expect, it } from "vitest";
import { restartAfterMs } from "../../src/kubelet/restart.ts";
import { goDuration, podPhase, terminatedState } from "../../src/kubelet/status.ts";
import type { ContainerState, ContainerStatus, PodSpec } from "../../src/model/workload.ts";

const waiting: ContainerState = { waiting: { reason: "ContainerCreating" } };
const running: ContainerState = { running: { startedAt: "2026-01-01T00:00:00Z" } };
const ended = (exitCode?: number): ContainerState => ({
  terminated: { reason: "x", ...(exitCode !== undefined && { exitCode }) },
});
const crashed = (exitCode = 1): [ContainerState, ContainerState] => [
  { waiting: { reason: "CrashLoopBackOff" } },
  ended(exitCode),
];

function status(name: string, state: ContainerState, lastState: ContainerState = {}, started = false): ContainerStatus {
  return { name, image: "i", imageID: "", ready: false, started, restartCount: 0, state, lastState };
}

type Policy = "Always" | "OnFailure" | "Never";
type States = [ContainerState, ContainerState?][];

describe("the phase", () => {
  it.each<[string, Policy, States, States, string]>([
    ["nothing started", "Always", [], [[waiting]], "Pending"],
    ["an init container runs", "Always", [[running]], [[waiting]], "Pending"],
    ["an init container waits to run again", "Always", [crashed()], [[waiting]], "Pending"],
    ["an init container failed", "Always", [[ended(1)]], [[waiting]], "Pending"],
    ["an init container failed for good", "Never", [[ended(1)]], [[waiting]], "Failed"],
    ["an init container is done", "Always", [[ended(0)]], [[waiting]], "Pending"],
    ["one of two runs", "Always", [], [[running], [waiting]], "Pending"],
    ["both run", "Always", [], [[running], [running]], "Running"],
    ["one runs, one ended", "Never", [], [[running], [ended(0)]], "Running"],
    ["all ended, and start again", "Always", [], [[ended(0)]], "Running"],
    ["in a crash loop", "Always", [], [crashed()], "Running"],
    ["in a crash loop on failure", "OnFailure", [], [crashed()], "Running"],
    ["all ended well", "OnFailure", [], [[ended(0)], [ended(0)]], "Succeeded"],
    ["all ended, one badly, on failure", "OnFailure", [], [[ended(0)], [ended(2)]], "Running"],
    ["all ended, one badly, never", "Never", [], [[ended(0)], [ended(2)]], "Failed"],
    ["all ended, one nobody knows how", "Never", [], [[ended(0)], [ended()]], "Failed"],
  ])("with %s under %s", (_what, restartPolicy, init, main, want) => {
    const spec: PodSpec = {
      restartPolicy,
      initContainers: init.map((_, index) => ({ name: `init${index}` })),
      containers: main.map((_, index) => ({ name: `c${index}` })),
    };
    const of = (prefix: string, states: States): ContainerStatus[] =>
      states.map(([state, last], index) => status(`${prefix}${index}`, state, last));
    expect(podPhase(spec, of("init", init), of("c", main))).toBe(want);
  });

  it("waits for a sidecar to have started, and runs while it does", () => {
    const spec: PodSpec = {
      restartPolicy: "Never",
      initContainers: [{ name: "side", restartPolicy: "Always" }],
      containers: [{ name: "c" }],
    };
    expect(podPhase(spec, [status("side", running)], [status("c", waiting)])).toBe("Pending");
    expect(podPhase(spec, [status("side", running, {}, true)], [status("c", running)])).toBe("Running");
    expect(podPhase(spec, [status("side", running, {}, true)], [status("c", ended(0))])).toBe("Running");
    expect(podPhase(spec, [status("side", ended(0))], [status("c", ended(0))])).toBe("Succeeded");
  });
});

describe("an end", () => {
  const times = { startedAt: "2026-01-01T00:00:00Z", finishedAt: "2026-01-01T00:00:09Z" };
  const unknown = "The container ended while no kubelet watched it: its exit code is not known.";
  it.each([
    [{ exitCode: 0 }, "noise", { exitCode: 0, reason: "Completed", ...times }],
    [{ exitCode: 3 }, "boom", { exitCode: 3, reason: "Error", message: "boom", ...times }],
    [{ exitCode: 3 }, "", { exitCode: 3, reason: "Error", ...times }],
    [{ signal: "SIGKILL" }, "", { exitCode: 137, signal: 9, reason: "Error", ...times }],
    [{ signal: "SIGTERM" }, "x", { exitCode: 143, signal: 15, reason: "Error", message: "x", ...times }],
    [{}, "noise", { reason: "ContainerStatusUnknown", message: unknown, ...times }],
    [{ message: "lost" }, "", { reason: "ContainerStatusUnknown", message: "lost", ...times }],
  ])("of %j after printing %j is %j", (exit, output, want) => {
    expect(terminatedState(exit, times.startedAt, Date.UTC(2026, 0, 1, 0, 0, 9), output)).toEqual(want);
  });
});

describe("a restart", () => {
  it.each<[Policy, boolean, boolean, number, number | null]>([
    ["Always", false, false, 0, 0],
    ["Always", true, false, 1, 10_000],
    ["Always", true, false, 2, 20_000],
    ["Always", true, false, 5, 160_000],
    ["Always", true, false, 6, 300_000],
    ["Always", true, false, 1000, 300_000],
    ["OnFailure", false, false, 0, null],
    ["OnFailure", true, false, 0, 0],
    ["OnFailure", false, true, 3, 40_000],
    ["Never", true, true, 0, null],
  ])("under %s, failed %s, wanted %s, after %d ends: %s", (policy, failed, wanted, ends, want) => {
    expect(restartAfterMs({ policy, failed, wanted, ends })).toBe(want);
  });
});

describe("durations", () => {
  it.each([
    [0, "0s"],
    [10_000, "10s"],
    [80_000, "1m20s"],
    [300_000, "5m0s"],
    [3_661_000, "1h1m1s"],
  ])("of %d ms read %s", (ms, want) => {
    expect(goDuration(ms)).toBe(want);
  });
});
