import { expect, it } from "vitest";
import { SharedReads } from "../../src/util/shared-reads.ts";

/** Reads that end when the test says so. */
function held(): { reads: SharedReads<string, number>; begun: PromiseWithResolvers<number>[]; keys: string[] } {
  const begun: PromiseWithResolvers<number>[] = [];
  const keys: string[] = [];
  const reads = new SharedReads<string, number>((key) => {
    const reading = Promise.withResolvers<number>();
    begun.push(reading);
    keys.push(key);
    return reading.promise;
  });
  return { reads, begun, keys };
}

it("answers nobody with a reading that had begun before they asked, and all who wait with the next one", async () => {
  const { reads, begun, keys } = held();
  const first = reads.read("main");
  const others = [reads.read("main"), reads.read("main"), reads.read("main")];
  expect(keys).toEqual(["main"]);
  begun[0]?.resolve(1);
  expect(await first).toBe(1);
  expect(keys).toEqual(["main", "main"]);
  const late = reads.read("main");
  begun[1]?.resolve(2);
  expect(await Promise.all(others)).toEqual([2, 2, 2]);
  begun[2]?.resolve(3);
  expect(await late).toBe(3);
  expect(keys).toHaveLength(3);
  void reads.read("main");
  expect(keys).toHaveLength(4);
});

it("keeps what is asked for apart", async () => {
  const { reads, begun, keys } = held();
  const answers = [reads.read("main"), reads.read("next")];
  expect(keys).toEqual(["main", "next"]);
  begun[1]?.resolve(2);
  begun[0]?.resolve(1);
  expect(await Promise.all(answers)).toEqual([1, 2]);
});

it("tells a failure to those who waited for that reading only", async () => {
  const { reads, begun } = held();
  const first = reads.read("main");
  const second = [reads.read("main"), reads.read("main")];
  begun[0]?.reject(new Error("away"));
  await expect(first).rejects.toThrow("away");
  begun[1]?.reject(new Error("still away"));
  for (const each of second) await expect(each).rejects.toThrow("still away");
  const third = reads.read("main");
  begun[2]?.resolve(3);
  expect(await third).toBe(3);
});
