/**
 * Elsewhere: "synced" was shown while something else ran; live edits were fought over every few seconds by two controllers;
 * and who repaired what was nowhere to be read. Here: what differs is repaired and written down with what and who, a third
 * repair of one field in ten minutes is not made but said, and pods that were killed are told of.
 */
import { afterEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import type { AttemptEvent } from "../../src/model/ledger.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { ContainerState, PodStatus } from "../../src/model/workload.ts";
import type { AppReconciler } from "../../src/reconcile/app-reconciler.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { readyStatus } from "../cluster/scripted-kubelet.ts";
import { configMap, deployment, image, World } from "../reconcile/world.ts";
import { hasEnded, passTime } from "./support.ts";

let world: World;
let clock: VirtualClock;
let reconciler: AppReconciler;

afterEach(() => world.close());

async function start(files: Record<string, string>): Promise<void> {
  clock = new VirtualClock();
  world = await World.create({ ...files, ...image("v1") }, { clock });
  reconciler = world.reconciler();
  await reconciler.start();
  await passTime(world, clock, hasEnded("first"));
}

async function events(type: string): Promise<AttemptEvent[]> {
  return (await world.newest()).events.filter((event) => event.type === type);
}

/** Lets time pass until something holds. */
async function until(holds: () => Promise<boolean>, stepMs = 100): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    if (await holds()) return;
    await world.repository.head();
    await clock.advance(stepMs);
  }
  throw new Error(`it never came: ${JSON.stringify(reconciler.status())}`);
}

/** Somebody edits an object by hand; `manager` is how a Kubernetes API server would name them. */
async function edit(name: string, change: object, manager?: string): Promise<void> {
  const live = (await world.object("ConfigMap", name)) as KubeObject;
  const managedFields = [{ manager: manager ?? "", operation: "Update", time: "2026-01-01T00:00:00Z" }];
  const metadata = manager === undefined ? live.metadata : { ...live.metadata, managedFields };
  world.cluster.store.update({ ...live, ...change, metadata });
}

const dataIs = (wanted: string) => async (): Promise<boolean> => {
  return ((await world.data("c")) as { a?: string } | undefined)?.a === wanted;
};

describe("drift", () => {
  it("is repaired, and written down with the fields and who made it", async () => {
    await start({ "c.json": configMap("c") });
    await edit("c", { data: { a: "by hand", b: "mine" } }, "kubectl-edit");
    await until(dataIs("1"));
    const [drift] = await events("drift");
    expect(drift).toMatchObject({
      message: "configmap/c differed from the commit",
      detail: { changes: [{ action: "update", object: "configmap/c", fields: ["data.a"], by: "kubectl-edit" }] },
    });
    // What git does not declare stays with whoever set it.
    expect(await world.data("c")).toEqual({ a: "1", b: "mine" });
  });

  it("of an object that was deleted is repaired, too", async () => {
    await start({ "c.json": configMap("c"), "d.json": configMap("d") });
    const live = (await world.object("ConfigMap", "c")) as KubeObject;
    world.cluster.store.delete(`/ConfigMap/default/c` as never, { uid: live.metadata.uid ?? "" });
    await until(async () => (await world.object("ConfigMap", "c")) !== undefined);
    expect((await events("drift"))[0]?.detail).toEqual({
      changes: [{ action: "create", object: "configmap/c", fields: [], source: "c.json:1" }],
    });
  });

  it("that comes a third time in ten minutes is contested: said, left alone, and repaired later", async () => {
    await start({ "c.json": configMap("c") });
    for (const time of ["first", "second"]) {
      await edit("c", { data: { a: `${time} edit` } }, "other-controller");
      await until(dataIs("1"));
    }
    const writes = world.backend.writes.length;
    await edit("c", { data: { a: "third edit" } }, "other-controller");
    await until(async () => reconciler.status().phase === "Contested");
    expect(world.backend.writes).toHaveLength(writes);
    const { contested, reason } = reconciler.status();
    expect(contested).toMatchObject([{ id: { name: "c" }, fields: ["data.a"] }]);
    expect(reason).toBe(
      `configmap/c (data.a) keeps being changed by somebody else; left alone until ${contested[0]?.until}`,
    );
    const [event] = await events("contested");
    expect(event?.message).toBe(
      `configmap/c keeps being changed by other-controller: left alone until ${contested[0]?.until}`,
    );
    expect(Date.parse(contested[0]?.until ?? "") - clock.now()).toBeGreaterThan(590_000);
    // A restart forgets nothing of it.
    await reconciler.close();
    reconciler = world.reconciler();
    await reconciler.start();
    await until(async () => reconciler.status().phase === "Contested");
    expect(world.backend.writes).toHaveLength(writes);
    await until(dataIs("1"), 10_000);
    await until(async () => reconciler.status().phase === "Synced");
    expect(await events("contested")).toHaveLength(1);
    expect(await events("drift")).toHaveLength(3);
  });

  it("whose repair fails again and again is repaired as soon as it can be: nobody contests it", async () => {
    await start({ "c.json": configMap("c") });
    let left = 4;
    world.backend.failure = (call) =>
      call === "apply" && left-- > 0 ? new TrueupError("io", "Cannot write: no room.") : undefined;
    await edit("c", { data: { a: "by hand" } });
    await until(dataIs("1"));
    await until(async () => reconciler.status().phase === "Synced");
    expect(await events("contested")).toEqual([]);
  });

  it("is not confused with a commit: what a new commit says is applied, contested or not", async () => {
    await start({ "c.json": configMap("c") });
    for (const time of ["1st", "2nd", "3rd"]) {
      await edit("c", { data: { a: `${time} edit` } });
      if (time !== "3rd") await until(dataIs("1"));
    }
    await until(async () => reconciler.status().phase === "Contested");
    world.commit({ "c.json": configMap("c", { a: "4" }) }, "a person decides");
    reconciler.refChanged();
    await until(dataIs("4"));
    await until(async () => reconciler.status().phase === "Synced");
  });
});

describe("a pod that is lost while nothing is rolled out", () => {
  async function lose(how: (name: string) => Promise<void>): Promise<AttemptEvent[]> {
    await start({ "web.json": deployment("web") });
    const [pod] = await world.objects("Pod");
    await how(pod?.metadata.name ?? "");
    await until(async () => (await events("drift")).length > 0);
    return events("drift");
  }

  it("was killed: its container's end is told, with exit code and signal", async () => {
    const [drift] = await lose(async (name) => {
      const running = { name: "web", image: "", imageID: "", ready: true, started: true, restartCount: 0 };
      const state = { running: { startedAt: "2026-01-01T00:00:00Z" } };
      const containers = (restartCount: number, lastState: ContainerState): PodStatus => {
        return { ...readyStatus(), containerStatuses: [{ ...running, restartCount, state, lastState }] };
      };
      world.kubelet.reportPod(name, containers(0, {}));
      await clock.advance(1_000);
      world.kubelet.reportPod(name, containers(1, { terminated: { exitCode: 137, signal: 9, reason: "Error" } }));
    });
    expect(drift?.message).toMatch(
      /^pod\/web-\S+ was lost and is started again: container \S+: exit code 137 \(signal 9\)$/,
    );
    expect(drift?.detail).toMatchObject({ changes: [{ action: "restart", workload: "deployment/web", count: 1 }] });
  });

  it("was deleted: it is replaced, and told", async () => {
    const [drift] = await lose(async (name) => {
      const live = (await world.object("Pod", name)) as KubeObject;
      world.cluster.store.delete(`/Pod/default/${name}` as never, { uid: live.metadata.uid ?? "" });
    });
    expect(drift?.message).toMatch(/^pod\/web-\S+ was lost and is replaced: it was deleted$/);
    await until(async () => (await world.objects("Pod")).length === 2);
  });

  it("is told once; those that follow within ten minutes are only counted", async () => {
    await start({ "web.json": deployment("web", "v1", { replicas: 4 }) });
    for (let left = 3; left > 0; left--) {
      const [pod] = await world.objects("Pod");
      const key = `/Pod/default/${pod?.metadata.name}` as never;
      world.cluster.store.delete(key, { uid: pod?.metadata.uid ?? "" });
      await until(async () => (await world.object("Deployment", "web"))?.status?.constructor === Object);
      await clock.advance(5_000);
    }
    expect(await events("drift")).toHaveLength(1);
    await clock.advance(600_000);
    const [pod] = await world.objects("Pod");
    world.cluster.store.delete(`/Pod/default/${pod?.metadata.name}` as never, { uid: pod?.metadata.uid ?? "" });
    await until(async () => (await events("drift")).length === 2);
    expect((await events("drift"))[1]?.message).toMatch(/; 3 of deployment\/web in all since one was told$/);
  });

  it("by a rollout is none: scaling down and rolling over tell nothing", async () => {
    await start({ "web.json": deployment("web", "v1", { replicas: 4 }), ...image("v2") });
    world.commit({ "web.json": deployment("web", "v2", { replicas: 2 }) }, "roll and scale");
    reconciler.refChanged();
    await passTime(world, clock, hasEnded("roll and scale"));
    await clock.advance(60_000);
    const attempts = await world.ledger.attempts({});
    expect(attempts.flatMap((attempt) => attempt.events).filter(({ type }) => type === "drift")).toEqual([]);
  });
});
