/** Each script at each of its moments, as rows: what the kubelet would report, and when it would report again. */
import { describe, expect, it } from "vitest";
import type { Container, ContainerStatus, Pod, PodStatus } from "../../../src/model/workload.ts";
import { type Play, statusAt } from "./play.ts";

const START = Date.UTC(2026, 0, 1);

function podOf(containers: Container[], initContainers?: Container[]): Pod {
  const spec = { containers, ...(initContainers !== undefined && { initContainers }) };
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "web" }, spec };
}

function at(pod: Pod, plays: Record<string, Play>, ms: number, before?: PodStatus): ReturnType<typeof statusAt> {
  const playOf = ({ image = "" }: Container): Play => plays[image] ?? { does: "run" };
  return statusAt({ pod, playOf, since: START, now: START + ms, before, podIP: "10.244.0.1" });
}

/** `waiting CrashLoopBackOff`, `running`, `terminated 3`; and what it was before. */
function brief({ state, lastState, restartCount }: ContainerStatus): string {
  const one = ({ waiting, terminated }: ContainerStatus["state"]): string => {
    if (waiting !== undefined) return `waiting ${waiting.reason}`;
    return terminated === undefined ? "running" : `terminated ${terminated.exitCode}`;
  };
  return `${one(state)}${lastState.terminated === undefined ? "" : ` after ${one(lastState)}`} x${restartCount}`;
}

function ready(status: PodStatus | undefined): string {
  return status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "";
}

const crash: Play = { does: "crash", exitCode: 3, runsMs: 100, backOffMs: 200, times: 2, readyAfterMs: 50 };
const loop: Play = { does: "crash", backOffMs: 200 };

/** Play, milliseconds since the start, phase, container, ready, next report. */
const ROWS: [Play, number, PodStatus["phase"], string, string, number | null][] = [
  [{ does: "run" }, 0, "Running", "running x0", "True", null],
  [{ does: "run", readyAfterMs: 300 }, 299, "Running", "running x0", "False", 300],
  [{ does: "run", readyAfterMs: 300 }, 300, "Running", "running x0", "True", null],
  [{ does: "run", readyAfterMs: null }, 9_000_000, "Running", "running x0", "False", null],
  [{ does: "complete", afterMs: 10 }, 9, "Running", "running x0", "False", 10],
  [{ does: "complete", afterMs: 10 }, 10, "Succeeded", "terminated 0 x0", "False", null],
  [{ does: "fail", afterMs: 10, exitCode: 7 }, 9, "Running", "running x0", "False", 10],
  [{ does: "fail", afterMs: 10, exitCode: 7 }, 10, "Failed", "terminated 7 x0", "False", null],
  [{ does: "wait", reason: "ImagePullBackOff" }, 5, "Pending", "waiting ImagePullBackOff x0", "False", null],
  // Runs for 100, at once again, waits 200, and then runs for good: exits at 100 and 200.
  [crash, 0, "Running", "running x0", "False", 50],
  [crash, 50, "Running", "running x0", "True", 100],
  [crash, 100, "Running", "running after terminated 3 x1", "False", 150],
  [crash, 150, "Running", "running after terminated 3 x1", "True", 200],
  [crash, 200, "Running", "waiting CrashLoopBackOff after terminated 3 x1", "False", 400],
  [crash, 399, "Running", "waiting CrashLoopBackOff after terminated 3 x1", "False", 400],
  [crash, 400, "Running", "running after terminated 3 x2", "False", 450],
  [crash, 450, "Running", "running after terminated 3 x2", "True", null],
  // Runs that last no time: only the waiting between them is ever seen.
  [loop, 0, "Running", "waiting CrashLoopBackOff after terminated 1 x1", "False", 200],
  [loop, 200, "Running", "waiting CrashLoopBackOff after terminated 1 x2", "False", 400],
  [loop, 1999, "Running", "waiting CrashLoopBackOff after terminated 1 x10", "False", 2000],
];

describe("a container", () => {
  it.each(ROWS)("%j at %i ms: %s, %s, ready %s, next %s", (play, ms, phase, container, isReady, next) => {
    const report = at(podOf([{ name: "web", image: "web:v1" }]), { "web:v1": play }, ms);
    expect({
      phase: report?.status.phase,
      containers: report?.status.containerStatuses?.map(brief),
      ready: ready(report?.status),
      next: report?.nextAt === null ? null : (report?.nextAt ?? Number.NaN) - START,
    }).toEqual({ phase, containers: [container], ready: isReady, next });
  });
});

describe("a pod", () => {
  it("is reported by nobody when one of its containers is played by nobody", () => {
    const pod = podOf([{ name: "web", image: "web:v1" }], [{ name: "init", image: "init:v1" }]);
    expect(at(pod, { "init:v1": { does: "nothing" } }, 5)).toBeNull();
  });

  it("starts its containers when its init containers are through, one after the other", () => {
    const pod = podOf(
      [{ name: "web", image: "web:v1" }],
      [
        { name: "first", image: "first:v1" },
        { name: "side", image: "side:v1", restartPolicy: "Always" },
        { name: "second", image: "second:v1" },
      ],
    );
    const plays: Record<string, Play> = {
      "first:v1": { does: "complete", afterMs: 100 },
      "second:v1": { does: "crash", runsMs: 50, times: 1 },
    };
    const shown = [0, 100, 150].map((ms) => {
      const report = at(pod, plays, ms);
      const { initContainerStatuses = [], containerStatuses = [], phase, conditions } = report?.status ?? {};
      return {
        all: [...initContainerStatuses, ...containerStatuses].map(brief),
        phase,
        initialized: conditions?.find(({ type }) => type === "Initialized")?.status,
        next: report?.nextAt === null ? null : (report?.nextAt ?? Number.NaN) - START,
      };
    });
    const initializing = "waiting PodInitializing x0";
    expect(shown).toEqual([
      {
        all: ["running x0", initializing, initializing, initializing],
        phase: "Pending",
        initialized: "False",
        next: 100,
      },
      {
        all: ["terminated 0 x0", "running x0", "running x0", initializing],
        phase: "Pending",
        initialized: "False",
        next: 150,
      },
      {
        all: ["terminated 0 x0", "running x0", "terminated 0 after terminated 1 x1", "running x0"],
        phase: "Running",
        initialized: "True",
        next: null,
      },
    ]);
  });

  it("fails as a whole, with its own reason, when one container makes it fail", () => {
    const pod = podOf([
      { name: "web", image: "web:v1" },
      { name: "side", image: "side:v1" },
    ]);
    const report = at(pod, { "side:v1": { does: "fail", reason: "Evicted", message: "no disk" } }, 0);
    expect(report?.status).toMatchObject({ phase: "Failed", reason: "Evicted", message: "no disk" });
    expect(ready(report?.status)).toBe("False");
  });

  it("keeps the time of a condition that stays as it was", () => {
    const pod = podOf([{ name: "web", image: "web:v1" }]);
    const times = (status: PodStatus | undefined): (string | undefined)[] =>
      ["Initialized", "Ready"].map((type) => status?.conditions?.find((one) => one.type === type)?.lastTransitionTime);
    const plays: Record<string, Play> = { "web:v1": { does: "run", readyAfterMs: 5000 } };
    const first = at(pod, plays, 0)?.status;
    const second = at(pod, plays, 5000, first)?.status;
    const third = at(pod, plays, 9000, second)?.status;
    expect([first, second, third].map(times)).toEqual([
      ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
      ["2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"],
      ["2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"],
    ]);
    expect(third).toEqual(second);
  });
});
