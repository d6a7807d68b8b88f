/** Safety of the planners in random worlds: what must never happen, whatever the pods do and whoever is called first. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Deployment, IntOrPercent, Pod } from "../../src/model/workload.ts";
import { limitsOf, maxPodsOf, minAvailableOf } from "../../src/rollout/limits.ts";
import { isComplete } from "../../src/rollout/progress.ts";
import { Rehearsal, type RehearsalHooks } from "../../src/rollout/rehearsal.ts";
import { deployment, NOW, rolling, template } from "./objects.ts";

const limit: fc.Arbitrary<IntOrPercent> = fc.oneof(
  fc.nat(4),
  fc.nat(100).map((percent) => `${percent}%`),
);

const settings = fc.record({
  desired: fc.integer({ min: 1, max: 12 }),
  maxSurge: limit,
  maxUnavailable: limit,
  minReadySeconds: fc.constantFrom(0, 0, 3),
});
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

function start(
  { desired, maxSurge, maxUnavailable, minReadySeconds }: Settings,
  hooks: RehearsalHooks = {},
): Rehearsal {
  const spec = { replicas: desired, minReadySeconds, strategy: rolling(maxSurge, maxUnavailable) };
  const world = new Rehearsal(deployment(spec), NOW, hooks);
  world.settle();
  letAllBecomeAvailable(world);
  return world;
}

function letAllBecomeAvailable(world: Rehearsal): void {
  for (const { metadata } of world.active) world.setReady(metadata.name, true);
  world.now += ((world.deployment.spec.minReadySeconds ?? 0) + 1) * 1000;
  world.settle();
}

/** Makes everything ready until nothing changes, as pods that work do. */
function finish(world: Rehearsal): void {
  for (let round = 0; round < 200; round++) {
    if (done(world)) return;
    letAllBecomeAvailable(world);
  }
}

function done({ deployment: of, pods }: Rehearsal): boolean {
  return isComplete(of, of.status ?? {}) && pods.size === of.spec.replicas;
}

/** Sums that hold once everything has settled. */
function expectSums(world: Rehearsal): void {
  const { deployment: of, active, available } = world;
  const { status = {} } = of;
  expect(status.replicas).toBe(active.length);
  expect(status.availableReplicas).toBe(available);
  expect(status.updatedReplicas).toBeLessThanOrEqual(status.replicas ?? 0);
  expect(status.availableReplicas).toBeLessThanOrEqual(status.readyReplicas ?? 0);
  expect(status.readyReplicas).toBeLessThanOrEqual(status.replicas ?? 0);
  const sizes = [...world.replicaSets.values()].reduce((sum, { spec }) => sum + (spec.replicas ?? 1), 0);
  expect(status.unavailableReplicas).toBe(Math.max(0, sizes - available));
}

/** What a world may do next: a sync of one controller, a pod becoming ready, time. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("deployment" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("replicaset" as const), pick: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("ready" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("time" as const), seconds: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("gone" as const), pick: fc.nat() }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(world: Rehearsal, next: Step): void {
  const any = <T>(list: T[], pick: number): T | undefined => list[pick % Math.max(1, list.length)];
  switch (next.kind) {
    case "deployment":
      world.syncDeployment();
      return;
    case "replicaset":
      world.syncReplicaSet(any([...world.replicaSets.keys()], next.pick) ?? "");
      return;
    case "ready":
      world.setReady(any(world.active, next.pick)?.metadata.name ?? "", true);
      return;
    case "time":
      world.now += next.seconds * 1000;
      return;
    case "gone": {
      const terminating = [...world.pods.values()].filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
      world.removePod(any(terminating, next.pick)?.metadata.name ?? "");
      return;
    }
    default:
      next satisfies never;
  }
}

/** Keeps terminating pods around, and checks both limits at every single creation and deletion. */
function guarded(limits: () => { most: number; least: number }, world: () => Rehearsal | undefined): RehearsalHooks {
  return {
    created: () => {
      const at = world();
      if (at !== undefined) expect(at.active.length).toBeLessThanOrEqual(limits().most);
    },
    deleted: (pod: Pod) => {
      const at = world();
      if (at === undefined) return;
      const wasReady = pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
      if (wasReady === true) expect(at.available).toBeGreaterThanOrEqual(limits().least);
    },
  };
}

describe("a rolling update", () => {
  it("keeps both limits at every moment, whichever controller runs when and however old what it sees is", () => {
    fc.assert(
      fc.property(
        settings,
        fc.array(step, { maxLength: 120 }),
        fc.array(fc.nat(100), { maxLength: 3 }),
        (given, steps, pushes) => {
          let world: Rehearsal | undefined;
          const bounds = (): { most: number; least: number } => {
            const of = (world as Rehearsal).deployment;
            return { most: maxPodsOf(of), least: minAvailableOf(of) };
          };
          const made = start(
            given,
            guarded(bounds, () => world),
          );
          for (const name of made.pods.keys())
            if (made.pods.get(name)?.metadata.deletionTimestamp !== undefined) made.removePod(name);
          world = made;
          made.edit({ template: template("web:v2") });
          steps.forEach((next, index) => {
            // A third and a fourth template on the way, and the first one again.
            if (pushes.includes(index)) made.edit({ template: template(`web:v${1 + ((index * 7) % 4)}`) });
            take(made, next);
            expect(made.active.length).toBeLessThanOrEqual(maxPodsOf(made.deployment));
            expect(made.available).toBeGreaterThanOrEqual(minAvailableOf(made.deployment));
          });
        },
      ),
      {
        numRuns: 300,
        examples: [
          // A pod was made of a revision that was given up before its ReplicaSet had said so.
          [
            { desired: 1, maxSurge: "1%", maxUnavailable: "0%", minReadySeconds: 0 },
            [
              { kind: "deployment" },
              { kind: "replicaset", pick: 378520623 },
              { kind: "deployment" },
              { kind: "deployment" },
              { kind: "replicaset", pick: 102371846 },
            ],
            [1],
          ],
        ],
      },
    );
  });

  it("never takes an available pod too many by its own doing, though pods fail at any time", () => {
    const fate = fc.record({ pick: fc.nat(), ready: fc.boolean() });
    fc.assert(
      fc.property(settings, fc.array(fate, { maxLength: 60 }), (given, fates) => {
        let world: Rehearsal | undefined;
        const bounds = (): { most: number; least: number } => {
          const of = (world as Rehearsal).deployment;
          return { most: maxPodsOf(of), least: minAvailableOf(of) };
        };
        const made = start(given, {
          ...guarded(bounds, () => world),
          deleted: (pod) => {
            made.removePod(pod.metadata.name);
            const wasReady = pod.status?.conditions?.some(({ status }) => status === "True");
            const limits = world === undefined ? undefined : bounds();
            if (limits !== undefined && wasReady === true) expect(made.available).toBeGreaterThanOrEqual(limits.least);
          },
        });
        world = made;
        made.edit({ template: template("web:v2") });
        made.settle();
        for (const { pick, ready } of fates) {
          const pods = made.active;
          const name = pods[pick % Math.max(1, pods.length)]?.metadata.name;
          if (name !== undefined) made.setReady(name, ready);
          made.now += 1000;
          made.settle();
          expectSums(made);
          expect(made.active.length).toBeLessThanOrEqual(maxPodsOf(made.deployment));
        }
        finish(made);
        expect(done(made)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  const edits = fc.array(
    fc.record({
      replicas: fc.nat(12),
      version: fc.integer({ min: 1, max: 4 }),
      paused: fc.boolean(),
      recreate: fc.boolean(),
      ready: fc.nat(3),
    }),
    { minLength: 1, maxLength: 8 },
  );

  it("always ends once pods become ready, whatever was edited on the way, and then has nothing to do", () => {
    fc.assert(
      fc.property(settings, edits, (given, changes) => {
        const world = start(given, {});
        for (const { replicas, version, paused, recreate, ready } of changes) {
          const strategy: Deployment["spec"]["strategy"] = recreate
            ? { type: "Recreate" }
            : rolling(given.maxSurge, given.maxUnavailable);
          world.edit({ replicas, template: template(`web:v${version}`), paused, strategy });
          world.settle();
          expectSums(world);
          for (const { metadata } of world.active.slice(0, ready)) world.setReady(metadata.name, true);
          world.now += 5000;
          world.settle();
        }
        world.edit({ paused: false });
        world.settle();
        finish(world);
        expect(done(world)).toBe(true);
        expectSums(world);
        const runs = new Set(world.active.map(({ spec }) => spec.containers[0]?.image));
        expect([...runs]).toEqual(
          world.active.length === 0 ? [] : [world.deployment.spec.template.spec.containers[0]?.image],
        );
        expect(world.syncDeployment()).toBe(false);
        for (const name of world.replicaSets.keys()) expect(world.syncReplicaSet(name)).toBe(false);
        expect(world.replicaSets.size).toBeLessThanOrEqual(11);
      }),
      { numRuns: 200 },
    );
  });

  it("has nothing to do a second time, wherever it stands", () => {
    fc.assert(
      fc.property(settings, fc.array(fc.nat(), { maxLength: 20 }), (given, picks) => {
        const world = start(given);
        world.edit({ template: template("web:v2") });
        for (const pick of picks) {
          world.settle();
          expect(world.syncDeployment()).toBe(false);
          const pods = world.active;
          world.setReady(pods[pick % Math.max(1, pods.length)]?.metadata.name ?? "", true);
          world.now += 1000;
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe("Recreate", () => {
  it("never has pods of two templates that have not ended", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 80 }), (desired, steps) => {
        const world = new Rehearsal(deployment({ replicas: desired, strategy: { type: "Recreate" } }), NOW, {
          deleted: () => {},
        });
        world.settle();
        letAllBecomeAvailable(world);
        world.edit({ template: template("web:v2") });
        for (const next of steps) {
          take(world, next);
          const images = new Set([...world.pods.values()].map(({ spec }) => spec.containers[0]?.image));
          expect(images.size).toBeLessThanOrEqual(1);
        }
        expect(limitsOf(world.deployment)).toEqual({ maxSurge: 0, maxUnavailable: 0 });
      }),
      { numRuns: 200 },
    );
  });
});
