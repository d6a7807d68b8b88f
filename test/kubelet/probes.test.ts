/** Probes on the virtual clock: when they look, and when looks in a row change what holds. */
import { describe, expect, it } from "vitest";
import { type ProbeKind, ProbeLoop } from "../../src/kubelet/probes.ts";
import type { Container, Probe } from "../../src/model/workload.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { pod, world } from "./harness.ts";

/** Runs a loop for `seconds` against answers by look, and tells when it looked and what it decided. */
async function run(kind: ProbeKind, probe: Probe, answers: (ms: number) => boolean, seconds: number, initial = false) {
  const clock = new VirtualClock();
  const looks: number[] = [];
  const decisions: string[] = [];
  let failures = 0;
  const loop = new ProbeLoop({
    kind,
    probe,
    clock,
    initial,
    look: (timeoutMs) => {
      looks.push(clock.monotonic());
      expect(timeoutMs).toBe((probe.timeoutSeconds ?? 1) * 1000);
      return Promise.resolve({ ok: answers(clock.monotonic()), message: "no" });
    },
    onResult: (ok) => decisions.push(`${clock.monotonic()} ${ok}`),
    onFailure: () => failures++,
  });
  loop.start();
  await clock.advance(seconds * 1000);
  loop.stop();
  await clock.advance(100_000);
  return { looks, decisions, failures, pending: clock.pending };
}

const never = (): boolean => false;
const always = (): boolean => true;

describe("a probe loop", () => {
  it.each<{
    what: string;
    kind: ProbeKind;
    probe: Probe;
    answers: (ms: number) => boolean;
    looks: number[];
    decisions: string[];
    failures: number;
  }>([
    {
      what: "liveness looks at the start and each period, and gives up after 3 failures",
      kind: "liveness",
      probe: { tcpSocket: { port: 1 } },
      answers: never,
      looks: [0, 10_000, 20_000, 30_000],
      decisions: ["20000 false"],
      failures: 4,
    },
    {
      what: "liveness waits for its initial delay",
      kind: "liveness",
      probe: { tcpSocket: { port: 1 }, initialDelaySeconds: 7, failureThreshold: 1 },
      answers: never,
      looks: [7_000, 17_000, 27_000],
      decisions: ["7000 false"],
      failures: 3,
    },
    {
      what: "readiness looks early until it first succeeds, then each period",
      kind: "readiness",
      probe: { tcpSocket: { port: 1 } },
      answers: (ms) => ms >= 300,
      looks: [0, 50, 150, 350, 10_000, 20_000, 30_000],
      decisions: ["350 true"],
      failures: 0,
    },
    {
      what: "early failures do not count: startup has failureThreshold × period in all",
      kind: "startup",
      probe: { tcpSocket: { port: 1 }, periodSeconds: 10, failureThreshold: 2 },
      answers: never,
      looks: [0, 50, 150, 350, 750, 1_550, 3_150, 6_350, 10_000, 16_400, 20_000, 30_000],
      decisions: ["20000 false"],
      failures: 3,
    },
    {
      what: "commands are not run early",
      kind: "readiness",
      probe: { exec: { command: ["true"] }, periodSeconds: 15 },
      answers: (ms) => ms >= 15_000,
      looks: [0, 15_000, 30_000],
      decisions: ["15000 true"],
      failures: 1,
    },
    {
      what: "successThreshold successes in a row are needed",
      kind: "readiness",
      probe: { exec: { command: ["true"] }, periodSeconds: 5, successThreshold: 2, failureThreshold: 2 },
      answers: (ms) => ms !== 5_000 && ms !== 20_000 && ms !== 25_000,
      looks: [0, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000],
      decisions: ["15000 true", "25000 false"],
      failures: 3,
    },
  ])("$what", async ({ kind, probe, answers, looks, decisions, failures }) => {
    expect(await run(kind, probe, answers, 30)).toEqual({ looks, decisions, failures, pending: 0 });
  });

  it("of a run that was ready before does not look early", async () => {
    const { looks, decisions } = await run("readiness", { tcpSocket: { port: 1 } }, always, 25, true);
    expect(looks).toEqual([0, 10_000, 20_000]);
    expect(decisions).toEqual(["0 true"]);
  });
});

const web: Container = { name: "web", image: "web:v1", ports: [{ containerPort: 8080 }] };
const look: Probe = { httpGet: { path: "/", port: 8080 }, periodSeconds: 5 };

describe("a container's probes", () => {
  it("restart it when liveness fails, within its grace period, and say so", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, readyMs: 0, hangMs: 12_000, drainMs: 500 }] });
    const container = {
      ...web,
      livenessProbe: { ...look, failureThreshold: 2 },
      readinessProbe: { ...look, failureThreshold: 1 },
    };
    await w.kubelet.assign(w.assignment(pod("a", { containers: [container] })));
    await w.clock.advance(30_000);
    expect(w.timeline("uid-a").slice(0, 9)).toEqual([
      "0 ContainerCreating",
      "0 Running",
      "0 Started",
      "0 Ready",
      "15 Started",
      "20.5 Completed(0)",
      "20.5 Running",
      "20.5 Started",
      "20.5 Ready",
    ]);
    expect(w.events("uid-a").slice(3, 7)).toEqual([
      "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 503",
      "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503",
      "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 503",
      "Killing: Container web failed liveness probe, will be restarted",
    ]);
    expect(w.container("uid-a").restartCount).toBe(1);
  });

  it("restart it when startup fails; the others wait for startup", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, readyMs: null, drainMs: 0 }] });
    const container = {
      ...web,
      startupProbe: { ...look, failureThreshold: 2 },
      livenessProbe: { ...look, failureThreshold: 1 },
    };
    await w.kubelet.assign(w.assignment(pod("a", { containers: [container] })));
    await w.clock.advance(12_000);
    expect(w.timeline("uid-a")).toEqual(["0 ContainerCreating", "0 Running", "10 Completed(0)", "10 Running"]);
    expect(w.events("uid-a").slice(3, 6)).toEqual([
      "Unhealthy: Startup probe failed: HTTP probe failed with statuscode: 503",
      "Unhealthy: Startup probe failed: HTTP probe failed with statuscode: 503",
      "Killing: Container web failed startup probe, will be restarted",
    ]);
  });

  it("take it out of traffic and back as readiness comes and goes", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, readyMs: 0, flap: { upMs: 9_500, downMs: 10_000 } }] });
    const container = { ...web, readinessProbe: { ...look, periodSeconds: 1, failureThreshold: 3 } };
    await w.kubelet.assign(w.assignment(pod("a", { containers: [container] })));
    await w.clock.advance(25_000);
    expect(w.timeline("uid-a").slice(3)).toEqual(["0 Ready", "12 Started", "20 Ready"]);
    const ready = w.status("uid-a").conditions?.find(({ type }) => type === "Ready");
    expect(ready).toEqual({ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:20Z" });
    expect(w.container("uid-a").restartCount).toBe(0);
  });

  it("with a restart under Never end the pod", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, readyMs: 0, hangMs: 1_000, drainMs: null }] });
    const container = { ...web, livenessProbe: { ...look, failureThreshold: 1, terminationGracePeriodSeconds: 3 } };
    await w.kubelet.assign(w.assignment(pod("a", { containers: [container], restartPolicy: "Never" })));
    await w.clock.advance(60_000);
    expect(w.timeline("uid-a").at(-1)).toBe("8 Error(137)");
    expect(w.status("uid-a").phase).toBe("Failed");
  });

  it("that fail without end are told now and then", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, readyMs: null }] });
    const container = { ...web, readinessProbe: { ...look, periodSeconds: 1 } };
    await w.kubelet.assign(w.assignment(pod("a", { containers: [container] })));
    await w.clock.advance(3_600_000);
    const unhealthy = w.events("uid-a").filter((line) => line.startsWith("Unhealthy"));
    // 25 at once, then one every five minutes.
    expect(unhealthy.length).toBe(25 + 11);
  });
});
