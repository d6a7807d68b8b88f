/** Promise 7 in full: the daemon, the kubelet or both are killed at every moment of the story that `test/crash` samples. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type History, makeHistory } from "../crash/history.ts";
import { allKills, countKinds, playKills, twice, VICTIMS } from "../crash/matrix.ts";
import { type Outcome, play } from "../crash/story.ts";

let history: History;
let undisturbed: Outcome;

beforeAll(async () => {
  history = await makeHistory();
  undisturbed = await play(history, []);
  console.log(countKinds(undisturbed.moments));
});
afterAll(() => history.dispose());

/** Half a thousand stories, on a machine that has other things to do. */
const LONGEST_MS = 900_000;
const EACH = VICTIMS.map((victims) => ({ name: victims.join(" and "), victims }));

it.each(EACH)("comes out the same wherever it is killed: $name", { timeout: LONGEST_MS }, async ({ victims }) => {
  const kills = allKills(undisturbed.moments, victims);
  expect(kills.length).toBeGreaterThan(300);
  const lists = kills.map((kill) => [kill]);
  expect(await playKills(history, undisturbed, lists)).toEqual([]);
});

it.each(EACH)(
  "comes out the same when the next one is killed as well: $name",
  { timeout: LONGEST_MS },
  async ({ victims }) => {
    const lists = twice(allKills(undisturbed.moments, victims));
    // A second kill after the end of the story has nobody left to hit.
    const within = lists
      .filter(([, second]) => (second?.moment ?? 0) < undisturbed.moments.length)
      .filter((_, index) => index % 3 === 0);
    expect(await playKills(history, undisturbed, within)).toEqual([]);
  },
);
