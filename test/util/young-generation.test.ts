import { describe, expect, it } from "vitest";
import { holdingYoungGeneration } from "../../src/util/young-generation.ts";

// What it saves is measured where it is said; how large V8 makes the young generation of a test's own process depends on the tests before.
describe("holdingYoungGeneration", () => {
  it("answers and fails as the work does, also when work overlaps", async () => {
    const first = Promise.withResolvers<number>();
    const held = holdingYoungGeneration(() => first.promise);
    await expect(holdingYoungGeneration(() => Promise.reject(new Error("as the work")))).rejects.toThrow("as the work");
    first.resolve(7);
    expect(await held).toBe(7);
  });
});
