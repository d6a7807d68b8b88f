import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeploymentController } from "../../../src/cluster/controllers/deployment.ts";
import { ReplicaSetController } from "../../../src/cluster/controllers/replicaset.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import { type KubeObject, keyOf } from "../../../src/model/object.ts";
import type { Deployment } from "../../../src/model/workload.ts";
import { isPodAvailable } from "../../../src/rollout/pods.ts";
import { templateHash } from "../../../src/rollout/template.ts";
import { template } from "../../rollout/objects.ts";
import { WEB, World } from "./deployment-world.ts";

let world: World;

beforeEach(() => {
  world = new World();
});

afterEach(() => {
  world.close();
});

/** Makes the first pod of an image that is not ready ready. */
async function readyOne(image: string): Promise<void> {
  const pod = world.podsOf(image).find(({ status }) => status?.conditions?.[0]?.status !== "True");
  if (pod === undefined) throw new Error(`no pod of ${image} waits to become ready`);
  await world.ready(pod);
}

describe("the tutorial's rollout, three replicas from v1 to v2", () => {
  it("replaces one pod at a time, and says so", async () => {
    await world.runWeb();
    const v1 = world.set("web:v1").metadata.name;
    await world.edit({ template: template("web:v2") });
    const v2 = world.set("web:v2").metadata.name;
    expect(v2).not.toBe(v1);
    const expected = [
      `Scaled up replica set ${v2} from 0 to 1`,
      `Scaled down replica set ${v1} from 3 to 2`,
      `Scaled up replica set ${v2} from 1 to 2`,
      `Scaled down replica set ${v1} from 2 to 1`,
      `Scaled up replica set ${v2} from 2 to 3`,
      `Scaled down replica set ${v1} from 1 to 0`,
    ];
    for (const step of [1, 3, 5, 6]) {
      expect(world.scaled()).toEqual(expected.slice(0, step));
      expect(world.active.filter((pod) => isPodAvailable(pod, 0, world.clock.now()))).toHaveLength(3);
      if (step < 6) await readyOne("web:v2");
    }
    expect(world.mostPods).toBe(4);
    await world.endTerminating();
    expect(world.pods()).toHaveLength(3);
    expect(world.web.status).toMatchObject({
      observedGeneration: 2,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      unavailableReplicas: 0,
    });
    expect(world.condition("Available")).toBe("True MinimumReplicasAvailable: Deployment has minimum availability.");
    expect(world.condition("Progressing")).toBe(
      `True NewReplicaSetAvailable: ReplicaSet "${v2}" has successfully progressed.`,
    );
    expect(world.errors).toEqual([]);
  });

  it("starts with all three pods at once", async () => {
    world.start();
    await world.createWeb();
    const v1 = world.set("web:v1").metadata.name;
    expect(v1).toBe(`web-${templateHash(world.web.spec.template)}`);
    expect(world.events).toEqual([
      `Deployment/web ScalingReplicaSet: Scaled up replica set ${v1} from 0 to 3`,
      ...world.pods().map(({ metadata }) => `ReplicaSet/${v1} SuccessfulCreate: Created pod: ${metadata.name}`),
    ]);
    expect(world.condition("Available")).toBe(
      "False MinimumReplicasUnavailable: Deployment does not have minimum availability.",
    );
    expect(world.condition("Progressing")).toBe(`True ReplicaSetUpdated: ReplicaSet "${v1}" is progressing.`);
  });

  it("waits minReadySeconds before each next step", async () => {
    world.start();
    await world.createWeb({ minReadySeconds: 5 });
    await world.readyAll();
    await world.clock.advance(5000);
    world.events.length = 0;
    await world.edit({ template: template("web:v2") });
    await readyOne("web:v2");
    await world.clock.advance(4999);
    expect(world.scaled()).toHaveLength(1);
    await world.clock.advance(1);
    expect(world.scaled()).toHaveLength(3);
  });

  it("does the same again for the same seed", async () => {
    const play = async (): Promise<string[]> => {
      const own = new World(7);
      await own.runWeb();
      await own.edit({ template: template("web:v2") });
      await own.readyAll();
      own.close();
      return own.events;
    };
    expect(await play()).toEqual(await play());
  });

  it("goes on where it stood after a restart of the controllers", async () => {
    await world.runWeb();
    await world.edit({ template: template("web:v2") });
    world.deployments.close();
    world.replicaSets.close();
    const pod = world.podsOf("web:v2")[0];
    if (pod === undefined) throw new Error("the rollout has begun");
    await world.ready(pod);
    expect(world.scaled()).toHaveLength(1);
    const { store, clock } = world;
    const events = { record: () => {} };
    const onError = (_key: string, error: unknown) => {
      throw error;
    };
    const controllers = [
      new DeploymentController({ store, events, clock, onError }),
      new ReplicaSetController({ store, events, clock, onError, random: { next: () => 0.5 } }),
    ];
    for (const controller of controllers) controller.start();
    await world.settle();
    expect(world.set("web:v1").spec.replicas).toBe(2);
    expect(world.set("web:v2").spec.replicas).toBe(2);
    for (const controller of controllers) controller.close();
  });
});

describe("revisions", () => {
  const numbers = (): Record<string, string | undefined> =>
    Object.fromEntries(
      world
        .sets()
        .map(({ metadata, spec }) => [
          spec.template.spec.containers[0]?.image ?? "",
          metadata.annotations?.["deployment.kubernetes.io/revision"],
        ]),
    );

  it("are numbered anew by an undo, which starts no new ReplicaSet", async () => {
    await world.runWeb();
    for (const version of [2, 3]) {
      await world.edit({ template: template(`web:v${version}`) });
      await world.readyAll();
    }
    expect(numbers()).toEqual({ "web:v1": "1", "web:v2": "2", "web:v3": "3" });
    const v1 = world.set("web:v1").metadata.uid;
    await world.edit({ template: template("web:v1") });
    await world.readyAll();
    expect(numbers()).toEqual({ "web:v1": "4", "web:v2": "2", "web:v3": "3" });
    expect(world.set("web:v1").metadata.uid).toBe(v1);
    expect(world.set("web:v1").metadata.annotations?.["deployment.kubernetes.io/revision-history"]).toBe("1");
    expect(world.web.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("4");
    expect(world.active).toHaveLength(3);
  });

  it("carry the Deployment's annotations", async () => {
    await world.runWeb();
    const before = world.set("web:v1").metadata.annotations;
    const { web } = world;
    world.store.update({
      ...web,
      metadata: { ...web.metadata, annotations: { ...web.metadata.annotations, "kubernetes.io/change-cause": "two" } },
      spec: { ...web.spec, template: template("web:v2") },
    });
    await world.readyAll();
    expect(world.set("web:v2").metadata.annotations?.["kubernetes.io/change-cause"]).toBe("two");
    expect(world.set("web:v1").metadata.annotations).toEqual({
      ...before,
      "deployment.kubernetes.io/desired-replicas": "3",
      "deployment.kubernetes.io/max-replicas": "4",
    });
  });

  it("are kept up to the limit", async () => {
    await world.runWeb({ revisionHistoryLimit: 2 });
    for (let version = 2; version <= 6; version++) {
      await world.edit({ template: template(`web:v${version}`) });
      await world.readyAll();
    }
    expect(numbers()).toEqual({ "web:v4": "4", "web:v5": "5", "web:v6": "6" });
  });
});

describe("pausing", () => {
  it("holds a rollout where it stands, lets the size change, and goes on when resumed", async () => {
    await world.runWeb();
    await world.edit({ paused: true });
    expect(world.condition("Progressing")).toBe("Unknown DeploymentPaused: Deployment is paused");
    await world.edit({ template: template("web:v2") });
    expect(world.sets()).toHaveLength(1);
    await world.edit({ replicas: 4 });
    const v1 = world.set("web:v1").metadata.name;
    expect(world.scaled()).toEqual([`Scaled up replica set ${v1} from 3 to 4`]);
    await world.clock.advance(3_600_000);
    expect(world.condition("Progressing")).toBe("Unknown DeploymentPaused: Deployment is paused");
    await world.readyAll();
    await world.edit({ paused: false });
    await world.readyAll();
    expect(world.podsOf("web:v2")).toHaveLength(4);
    expect(world.condition("Progressing")).toMatch(/^True NewReplicaSetAvailable/);
  });

  it("in the middle of a rollout scales both ReplicaSets in proportion", async () => {
    await world.runWeb({ replicas: 10 });
    await world.edit({ template: template("web:v2") });
    await world.edit({ paused: true });
    const sizes = (): (number | undefined)[] => ["web:v1", "web:v2"].map((image) => world.set(image).spec.replicas);
    expect(sizes()).toEqual([8, 5]);
    await world.edit({ replicas: 20 });
    expect(sizes()).toEqual([15, 10]);
    expect(world.active).toHaveLength(25);
    await world.edit({ paused: false });
    await world.readyAll();
    expect(sizes()).toEqual([0, 20]);
  });
});

describe("a change of size in the middle of a rollout", () => {
  it("keeps its balance, and the rollout ends", async () => {
    await world.runWeb({ replicas: 4 });
    await world.edit({ template: template("web:v2") });
    const sizes = (): (number | undefined)[] => ["web:v1", "web:v2"].map((image) => world.set(image).spec.replicas);
    expect(sizes()).toEqual([3, 2]);
    await world.edit({ replicas: 8 });
    // Ten pods are allowed now, and five were: each gets twice as many.
    expect(sizes()).toEqual([6, 4]);
    await world.edit({ replicas: 2 });
    await world.readyAll();
    expect(sizes()).toEqual([0, 2]);
    expect(world.web.status?.replicas).toBe(2);
  });

  it("to nothing ends all pods, and back again starts the new ones", async () => {
    await world.runWeb();
    await world.edit({ template: template("web:v2") });
    await world.edit({ replicas: 0 });
    await world.endTerminating();
    expect(world.pods()).toEqual([]);
    await world.edit({ replicas: 2 });
    await world.readyAll();
    expect(world.podsOf("web:v2")).toHaveLength(2);
  });
});

describe("Recreate", () => {
  it("starts new pods only when the old ones are gone", async () => {
    await world.runWeb({ strategy: { type: "Recreate" } });
    const v1 = world.set("web:v1").metadata.name;
    await world.edit({ template: template("web:v2") });
    expect(world.scaled()).toEqual([`Scaled down replica set ${v1} from 3 to 0`]);
    expect(world.pods()).toHaveLength(3);
    expect(world.sets()).toHaveLength(1);
    const [first, second, third] = world.pods();
    for (const pod of [first, second]) world.store.remove(keyOf(pod as KubeObject), pod?.metadata.uid ?? "");
    await world.settle();
    expect(world.sets()).toHaveLength(1);
    world.store.remove(keyOf(third as KubeObject), third?.metadata.uid ?? "");
    await world.settle();
    const v2 = world.set("web:v2").metadata.name;
    expect(world.scaled()).toEqual([
      `Scaled down replica set ${v1} from 3 to 0`,
      `Scaled up replica set ${v2} from 0 to 3`,
    ]);
    await world.readyAll();
    expect(world.mostPods).toBe(3);
  });
});

describe("the progress deadline", () => {
  it("is said when it has passed, and taken back when the rollout gets on after all", async () => {
    await world.runWeb({ progressDeadlineSeconds: 60 });
    await world.edit({ template: template("web:v2") });
    const v2 = world.set("web:v2").metadata.name;
    await world.clock.advance(59_000);
    expect(world.condition("Progressing")).toBe(`True ReplicaSetUpdated: ReplicaSet "${v2}" is progressing.`);
    await world.clock.advance(3000);
    expect(world.condition("Progressing")).toBe(
      `False ProgressDeadlineExceeded: ReplicaSet "${v2}" has timed out progressing.`,
    );
    expect(world.active).toHaveLength(4);
    await world.readyAll();
    expect(world.condition("Progressing")).toBe(
      `True NewReplicaSetAvailable: ReplicaSet "${v2}" has successfully progressed.`,
    );
  });

  it("does not concern a finished rollout whose pods fail", async () => {
    await world.runWeb({ progressDeadlineSeconds: 60 });
    for (const pod of world.active) await world.ready(pod, false);
    await world.clock.advance(600_000);
    expect(world.condition("Progressing")).toMatch(/^True NewReplicaSetAvailable/);
    expect(world.condition("Available")).toMatch(/^False MinimumReplicasUnavailable/);
  });
});

describe("a third template in the middle of a rollout", () => {
  it("takes the second one's unready pods first", async () => {
    await world.runWeb();
    await world.edit({ template: template("web:v2") });
    const [v1, v2] = ["web:v1", "web:v2"].map((image) => world.set(image).metadata.name);
    await world.edit({ template: template("web:v3") });
    const v3 = world.set("web:v3").metadata.name;
    expect(world.scaled()).toEqual([
      `Scaled up replica set ${v2} from 0 to 1`,
      `Scaled down replica set ${v2} from 1 to 0`,
      `Scaled up replica set ${v3} from 0 to 1`,
    ]);
    await world.readyAll();
    expect(world.podsOf("web:v3")).toHaveLength(3);
    expect(world.set("web:v1").metadata.name).toBe(v1);
    expect(world.mostPods).toBe(4);
  });
});

describe("a broken new revision", () => {
  it("costs no more than the limit allows, and can be undone", async () => {
    await world.runWeb({ replicas: 4 });
    await world.edit({ template: template("web:broken") });
    await world.clock.advance(7_200_000);
    expect(world.podsOf("web:v1")).toHaveLength(3);
    expect(world.podsOf("web:broken")).toHaveLength(2);
    await world.edit({ template: template("web:v1") });
    await world.readyAll();
    expect(world.podsOf("web:v1")).toHaveLength(4);
    expect(world.podsOf("web:broken")).toEqual([]);
  });

  it("does not keep a dead old revision from being replaced", async () => {
    await world.runWeb();
    for (const pod of world.active) await world.ready(pod, false);
    await world.edit({ template: template("web:v2") });
    await world.readyAll();
    expect(world.podsOf("web:v2")).toHaveLength(3);
  });
});

describe("ownership", () => {
  it("goes to a ReplicaSet that matches and has no owner, and away from one that matches no more", async () => {
    world.start();
    world.store.create({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: "lonely", namespace: "default", labels: { app: "web" } },
      spec: { replicas: 1, selector: { matchLabels: { app: "web" } }, template: template("web:v1") },
    });
    await world.settle();
    await world.createWeb();
    expect(world.sets().map(({ metadata }) => metadata.name)).toEqual(["lonely"]);
    const adopted = world.sets()[0];
    expect(adopted?.metadata.ownerReferences?.[0]).toMatchObject({
      name: "web",
      uid: world.web.metadata.uid,
      controller: true,
    });
    expect(adopted?.spec.replicas).toBe(3);
    world.store.update({
      ...(adopted as KubeObject),
      metadata: { ...adopted?.metadata, name: "lonely", labels: { app: "other" } },
    });
    await world.settle();
    const released = world.sets().find(({ metadata }) => metadata.name === "lonely");
    expect(released?.metadata.ownerReferences ?? []).toEqual([]);
    expect(world.sets()).toHaveLength(2);
  });

  it("is found out also when the ReplicaSet comes later", async () => {
    world.start();
    await world.createWeb({ replicas: 1 });
    world.store.create({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: "later", namespace: "default", labels: { app: "web" } },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "web", x: "y" } },
        template: template("web:v0", { app: "web", x: "y" }),
      },
    });
    await world.settle();
    expect(world.sets().find(({ metadata }) => metadata.name === "later")?.metadata.ownerReferences?.[0]?.name).toBe(
      "web",
    );
  });
});

describe("a name that is taken", () => {
  it("counts as a collision, and the next hash is another one", async () => {
    world.start();
    // What the store fills in is part of the template, hence of its hash.
    await world.createWeb();
    const taken = world.set("web:v1").metadata.name;
    world.store.delete(WEB);
    for (const object of world.sets()) world.store.delete(keyOf(object));
    world.store.create({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: taken, namespace: "default", labels: { app: "other" } },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "other" } },
        template: template("other:v1", { app: "other" }),
      },
    });
    await world.settle();
    await world.createWeb();
    expect(world.web.status?.collisionCount).toBe(1);
    expect(world.errors).toHaveLength(1);
    await world.clock.advance(10);
    expect(world.set("web:v1").metadata.name).toBe(`web-${templateHash(world.web.spec.template, 1)}`);
    expect(world.errors).toHaveLength(1);
  });
});

describe("a ReplicaSet that cannot be created", () => {
  it("is said in an event and a condition, tried again fifteen times, and then again at the next change", async () => {
    const create = world.store.create.bind(world.store);
    let refusals = 0;
    world.store.create = (object: KubeObject): KubeObject => {
      if (object.kind !== "ReplicaSet" || refusals < 0) return create(object);
      refusals++;
      throw new TrueupError("forbidden", "no room");
    };
    world.start();
    await world.createWeb();
    const name = `web-${templateHash(world.web.spec.template)}`;
    const message = `Failed to create new replica set "${name}": no room`;
    expect(world.condition("Progressing")).toBe(`False ReplicaSetCreateError: ${message}`);
    expect(world.events[0]).toBe(`!Deployment/web ReplicaSetCreateError: ${message}`);
    await world.clock.advance(3_600_000);
    expect(refusals).toBe(16);
    expect(world.errors.at(-1)).toMatch(/no room \(16\)$/);
    refusals = -1;
    await world.annotate({ touched: "yes" });
    await world.readyAll();
    expect(world.condition("Progressing")).toMatch(/^True NewReplicaSetAvailable/);
  });
});

describe("a Deployment that goes", () => {
  it("starts nothing more", async () => {
    await world.runWeb();
    const { web } = world;
    world.store.update({ ...web, metadata: { ...web.metadata, finalizers: ["test/wait"] } });
    world.store.delete(WEB);
    await world.settle();
    await world.edit({ template: template("web:v2") });
    expect(world.sets()).toHaveLength(1);
    expect(world.errors).toEqual([]);
  });

  it("is left alone when it is gone", async () => {
    await world.runWeb();
    world.store.delete(WEB);
    await world.clock.advance(3_600_000);
    expect(world.errors).toEqual([]);
  });
});

describe("many Deployments", () => {
  it("roll side by side, and each costs a bounded number of writes", async () => {
    const count = 100;
    world.start();
    const labels = (name: string): Record<string, string> => ({ app: name });
    for (let n = 0; n < count; n++) {
      const name = `web-${n}`;
      world.store.create({
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name, namespace: "default" },
        spec: { replicas: 3, selector: { matchLabels: labels(name) }, template: template("web:v1", labels(name)) },
      });
    }
    await world.settle();
    await world.readyAll(true);
    const before = world.store.version;
    for (const object of world.store.list({ group: "apps", kind: "Deployment" }) as Deployment[]) {
      world.store.update({
        ...object,
        spec: { ...object.spec, template: template("web:v2", labels(object.metadata.name)) },
      });
    }
    await world.settle();
    await world.readyAll(true);
    expect(world.podsOf("web:v2")).toHaveLength(3 * count);
    expect(world.podsOf("web:v1")).toEqual([]);
    expect(world.errors).toEqual([]);
    // Seven of these are the test's own: the edit, three pods becoming ready, three ending.
    expect((world.store.version - before) / count).toBeLessThanOrEqual(50);
  });
});
