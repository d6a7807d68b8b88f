/** Which pods a Service sends to, at every moment, whatever the order of changes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ProxyBackend, Proxy as ProxyContract } from "../../src/kubelet/proxy-contract.ts";
import { selectBackends, Traffic, type TrafficPod, type TrafficState } from "../../src/kubelet/traffic.ts";
import type { ServiceAssignment } from "../../src/model/kubelet.ts";
import { VirtualClock } from "../../src/util/clock.ts";

function service(uid: string, extra: Partial<ServiceAssignment> = {}): ServiceAssignment {
  return {
    uid,
    namespace: "default",
    name: uid,
    selector: { app: "web" },
    ports: [{ name: "http", port: 80, targetPort: "http", protocol: "http", preferredLocalPort: 8080 }],
    includeNotReady: false,
    ...extra,
  };
}

function trafficPod(uid: string, extra: Partial<TrafficPod> = {}): TrafficPod {
  return {
    uid,
    namespace: "default",
    labels: { app: "web" },
    containers: [{ name: "web", ports: [{ name: "http", containerPort: 8080 }] }],
    hostPorts: { 8080: 20_000 },
    ready: true,
    running: true,
    ...extra,
  };
}

describe("backends", () => {
  it.each<{ what: string; service: Partial<ServiceAssignment>; pod: Partial<TrafficPod>; want: number | null }>([
    { what: "a ready pod", service: {}, pod: {}, want: 20_000 },
    { what: "a pod that is not ready", service: {}, pod: { ready: false }, want: null },
    {
      what: "one that is not ready, where that counts",
      service: { includeNotReady: true },
      pod: { ready: false },
      want: 20_000,
    },
    {
      what: "one that does not run",
      service: { includeNotReady: true },
      pod: { ready: false, running: false },
      want: null,
    },
    { what: "another namespace", service: {}, pod: { namespace: "shop" }, want: null },
    { what: "other labels", service: {}, pod: { labels: { app: "api" } }, want: null },
    { what: "more labels", service: {}, pod: { labels: { app: "web", v: "1" } }, want: 20_000 },
    { what: "no selector", service: { selector: {} }, pod: {}, want: null },
    {
      what: "a port by number",
      service: { ports: [{ name: "", port: 80, targetPort: 8080, protocol: "tcp", preferredLocalPort: 0 }] },
      pod: {},
      want: 20_000,
    },
    {
      what: "a port nobody declares",
      service: { ports: [{ name: "", port: 80, targetPort: 9, protocol: "tcp", preferredLocalPort: 0 }] },
      pod: {},
      want: null,
    },
    {
      what: "a name nobody declares",
      service: { ports: [{ name: "", port: 80, targetPort: "x", protocol: "tcp", preferredLocalPort: 0 }] },
      pod: {},
      want: null,
    },
  ])("for $what: $want", ({ service: of, pod, want }) => {
    const asked = service("s", of);
    const [port] = asked.ports;
    const found = port === undefined ? [] : selectBackends(asked, port, [trafficPod("p", pod)]);
    expect(found).toEqual(want === null ? [] : [{ podUid: "p", host: "127.0.0.1", port: want }]);
  });
});

interface Fake {
  traffic: Traffic;
  /** What the proxy has, by key. */
  backends: Map<string, ProxyBackend[]>;
  preferred: Map<string, number>;
  told: string[];
  saved: () => TrafficState;
}

function fake(
  state: TrafficState = { services: [], ports: {} },
  options: { fail?: () => boolean; clock?: VirtualClock } = {},
): Fake {
  const backends = new Map<string, ProxyBackend[]>();
  const preferred = new Map<string, number>();
  const told: string[] = [];
  let saved = state;
  const proxy: ProxyContract = {
    update: async (ports) => {
      backends.clear();
      for (const port of ports) {
        backends.set(port.key, port.backends);
        preferred.set(port.key, port.preferredLocalPort);
      }
      if (options.fail?.() === true) throw new Error("no port");
      // As one that finds the preferred port taken.
      return Object.fromEntries(
        ports.map((port) => [port.key, port.preferredLocalPort === 8080 ? 8081 : port.preferredLocalPort]),
      );
    },
    setBackends: (key, next) => {
      if (!backends.has(key)) throw new Error(`unknown ${key}`);
      backends.set(key, next);
    },
    drain: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const traffic = new Traffic({
    proxy,
    clock: options.clock ?? new VirtualClock(),
    log: () => undefined,
    state,
    save: (next) => {
      saved = next;
    },
    onPorts: ({ name }, localPorts) => told.push(`${name} ${JSON.stringify(localPorts)}`) > 0,
  });
  return { traffic, backends, preferred, told, saved: () => saved };
}

describe("local ports", () => {
  it("are told once, kept over a restart, and sought anew when another one is preferred", async () => {
    const first = fake();
    await first.traffic.serve([service("s")]);
    await first.traffic.serve([service("s")]);
    expect(first.told).toEqual(['s {"80":8081}']);
    const second = fake(first.saved());
    await second.traffic.serve(first.saved().services);
    expect(second.preferred.get("s:80")).toBe(8081);
    const [port] = service("s").ports;
    if (port === undefined) throw new Error("no port");
    await second.traffic.serve([service("s", { ports: [{ ...port, preferredLocalPort: 9090 }] })]);
    expect(second.preferred.get("s:80")).toBe(9090);
    expect(second.told).toEqual(['s {"80":8081}', 's {"80":9090}']);
  });

  it("that cannot be had are tried again", async () => {
    const clock = new VirtualClock();
    let broken = true;
    const world = fake(undefined, { clock, fail: () => broken });
    await world.traffic.serve([service("s")]);
    expect(world.told).toEqual([]);
    broken = false;
    await clock.advance(5_000);
    expect(world.told).toEqual(['s {"80":8081}']);
  });
});

const labels = fc.constantFrom<Record<string, string>>({ app: "web" }, { app: "api" }, { app: "web", tier: "x" }, {});
const podChange = fc.record({
  do: fc.constant("pod" as const),
  uid: fc.constantFrom("a", "b", "c"),
  labels,
  ready: fc.boolean(),
  running: fc.boolean(),
});
const change = fc.oneof(
  { weight: 5, arbitrary: podChange },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("gone" as const), uid: fc.constantFrom("a", "b", "c") }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("serve" as const),
      services: fc.uniqueArray(
        fc.record({ uid: fc.constantFrom("s", "t", "u"), selector: labels, includeNotReady: fc.boolean() }),
        { selector: ({ uid }) => uid },
      ),
    }),
  },
);

describe("in any order of changes", () => {
  it("the proxy has exactly the pods that match, right after each change", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 40 }), async (changes) => {
        const { traffic, backends } = fake();
        const pods = new Map<string, TrafficPod>();
        let services: ServiceAssignment[] = [];
        for (const each of changes) {
          if (each.do === "pod") {
            const next = trafficPod(each.uid, { ...each, running: each.ready || each.running });
            pods.set(each.uid, next);
            traffic.podChanged(next);
          } else if (each.do === "gone") {
            pods.delete(each.uid);
            traffic.podRemoved(each.uid);
          } else {
            services = each.services.map((of) => service(of.uid, of));
            // Not waited for: what the proxy is told of is told before the promise.
            void traffic.serve(services);
          }
          expect([...backends.keys()].sort()).toEqual(services.map(({ uid }) => `${uid}:80`).sort());
          for (const of of services) {
            const [port] = of.ports;
            const want = port === undefined ? [] : selectBackends(of, port, pods.values());
            const key = (backend: ProxyBackend): string => backend.podUid;
            expect((backends.get(`${of.uid}:80`) ?? []).map(key).sort()).toEqual(want.map(key).sort());
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
