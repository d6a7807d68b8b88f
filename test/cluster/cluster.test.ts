import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EmbeddedCluster } from "../../src/cluster/cluster.ts";
import { type KubeObject, keyOf } from "../../src/model/object.ts";
import type { Deployment, Endpoints, Pod, Service } from "../../src/model/workload.ts";
import { type Clock, VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";
import { SetClock } from "../simulation/clocks.ts";
import { allImages, readyStatus, ScriptedKubelet } from "./scripted-kubelet.ts";

let directory: string;
let clock: VirtualClock;
let kubelet: ScriptedKubelet;
let cluster: EmbeddedCluster;
let errors: unknown[];
let nextPort: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-cluster-"));
  clock = new VirtualClock();
  kubelet = new ScriptedKubelet();
  nextPort = 4000;
  // Pods are ready at once, stop at once, and Services get the next free port.
  kubelet.onAssign = ({ pod }) => {
    const { uid = "", namespace = "", name } = pod.metadata;
    if (kubelet.ready.has(uid)) return;
    kubelet.ready.add(uid);
    const at = new Date(clock.now()).toISOString();
    kubelet.report({
      type: "pod-status",
      uid,
      namespace,
      name,
      status: readyStatus(at),
      hostPorts: { "8080": nextPort++ },
    });
  };
  kubelet.onStop = (uid) => {
    const name = kubelet.known.get(uid)?.name;
    if (name !== undefined) kubelet.reportGone(name);
  };
  kubelet.onServe = (services) => {
    for (const { uid, namespace, name, ports } of services) {
      if (kubelet.ready.has(uid)) continue;
      kubelet.ready.add(uid);
      const localPorts = Object.fromEntries(
        ports.map(({ port, preferredLocalPort }) => [String(port), preferredLocalPort || nextPort++]),
      );
      kubelet.report({ type: "service-ports", uid, namespace, name, localPorts });
    }
  };
  errors = [];
  cluster = openCluster(1);
});

afterEach(async () => {
  await cluster.close();
  rmSync(directory, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

function openCluster(seed: number, on: Clock = clock): EmbeddedCluster {
  const opened = new EmbeddedCluster({
    path: join(directory, "cluster.db"),
    clock: on,
    random: seededRandom(seed),
    kubelet,
    images: allImages,
    preferredPort: () => 8080,
    onError: (doing, error) => errors.push([doing, error]),
  });
  opened.start();
  return opened;
}

const deployment: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "web", image: "web:v1", ports: [{ name: "http", containerPort: 8080 }] }] },
    },
  },
};

const service: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { type: "LoadBalancer", selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "http" }] },
};

function withImage(image: string): KubeObject {
  const changed = structuredClone(deployment) as Deployment;
  for (const container of changed.spec.template.spec.containers) container.image = image;
  return changed;
}

function pods(): Pod[] {
  return cluster.store.list({ kind: "Pod" }) as Pod[];
}

function endpointCount(): number {
  const found = cluster.store.get(keyOf({ apiVersion: "v1", kind: "Endpoints", metadata: { name: "web" } }));
  return ((found as Endpoints | undefined)?.subsets ?? []).filter(({ addresses }) => addresses !== undefined).length;
}

describe("the embedded cluster", () => {
  it("runs a Deployment behind a Service, rolls it, and takes it all down", async () => {
    cluster.store.create(service);
    cluster.store.create(deployment);
    await clock.advance(1_000);
    expect(pods().map(({ status }) => status?.phase)).toEqual(["Running", "Running", "Running"]);
    expect(endpointCount()).toBe(3);
    expect((cluster.store.get(keyOf(service)) as Service).spec.ports?.[0]?.nodePort).toBe(8080);

    let fewest = Number.POSITIVE_INFINITY;
    let most = 0;
    const stop = cluster.store.subscribe(({ object }) => {
      if (object.kind !== "Pod") return;
      const staying = pods().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      most = Math.max(most, staying.length);
      fewest = Math.min(fewest, staying.filter(({ status }) => status?.phase === "Running").length);
    });
    cluster.store.update(withImage("web:v2"));
    await clock.advance(10_000);
    stop();
    const images = new Set(pods().flatMap(({ spec }) => spec.containers.map(({ image }) => image)));
    expect([...images]).toEqual(["web:v2"]);
    expect([fewest, most]).toEqual([3, 4]);
    expect((cluster.store.get(keyOf(deployment)) as Deployment).status).toMatchObject({
      availableReplicas: 3,
      updatedReplicas: 3,
    });

    cluster.store.delete(keyOf(deployment));
    cluster.store.delete(keyOf(service));
    await clock.advance(1_000);
    const left = cluster.store.list({}).filter(({ kind }) => kind !== "Event");
    expect(left.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(["Namespace default"]);
    expect([...kubelet.known]).toEqual([]);
  });

  it("gives a rollout its whole deadline again when the clock was set forward, as after a sleep", async () => {
    await cluster.close();
    const set = new SetClock();
    cluster = openCluster(2, set);
    kubelet.onAssign = () => {};
    cluster.store.create(deployment);
    const progress = (): unknown => {
      const { status } = cluster.store.get(keyOf(deployment)) as Deployment;
      return status?.conditions?.find(({ type }) => type === "Progressing")?.reason;
    };
    const told: unknown[] = [];
    for (const [seconds, jump] of [
      [300, 3_600],
      [590, 0],
      [620, 0],
    ] as const) {
      await set.virtual.advance(seconds * 1_000);
      set.jump(jump * 1_000);
      await set.virtual.advance(2_000);
      told.push([seconds, jump, progress()]);
    }
    expect(told).toEqual([
      [300, 3_600, "ReplicaSetUpdated"],
      [590, 0, "ReplicaSetUpdated"],
      [620, 0, "ProgressDeadlineExceeded"],
    ]);
  });

  it("finishes after a restart what it had begun, with the same pods", async () => {
    cluster.store.create(deployment);
    await clock.advance(1_000);
    const before = pods().map(({ metadata }) => metadata.uid);
    cluster.store.update(withImage("web:v2"));
    await cluster.close();
    cluster = openCluster(2);
    expect(pods().map(({ metadata }) => metadata.uid)).toEqual(before);
    await clock.advance(10_000);
    expect(pods()).toHaveLength(3);
    expect(pods().every(({ spec }) => spec.containers[0]?.image === "web:v2")).toBe(true);
    const uids = pods().map(({ metadata }) => metadata.uid);
    await cluster.close();
    cluster = openCluster(3);
    await clock.advance(10_000);
    expect(pods().map(({ metadata }) => metadata.uid)).toEqual(uids);
    expect(kubelet.calls.filter((call) => call.startsWith("stop"))).toHaveLength(3);
  });
});
