import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Random, randomSuffix, randomUuid, seededRandom, systemRandom } from "../../src/util/random.ts";

function take(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.next());
}

describe.each([
  ["seeded", () => seededRandom(42)],
  ["system", () => systemRandom],
])("%s numbers", (_name, make) => {
  it("are in [0, 1) and spread evenly", () => {
    const numbers = take(make(), 10_000);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    const tenths = new Array<number>(10).fill(0);
    for (const number of numbers) tenths[Math.floor(number * 10)] = (tenths[Math.floor(number * 10)] ?? 0) + 1;
    // 1,000 expected in each, standard deviation 30: eight of them never happen by chance.
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(240);
  });
});

describe("a seed", () => {
  it("gives the same numbers each time, and another one others", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(take(seededRandom(seed), 20)).toEqual(take(seededRandom(seed), 20));
        expect(take(seededRandom(seed), 20)).not.toEqual(take(seededRandom(seed + 1), 20));
      }),
      { numRuns: 50 },
    );
  });

  it("gives these numbers for ever: simulations replay by them", () => {
    expect(take(seededRandom(1), 3).map((number) => Math.floor(number * 2 ** 32))).toEqual([
      2693262067, 11749833, 2265367787,
    ]);
  });
});

describe("random names", () => {
  it("are made of Kubernetes' alphabet", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(20), (seed, length) => {
        expect(randomSuffix(seededRandom(seed), length)).toMatch(
          new RegExp(`^[bcdfghjklmnpqrstvwxz2456789]{${length}}$`),
        );
      }),
    );
    expect(randomSuffix(systemRandom)).toHaveLength(5);
  });

  it("reach both ends of the alphabet", () => {
    expect(randomSuffix({ next: () => 0 }, 1)).toBe("b");
    expect(randomSuffix({ next: () => 1 - 2 ** -53 }, 1)).toBe("9");
  });
});

describe("random uids", () => {
  it("are version 4 UUIDs, all different", () => {
    const random = seededRandom(3);
    const uids = Array.from({ length: 1000 }, () => randomUuid(random));
    for (const uid of uids)
      expect(uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(uids).size).toBe(1000);
  });

  it("keep their form at both ends", () => {
    expect(randomUuid({ next: () => 0 })).toBe("00000000-0000-4000-8000-000000000000");
    expect(randomUuid({ next: () => 1 - 2 ** -53 })).toBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
  });
});
