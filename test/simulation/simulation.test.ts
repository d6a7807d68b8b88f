/** Random worlds, seed by seed: apps, commits, faults, restarts, and the promises that hold all the while. */
import { describe, expect, it } from "vitest";
import { makeHistory } from "./history.ts";
import { play } from "./play.ts";
import { explain } from "./shrink.ts";
import { Tally } from "./tally.ts";

const SEEDS = 300;
/** Every so manieth of them is played once more with its objects in waves. */
const STAGED_EACH = 5;

describe("the simulation", () => {
  it(`holds every promise in ${SEEDS} random histories, with every fault and every outcome among them`, async () => {
    const tally = new Tally();
    const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
    const staged = seeds.filter((seed) => seed % STAGED_EACH === 0).map((seed) => makeHistory(seed, true));
    for (const history of [...seeds.map((seed) => makeHistory(seed)), ...staged]) {
      const played = await play(history);
      if (played.violations.length > 0) expect.fail(await explain(history, played));
      tally.merge(played.tally);
    }
    console.log(String(tally));
    expect(tally.missing).toEqual([]);
  }, 600_000);

  // Each of them once found a fault of src or of the checks that no earlier one had shown.
  it.each([
    4752, 4925, 6115, 8782, 8902, 9396, 9977, 20151, 40503, 50406, 50482, 50964, 70623, 71140, 71240, 72176, 72472,
  ])("holds every promise in the history of seed %i", async (seed) => {
    const history = makeHistory(seed);
    const played = await play(history);
    if (played.violations.length > 0) expect.fail(await explain(history, played));
  });

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

  // A witness that sees nothing would find every history in order.
  it.each([
    ["endpoint stays", /a pod got SIG(?:TERM|KILL) while \S+:80 still sent to it/],
    ["report lost", /report \d+ came after report \d+/],
    ["pod too many", /has \d+ pods; it is to have \d+|has \d+ pods that are not ending; \d+ is the most/],
    ["pod taken", /was deleted: \d+ of \S+'s pods are available, not \d+/],
  ] as const)("notices when a promise is broken on purpose: %s", async (sabotage, message) => {
    const history = makeHistory(3);
    const played = await play(history, { sabotage });
    expect(played.violations[0]).toMatch(message);
    const text = await explain(history, played, { sabotage });
    expect(text).toMatch(/^seed 3 fails; the shortest history found has [0-6] of its \d+ steps:\n/);
    expect(text).toMatch(message);
    expect(text).toMatch(/\nreplay: npm run soak -- 1 3 [0-9,]*$/);
  });
});
