import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveFenceposts } from "../../src/rollout/limits.ts";
import { planDeployment } from "../../src/rollout/plan-deployment.ts";
import {
  newReplicasWithin,
  nextNewReplicas,
  planCleanupUnhealthy,
  planScaleDown,
  planScaleDownHealthy,
  type Sized,
} from "../../src/rollout/rolling.ts";
import { deployment, NOW, replicaSet, table } from "./objects.ts";

describe("the size that the new ReplicaSet may take agrees with the upstream table", () => {
  const rows = table<
    {
      strategy: "RollingUpdate" | "Recreate";
      deploymentReplicas: number;
      newRSReplicas: number;
      maxSurge: number;
      maxUnavailable: number;
      allReplicaSetSizes: number[];
    },
    { newRSReplicas: number }
  >("new-rs-new-replicas");
  it.each(rows)("$name", ({ in: given, expect: want }) => {
    const total = given.allReplicaSetSizes.reduce((sum, size) => sum + size, 0);
    expect(given.maxUnavailable).toBe(1); // Stands in the table, and has no say in the new size.
    const size =
      given.strategy === "RollingUpdate"
        ? newReplicasWithin(given.deploymentReplicas, given.maxSurge, given.newRSReplicas, total)
        : recreatedSize(given.deploymentReplicas, given.newRSReplicas);
    expect(size).toBe(want.newRSReplicas);
  });

  function recreatedSize(replicas: number, now: number): number | undefined {
    const plan = planDeployment({
      deployment: deployment({ replicas, strategy: { type: "Recreate" } }),
      replicaSets: [replicaSet("new", { replicas: now })],
      pods: [],
      now: NOW,
    });
    return plan.actions.filter((action) => action.kind === "update-replica-set").at(-1)?.replicas;
  }
});

describe("one step of the new ReplicaSet agrees with the upstream table", () => {
  const rows = table<
    { deploymentReplicas: number; maxSurge: number; maxUnavailable: number; oldReplicas: number; newReplicas: number },
    { scaled: boolean; newReplicas: number }
  >("reconcile-new-replicaset");
  it.each(rows)("$name", ({ in: given, expect: want }) => {
    const { maxSurge } = given;
    expect(given.maxUnavailable).toBe(0); // Stands in the table, and has no say in growing.
    const total = given.oldReplicas + given.newReplicas;
    const size = nextNewReplicas(given.deploymentReplicas, maxSurge, given.newReplicas, total);
    expect({ scaled: size !== given.newReplicas, newReplicas: size }).toEqual(want);
  });
});

describe("cleaning up unhealthy replicas agrees with the upstream table", () => {
  const rows = table<
    { oldReplicas: number; availablePods: number; unhealthyPods: number; maxCleanupCount: number },
    { cleanedUp: number }
  >("cleanup-unhealthy");
  it.each(rows)("$name", ({ in: given, expect: want }) => {
    expect(given.oldReplicas - given.availablePods).toBe(given.unhealthyPods);
    const old = [{ replicas: given.oldReplicas, available: given.availablePods }];
    const removed = planCleanupUnhealthy(old, given.maxCleanupCount).map(({ from, to }) => from - to);
    expect(removed.reduce((sum, count) => sum + count, 0)).toBe(want.cleanedUp);
  });
});

describe("scaling old ReplicaSets down agrees with the upstream table", () => {
  const rows = table<
    {
      deploymentReplicas: number;
      maxSurge: number;
      maxUnavailable: number;
      availablePods: number;
      oldReplicas: number;
    },
    { scaled: boolean; oldReplicas: number }
  >("scale-down-old-rolling");
  it.each(rows)("$name", ({ in: given, expect: want }) => {
    const limits = resolveFenceposts(given.maxSurge, given.maxUnavailable, given.deploymentReplicas);
    // The upstream function is the second pass alone: what is unhealthy was dealt with before.
    const old = [{ replicas: given.oldReplicas, available: given.availablePods }];
    const resizes = planScaleDownHealthy(given.deploymentReplicas, limits, old, undefined);
    const oldReplicas = resizes[0]?.to ?? given.oldReplicas;
    expect({ scaled: resizes.length > 0, oldReplicas }).toEqual(want);
  });

  it("takes no step while as many new pods are unavailable as may be", () => {
    expect(
      planScaleDown(10, { maxSurge: 0, maxUnavailable: 2 }, [{ replicas: 8, available: 8 }], {
        replicas: 2,
        available: 0,
      }),
    ).toEqual([]);
  });

  it("removes what is unhealthy first, oldest ReplicaSet first, and names each change", () => {
    const old = [
      { replicas: 3, available: 1 },
      { replicas: 4, available: 4 },
    ];
    expect(planScaleDown(5, { maxSurge: 2, maxUnavailable: 2 }, old, { replicas: 1, available: 1 })).toEqual([
      { index: 0, from: 3, to: 1 },
      { index: 0, from: 1, to: 0 },
      { index: 1, from: 4, to: 2 },
    ]);
  });
});

describe("a step down", () => {
  const sized = fc.record({ replicas: fc.nat(20), available: fc.nat(25) });

  it("never counts on fewer available pods than desired − maxUnavailable", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.nat(10),
        fc.nat(10),
        fc.array(sized, { maxLength: 4 }),
        fc.option(sized, { nil: undefined }),
        (desired, maxSurge, unavailable, old, current) => {
          const maxUnavailable = Math.min(desired, Math.max(unavailable, maxSurge === 0 ? 1 : 0));
          const resizes = planScaleDown(desired, { maxSurge, maxUnavailable }, old, current);
          if (resizes.length === 0) return;
          const after = old.map((own) => ({ ...own }));
          for (const { index, from, to } of resizes) {
            const own = after[index] as Sized;
            expect(own.replicas).toBe(from);
            expect(to).toBeLessThan(from);
            expect(to).toBeGreaterThanOrEqual(0);
            own.replicas = to;
          }
          const kept = after.reduce((sum, own) => sum + Math.min(own.replicas, own.available), 0);
          const before = old.reduce((sum, own) => sum + Math.min(own.replicas, own.available), 0);
          const fresh = current === undefined ? 0 : Math.min(current.replicas, current.available);
          if (kept < before) expect(kept + fresh).toBeGreaterThanOrEqual(desired - maxUnavailable);
        },
      ),
    );
  });
});
