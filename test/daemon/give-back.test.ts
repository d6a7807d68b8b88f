import { beforeEach, expect, it } from "vitest";
import { giveBackMemory } from "../../src/daemon/give-back.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { collectGarbage, heapInUse } from "../../src/util/heap.ts";

const MIB = 2 ** 20;

let clock: VirtualClock;
let mib: number;
let collected: number;
let change: () => void;
let stop: () => void;

beforeEach(() => {
  clock = new VirtualClock(0);
  mib = 20;
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
    inUse: () => mib * MIB,
    collect: () => {
      collected++;
      mib = 40;
    },
  });
});

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

it("leaves it when there is little to gain over what was left the last time", async () => {
  mib = 51;
  change();
  await clock.advance(20_000);
  expect(collected).toBe(0);
  mib = 52;
  change();
  await clock.advance(20_000);
  expect(collected).toBe(1);
  mib = 71;
  change();
  await clock.advance(20_000);
  expect(collected).toBe(1);
});

it.each([
  [400, 499, 0],
  [400, 500, 1],
])("leaves less than a quarter of what is used: %i MiB, then %i", async (used, then, times) => {
  stop();
  mib = used;
  let heard: () => void = () => {};
  const onChange = (listener: () => void): (() => void) => {
    heard = listener;
    return () => {};
  };
  stop = giveBackMemory({ clock, onChange, inUse: () => mib * MIB, collect: () => collected++ });
  mib = then;
  heard();
  await clock.advance(20_000);
  expect(collected).toBe(times);
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
  let held: number[][] | null = Array.from({ length: 200 }, () => new Array(50_000).fill(0.5));
  const full = heapInUse();
  expect(held).toHaveLength(200);
  held = null;
  collectGarbage();
  expect(full - heapInUse()).toBeGreaterThan(40 * MIB);
  expect((globalThis as { gc?: unknown }).gc).toBeUndefined();
});
