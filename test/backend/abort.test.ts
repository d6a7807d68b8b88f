/** Reading that a signal ends at once, for however long it goes on before. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { untilAborted } from "../../src/backend/abort.ts";

async function* endless(): AsyncGenerator<{ at: number }> {
  for (let at = 0; ; at++) yield { at };
}

describe("reading until a signal", () => {
  it("ends though the source waits, with the signal's reason", async () => {
    const abort = new AbortController();
    async function* silent(): AsyncGenerator<number> {
      yield 1;
      await new Promise(() => undefined);
    }
    const reader = untilAborted(silent(), abort.signal);
    expect((await reader.next()).value).toBe(1);
    const next = reader.next();
    abort.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
  });

  it("ends though the source always has more", async () => {
    const abort = new AbortController();
    const reader = untilAborted(endless(), abort.signal);
    await reader.next();
    abort.abort(new Error("enough"));
    await expect(reader.next()).rejects.toThrow("enough");
  });

  it("leaves nothing behind for each thing that was read", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const reader = untilAborted(endless(), new AbortController().signal);
    const heapAfter = async (count: number): Promise<number> => {
      for (let read = 0; read < count; read++) await reader.next();
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await heapAfter(1_000);
    const grown = (await heapAfter(50_000)) - before;
    // 40 bytes each would be 2 MB; a race against one promise took 256.
    expect(grown).toBeLessThan(2_000_000);
    await reader.return(undefined);
  });
});
