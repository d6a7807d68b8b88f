import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventLog } from "../../src/cluster/events.ts";
import { NodeLink, type NodeLinkOptions } from "../../src/cluster/node.ts";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { ImageCatalog } from "../../src/model/image.ts";
import { type KubeObject, keyOf } from "../../src/model/object.ts";
import type { KubeEvent, Pod, Service } from "../../src/model/workload.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";
import { allImages, readyStatus, ScriptedKubelet } from "./scripted-kubelet.ts";

let directory: string;
let clock: VirtualClock;
let kubelet: ScriptedKubelet;
let store: SqliteObjectStore;
let events: EventLog;
let link: NodeLink;
let errors: unknown[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-node-"));
  clock = new VirtualClock();
  kubelet = new ScriptedKubelet();
  errors = [];
  openLink();
});

afterEach(async () => {
  await closeLink();
  rmSync(directory, { recursive: true, force: true });
});

function openLink(options: Partial<NodeLinkOptions> = {}): void {
  store = new SqliteObjectStore(join(directory, "cluster.db"), { clock, random: seededRandom(errors.length + 1) });
  events = new EventLog({ store, clock });
  link = new NodeLink({
    store,
    events,
    kubelet,
    images: allImages,
    clock,
    onError: (error) => errors.push(error),
    ...options,
  });
}

async function closeLink(): Promise<void> {
  await link.close();
  events.close();
  store.close();
}

/** As a daemon that is killed and started again: nothing in memory is left. */
async function restart(): Promise<void> {
  await closeLink();
  openLink();
  link.start();
  await clock.advance(0);
}

async function start(): Promise<void> {
  link.start();
  await clock.advance(0);
}

function makePod(name: string, spec: object = {}, labels: Record<string, string> = { app: "web" }): KubeObject {
  const containers = [{ name: "web", image: "web:v1", ports: [{ containerPort: 8080 }] }];
  return store.create({ apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec: { containers, ...spec } });
}

function makeService(name: string, spec: object = {}): Service {
  const ports = [{ name: "http", port: 80, targetPort: 8080 }];
  return store.create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { selector: { app: name }, ports, ...spec },
  }) as Service;
}

function find<T extends KubeObject>(object: KubeObject): T {
  const found = store.get(keyOf(object));
  if (found === undefined) throw new Error(`${keyOf(object)} is gone`);
  return found as T;
}

function callsOf(verb: string): string[] {
  return kubelet.calls.filter((call) => call.startsWith(`${verb} `));
}

describe("pods", () => {
  it("are bound and assigned with all they refer to, and durable before", async () => {
    const data = (name: string) => ({ metadata: { name }, apiVersion: "v1" });
    store.create({ ...data("settings"), kind: "ConfigMap", data: { level: "info" } });
    store.create({ ...data("token"), kind: "Secret", stringData: { key: "s3cret" } });
    const containers = [
      {
        name: "web",
        image: "web:v1",
        envFrom: [{ configMapRef: { name: "settings" } }],
        env: [{ name: "KEY", valueFrom: { secretKeyRef: { name: "token", key: "key" } } }],
      },
    ];
    const volumes = [
      { name: "a", configMap: { name: "missing" } },
      { name: "b", projected: { sources: [{ secret: { name: "projected" } }] } },
    ];
    const initContainers = [{ name: "init", image: "init:v1" }];
    const pod = makePod("p", { containers, initContainers, volumes });
    kubelet.onAssign = () => {
      const reader = new SqliteObjectStore(store.path, { clock, random: seededRandom(9) });
      expect(reader.get(keyOf(pod))?.spec).toMatchObject({ nodeName: "local" });
      reader.close();
    };
    await start();
    expect(link.connected).toBe(true);
    const bound = find<Pod>(pod);
    expect(bound.spec.nodeName).toBe("local");
    expect(bound.status?.conditions).toEqual([
      { type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
    ]);
    const assignment = kubelet.assignments.get(pod.metadata.uid ?? "");
    expect(assignment).toEqual({
      pod: expect.objectContaining({ kind: "Pod", spec: bound.spec }),
      images: { web: allImages.resolve("web:v1"), init: allImages.resolve("init:v1") },
      configMaps: { settings: { level: "info" }, missing: null },
      secrets: { token: { key: "s3cret" }, projected: null },
      serviceEnv: {},
    });
    expect(errors).toEqual([]);
  });

  it("are assigned again when configuration, images or labels change, and not otherwise", async () => {
    let digest = "1";
    const images: ImageCatalog = {
      resolve: (reference) => ({ found: true, reference, digest, directory: "/images", config: {} }),
    };
    await closeLink();
    openLink({ images });
    const settings = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" } };
    store.create({ ...settings, data: { level: "info" } });
    const pod = makePod("p", { volumes: [{ name: "v", configMap: { name: "settings" } }] });
    makePod("other");
    await start();
    const callsAfter = async (change: () => unknown): Promise<string[]> => {
      kubelet.calls.length = 0;
      change();
      await clock.advance(0);
      return callsOf("assign");
    };
    expect(await callsAfter(() => store.update({ ...settings, data: { level: "debug" } }))).toEqual(["assign p"]);
    expect(await callsAfter(() => store.update({ ...settings, data: { level: "debug" }, immutable: false }))).toEqual(
      [],
    );
    expect(await callsAfter(() => link.imagesChanged())).toEqual([]);
    digest = "2";
    expect(await callsAfter(() => link.imagesChanged())).toEqual(["assign p", "assign other"]);
    const relabel = { ...find(pod), metadata: { ...find(pod).metadata, labels: { app: "x" } } };
    expect(await callsAfter(() => store.update(relabel))).toEqual(["assign p"]);
    expect(await callsAfter(() => kubelet.reportPod("p", readyStatus(), { "8080": 4001 }))).toEqual([]);
    expect(await callsAfter(() => store.delete(keyOf(settings)))).toEqual(["assign p"]);
    expect(kubelet.assignments.get(pod.metadata.uid ?? "")?.configMaps).toEqual({ settings: null });
  });

  it("get the status and the ports that the kubelet reports, and keep what it does not know", async () => {
    const pod = makePod("p");
    await start();
    kubelet.reportPod("p", readyStatus(), { "9090": 4002, "8080": 4001 });
    await clock.advance(0);
    const { status, metadata } = find<Pod>(pod);
    expect(status).toEqual({
      phase: "Running",
      qosClass: "BestEffort",
      podIP: "127.0.0.1",
      conditions: [
        { type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
        { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
      ],
    });
    expect(metadata.annotations).toEqual({ "trueup/host-ports": '{"8080":4001,"9090":4002}' });
    expect(metadata.generation).toBe(1);
  });

  it("are stopped when they are deleted, again when sooner, and go when the kubelet says so", async () => {
    const pod = makePod("p");
    await start();
    store.delete(keyOf(pod));
    await clock.advance(0);
    store.delete(keyOf(pod), { gracePeriodSeconds: 5 });
    await clock.advance(0);
    kubelet.reportPod("p", readyStatus());
    await clock.advance(0);
    expect(callsOf("stop")).toEqual(["stop p 30", "stop p 5"]);
    kubelet.reportGone("p");
    await clock.advance(0);
    expect(store.get(keyOf(pod))).toBeUndefined();
    expect(callsOf("stop")).toHaveLength(2);
  });

  it("that no kubelet ever heard of go at once, even when none is there", async () => {
    kubelet.drop();
    const pod = makePod("p");
    await start();
    store.delete(keyOf(pod));
    await clock.advance(0);
    expect(store.get(keyOf(pod))).toBeUndefined();
    expect(kubelet.calls).toEqual([]);
  });

  it("that are lost make room, and those that ran to their end stay", async () => {
    const lost = makePod("lost");
    const done = makePod("done");
    await start();
    kubelet.reportPod("done", { phase: "Succeeded" });
    kubelet.reportGone("done");
    kubelet.reportGone("lost");
    await clock.advance(0);
    expect(store.get(keyOf(lost))).toBeUndefined();
    expect(find<Pod>(done).status?.phase).toBe("Succeeded");
    kubelet.calls.length = 0;
    await restart();
    expect(callsOf("assign")).toEqual([]);
  });

  it("have the kubelet's events", async () => {
    const pod = makePod("p");
    await start();
    const about = { uid: pod.metadata.uid ?? "", namespace: "default", name: "p" };
    kubelet.report({ type: "pod-event", ...about, eventType: "Warning", reason: "Unhealthy", message: "probe failed" });
    kubelet.report({ type: "pod-event", ...about, eventType: "Warning", reason: "Unhealthy", message: "probe failed" });
    await clock.advance(0);
    const [event, ...others] = store.list({ kind: "Event" }) as KubeEvent[];
    expect(others).toEqual([]);
    expect(event).toMatchObject({ reason: "Unhealthy", count: 2, source: { component: "kubelet" }, type: "Warning" });
  });

  it("that a kubelet refuses are said to be, and tried again", async () => {
    const pod = makePod("p");
    const { assign } = kubelet;
    kubelet.assign = () => Promise.reject(new RangeError("no"));
    await start();
    expect(errors.length).toBeGreaterThan(0);
    expect(link.connected).toBe(true);
    kubelet.assign = assign.bind(kubelet);
    await clock.advance(1_000);
    expect(kubelet.assignments.has(pod.metadata.uid ?? "")).toBe(true);
  });
});

describe("services", () => {
  it("are served, but for those without a selector or outside", async () => {
    makeService("web", { type: "LoadBalancer", publishNotReadyAddresses: true });
    makeService("plain", { ports: [{ port: 5432, targetPort: "db" }] });
    makeService("bare", { selector: null });
    makeService("outside", { type: "ExternalName", externalName: "example.com" });
    await closeLink();
    openLink({ preferredPort: (service, { port }) => (service.metadata.name === "web" ? 8000 + port : 0) });
    await start();
    const [plain, web] = kubelet.services;
    expect(kubelet.services).toHaveLength(2);
    expect(web).toMatchObject({
      namespace: "default",
      name: "web",
      selector: { app: "web" },
      includeNotReady: true,
      ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "http", preferredLocalPort: 8080 }],
    });
    expect(plain).toMatchObject({
      includeNotReady: false,
      ports: [{ name: "", port: 5432, targetPort: "db", protocol: "tcp", preferredLocalPort: 0 }],
    });
  });

  it("keep the port that the kubelet found: in an annotation, as nodePort and in the status", async () => {
    const services = {
      LoadBalancer: makeService("balanced", { type: "LoadBalancer" }),
      NodePort: makeService("node", { type: "NodePort" }),
      ClusterIP: makeService("cluster"),
    };
    const declared = makeService("declared", { type: "NodePort", ports: [{ port: 80, nodePort: 30_080 }] });
    store.setApplied(keyOf(declared), { owner: "app", object: declared });
    await start();
    for (const { uid, namespace, name } of kubelet.services) {
      kubelet.report({ type: "service-ports", uid, namespace, name, localPorts: { "80": 31_000 } });
    }
    await clock.advance(0);
    for (const service of [...Object.values(services), declared]) {
      expect(find(service).metadata.annotations).toEqual({ "trueup/local-ports": '{"80":31000}' });
    }
    const nodePort = (service: Service): number | undefined => find<Service>(service).spec.ports?.[0]?.nodePort;
    expect([nodePort(services.LoadBalancer), nodePort(services.NodePort), nodePort(services.ClusterIP)]).toEqual([
      31_000,
      31_000,
      undefined,
    ]);
    expect(nodePort(declared)).toBe(30_080);
    expect(find(services.LoadBalancer).status).toEqual({
      loadBalancer: { ingress: [{ ip: "127.0.0.1", ipMode: "VIP" }] },
    });
    expect(find(services.NodePort).status).toEqual({ loadBalancer: {} });
    const preferred = kubelet.services.map(({ name, ports }) => [name, ports[0]?.preferredLocalPort]);
    expect(preferred).toEqual([
      ["balanced", 31_000],
      ["cluster", 31_000],
      ["declared", 30_080],
      ["node", 31_000],
    ]);
    const served = callsOf("serve").length;
    await clock.advance(10_000);
    expect(callsOf("serve")).toHaveLength(served);
  });

  it("are in the environment of new pods, which wait for the ports, though not for ever", async () => {
    const known = makeService("my-db", { ports: [{ name: "sql-main", port: 5432 }, { port: 9000 }] });
    makeService("headless", { clusterIP: "None" });
    const silent = makeService("silent");
    const pod = makePod("p");
    const alone = makePod("alone", { enableServiceLinks: false });
    await start();
    expect(callsOf("assign")).toEqual(["assign alone"]);
    const report = (service: Service, localPorts: Record<string, number>): void => {
      const { uid = "", name } = service.metadata;
      kubelet.report({ type: "service-ports", uid, namespace: "default", name, localPorts });
    };
    report(known, { "5432": 41_000, "9000": 41_001 });
    await clock.advance(500);
    expect(callsOf("assign")).toEqual(["assign alone"]);
    await clock.advance(500);
    const env = (object: KubeObject) => kubelet.assignments.get(object.metadata.uid ?? "")?.serviceEnv;
    const expected = {
      MY_DB_SERVICE_HOST: "127.0.0.1",
      MY_DB_SERVICE_PORT: "41000",
      MY_DB_SERVICE_PORT_SQL_MAIN: "41000",
    };
    expect(env(pod)).toEqual(expected);
    expect(env(alone)).toEqual({});
    report(silent, { "80": 41_002 });
    await clock.advance(0);
    expect(env(pod)).toEqual({
      ...expected,
      SILENT_SERVICE_HOST: "127.0.0.1",
      SILENT_SERVICE_PORT: "41002",
      SILENT_SERVICE_PORT_HTTP: "41002",
    });
  });

  it("that are deleted are served no more", async () => {
    const service = makeService("web");
    await start();
    store.delete(keyOf(service));
    await clock.advance(0);
    expect(callsOf("serve")).toEqual(["serve web", "serve "]);
  });
});

describe("reports", () => {
  it("have their effect once, though they come again, and are acknowledged when it is durable", async () => {
    const pod = makePod("p");
    const acknowledge = kubelet.acknowledge.bind(kubelet);
    kubelet.acknowledge = (seq) => {
      const reader = new SqliteObjectStore(store.path, { clock, random: seededRandom(9) });
      expect(Number(reader.meta("kubelet-report"))).toBe(seq);
      expect(reader.get(keyOf(pod))?.status).toMatchObject({ phase: "Running" });
      reader.close();
      return acknowledge(seq);
    };
    await start();
    const about = { uid: pod.metadata.uid ?? "", namespace: "default", name: "p" };
    const event = {
      type: "pod-event",
      ...about,
      eventType: "Normal",
      reason: "Started",
      message: "Started container web",
    } as const;
    kubelet.reportPod("p", readyStatus());
    kubelet.report(event);
    await clock.advance(0);
    expect(kubelet.acknowledged).toBe(2);
    kubelet.report(event, 1);
    kubelet.report(event, 2);
    await clock.advance(0);
    const { resourceVersion } = find(pod).metadata;
    await restart();
    expect((store.list({ kind: "Event" }) as KubeEvent[]).map(({ count }) => count)).toEqual([1]);
    expect(find(pod).metadata.resourceVersion).toBe(resourceVersion);
    expect(errors).toEqual([]);
  });

  it("that were missed while the daemon was away are caught up with", async () => {
    const pod = makePod("p");
    await start();
    await closeLink();
    kubelet.reportPod("p", readyStatus(), { "8080": 4001 });
    openLink();
    await start();
    expect(find<Pod>(pod).status?.phase).toBe("Running");
  });

  it("with a number missing make the link compare everything anew", async () => {
    makePod("p");
    await start();
    const { uid = "", namespace = "" } = find(makePodRef("p")).metadata;
    kubelet.reportPod("p", readyStatus());
    await clock.advance(0);
    kubelet.calls.length = 0;
    kubelet.report({ type: "pod-status", uid, namespace, name: "p", status: { phase: "Running" }, hostPorts: {} }, 5);
    await clock.advance(100);
    expect(callsOf("assign")).toEqual(["assign p"]);
    expect(link.connected).toBe(true);
  });

  it("about objects that are gone have no effect", async () => {
    await start();
    const about = { uid: "nobody", namespace: "default", name: "p" };
    kubelet.report({ type: "pod-status", ...about, status: readyStatus(), hostPorts: {} });
    kubelet.report({ type: "pod-gone", ...about });
    kubelet.report({ type: "service-ports", ...about, localPorts: {} });
    kubelet.report({ type: "pod-event", ...about, eventType: "Normal", reason: "R", message: "m" });
    await clock.advance(0);
    expect(kubelet.acknowledged).toBe(4);
    expect(errors).toEqual([]);
  });
});

function makePodRef(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name } };
}

describe("the connection", () => {
  it("is made anew where one can be: the kubelet is had started before each connection but the first", async () => {
    await closeLink();
    let starts = 0;
    openLink({
      reconnect: () => {
        // The first try fails, as a start may.
        if (++starts === 1) return Promise.reject(new TrueupError("unavailable", "no kubelet can be started"));
        kubelet.failure = null;
        return Promise.resolve();
      },
    });
    makePod("p");
    await start();
    expect([starts, link.connected]).toEqual([0, true]);
    kubelet.drop();
    kubelet.calls.length = 0;
    await clock.advance(100);
    expect([starts, link.connected]).toEqual([1, false]);
    await clock.advance(1_000);
    expect([starts, link.connected]).toEqual([2, true]);
    expect(kubelet.calls).toContain("assign p");
  });

  it("comes back by itself, and then everything is compared: wanted pods, unwanted pods, Services", async () => {
    const kept = makePod("kept");
    const removed = makePod("removed");
    makeService("web");
    await start();
    await clock.advance(2_000);
    kubelet.reportPod("kept", readyStatus());
    await clock.advance(0);
    kubelet.drop();
    await clock.advance(50);
    expect(link.connected).toBe(false);
    const added = makePod("added");
    store.delete(keyOf(removed), { gracePeriodSeconds: 0 });
    store.remove(keyOf(removed), removed.metadata.uid ?? "");
    await clock.advance(20_000);
    expect(link.connected).toBe(false);
    expect(find<Pod>(added).spec.nodeName).toBeUndefined();
    kubelet.calls.length = 0;
    kubelet.failure = null;
    await clock.advance(5_000);
    expect(link.connected).toBe(true);
    expect([...kubelet.calls].sort()).toEqual(["assign added", "assign kept", "serve web", "stop removed 30"]);
    expect(find<Pod>(kept).status?.phase).toBe("Running");
    kubelet.reportPod("added", readyStatus());
    await clock.advance(0);
    expect(find<Pod>(added).status?.phase).toBe("Running");
  });

  it("survives the restart of the daemon without a pod being stopped", async () => {
    makePod("a");
    makePod("b");
    await start();
    await restart();
    expect(callsOf("assign").sort()).toEqual(["assign a", "assign a", "assign b", "assign b"]);
    expect(callsOf("stop")).toEqual([]);
  });

  it("goes on with a stop that was asked for before a restart", async () => {
    const pod = makePod("p");
    await start();
    kubelet.failure = new Error("not yet");
    store.delete(keyOf(pod), { gracePeriodSeconds: 9 });
    await clock.advance(0);
    await closeLink();
    kubelet.failure = null;
    openLink();
    await start();
    expect(callsOf("stop")).toEqual(["stop p 9"]);
  });

  it("does not keep a closing daemon waiting, even when the kubelet hangs", async () => {
    kubelet.pods = () => new Promise(() => {});
    link.start();
    await link.close();
    expect(link.connected).toBe(false);
  });

  it("handles thousands of pods", async () => {
    const count = 3_000;
    await closeLink();
    store = new SqliteObjectStore(":memory:", { clock, random: seededRandom(1) });
    events = new EventLog({ store, clock });
    link = new NodeLink({ store, events, kubelet, images: allImages, clock, onError: (error) => errors.push(error) });
    kubelet.onAssign = ({ pod }) => {
      const { uid = "", namespace = "", name } = pod.metadata;
      kubelet.report({ type: "pod-status", uid, namespace, name, status: readyStatus(), hostPorts: { "8080": 1 } });
    };
    for (let i = 0; i < count; i++) makePod(`p${i}`);
    await start();
    await clock.advance(10);
    expect((store.list({ kind: "Pod" }) as Pod[]).filter(({ status }) => status?.phase === "Running")).toHaveLength(
      count,
    );
    expect(callsOf("assign")).toHaveLength(count);
    expect(callsOf("acknowledge").length).toBeLessThan(count / 4);
    expect(errors).toEqual([]);
  });
});
