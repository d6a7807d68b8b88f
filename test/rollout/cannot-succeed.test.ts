/** What cannot succeed: by the statuses that our own kubelet writes, and by those of a table. */
import { describe, expect, it } from "vitest";
import type { ContainerState, ContainerStatus, Pod, PodSpec, PodStatus } from "../../src/model/workload.ts";
import { cannotSucceed, exitsOf, wasEverReady } from "../../src/rollout/cannot-succeed.ts";
import { pod, world } from "../kubelet/harness.ts";

const web = { name: "web", image: "web:v1" };

/** What the real kubelet says of a pod after so many simulated seconds. */
async function observed(script: object, seconds: number, spec: Partial<PodSpec> = {}): Promise<Pod> {
  const w = world({ containers: script });
  const made = pod("a", { containers: [web], ...spec });
  await w.kubelet.assign(w.assignment(made));
  await w.clock.advance(seconds * 1_000);
  const status = w.status("uid-a");
  await w.kubelet.close();
  return { ...made, status };
}

const probed: Partial<PodSpec> = {
  containers: [{ ...web, readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1 } }],
};
const CRASH = { image: "*", startMs: 100, readyMs: 60_000, exit: { afterMs: 500, code: 3 } };
const missingKey = {
  containers: [{ ...web, env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "absent", key: "k" } } }] }],
} as unknown as Partial<PodSpec>;
const initFails = { initContainers: [{ name: "init", image: "init:v1" }] };

describe("of a pod that our own kubelet runs and", () => {
  const rows: {
    name: string;
    script: object[];
    seconds: number;
    spec?: Partial<PodSpec>;
    everReady: boolean;
    failure: { container: string; kind: string } | null;
  }[] = [
    {
      name: "has no image",
      script: [{ image: "*", missing: true }],
      seconds: 1,
      everReady: false,
      failure: { container: "web", kind: "image" },
    },
    {
      name: "has no ConfigMap",
      script: [{ image: "*" }],
      seconds: 1,
      spec: missingKey,
      everReady: false,
      failure: { container: "web", kind: "configuration" },
    },
    { name: "crashed once", script: [CRASH], seconds: 1, spec: probed, everReady: false, failure: null },
    {
      name: "crashed often",
      script: [CRASH],
      seconds: 120,
      spec: probed,
      everReady: false,
      failure: { container: "web", kind: "exits" },
    },
    {
      name: "whose init container fails often",
      script: [{ image: "init:*", startMs: 0, exit: { afterMs: 100, code: 1 } }, { image: "*" }],
      seconds: 120,
      spec: initFails,
      everReady: false,
      failure: { container: "init", kind: "exits" },
    },
    {
      name: "crashes within seconds, and nobody asks whether it is ready",
      script: [CRASH],
      seconds: 120,
      everReady: true,
      failure: { container: "web", kind: "exits" },
    },
    {
      name: "crashes often after its probe found it ready",
      script: [{ image: "*", startMs: 0, readyMs: 0, exit: { afterMs: 5_000, code: 1 } }],
      seconds: 200,
      spec: probed,
      everReady: true,
      failure: null,
    },
    {
      name: "crashes often after some work, and nobody asks whether it is ready",
      script: [{ image: "*", startMs: 0, readyMs: 0, exit: { afterMs: 30_000, code: 1 } }],
      seconds: 400,
      everReady: true,
      failure: null,
    },
    { name: "is ready", script: [{ image: "*", startMs: 0, readyMs: 0 }], seconds: 5, everReady: true, failure: null },
  ];
  it.each(rows)("$name", async ({ script, seconds, spec, everReady, failure }) => {
    const seen = await observed(script, seconds, spec);
    expect(wasEverReady(seen)).toBe(everReady);
    const found = cannotSucceed([seen]);
    expect(found === undefined ? null : { container: found.container, kind: found.kind }).toEqual(failure);
    if (found !== undefined) expect(found.reason).toContain(`container ${found.container}`);
  });

  it("ends a third time is given up at that very end", async () => {
    for (let seconds = 1; seconds < 120; seconds++) {
      const seen = await observed([CRASH], seconds, probed);
      const exits = exitsOf(seen.status?.containerStatuses?.[0] as ContainerStatus);
      expect([seconds, cannotSucceed([seen]) !== undefined]).toEqual([seconds, exits >= 3]);
      if (exits >= 3) return;
    }
    throw new Error("it never ended three times");
  });
});

const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode, reason: "x" } });
const waiting: ContainerState = { waiting: { reason: "CrashLoopBackOff" } };
const running: ContainerState = { running: { startedAt: "2026-01-01T00:00:00Z" } };

describe("a container's exits", () => {
  it.each<[string, ContainerState, ContainerState, number, number]>([
    ["not begun", { waiting: { reason: "ContainerCreating" } }, {}, 0, 0],
    ["runs", running, {}, 0, 0],
    ["down after one", waiting, ended(1), 0, 1],
    ["down, not yet waiting", ended(1), {}, 0, 1],
    ["runs again", running, ended(1), 1, 1],
    ["down after three", waiting, ended(1), 2, 3],
    ["runs after three", running, ended(1), 3, 3],
    ["done", ended(0), {}, 0, 0],
    ["done after three failures", ended(0), ended(1), 3, 0],
    ["ends well, again and again", waiting, ended(0), 2, 3],
  ])("%s", (_name, state, lastState, restartCount, exits) => {
    const status = {
      name: "web",
      image: "",
      imageID: "",
      ready: false,
      started: false,
      restartCount,
      state,
      lastState,
    };
    expect(exitsOf(status)).toBe(exits);
  });
});

describe("of several pods", () => {
  const broken: PodStatus = {
    phase: "Pending",
    containerStatuses: [
      {
        name: "web",
        image: "",
        imageID: "",
        ready: false,
        started: false,
        restartCount: 2,
        state: waiting,
        lastState: ended(3),
      },
    ],
  };
  const made = (name: string, status: PodStatus): Pod => ({ ...pod(name, { containers: [web] }), status });

  it("one that is going does not count, and the first that does is named", () => {
    const going = made("going", broken);
    going.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    expect(cannotSucceed([going])).toBeUndefined();
    const found = cannotSucceed([going, made("well", { phase: "Pending" }), made("b", broken), made("c", broken)]);
    expect(found?.pod.metadata.name).toBe("b");
    expect(found?.reason).toContain("it ended 3 times and was never ready");
  });
});
