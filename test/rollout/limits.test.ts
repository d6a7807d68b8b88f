import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { IntOrPercent } from "../../src/model/workload.ts";
import {
  limitsOf,
  maxPodsOf,
  minAvailableOf,
  resolveFenceposts,
  resolveIntOrPercent,
} from "../../src/rollout/limits.ts";
import { deployment, rolling, table } from "./objects.ts";

type Limit = IntOrPercent | null;

describe("resolveFenceposts agrees with the upstream table", () => {
  const rows = table<
    { maxSurge: Limit; maxUnavailable: Limit; desired: number },
    { surge: number; unavailable: number; error: boolean }
  >("resolve-fenceposts");
  it.each(rows)(
    "$name: surge $in.maxSurge, unavailable $in.maxUnavailable of $in.desired",
    ({ in: given, expect: want }) => {
      const resolve = () => resolveFenceposts(given.maxSurge, given.maxUnavailable, given.desired);
      if (want.error) {
        // Upstream's zeros beside an error say "nothing": here an error gives no numbers at all.
        expect([want.surge, want.unavailable]).toEqual([0, 0]);
        expect(resolve).toThrow(/must be a whole number or a percentage/);
      } else expect(resolve()).toEqual({ maxSurge: want.surge, maxUnavailable: want.unavailable });
    },
  );

  it.each([
    [1, 1, 0],
    [2, 1, 0],
    [3, 1, 0],
    [4, 1, 1],
    [10, 3, 2],
  ])("25 %% of %i is surge %i and unavailable %i", (desired, maxSurge, maxUnavailable) => {
    expect(resolveFenceposts("25%", "25%", desired)).toEqual({ maxSurge, maxUnavailable });
  });
});

interface Given {
  replicas: number | null;
  strategy: "RollingUpdate" | "Recreate";
  maxSurge: Limit;
  maxUnavailable: Limit;
}

function given({ replicas, strategy, maxSurge, maxUnavailable }: Given) {
  return deployment({
    replicas: replicas ?? 1,
    strategy: strategy === "Recreate" ? { type: "Recreate" } : rolling(maxSurge, maxUnavailable),
  });
}

describe("the limits in force agree with the upstream tables", () => {
  it.each(table<Given, { maxUnavailable: number }>("max-unavailable"))("$name", ({ in: row, expect: want }) => {
    expect(limitsOf(given(row)).maxUnavailable).toBe(want.maxUnavailable);
  });

  it.each(table<Given, { minAvailable: number }>("min-available"))("$name", ({ in: row, expect: want }) => {
    expect(minAvailableOf(given(row))).toBe(want.minAvailable);
  });
});

describe("limits", () => {
  it("allow no surge when recreating", () => {
    expect(maxPodsOf(deployment({ replicas: 3, strategy: { type: "Recreate" } }))).toBe(3);
  });

  it("roll by default, with what the API server fills in", () => {
    expect(limitsOf(deployment({ replicas: 3, strategy: rolling("25%", "25%") }))).toEqual({
      maxSurge: 1,
      maxUnavailable: 0,
    });
  });

  it("round a percentage up for surge and down for unavailable", () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(10_000), (percent, total) => {
        const up = resolveIntOrPercent(`${percent}%`, total, "up");
        const down = resolveIntOrPercent(`${percent}%`, total, "down");
        expect(up * 100).toBeGreaterThanOrEqual(percent * total);
        expect(down * 100).toBeLessThanOrEqual(percent * total);
        expect(up - down).toBe((percent * total) % 100 === 0 ? 0 : 1);
      }),
    );
  });

  it("always leave room for a step", () => {
    const limit = fc.oneof(
      fc.nat(20),
      fc.nat(100).map((n) => `${n}%`),
    );
    fc.assert(
      fc.property(limit, limit, fc.integer({ min: 1, max: 1000 }), (surge, unavailable, desired) => {
        const { maxSurge, maxUnavailable } = limitsOf(
          deployment({ replicas: desired, strategy: rolling(surge, unavailable) }),
        );
        expect(maxSurge + maxUnavailable).toBeGreaterThan(0);
        expect(maxUnavailable).toBeLessThanOrEqual(desired);
      }),
    );
  });
});
