import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs } from "../../src/util/backoff.ts";

describe("back-off", () => {
  it.each([
    ["the kubelet's crash loop", 10_000, 300_000, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]],
    ["a controller's retries", 5, 1_000_000, [5, 10, 20, 40, 80, 160, 320]],
  ])("of %s", (_name, baseMs, maxMs, waits) => {
    expect(waits.map((_wait, failures) => backoffMs(failures, { baseMs, maxMs }))).toEqual(waits);
  });

  it("never shrinks, never exceeds its cap, and stays a number however often it failed", () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (failures, baseMs, maxMs) => {
          const wait = backoffMs(failures, { baseMs, maxMs });
          expect(wait).toBeLessThanOrEqual(maxMs);
          expect(wait).toBeGreaterThanOrEqual(Math.min(baseMs, maxMs));
          expect(backoffMs(failures + 1, { baseMs, maxMs })).toBeGreaterThanOrEqual(wait);
        },
      ),
    );
  });
});
