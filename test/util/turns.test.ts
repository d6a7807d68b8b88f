/** Turns: never more at a time than allowed, first come, first served, and nobody's turn is lost. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle } from "../../src/util/clock.ts";
import { Turns } from "../../src/util/turns.ts";

const { signal: NO_ABORT } = new AbortController();

describe("turns", () => {
  it("are taken in the order of asking, so many at a time", async () => {
    const turns = new Turns(2);
    const begun: number[] = [];
    const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const runs = ends.map((end, index) =>
      turns.run(NO_ABORT, () => {
        begun.push(index);
        return end.promise;
      }),
    );
    expect(begun).toEqual([0, 1]);
    ends[1]?.resolve();
    await settle();
    expect(begun).toEqual([0, 1, 2]);
    ends[0]?.reject(new Error("broken"));
    await expect(runs[0]).rejects.toThrow("broken");
    await settle();
    expect(begun).toEqual([0, 1, 2, 3]);
    ends[2]?.resolve();
    ends[3]?.resolve();
    await Promise.all(runs.slice(1));
  });

  it("are left by whoever is aborted while waiting", async () => {
    const turns = new Turns(1);
    const end = Promise.withResolvers<void>();
    const first = turns.run(NO_ABORT, () => end.promise);
    const abort = new AbortController();
    const second = turns.run(abort.signal, () => Promise.reject(new Error("never begun")));
    const third = turns.run(NO_ABORT, async () => "third");
    abort.abort(new Error("aborted"));
    await expect(second).rejects.toThrow("aborted");
    await expect(turns.run(abort.signal, async () => "late")).rejects.toThrow("aborted");
    end.resolve();
    await first;
    expect(await third).toBe("third");
    expect(await turns.run(NO_ABORT, async () => "free again")).toBe("free again");
  });

  it("are never more than allowed, whoever fails or leaves", async () => {
    const one = fc.record({ fails: fc.boolean(), leaves: fc.boolean(), rounds: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(one, { maxLength: 20 }), async (width, all) => {
        const turns = new Turns(width);
        let running = 0;
        const runs = all.map(({ fails, leaves, rounds }) => {
          const abort = new AbortController();
          const run = turns.run(abort.signal, async () => {
            expect(++running).toBeLessThanOrEqual(width);
            for (let round = 0; round < rounds; round++) await Promise.resolve();
            running--;
            if (fails) throw new Error("broken");
          });
          if (leaves) abort.abort(new Error("left"));
          return run;
        });
        await Promise.allSettled(runs);
        // All turns are free again.
        let most = 0;
        const again = Array.from({ length: width }, () => turns.run(NO_ABORT, async () => (most = ++running)));
        await Promise.all(again);
        expect(most).toBe(width);
      }),
    );
  });

  it("are at least one", () => {
    expect(() => new Turns(0)).toThrow("Cannot take turns as their number must be >= 1: it is 0.");
  });
});
