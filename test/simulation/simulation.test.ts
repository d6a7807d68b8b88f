/** Random worlds, seed by seed: apps, commits, faults, restarts, and the promises that hold all the while. */
import { describe, expect, it } from "vitest";
import { makeHistory } from "./history.ts";
import { play } from "./play.ts";
import { explain } from "./shrink.ts";
import { Tally } from "./tally.ts";

const SEEDS = 150;

describe("the simulation", () => {
  it(`holds every promise in ${SEEDS} random histories, with every fault and every outcome among them`, async () => {
    const tally = new Tally();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const history = makeHistory(seed);
      const played = await play(history);
      if (played.violations.length > 0) expect.fail(await explain(history, played));
      tally.merge(played.tally);
    }
    console.log(String(tally));
    expect(tally.missing).toEqual([]);
  }, 120_000);

  it.each([3, 12, 20])("replays seed %i exactly", async (seed) => {
    const [once, again] = [
      await play(makeHistory(seed), { withDigest: true }),
      await play(makeHistory(seed), { withDigest: true }),
    ];
    expect(once.violations).toEqual([]);
    expect(once.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(again.digest).toBe(once.digest);
    expect(again.virtualMs).toBe(once.virtualMs);
  });
});
