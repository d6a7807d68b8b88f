/** How a pod ends: out of its Services before SIGTERM, hooks within the grace period, SIGKILL at its end. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Proxy as ProxyContract } from "../../src/kubelet/proxy-contract.ts";
import type { ServiceAssignment } from "../../src/model/kubelet.ts";
import type { ContainerLaunch, RunningContainer } from "../../src/model/runtime.ts";
import type { Container } from "../../src/model/workload.ts";
import { sleep } from "../../src/util/clock.ts";
import { pod, START, type World, world } from "./harness.ts";

const web: Container = { name: "web", image: "web:v1", ports: [{ containerPort: 8080 }] };

const service: ServiceAssignment = {
  uid: "svc",
  namespace: "default",
  name: "web",
  selector: { app: "web" },
  ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "http", preferredLocalPort: 8080 }],
  includeNotReady: false,
};

/** What happened, with virtual seconds: signals to containers, and pods that join or leave the Service. */
function traced(scenario: unknown, drainMs = 0): World & { trace: string[]; backends: () => string[] } {
  const trace: string[] = [];
  let backends: string[] = [];
  const holder: { world: World | null } = { world: null };
  const at = (): string => String(((holder.world?.clock.now() ?? START) - START) / 1000);
  const set = (next: string[]): void => {
    for (const uid of backends) if (!next.includes(uid)) trace.push(`${at()} ${uid} leaves`);
    for (const uid of next) if (!backends.includes(uid)) trace.push(`${at()} ${uid} joins`);
    backends = next;
  };
  const proxy: ProxyContract = {
    update: (ports) => {
      set(ports.flatMap((port) => port.backends.map(({ podUid }) => podUid)));
      return Promise.resolve(Object.fromEntries(ports.map((port) => [port.key, 8080])));
    },
    setBackends: (_key, next) => set(next.map(({ podUid }) => podUid)),
    drain: async (uid, limitMs) => {
      trace.push(`${at()} ${uid} drains up to ${limitMs} ms`);
      if (holder.world !== null) await sleep(holder.world.clock, Math.min(drainMs, limitMs));
    },
    close: () => Promise.resolve(),
  };
  const w = world(scenario, { proxy });
  holder.world = w;
  const start = w.runtime.start.bind(w.runtime);
  w.runtime.start = async (launch: ContainerLaunch): Promise<RunningContainer> => {
    const running = await start(launch);
    const signal = running.signal.bind(running);
    running.signal = (name) => {
      trace.push(`${at()} ${launch.podUid} ${launch.container} ${name}`);
      signal(name);
    };
    return running;
  };
  return Object.assign(w, { trace, backends: () => backends });
}

const labels = { app: "web" };

describe("the end of a pod", () => {
  it("is: out of the Service, drained, SIGTERM, gone", async () => {
    const w = traced({ containers: [{ image: "*", startMs: 0, drainMs: 500 }] }, 2_000);
    await w.kubelet.serve([service]);
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] }, labels)));
    await w.clock.advance(10_000);
    await w.kubelet.stop("uid-a", 30);
    expect(w.trace.slice(0, 3)).toEqual(["0 uid-a joins", "10 uid-a leaves", "10 uid-a drains up to 10000 ms"]);
    await w.clock.advance(60_000);
    expect(w.trace.slice(3)).toEqual(["12 uid-a web SIGTERM"]);
    expect(w.reports().slice(-3)).toMatchObject([
      { type: "pod-event", reason: "Killing", message: "Stopping container web" },
      { type: "pod-status", at: "2026-01-01T00:00:12.500Z" },
      { type: "pod-gone", uid: "uid-a", namespace: "default", name: "a", at: "2026-01-01T00:00:12.500Z" },
    ]);
    expect(await w.kubelet.pods()).toEqual([]);
    expect(w.clock.pending).toBe(0);
  });

  const sleepHook = (seconds: number): Container => ({ ...web, lifecycle: { preStop: { sleep: { seconds } } } });
  it.each([
    { what: "a server that drains", container: web, drainMs: 3_000, grace: 30, want: ["0 SIGTERM"], gone: 3 },
    {
      what: "one that ignores SIGTERM",
      container: web,
      drainMs: null,
      grace: 30,
      want: ["0 SIGTERM", "30 SIGKILL"],
      gone: 30,
    },
    { what: "no grace at all", container: web, drainMs: 500, grace: 0, want: ["0 SIGKILL"], gone: 0 },
    {
      what: "a hook within the grace",
      container: sleepHook(5),
      drainMs: 100,
      grace: 30,
      want: ["5 SIGTERM"],
      gone: 5.1,
    },
    {
      what: "a hook that uses it up",
      container: sleepHook(60),
      drainMs: null,
      grace: 10,
      want: ["10 SIGTERM", "12 SIGKILL"],
      gone: 12,
    },
    {
      what: "a hook that uses up most",
      container: sleepHook(9),
      drainMs: null,
      grace: 10,
      want: ["9 SIGTERM", "11 SIGKILL"],
      gone: 11,
    },
    { what: "a hook and no grace", container: sleepHook(5), drainMs: 100, grace: 0, want: ["0 SIGKILL"], gone: 0 },
    {
      what: "less grace than the least",
      container: web,
      drainMs: null,
      grace: 1,
      want: ["0 SIGTERM", "2 SIGKILL"],
      gone: 2,
    },
  ])("with $what takes $gone s: $want", async ({ container, drainMs, grace, want, gone }) => {
    const w = traced({ containers: [{ image: "*", startMs: 0, drainMs }] });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [container] }, labels)));
    await w.clock.advance(0);
    await w.kubelet.stop("uid-a", grace);
    await w.clock.advance(120_000);
    expect(w.trace.filter((line) => line.includes("SIG")).map((line) => line.replace("uid-a web ", ""))).toEqual(want);
    const last = w.reports().at(-1);
    expect(last?.type).toBe("pod-gone");
    expect((Date.parse(last?.at ?? "") - START) / 1000).toBe(gone);
    expect(w.clock.pending).toBe(0);
  });

  it("is hastened by a second order, and not held up by one with more grace", async () => {
    const w = traced({ containers: [{ image: "*", startMs: 0, drainMs: null }] });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] }, labels)));
    await w.clock.advance(0);
    await w.kubelet.stop("uid-a", 30);
    await w.clock.advance(5_000);
    await w.kubelet.stop("uid-a", 600);
    await w.kubelet.stop("uid-a", 0);
    await w.clock.advance(0);
    expect(w.trace.at(-1)).toBe("5 uid-a web SIGKILL");
    expect(w.reports().at(-1)?.type).toBe("pod-gone");
  });

  it("comes at once when nothing runs: an image that is missing, a back-off, a start under way", async () => {
    const w = traced({
      containers: [
        { image: "missing*", missing: true },
        { image: "crash*", startMs: 0, exit: { afterMs: 100 } },
        { image: "slow*", startMs: 5_000, drainMs: 0 },
      ],
    });
    const one = (name: string, image: string) => w.assignment(pod(name, { containers: [{ ...web, image }] }));
    await w.kubelet.assign(one("a", "missing:1"));
    await w.kubelet.assign(one("b", "crash:1"));
    await w.kubelet.assign(one("c", "slow:1"));
    await w.clock.advance(1_000);
    expect(w.container("uid-b").state.waiting?.reason).toBe("CrashLoopBackOff");
    for (const uid of ["uid-a", "uid-b", "uid-c"]) await w.kubelet.stop(uid, 30);
    await w.clock.advance(0);
    const gone = (): string[] => w.reports().flatMap((report) => (report.type === "pod-gone" ? [report.uid] : []));
    expect(gone().sort()).toEqual(["uid-a", "uid-b"]);
    await w.clock.advance(10_000);
    expect(gone().sort()).toEqual(["uid-a", "uid-b", "uid-c"]);
    expect(w.clock.pending).toBe(0);
  });

  it("of a pod that is not known, or was gone before, is told and revives nothing", async () => {
    const w = traced({ containers: [{ image: "*", startMs: 0 }] });
    await w.kubelet.stop("uid-a", 30);
    expect(w.reports()).toMatchObject([{ type: "pod-gone", uid: "uid-a" }]);
    const assignment = w.assignment(pod("a", { containers: [web] }));
    await w.kubelet.assign(assignment);
    await w.kubelet.stop("uid-a", 30);
    await w.clock.advance(1_000);
    expect(w.reports().length).toBe(1);
    await w.kubelet.acknowledge(1);
    await w.kubelet.assign(assignment);
    await w.clock.advance(1_000);
    expect(w.status("uid-a").phase).toBe("Running");
  });

  it("leaves no restart behind when a liveness probe kills at the same time", async () => {
    const container: Container = {
      ...web,
      livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
    };
    const w = traced({ containers: [{ image: "*", startMs: 0, readyMs: 0, hangMs: 3_000, drainMs: null }] });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [container], terminationGracePeriodSeconds: 20 })));
    await w.clock.advance(5_000);
    await w.kubelet.stop("uid-a", 30);
    await w.clock.advance(60_000);
    expect(w.trace.filter((line) => line.includes("SIG"))).toEqual(["3 uid-a web SIGTERM", "23 uid-a web SIGKILL"]);
    expect(w.reports().at(-1)?.type).toBe("pod-gone");
    expect(w.clock.pending).toBe(0);
  });
});

describe("a restart by a probe", () => {
  it("takes the pod out of the Service before SIGTERM too", async () => {
    const container: Container = {
      ...web,
      livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 2 },
    };
    const w = traced({ containers: [{ image: "*", startMs: 0, readyMs: 0, hangMs: 3_000, drainMs: 500 }] });
    await w.kubelet.serve([service]);
    await w.kubelet.assign(w.assignment(pod("a", { containers: [container] }, labels)));
    await w.clock.advance(5_000);
    expect(w.trace).toEqual(["0 uid-a joins", "4 uid-a leaves", "4 uid-a web SIGTERM", "4.5 uid-a joins"]);
  });
});

type Order = { do: "assign" | "stop"; pod: number; graceSeconds: number } | { do: "wait"; ms: number };

const order: fc.Arbitrary<Order> = fc.oneof(
  fc.record({
    do: fc.constantFrom("assign" as const, "assign" as const, "stop" as const),
    pod: fc.nat(4),
    graceSeconds: fc.constantFrom(0, 1, 5, 30),
  }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(10, 400, 3_000, 20_000) }),
);

describe("in any world", () => {
  it("no pod in the Service is signalled or terminating, each backend is ready, and every stopped pod is gone", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(order, { maxLength: 30 }),
        fc.nat(1000),
        fc.nat(3_000),
        async (orders, seed, drainMs) => {
          const w = traced(
            {
              seed,
              containers: [
                { image: "web:0", startMs: [0, 900], readyMs: [0, 4_000], drainMs: [0, 9_000] },
                { image: "web:1", startMs: 10, readyMs: 50, exit: { afterMs: [100, 5_000], code: 1 }, drainMs: 100 },
                { image: "web:2", startMs: 10, readyMs: 50, flap: { upMs: 2_000, downMs: 1_500 }, drainMs: null },
                { image: "web:3", startMs: 10, readyMs: 0, hangMs: 3_000, drainMs: null },
                { image: "web:4", missing: true },
              ],
            },
            drainMs,
          );
          await w.kubelet.serve([service]);
          const look = { httpGet: { port: 8080 }, periodSeconds: 1, failureThreshold: 1 };
          const stopped = new Set<string>();
          for (const each of orders) {
            if (each.do === "wait") await w.clock.advance(each.ms);
            else {
              const name = `p${each.pod}`;
              const container = {
                ...web,
                image: `web:${each.pod}`,
                readinessProbe: look,
                livenessProbe: { ...look, failureThreshold: 3 },
              };
              if (each.do === "assign")
                await w.kubelet.assign(w.assignment(pod(name, { containers: [container] }, labels)));
              else {
                await w.kubelet.stop(`uid-${name}`, each.graceSeconds);
                stopped.add(`uid-${name}`);
                // Synchronously: by the time the order is taken, nothing new goes there.
                expect(w.backends()).not.toContain(`uid-${name}`);
              }
            }
            for (const uid of w.backends()) {
              const ready = w.status(uid).conditions?.find(({ type }) => type === "Ready");
              expect(ready?.status).toBe("True");
            }
          }
          await w.clock.advance(200_000);
          const inService = new Set<string>();
          for (const line of w.trace) {
            const [, uid = "", ...what] = line.split(" ");
            if (what[0] === "joins") inService.add(uid);
            else if (what[0] === "leaves") inService.delete(uid);
            else expect(inService.has(uid)).toBe(false);
          }
          const gone = new Set(w.reports().flatMap((report) => (report.type === "pod-gone" ? [report.uid] : [])));
          for (const uid of stopped) expect(gone.has(uid)).toBe(true);
          const left = (await w.kubelet.pods()).map(({ uid }) => uid);
          expect(left.filter((uid) => gone.has(uid))).toEqual([]);
          expect(w.reports().map(({ seq }) => seq)).toEqual(w.reports().map((_, index) => index + 1));
        },
      ),
      { numRuns: 40 },
    );
  });
});
