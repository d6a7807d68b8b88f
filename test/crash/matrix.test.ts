/**
 * Promise 7: the daemon, the kubelet or both are killed before or after each effect of a story, and started again.
 *
 * Here a sample of the moments, with at least one of each kind; `npm run test:long` kills at all of them.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type History, makeHistory } from "./history.ts";
import { allKills, countKinds, KINDS, playKills, sampleKills, twice, VICTIMS } from "./matrix.ts";
import { type Outcome, play } from "./story.ts";

const EVERY = 29;
const EVERY_TWICE = 61;

let history: History;
let undisturbed: Outcome;

beforeAll(async () => {
  history = await makeHistory();
  undisturbed = await play(history, []);
});
afterAll(() => history.dispose());

describe("a story that nobody disturbs", () => {
  it("has effects of every kind", () => {
    const counts = countKinds(undisturbed.moments);
    console.log(`effects: ${KINDS.map((kind) => `${counts[kind]} × ${kind}`).join(", ")}`);
    expect(KINDS.filter((kind) => counts[kind] === 0)).toEqual([]);
  });

  it("ends each head in one row, each template in one revision, and starts each pod once", () => {
    expect(undisturbed.violations).toEqual([]);
    expect(undisturbed.ledger.map((row) => `${/^\w+/.exec(row)?.[0]} ${/"outcome":"([^"]+)"/.exec(row)?.[1]}`)).toEqual(
      [
        "attempt deployed",
        "attempt deployed",
        "attempt deployed",
        "revision deployed",
        "revision deployed",
        "revision deployed",
      ],
    );
    expect(undisturbed.starts).toBe(6);
    expect(
      undisturbed.objects.filter((object) => object.startsWith("ConfigMap")).map((each) => each.split(" ")[1]),
    ).toEqual(["kept", "same"]);
  });

  it("is the same each time, so that a moment's number names it", async () => {
    const again = await play(history, []);
    const words = ({ moments }: Outcome): string[] => moments.map(({ when, kind }) => `${when} ${kind}`);
    expect(words(again)).toEqual(words(undisturbed));
    expect(again.objects).toEqual(undisturbed.objects);
    expect(again.ledger).toEqual(undisturbed.ledger);
  });
});

describe("a story in which they are killed", () => {
  it.each(VICTIMS.map((victims) => ({ name: victims.join(" and "), victims })))(
    "comes out the same: $name",
    { timeout: 120_000 },
    async ({ victims }) => {
      const kills = sampleKills(undisturbed.moments, victims, EVERY);
      expect(kills.length).toBeGreaterThan(2 * KINDS.length);
      const lists = kills.map((kill) => [kill]);
      expect(await playKills(history, undisturbed, lists)).toEqual([]);
    },
  );

  it("comes out the same when the next one is killed, too", { timeout: 120_000 }, async () => {
    const lists = VICTIMS.flatMap((victims) => twice(allKills(undisturbed.moments.slice(0, -30), victims))).filter(
      (_, index) => index % EVERY_TWICE === 0,
    );
    expect(await playKills(history, undisturbed, lists)).toEqual([]);
  });
});
