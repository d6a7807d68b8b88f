import { describe, expect, it } from "vitest";
import { EmbeddedBackend } from "../../src/backend/embedded.ts";
import { EmbeddedCluster } from "../../src/cluster/cluster.ts";
import { keyOf } from "../../src/model/object.ts";
import { settle, VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";
import { allImages, ScriptedKubelet } from "../cluster/scripted-kubelet.ts";

interface World {
  backend: EmbeddedBackend;
  cluster: EmbeddedCluster;
  kubelet: ScriptedKubelet;
  clock: VirtualClock;
  close: () => Promise<void>;
}

async function makeWorld(): Promise<World> {
  const clock = new VirtualClock();
  const kubelet = new ScriptedKubelet();
  const cluster = new EmbeddedCluster({ path: ":memory:", clock, random: seededRandom(1), kubelet, images: allImages });
  cluster.start();
  const backend = new EmbeddedBackend(cluster);
  await clock.advance(0);
  const close = async (): Promise<void> => {
    backend.close();
    await cluster.close();
  };
  return { backend, cluster, kubelet, clock, close };
}

const NO_ABORT = new AbortController().signal;
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p" },
  spec: { containers: [{ name: "c", image: "i:1" }] },
};

describe("the embedded backend", () => {
  it("is done with deleting a pod when its processes have ended", async () => {
    const { backend, kubelet, clock, close } = await makeWorld();
    await backend.apply({ desired: pod, owner: "app" }, NO_ABORT);
    await clock.advance(0);
    expect(kubelet.calls).toContain("assign p");
    let isDone = false;
    const deleting = backend
      .delete(
        { id: { group: "", kind: "Pod", namespace: "default", name: "p" }, owner: "app", gracePeriodSeconds: 7 },
        NO_ABORT,
      )
      .then(() => {
        isDone = true;
      });
    await clock.advance(0);
    expect(kubelet.calls).toContain("stop p 7");
    expect(isDone).toBe(false);
    kubelet.reportGone("p");
    await clock.advance(0);
    await deleting;
    expect((await backend.list({ kind: "Pod" }, NO_ABORT)).items).toEqual([]);
    await close();
  });

  it("stops waiting for a deletion when it is told to", async () => {
    const { backend, clock, close } = await makeWorld();
    await backend.apply({ desired: pod, owner: "app" }, NO_ABORT);
    await clock.advance(0);
    const controller = new AbortController();
    const deleting = backend.delete(
      { id: { group: "", kind: "Pod", namespace: "default", name: "p" } },
      controller.signal,
    );
    controller.abort(new RangeError("enough"));
    await expect(deleting).rejects.toThrow("enough");
    await close();
  });

  it("shows logs through the kubelet, and ends following at the signal", async () => {
    const { backend, kubelet, clock, close } = await makeWorld();
    await backend.apply({ desired: pod, owner: "app" }, NO_ABORT);
    await clock.advance(0);
    kubelet.lines = ["one", "two", "three"];
    const lines: string[] = [];
    for await (const line of backend.logs({ namespace: "default", pod: "p", tail: 2 }, NO_ABORT)) lines.push(line);
    expect(lines).toEqual(["two", "three"]);
    const controller = new AbortController();
    const following = (async () => {
      for await (const line of backend.logs({ namespace: "default", pod: "p", follow: true }, controller.signal)) {
        if (line === "three") controller.abort(new RangeError("enough"));
      }
    })();
    await expect(following).rejects.toThrow("enough");
    await close();
  });

  it("keeps what others own: the local port of a Service, a controller's annotation", async () => {
    const { backend, cluster, close } = await makeWorld();
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", annotations: { mine: "1" } },
      spec: { type: "LoadBalancer", selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
    };
    await backend.apply({ desired: service, owner: "app" }, NO_ABORT);
    const live = cluster.store.get(keyOf(service));
    if (live === undefined) throw new Error("the Service is not there");
    const spec = live.spec as typeof service.spec;
    cluster.store.write({
      ...live,
      metadata: { ...live.metadata, annotations: { ...live.metadata.annotations, theirs: "2" } },
      spec: { ...spec, ports: spec.ports.map((port) => ({ ...port, nodePort: 8080 })) },
    });
    const same = await backend.apply({ desired: service, owner: "app" }, NO_ABORT);
    expect(same.action).toBe("unchanged");
    const next = {
      ...service,
      metadata: { name: "web" },
      spec: { ...service.spec, ports: [{ port: 80, targetPort: 9090 }] },
    };
    const { object } = await backend.apply({ desired: next, owner: "app" }, NO_ABORT);
    expect(object.metadata.annotations).toEqual({ theirs: "2" });
    expect(object.spec).toMatchObject({ ports: [{ port: 80, targetPort: 9090, nodePort: 8080 }] });
    await close();
  });

  it("refuses to apply what is being deleted", async () => {
    const { backend, clock, close } = await makeWorld();
    await backend.apply({ desired: pod, owner: "app" }, NO_ABORT);
    await clock.advance(0);
    const deleting = backend.delete(
      { id: { group: "", kind: "Pod", namespace: "default", name: "p" } },
      AbortSignal.timeout(60_000),
    );
    deleting.catch(() => {});
    await expect(backend.apply({ desired: pod, owner: "app" }, NO_ABORT)).rejects.toMatchObject({ code: "conflict" });
    await close();
  });

  it("ends a watcher that reads too slowly instead of keeping everything for it", async () => {
    const { backend, cluster, close } = await makeWorld();
    const { version } = await backend.list({}, NO_ABORT);
    const watching = backend.watch({ kind: "ConfigMap" }, version, NO_ABORT)[Symbol.asyncIterator]();
    await watching.next();
    const map = cluster.store.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m" } });
    for (let i = 0; i <= 20_001; i++) cluster.store.update({ ...map, metadata: { name: "m" }, data: { i: String(i) } });
    await expect(watching.next()).rejects.toMatchObject({ code: "not-found" });
    await expect(backend.watch({}, version, NO_ABORT)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "not-found",
    });
    await settle();
    await close();
  });
});
