import { getHeapStatistics } from "node:v8";
import { beforeEach, expect, it } from "vitest";
import { giveBackMemory } from "../../src/daemon/give-back.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { collectGarbage, heapHeld } from "../../src/util/heap.ts";

const MIB = 2 ** 20;

let clock: VirtualClock;
/** Held now. */
let mib: number;
let collected: number;
let change: () => void;
let stop: () => void;

/** @param held At the start */
function begin(held: number): void {
  clock = new VirtualClock(0);
  mib = held;
  collected = 0;
  change = () => {};
  stop = giveBackMemory({
    clock,
    onChange: (listener) => {
      change = listener;
      return () => {
        change = () => {};
      };
    },
    held: () => mib * MIB,
    collect: () => collected++,
  });
}

/** Something happens, after which so much is held, and then nothing. */
async function burst(held: number): Promise<number> {
  change();
  mib = held;
  await clock.advance(20_000);
  return collected;
}

beforeEach(() => begin(20));

it("collects once, when ten seconds have passed since the last change", async () => {
  change();
  mib = 100;
  await clock.advance(9_000);
  change();
  await clock.advance(9_999);
  expect(collected).toBe(0);
  await clock.advance(1);
  expect(collected).toBe(1);
  await clock.advance(3_600_000);
  expect(collected).toBe(1);
});

it("goes by the least that was held since: many small bursts are a large one", async () => {
  expect(await burst(51)).toBe(0);
  expect(await burst(52)).toBe(1);
});

it("takes what is held once V8 has given back for what is used", async () => {
  expect(await burst(170)).toBe(1);
  // Not yet given back.
  expect(await burst(170)).toBe(1);
  mib = 70;
  expect(await burst(80)).toBe(1);
  expect(await burst(101)).toBe(1);
  expect(await burst(102)).toBe(2);
  mib = 70;
  for (let more = 0; more < 5; more++) expect(await burst(90)).toBe(2);
});

it.each([
  [400, 499, 0],
  [400, 500, 1],
])("leaves less than a quarter: %i MiB, then %i", async (before, after, times) => {
  begin(before);
  expect(await burst(after)).toBe(times);
});

it("does nothing once it was ended, whatever was under way", async () => {
  mib = 100;
  change();
  stop();
  change();
  await clock.advance(20_000);
  expect(collected).toBe(0);
});

it("really frees what is used no more", () => {
  const used = (): number => getHeapStatistics().used_heap_size;
  let kept: number[][] | null = Array.from({ length: 200 }, () => new Array(50_000).fill(0.5));
  const full = used();
  expect(kept).toHaveLength(200);
  expect(heapHeld()).toBeGreaterThanOrEqual(full);
  kept = null;
  collectGarbage();
  expect(full - used()).toBeGreaterThan(40 * MIB);
  expect((globalThis as { gc?: unknown }).gc).toBeUndefined();
});
