import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keepAvailable, planProportionalScale } from "../../src/rollout/proportional.ts";

/** Sizes of the new and the old ReplicaSets, newest first, before and after; `before` and `after` are what the Deployment asks for. */
interface Vector {
  name: string;
  before: number;
  after: number;
  surgeBefore?: number;
  surge?: number;
  sizes: number[];
  want: number[];
}

// Kubernetes pkg/controller/deployment/sync_test.go, TestScale (Apache-2.0), as deployment-semantics A6 lists it.
const VECTORS: Vector[] = [
  { name: "up", before: 5, after: 10, sizes: [2, 3], want: [4, 6] },
  { name: "down", before: 5, after: 3, sizes: [2, 3], want: [1, 2] },
  { name: "down, and the small one keeps nothing", before: 9, after: 4, sizes: [8, 1], want: [4, 0] },
  { name: "up, three of them", before: 7, after: 10, sizes: [2, 3, 2], want: [3, 4, 3] },
  { name: "down, three of them", before: 13, after: 8, sizes: [2, 8, 3], want: [1, 5, 2] },
  { name: "up by one, the newest of equals gains", before: 3, after: 4, sizes: [1, 1, 1], want: [2, 1, 1] },
  { name: "down by one, the oldest of equals loses", before: 3, after: 2, sizes: [1, 1, 1], want: [1, 1, 0] },
  { name: "up with no new ReplicaSet", before: 4, after: 5, sizes: [2, 2], want: [3, 2] },
  { name: "to nothing", before: 6, after: 0, sizes: [3, 2, 1], want: [0, 0, 0] },
  { name: "up with surge", before: 10, after: 20, surgeBefore: 2, surge: 2, sizes: [6, 6], want: [11, 11] },
  { name: "up with another surge", before: 10, after: 50, surgeBefore: 3, surge: 6, sizes: [5, 8], want: [22, 34] },
  { name: "up with another template", before: 10, after: 14, sizes: [7, 3], want: [10, 4] },
];

function scale({ before, after, surgeBefore = 0, surge = 0, sizes }: Vector): number[] {
  const shares = sizes.map((replicas, age) => ({
    name: `rs-${age}`,
    replicas,
    maxBefore: before + surgeBefore,
    creationTimestamp: new Date((100 - age) * 1000).toISOString(),
  }));
  const plan = planProportionalScale(after, after + surge, shares);
  expect(plan.map(({ name }) => name).sort()).toEqual(shares.map(({ name }) => name));
  return shares.map(({ name }) => plan.find((size) => size.name === name)?.to ?? -1);
}

describe("proportional scaling", () => {
  it("has twelve upstream vectors", () => expect(VECTORS).toHaveLength(12));

  it.each(VECTORS)("$name: $before → $after", (vector) => {
    expect(scale(vector)).toEqual(vector.want);
  });

  it("always adds up to what is allowed, and never gives less than none", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 5 }),
        fc.nat(80),
        fc.nat(10),
        fc.nat(5),
        (sizes, after, surge, slack) => {
          const total = sizes.reduce((sum, size) => sum + size, 0);
          const scaled = scale({ name: "", before: total + slack, after, surge, sizes, want: [] });
          expect(Math.min(...scaled)).toBeGreaterThanOrEqual(0);
          expect(scaled.reduce((sum, size) => sum + size, 0)).toBe(after === 0 ? 0 : after + surge);
        },
      ),
    );
  });

  it("leaves all to the largest when nothing says how large the Deployment was", () => {
    const shares = [
      { name: "a", replicas: 3, maxBefore: 0, creationTimestamp: "" },
      { name: "b", replicas: 2, maxBefore: 0, creationTimestamp: "" },
    ];
    expect(planProportionalScale(8, 8, shares)).toEqual([
      { name: "a", to: 6 },
      { name: "b", to: 2 },
    ]);
  });
});

describe("available pods while scaling", () => {
  it.each([
    { name: "moves what is missing", to: [3, 2], available: [4, 0], least: 4, want: [4, 1] },
    { name: "moves nothing where enough stay", to: [3, 2], available: [4, 0], least: 3, want: [3, 2] },
    {
      name: "moves all that is available where more is asked for",
      to: [1, 2],
      available: [2, 0],
      least: 3,
      want: [2, 1],
    },
    { name: "takes from several", to: [2, 1, 1], available: [4, 0, 0], least: 4, want: [4, 0, 0] },
    { name: "gives to several", to: [1, 1, 3], available: [2, 2, 0], least: 4, want: [2, 2, 1] },
    { name: "leaves growing alone", to: [5, 3], available: [2, 1], least: 7, want: [5, 3] },
    { name: "leaves sizes alone where nothing is available", to: [1, 2], available: [0, 0], least: 3, want: [1, 2] },
  ])("$name", ({ to, available, least, want }) => {
    const sizes = to.map((size, index) => ({ name: `rs-${index}`, to: size, available: available[index] ?? 0 }));
    expect(keepAvailable(sizes, least).map((size) => size.to)).toEqual(want);
  });

  it("keeps the sum, and as many available as are asked for and there", () => {
    const share = fc.record({ to: fc.nat(20), available: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(share, { minLength: 1, maxLength: 5 }), fc.nat(30), (shares, slack) => {
        const sizes = shares.map((own, index) => ({ name: `rs-${index}`, ...own }));
        const total = sizes.reduce((sum, { to }) => sum + to, 0);
        const least = Math.max(0, total - slack);
        const kept = keepAvailable(sizes, least);
        expect(kept.reduce((sum, { to }) => sum + to, 0)).toBe(total);
        const there = sizes.reduce((sum, { available }) => sum + available, 0);
        const left = kept.reduce((sum, { to }, index) => sum + Math.min(to, sizes[index]?.available ?? 0), 0);
        expect(left).toBeGreaterThanOrEqual(Math.min(least, there));
      }),
    );
  });
});
