/** The simulated runtime: scenarios are checked, a seed replays exactly, thousands of pods cost little. */
import { describe, expect, it } from "vitest";
import { DEFAULT_SCRIPT, parseScenario, scriptFor } from "../../src/kubelet/scenario.ts";
import type { Container } from "../../src/model/workload.ts";
import { pod, world } from "./harness.ts";

describe("a scenario", () => {
  it("has a default for everything", () => {
    expect(parseScenario(undefined)).toEqual({ seed: 1, containers: [] });
    expect(parseScenario({ containers: [{}] })).toEqual({ seed: 1, containers: [DEFAULT_SCRIPT] });
    expect(scriptFor(parseScenario({}), "web:v1")).toBe(DEFAULT_SCRIPT);
  });

  it("takes the first entry whose glob matches", () => {
    const scenario = parseScenario({
      containers: [
        { image: "r.io/web:v?", readyMs: null },
        { image: "*:v10", missing: true },
        { image: "*", exit: {} },
      ],
    });
    expect(scriptFor(scenario, "r.io/web:v1").readyMs).toBeNull();
    expect(scriptFor(scenario, "r.io/web:v10").missing).toBe(true);
    expect(scriptFor(scenario, "rxio/web:v1").exit).toEqual({ afterMs: 0, code: 1 });
  });

  it.each([
    [[], "scenario must be a mapping: it is []"],
    [{ container: [] }, 'scenario.container must be one of seed, containers: it is "container"'],
    [{ containers: {} }, "containers must be a list: it is {}"],
    [{ seed: "x" }, 'seed must be a number of at least -9007199254740991: it is "x"'],
    [{ containers: [{ startMs: -1 }] }, "containers[0].startMs must be a number of at least 0: it is -1"],
    [{ containers: [{ readyMs: [5, 1] }] }, "containers[0].readyMs[1] must be a number of at least 5: it is 1"],
    [{ containers: [{ missing: "yes" }] }, 'containers[0].missing must be true or false: it is "yes"'],
    [
      { containers: [{ flap: { upMs: 1 } }] },
      "containers[0].flap.downMs must be a number of at least 1: it is undefined",
    ],
    [
      { containers: [{ exit: { afterMs: 1, codes: 2 } }] },
      'containers[0].exit.codes must be one of afterMs, code: it is "codes"',
    ],
    [{ containers: [{ logs: [1] }] }, "containers[0].logs[0] must be text: it is 1"],
  ])("%j is refused: %s", (input, message) => {
    expect(() => parseScenario(input)).toThrow(message);
  });
});

const scenario = {
  containers: [
    { image: "*", startMs: [100, 900], readyMs: [200, 3_000], drainMs: [0, 5_000], exit: { afterMs: [5_000, 90_000] } },
  ],
};
const web: Container = {
  name: "web",
  image: "web:v1",
  ports: [{ containerPort: 8080 }],
  readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 10 },
};

describe("a simulation", () => {
  it("replays exactly from its seed, and not from another", async () => {
    const play = async (seed: number): Promise<string> => {
      const w = world(scenario, { seed });
      for (let i = 0; i < 20; i++) await w.kubelet.assign(w.assignment(pod(`p${i}`, { containers: [web] })));
      await w.clock.advance(60_000);
      for (let i = 0; i < 10; i++) await w.kubelet.stop(`uid-p${i}`, 3);
      await w.clock.advance(60_000);
      return JSON.stringify(w.reports());
    };
    const first = await play(7);
    expect(await play(7)).toBe(first);
    expect(await play(8)).not.toBe(first);
  });

  it("gives its scripted logs", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, logs: ["a {pod}", "b {container} {run}"] }] });
    await w.kubelet.assign(w.assignment(pod("p", { containers: [web] })));
    await w.clock.advance(0);
    const lines: string[] = [];
    for await (const line of w.kubelet.logs({ uid: "uid-p" }, new AbortController().signal)) lines.push(line);
    expect(lines).toEqual(["a p", "b web 0"]);
  });

  it("of 6,000 pods that start, get ready and end takes little processor time", async () => {
    const w = world({ containers: [{ image: "*", startMs: [100, 900], readyMs: [200, 3_000], drainMs: [0, 5_000] }] });
    const before = process.cpuUsage();
    const count = 6_000;
    await w.kubelet.serve([
      {
        uid: "s",
        namespace: "default",
        name: "s",
        selector: { app: "x" },
        ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "http", preferredLocalPort: 1 }],
        includeNotReady: false,
      },
    ]);
    for (let i = 0; i < count; i++) {
      await w.kubelet.assign(w.assignment(pod(`p${i}`, { containers: [web] }, { app: `a${i % 1_000}` })));
    }
    await w.clock.advance(30_000);
    for (let i = 0; i < count; i++) await w.kubelet.stop(`uid-p${i}`, 30);
    await w.clock.advance(30_000);
    const used = process.cpuUsage(before);
    expect(await w.kubelet.pods()).toEqual([]);
    expect(w.clock.pending).toBe(0);
    // Ten times what it takes on a slow machine: this is about orders of magnitude.
    expect((used.user + used.system) / 1e6).toBeLessThan(20);
    console.log(`6,000 simulated pods: ${((used.user + used.system) / 1e6).toFixed(2)} s of processor time`);
  });
});
