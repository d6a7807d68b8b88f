import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../../src/model/errors.ts";
import { type KubeObject, keyOf, keyOfId, type ObjectKey } from "../../../src/model/object.ts";
import type { Pod, ReplicaSet } from "../../../src/model/workload.ts";
import { template } from "../../rollout/objects.ts";
import { World } from "./deployment-world.ts";

let world: World;

beforeEach(() => {
  world = new World();
});

afterEach(() => {
  world.close();
});

const RS: ObjectKey = keyOfId({ group: "apps", kind: "ReplicaSet", namespace: "default", name: "rs" });

async function createSet(replicas: number, spec: Partial<ReplicaSet["spec"]> = {}, name = "rs"): Promise<void> {
  world.store.create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace: "default", labels: { app: "web" } },
    spec: { replicas, selector: { matchLabels: { app: "web" } }, template: template(), ...spec },
  });
  await world.settle();
}

function set(): ReplicaSet {
  return world.store.get(RS) as ReplicaSet;
}

async function resize(replicas: number): Promise<void> {
  const found = set();
  world.store.update({ ...found, spec: { ...found.spec, replicas } });
  await world.settle();
}

const names = (pods: Pod[]): string[] => pods.map(({ metadata }) => metadata.name);

describe("a ReplicaSet", () => {
  it("makes pods of its template, owned by it and named after it", async () => {
    world.start();
    await createSet(2, {
      template: { ...template(), metadata: { labels: { app: "web" }, annotations: { note: "x" } } },
    });
    const pods = world.pods();
    expect(pods).toHaveLength(2);
    for (const { metadata, spec } of pods) {
      expect(metadata).toMatchObject({
        name: expect.stringMatching(/^rs-[bcdfghjklmnpqrstvwxz2456789]{5}$/),
        generateName: "rs-",
        namespace: "default",
        labels: { app: "web" },
        annotations: { note: "x" },
        ownerReferences: [
          {
            apiVersion: "apps/v1",
            kind: "ReplicaSet",
            name: "rs",
            uid: set().metadata.uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      });
      expect(spec.containers[0]?.image).toBe("web:v1");
    }
    expect(world.events).toEqual(names(pods).map((name) => `ReplicaSet/rs SuccessfulCreate: Created pod: ${name}`));
    expect(set().status).toEqual({
      replicas: 2,
      fullyLabeledReplicas: 2,
      readyReplicas: 0,
      availableReplicas: 0,
      terminatingReplicas: 0,
      observedGeneration: 1,
    });
  });

  it("keeps names short enough for a host name", async () => {
    world.start();
    const name = `long-${"x".repeat(70)}`;
    await createSet(1, {}, name);
    expect(world.pods()[0]?.metadata.name).toHaveLength(63);
  });

  it("follows its pods: ready, not ready, gone", async () => {
    world.start();
    await createSet(2);
    await world.readyAll();
    expect(set().status).toMatchObject({ replicas: 2, readyReplicas: 2, availableReplicas: 2 });
    const [first, second] = world.active;
    await world.ready(first as Pod, false);
    expect(set().status).toMatchObject({ replicas: 2, readyReplicas: 1, availableReplicas: 1 });
    world.store.delete(keyOf(second as Pod));
    await world.settle();
    expect(set().status).toMatchObject({ replicas: 2, readyReplicas: 0, terminatingReplicas: 1 });
    expect(world.pods()).toHaveLength(3);
    await world.endTerminating();
    expect(set().status).toMatchObject({ replicas: 2, terminatingReplicas: 0 });
    expect(world.pods()).toHaveLength(2);
  });

  it("replaces pods that have ended", async () => {
    world.start();
    await createSet(1);
    const [pod] = world.pods();
    world.store.updateStatus({ ...(pod as Pod), status: { phase: "Failed", reason: "Evicted" } });
    await world.settle();
    expect(world.active).toHaveLength(1);
    expect(world.pods()).toHaveLength(2);
  });

  it("deletes the pod that is missed least, and says so", async () => {
    world.start();
    await createSet(3);
    await world.readyAll();
    const [, second] = world.active;
    await world.ready(second as Pod, false);
    world.events.length = 0;
    await resize(2);
    expect(world.events).toEqual([`ReplicaSet/rs SuccessfulDelete: Deleted pod: ${second?.metadata.name}`]);
    expect(names(world.active)).not.toContain(second?.metadata.name);
    expect(set().status).toMatchObject({
      replicas: 2,
      readyReplicas: 2,
      terminatingReplicas: 1,
      observedGeneration: 2,
    });
  });

  it("counts pods as available exactly after minReadySeconds", async () => {
    world.start();
    await createSet(1, { minReadySeconds: 10 });
    await world.clock.advance(500);
    await world.readyAll();
    expect(set().status).toMatchObject({ readyReplicas: 1, availableReplicas: 0 });
    await world.clock.advance(9_999);
    expect(set().status?.availableReplicas).toBe(0);
    await world.clock.advance(1);
    expect(set().status?.availableReplicas).toBe(1);
  });

  it("comes up to a thousand pods in bursts of five hundred", async () => {
    world.start();
    await createSet(1000);
    expect(world.pods()).toHaveLength(1000);
    expect(set().status?.replicas).toBe(1000);
    expect(world.errors).toEqual([]);
  });

  it("does not write when a kubelet reports what changes nothing for it", async () => {
    world.start();
    await createSet(1);
    await world.readyAll();
    const before = set().metadata.resourceVersion;
    const [pod] = world.active;
    const status = { ...(pod as Pod).status, phase: "Running" as const, podIP: "127.0.0.1" };
    world.store.updateStatus({ ...(pod as Pod), status });
    await world.settle();
    expect(set().metadata.resourceVersion).toBe(before);
  });
});

describe("pods that cannot be created", () => {
  /** Refuses pods from the given one on, counted from 0. */
  function refuse(from: number): { tries: () => number; allow: () => void } {
    const create = world.store.create.bind(world.store);
    let tries = 0;
    let limit = from;
    world.store.create = (object: KubeObject): KubeObject => {
      if (object.kind !== "Pod") return create(object);
      if (tries++ < limit) return create(object);
      throw new TrueupError("forbidden", "exceeded quota");
    };
    return {
      tries: () => tries,
      allow: () => {
        limit = Number.POSITIVE_INFINITY;
      },
    };
  }

  it("are tried in batches of 1, 2, 4 …, ending with the first batch that fails", async () => {
    const first = refuse(0);
    world.start();
    await createSet(100);
    expect(first.tries()).toBe(1);
  });

  it("fail as a batch: two of four refused end it", async () => {
    const later = refuse(5);
    world.start();
    await createSet(100);
    // 1 + 2 + 4, and one more at once: the five that were made bring the next sync.
    expect(later.tries()).toBe(8);
    expect(world.pods()).toHaveLength(5);
  });

  it("are said in an event and a condition, tried again later each time, and the condition goes with the failure", async () => {
    const refused = refuse(0);
    world.start();
    await createSet(2);
    expect(world.events).toEqual(["!ReplicaSet/rs FailedCreate: Error creating: exceeded quota"]);
    expect(set().status?.conditions).toEqual([
      {
        type: "ReplicaFailure",
        status: "True",
        reason: "FailedCreate",
        message: "exceeded quota",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ]);
    expect(world.errors).toEqual([`${RS}: exceeded quota (1)`]);
    await world.clock.advance(5 + 10 + 20);
    expect(refused.tries()).toBe(4);
    refused.allow();
    await world.clock.advance(40);
    expect(world.pods()).toHaveLength(2);
    expect(set().status?.conditions ?? []).toEqual([]);
    expect(world.errors).toHaveLength(4);
  });

  it("as the name is taken get another name", async () => {
    const create = world.store.create.bind(world.store);
    let conflicts = 2;
    world.store.create = (object: KubeObject): KubeObject => {
      if (object.kind === "Pod" && conflicts-- > 0) throw new TrueupError("conflict", "taken");
      return create(object);
    };
    world.start();
    await createSet(1);
    expect(world.pods()).toHaveLength(1);
    expect(world.errors).toEqual([]);
  });

  it("nor deleted are said too", async () => {
    world.start();
    await createSet(2);
    const remove = world.store.delete.bind(world.store);
    let isRefused = true;
    world.store.delete = (...args) => {
      if (isRefused) throw new TrueupError("io", "disk full");
      remove(...args);
    };
    await resize(0);
    expect(world.events.at(-1)).toBe("!ReplicaSet/rs FailedDelete: Error deleting: disk full");
    expect(set().status?.conditions?.[0]).toMatchObject({ reason: "FailedDelete", message: "disk full" });
    isRefused = false;
    await world.clock.advance(5);
    expect(world.active).toEqual([]);
    expect(set().status?.conditions ?? []).toEqual([]);
  });
});

describe("ownership of pods", () => {
  async function createPod(name: string, labels: Record<string, string>): Promise<void> {
    world.store.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default", labels },
      spec: { containers: [{ name: "web", image: "web:v1" }] },
    });
    await world.settle();
  }

  it("goes to pods that match and have no owner, whichever is first", async () => {
    world.start();
    await createPod("early", { app: "web" });
    await createSet(3);
    await createPod("late", { app: "web" });
    await createPod("other", { app: "other" });
    expect(world.active.filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === "rs")).toHaveLength(3);
    expect(names(world.pods())).toContain("early");
    expect(world.pods().find(({ metadata }) => metadata.name === "early")?.metadata.ownerReferences).toHaveLength(1);
    expect(world.pods().find(({ metadata }) => metadata.name === "other")?.metadata.ownerReferences ?? []).toEqual([]);
  });

  it("ends when the labels match no more, and another pod takes the place", async () => {
    world.start();
    await createSet(1);
    const [pod] = world.pods();
    world.store.update({ ...(pod as Pod), metadata: { ...(pod as Pod).metadata, labels: { app: "debug" } } });
    await world.settle();
    expect(world.pods()).toHaveLength(2);
    const released = world.store.get(keyOf(pod as Pod));
    expect(released?.metadata.ownerReferences ?? []).toEqual([]);
    expect(set().status?.replicas).toBe(1);
  });
});
