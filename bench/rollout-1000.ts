/** 1,000 Deployments of 3 simulated pods each, rolled out from v1 to v2: wall time, CPU and memory of one process. */
import { resourceUsage } from "node:process";
import { EmbeddedBackend } from "../src/backend/embedded.ts";
import { EmbeddedCluster } from "../src/cluster/cluster.ts";
import { Journal } from "../src/kubelet/journal.ts";
import { LocalKubelet } from "../src/kubelet/kubelet.ts";
import { nullProxy } from "../src/kubelet/proxy-contract.ts";
import { parseScenario, scenarioCatalog } from "../src/kubelet/scenario.ts";
import { SimulatedRuntime } from "../src/kubelet/simulated-runtime.ts";
import type { Deployment } from "../src/model/workload.ts";
import { isComplete } from "../src/rollout/progress.ts";
import { VirtualClock } from "../src/util/clock.ts";
import { seededRandom } from "../src/util/random.ts";

const DEPLOYMENTS = Number(process.env.DEPLOYMENTS ?? 1_000);
const HOUR_MS = 3_600_000;
const signal = new AbortController().signal;
const scenario = parseScenario({ containers: [{ image: "*", startMs: [100, 900], readyMs: [200, 2_000] }] });
const clock = new VirtualClock();
const random = seededRandom(1);
const kubelet = new LocalKubelet({
  runtime: new SimulatedRuntime({ clock, random, scenario }),
  clock,
  random,
  proxy: nullProxy,
  journal: Journal.inMemory(),
  directory: null,
});
const cluster = new EmbeddedCluster({ path: ":memory:", clock, random, kubelet, images: scenarioCatalog(scenario) });
const backend = new EmbeddedBackend(cluster);
cluster.start();

function deployment(index: number, tag: string): Deployment {
  const labels = { app: `web-${index}` };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `web-${index}`, namespace: "default" },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "web", image: `web:${tag}`, ports: [{ containerPort: 8080 }] }] },
      },
    },
  };
}

async function roll(tag: string): Promise<{ wallMs: number; cpuMs: number; virtualMs: number }> {
  const wall = performance.now();
  const cpu = process.cpuUsage();
  const virtual = clock.now();
  for (let index = 0; index < DEPLOYMENTS; index++)
    await backend.apply({ desired: deployment(index, tag), owner: "bench" }, signal);
  const isDone = (): boolean =>
    (cluster.store.list({ group: "apps", kind: "Deployment" }) as Deployment[]).every((each) =>
      isComplete(each, each.status ?? {}),
    );
  let asked = 0;
  // Asking 1,000 Deployments after each timer would be most of the work: every 500th is often enough.
  const done = await clock.runUntil(() => ++asked % 500 === 0 && isDone(), HOUR_MS);
  if (!done && !isDone()) throw new Error(`The rollout to ${tag} did not complete within a virtual hour`);
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: performance.now() - wall, cpuMs: (user + system) / 1_000, virtualMs: clock.now() - virtual };
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
for (const tag of ["v1", "v2"]) {
  const { wallMs, cpuMs, virtualMs } = await roll(tag);
  console.log(
    `${DEPLOYMENTS} Deployments × 3 pods to ${tag}: ${seconds(wallMs)} wall, ${seconds(cpuMs)} CPU, ${seconds(virtualMs)} of virtual time`,
  );
}
console.log(`peak memory ${Math.round(resourceUsage().maxRSS / 1024)} MB (aims: a rollout under 10 s, under 400 MB)`);
await cluster.close();
await kubelet.close();
