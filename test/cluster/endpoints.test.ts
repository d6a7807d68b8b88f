import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EndpointsController } from "../../src/cluster/controllers/endpoints.ts";
import { hostPortsOf, localPortsOf, planEndpoints } from "../../src/cluster/endpoints-plan.ts";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import { keyOf } from "../../src/model/object.ts";
import { ANNOTATION, type Endpoints, type Pod, type Service } from "../../src/model/workload.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";

interface PodOptions {
  labels?: Record<string, string>;
  ready?: boolean;
  ports?: Record<string, number> | null;
  phase?: "Running" | "Failed";
  deleting?: boolean;
  containerPorts?: { name?: string; containerPort: number }[];
}

function pod(name: string, options: PodOptions = {}): Pod {
  const {
    labels = { app: "web" },
    ready = true,
    ports = { "8080": 4001 },
    phase = "Running",
    deleting = false,
  } = options;
  const { containerPorts = [{ name: "http", containerPort: 8080 }] } = options;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      labels,
      ...(ports !== null && { annotations: { [ANNOTATION.hostPorts]: JSON.stringify(ports) } }),
      ...(deleting && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec: { containers: [{ name: "c", ports: containerPorts }] },
    status: { phase, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

function service(spec: Partial<Service["spec"]> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default", uid: "uid-web" },
    spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "http" }], ...spec },
  };
}

/** Subsets as `ready a: http 4001/TCP`. */
function lines(subsets: Endpoints["subsets"]): string[] {
  return (subsets ?? []).map(({ addresses, notReadyAddresses, ports = [] }) => {
    const [address] = addresses ?? notReadyAddresses ?? [];
    const shown = ports.map(({ name = "-", port, protocol }) => `${name} ${port}/${protocol}`).join(", ");
    return `${addresses === undefined ? "not ready" : "ready"} ${address?.targetRef?.name}: ${shown}`;
  });
}

describe("planEndpoints", () => {
  const rows: { what: string; service: Service; pods: Pod[]; expected: string[] }[] = [
    { what: "a named port", service: service(), pods: [pod("a")], expected: ["ready a: http 4001/TCP"] },
    {
      what: "a numbered port",
      service: service({ ports: [{ port: 80, targetPort: 8080 }] }),
      pods: [pod("a")],
      expected: ["ready a: - 4001/TCP"],
    },
    {
      what: "the Service's port when no target is given",
      service: service({ ports: [{ port: 8080 }] }),
      pods: [pod("a")],
      expected: ["ready a: - 4001/TCP"],
    },
    {
      what: "one subset per pod, ordered by name",
      service: service(),
      pods: [pod("b", { ports: { "8080": 4002 } }), pod("a")],
      expected: ["ready a: http 4001/TCP", "ready b: http 4002/TCP"],
    },
    {
      what: "the same name for different container ports",
      service: service(),
      pods: [pod("a"), pod("b", { containerPorts: [{ name: "http", containerPort: 9000 }], ports: { "9000": 4009 } })],
      expected: ["ready a: http 4001/TCP", "ready b: http 4009/TCP"],
    },
    {
      what: "a pod that is not ready",
      service: service(),
      pods: [pod("a", { ready: false })],
      expected: ["not ready a: http 4001/TCP"],
    },
    {
      what: "a pod that is not ready, published all the same",
      service: service({ publishNotReadyAddresses: true }),
      pods: [pod("a", { ready: false })],
      expected: ["ready a: http 4001/TCP"],
    },
    { what: "a pod that is being deleted", service: service(), pods: [pod("a", { deleting: true })], expected: [] },
    { what: "a pod that has ended", service: service(), pods: [pod("a", { phase: "Failed" })], expected: [] },
    { what: "a pod with other labels", service: service(), pods: [pod("a", { labels: { app: "db" } })], expected: [] },
    {
      what: "a pod whose ports are not known yet",
      service: service(),
      pods: [pod("a", { ports: null })],
      expected: [],
    },
    {
      what: "a port name that no container has",
      service: service({ ports: [{ port: 80, targetPort: "grpc" }] }),
      pods: [pod("a")],
      expected: [],
    },
    {
      what: "several ports, of which one is known",
      service: service({
        ports: [
          { name: "http", port: 80, targetPort: 8080 },
          { name: "admin", port: 81, targetPort: 8081 },
        ],
      }),
      pods: [pod("a")],
      expected: ["ready a: http 4001/TCP"],
    },
    { what: "no selector", service: service({ selector: {} }), pods: [pod("a")], expected: [] },
  ];

  it.each(rows)("knows $what", ({ service: of, pods, expected }) => {
    expect(lines(planEndpoints(of, pods))).toEqual(expected);
  });

  it("names the address and the pod", () => {
    expect(planEndpoints(service(), [pod("a")])).toEqual([
      {
        addresses: [{ ip: "127.0.0.1", targetRef: { kind: "Pod", namespace: "default", name: "a", uid: "uid-a" } }],
        ports: [{ name: "http", port: 4001, protocol: "TCP" }],
      },
    ]);
  });

  it("stays in its namespace", () => {
    const other = pod("a");
    other.metadata.namespace = "shop";
    expect(planEndpoints(service(), [other])).toBeUndefined();
  });

  it.each(["", "nonsense", "[]", "7", "null", '{"8080":"x"}'])("takes an annotation %j for no ports", (text) => {
    const odd = pod("a");
    odd.metadata.annotations = { [ANNOTATION.hostPorts]: text };
    expect(hostPortsOf(odd)).toEqual({});
    const named = service();
    named.metadata.annotations = { [ANNOTATION.localPorts]: text };
    expect(localPortsOf(named)).toEqual({});
  });
});

describe("the Endpoints controller", () => {
  let clock: VirtualClock;
  let store: SqliteObjectStore;
  let controller: EndpointsController;
  let errors: unknown[];

  beforeEach(() => {
    clock = new VirtualClock();
    store = new SqliteObjectStore(":memory:", { clock, random: seededRandom(1) });
    errors = [];
    controller = new EndpointsController({ store, clock, onError: (error) => errors.push(error) });
  });

  afterEach(() => {
    controller.close();
    store.close();
    expect(errors).toEqual([]);
  });

  const key = keyOf({ apiVersion: "v1", kind: "Endpoints", metadata: { name: "web" } });
  const shown = async (): Promise<string[] | null> => {
    await clock.advance(0);
    const endpoints = store.get(key) as Endpoints | undefined;
    return endpoints === undefined ? null : lines(endpoints.subsets);
  };

  it("follows pods as they come, get ready, change labels and go", async () => {
    controller.start();
    store.create(service());
    expect(await shown()).toEqual([]);
    const created = store.create(pod("a", { ready: false, ports: null })) as Pod;
    expect(await shown()).toEqual([]);
    const { metadata, status } = pod("a");
    store.write({
      ...created,
      metadata: { ...created.metadata, ...(metadata.annotations && { annotations: metadata.annotations }) },
    });
    expect(await shown()).toEqual(["not ready a: http 4001/TCP"]);
    store.updateStatus({ ...created, status });
    expect(await shown()).toEqual(["ready a: http 4001/TCP"]);
    const { version } = store;
    store.updateStatus({
      ...created,
      status: { phase: "Running", conditions: status?.conditions ?? [], startTime: "now" },
    });
    await clock.advance(0);
    expect(store.version).toBe(version + 1);
    const live = store.get(keyOf(created)) as Pod;
    store.update({ ...live, metadata: { ...live.metadata, labels: { app: "db" } } });
    expect(await shown()).toEqual([]);
    const db = store.get(keyOf(created)) as Pod;
    store.update({ ...db, metadata: { ...db.metadata, labels: { app: "web" } } });
    expect(await shown()).toEqual(["ready a: http 4001/TCP"]);
    store.delete(keyOf(created));
    expect(await shown()).toEqual([]);
  });

  it("follows the Service, and removes what it leaves behind", async () => {
    store.create(pod("a"));
    store.create({ ...service(), metadata: { name: "web", labels: { tier: "front" } } });
    controller.start();
    expect(await shown()).toEqual(["ready a: http 4001/TCP"]);
    expect(store.get(key)?.metadata.labels).toEqual({ tier: "front" });
    store.update({ ...service({ selector: { app: "none" } }), metadata: { name: "web" } });
    expect(await shown()).toEqual([]);
    store.delete(keyOf(service()));
    expect(await shown()).toBeNull();
  });

  it("makes again what somebody deleted, and corrects what somebody changed", async () => {
    controller.start();
    store.create(service());
    store.create(pod("a"));
    await shown();
    store.delete(key);
    expect(await shown()).toEqual(["ready a: http 4001/TCP"]);
    store.update({ ...(store.get(key) as Endpoints), subsets: [] });
    expect(await shown()).toEqual(["ready a: http 4001/TCP"]);
  });

  it("removes Endpoints whose Service went while nobody looked, and leaves those of Services without a selector", async () => {
    store.create({ apiVersion: "v1", kind: "Endpoints", metadata: { name: "web" } });
    store.create({ ...service(), metadata: { name: "manual" }, spec: { ports: [{ port: 80 }] } } as Service);
    const manual = store.create({ apiVersion: "v1", kind: "Endpoints", metadata: { name: "manual" } });
    controller.start();
    expect(await shown()).toBeNull();
    expect(store.get(keyOf(manual))).toBe(manual);
  });
});
