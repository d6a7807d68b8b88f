import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { PodTraffic } from "../../../src/kubelet/proxy/pod-traffic.ts";
import { ServiceProxy } from "../../../src/kubelet/proxy/service-proxy.ts";
import type { ProxyBackend, ProxyPort } from "../../../src/kubelet/proxy-contract.ts";
import { SystemClock, VirtualClock } from "../../../src/util/clock.ts";
import { atEnd, endAll, get, httpPod, proxyFor, rawPod, roundTrip, signal, Wire } from "./support.ts";

afterEach(endAll);

function newProxy(): ServiceProxy {
  const proxy = new ServiceProxy({ clock: new SystemClock() });
  atEnd(() => proxy.close());
  return proxy;
}

function wanted(key: string, change: Partial<ProxyPort> = {}): ProxyPort {
  return { key, protocol: "http", preferredLocalPort: 0, backends: [], ...change };
}

const named = (podUid: string): Promise<ProxyBackend> => httpPod(podUid, (_request, response) => response.end(podUid));

describe("ports", () => {
  it("are the preferred ones when free, else the next free ones, on the loopback interface", async () => {
    const proxy = newProxy();
    const first = await proxy.update([wanted("a")]);
    const port = first.a ?? 0;
    const both = await proxy.update([wanted("a"), wanted("b", { preferredLocalPort: port, protocol: "tcp" })]);
    expect(both.a).toBe(port);
    expect(both.b).toBeGreaterThan(port);
    expect(both.b).toBeLessThanOrEqual(port + 300);
    const other = createServer();
    // Another address of this machine's loopback network: what listens on 127.0.0.1 only leaves it free.
    await new Promise<void>((done) => other.listen({ host: "127.0.0.2", port }, done));
    await new Promise((done) => other.close(done));
  });

  it("stay the same while the proxy lives, also for a Service that comes back, and for another protocol", async () => {
    const proxy = newProxy();
    const pod = await named("pod");
    const { a = 0 } = await proxy.update([wanted("a", { backends: [pod] })]);
    expect(await proxy.update([])).toEqual({});
    expect(await proxy.update([wanted("a", { backends: [pod] })])).toEqual({ a });
    expect(await roundTrip(a, get("/"))).toMatch(/pod$/);
    expect(await proxy.update([wanted("a", { backends: [pod], protocol: "tcp" })])).toEqual({ a });
    expect(await roundTrip(a, get("/"))).toMatch(/pod$/);
  });

  it("of a Service that is gone refuse connections, and what is under way finishes", async () => {
    const arrived = signal();
    const finish = signal();
    const pod = await httpPod("pod", async (_request, response) => {
      arrived.resolve();
      await finish.promise;
      response.end("finished");
    });
    const { proxy, port } = await proxyFor("http", [pod]);
    const wire = new Wire(port).send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n");
    await arrived.promise;
    await proxy.update([]);
    const refused = new Wire(port);
    await refused.closed;
    expect(refused.error?.code).toBe("ECONNREFUSED");
    finish.resolve();
    await wire.until(/finished$/);
    await wire.ended;
  });

  it("are those of the last call when calls overlap", async () => {
    const proxy = newProxy();
    const pods = await Promise.all(["one", "two", "three"].map(named));
    const updates = pods.map((pod, index) =>
      proxy.update([wanted("a", { backends: [pod] }), ...(index === 1 ? [wanted("b")] : [])]),
    );
    const results = await Promise.all(updates);
    expect(results.map(({ a }) => a)).toEqual(Array(3).fill(results[0]?.a));
    expect(await roundTrip(results[0]?.a ?? 0, get("/"))).toMatch(/three$/);
    expect(Object.keys(results[2] ?? {})).toEqual(["a"]);
  });
});

describe("backends", () => {
  it("that an update leaves out get nothing from the call on, before its promise settles", async () => {
    const { proxy, port } = await proxyFor("http", [await named("old")]);
    const replacement = await named("new");
    const update = proxy.update([wanted("svc:80", { backends: [replacement] })]);
    expect(await roundTrip(port, get("/"))).toMatch(/new$/);
    await update;
  });

  it("of a port that is still being opened can be set", async () => {
    const proxy = newProxy();
    const pod = await named("pod");
    const update = proxy.update([wanted("a")]);
    proxy.setBackends("a", [pod]);
    const { a = 0 } = await update;
    expect(await roundTrip(a, get("/"))).toMatch(/pod$/);
  });

  it("of an unknown port are ignored, as those of a port that has gone are", async () => {
    const proxy = newProxy();
    proxy.setBackends("a", [await named("pod")]);
    const { a = 0 } = await proxy.update([wanted("a")]);
    expect(await roundTrip(a, get("/"))).toMatch(/^HTTP\/1.1 503 /);
  });
});

describe("drain", () => {
  it("waits for the requests of one pod, over all Services, and no longer than the limit", async () => {
    const clock = new VirtualClock();
    const traffic = new PodTraffic(clock);
    const settled: string[] = [];
    traffic.begin("a");
    traffic.begin("a");
    traffic.begin("b");
    const drains = [
      traffic.idle("a", 1000).then(() => settled.push("a in time")),
      traffic.idle("b", 1000).then(() => settled.push("b at the limit")),
      traffic.idle("c", 1000).then(() => settled.push("c at once")),
      traffic.idle("b", 0).then(() => settled.push("b without a wait")),
    ];
    traffic.end("a");
    await clock.advance(999);
    expect(settled).toEqual(["c at once", "b without a wait"]);
    traffic.end("a");
    await clock.advance(0);
    expect(settled.at(-1)).toBe("a in time");
    await clock.advance(1);
    await Promise.all(drains);
    expect(settled.at(-1)).toBe("b at the limit");
    expect({ a: traffic.count("a"), b: traffic.count("b"), timers: clock.pending }).toEqual({ a: 0, b: 1, timers: 0 });
  });
});

describe("close", () => {
  it("ends listeners and connections, also in the middle of a request, and later calls say so", async () => {
    const arrived = signal();
    const pods = [await httpPod("pod", () => arrived.resolve()), await rawPod("tcp", (socket) => socket.write("hi"))];
    const proxy = newProxy();
    const { h = 0, t = 0 } = await proxy.update([
      wanted("h", { backends: pods.slice(0, 1) }),
      wanted("t", { backends: pods.slice(1), protocol: "tcp" }),
    ]);
    const wires = [new Wire(h).send(get("/")), new Wire(t)];
    await arrived.promise;
    await wires[1]?.until(/hi/);
    await proxy.close();
    await Promise.all(wires.map((wire) => wire.ended));
    expect(proxy.open()).toBe(0);
    await expect(proxy.update([])).rejects.toThrow(/Cannot update the proxy as it must be open/);
    await proxy.close();
  });
});

describe("ten thousand requests", { timeout: 120_000 }, () => {
  it("leave no connection, no timer and no listener behind once clients and pods are gone", async () => {
    const clock = new VirtualClock();
    const pods = await Promise.all(["a", "b"].map(named));
    const { proxy, port } = await proxyFor("http", pods, clock);
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on("warning", onWarning);
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const once = (index: number): Promise<void> =>
      new Promise((done, fail) => {
        const method = index % 5 === 0 ? "POST" : "GET";
        const sent = request(
          { port, host: "127.0.0.1", method, agent: index % 7 === 0 ? false : agent },
          (response) => {
            response.resume();
            response.once("end", () =>
              response.statusCode === 200 ? done() : fail(new Error(`${response.statusCode}`)),
            );
          },
        );
        sent.once("error", fail);
        sent.end(method === "POST" ? "body" : undefined);
      });
    for (let batch = 0; batch < 100; batch++) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => once(batch * 100 + index)));
    }
    expect([proxy.underWay("a"), proxy.underWay("b")]).toEqual([0, 0]);
    agent.destroy();
    proxy.setBackends("svc:80", []);
    await expect.poll(() => proxy.open(), { interval: 5 }).toBe(0);
    expect(clock.pending).toBe(0);
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });
});
