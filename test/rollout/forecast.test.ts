import { describe, expect, it } from "vitest";
import type { RolloutForecast } from "../../src/model/rollout.ts";
import { type ForecastInput, forecastRollout } from "../../src/rollout/forecast.ts";

function forecast(input: Partial<ForecastInput> & { desired: number }): RolloutForecast {
  return forecastRollout({
    limits: { maxSurge: "25%", maxUnavailable: "25%" },
    strategy: "RollingUpdate",
    current: input.desired,
    startupMs: 1000,
    minReadySeconds: 0,
    ...input,
  });
}

/** `new 0->1 | avail | old 3->2, new 1->2`: what deployment-semantics A5 writes of a rollout. */
function timeline({ samples, peakPods, lowestAvailable, outcome }: RolloutForecast): string {
  const names = samples
    .map(({ message }) => /replica set (\S+) from/.exec(message)?.[1])
    .filter((name) => name !== undefined);
  const up = samples
    .map(({ message }) => /Scaled up replica set (\S+)/.exec(message)?.[1])
    .find((name) => name !== undefined);
  const groups: string[][] = [[]];
  for (const { message } of samples) {
    const scaled = /replica set (\S+) from (\d+) to (\d+)/.exec(message);
    if (scaled !== null) groups.at(-1)?.push(`${scaled[1] === up ? "new" : "old"} ${scaled[2]}->${scaled[3]}`);
    else if (groups.at(-1)?.length !== 0) groups.push([]);
  }
  expect(new Set(names).size).toBeLessThanOrEqual(2);
  const steps = groups.filter((group) => group.length > 0).map((group) => group.join(", "));
  return `${steps.join(" | avail | ")}; peak ${peakPods}, min available ${lowestAvailable}; ${outcome}`;
}

describe("the worked timelines", () => {
  it.each([
    [
      3,
      "25%",
      "25%",
      "new 0->1 | avail | old 3->2, new 1->2 | avail | old 2->1, new 2->3 | avail | old 1->0; peak 4, min available 3; complete",
    ],
    [
      4,
      "25%",
      "25%",
      "new 0->1, old 4->3, new 1->2 | avail | old 3->1, new 2->4 | avail | old 1->0; peak 5, min available 3; complete",
    ],
    [
      10,
      "25%",
      "25%",
      "new 0->3, old 10->8, new 3->5 | avail | old 8->3, new 5->10 | avail | old 3->0; peak 13, min available 8; complete",
    ],
    [
      3,
      0,
      1,
      "old 3->2, new 0->1 | avail | old 2->1, new 1->2 | avail | old 1->0, new 2->3; peak 3, min available 2; complete",
    ],
    [1, 0, "1%", "old 1->0, new 0->1; peak 1, min available 0; complete"],
    [1, "25%", "25%", "new 0->1 | avail | old 1->0; peak 2, min available 1; complete"],
    [5, "100%", 0, "new 0->5 | avail | old 5->0; peak 10, min available 5; complete"],
    [5, 0, "100%", "old 5->0, new 0->5; peak 5, min available 0; complete"],
  ])("%i replicas, surge %s, unavailable %s", (desired, maxSurge, maxUnavailable, want) => {
    expect(timeline(forecast({ desired, limits: { maxSurge, maxUnavailable } }))).toBe(want);
  });
});

describe("a forecast", () => {
  it("reads like a log", () => {
    const { samples, durationMs } = forecast({ desired: 1, minReadySeconds: 5 });
    expect(
      samples.map(({ atMs, message, pods, available }) => `${atMs} ${message} (${pods} pods, ${available} available)`),
    ).toEqual([
      "0 Scaled up replica set web-644bcb6cf5 from 0 to 1 (2 pods, 1 available)",
      "1000 pod web-644bcb6cf5-2 is ready (2 pods, 1 available)",
      "6000 pod web-644bcb6cf5-2 is available (2 pods, 2 available)",
      "6000 Scaled down replica set web-65fb57dd7d from 1 to 0 (1 pods, 1 available)",
    ]);
    expect(durationMs).toBe(6000);
  });

  it("of Recreate goes down to nothing, and waits until the old pods are gone", () => {
    const made = forecast({ desired: 2, strategy: "Recreate", terminationMs: 4000 });
    expect(timeline(made)).toBe("old 2->0, new 0->2; peak 2, min available 0; complete");
    expect(made.samples.map(({ atMs }) => atMs)).toEqual([0, 4000, 5000, 5000]);
  });

  it("of pods that never become ready is stuck, says where, and keeps what must stay", () => {
    const made = forecast({ desired: 4, startupMs: Number.POSITIVE_INFINITY });
    expect(made).toMatchObject({
      outcome: "stuck",
      reason: "2 out of 4 new replicas have been updated",
      lowestAvailable: 3,
      peakPods: 5,
    });
  });

  it("of a first rollout starts from nothing", () => {
    const made = forecast({ desired: 3, current: 0 });
    expect(timeline(made)).toBe("new 0->3; peak 3, min available 0; complete");
    expect(made.durationMs).toBe(1000);
  });

  it("of another size scales what there is first, as the controller does", () => {
    expect(forecast({ desired: 2, current: 3 }).samples[0]?.message).toMatch(
      /^Scaled down replica set web-65fb57dd7d from 3 to 2$/,
    );
  });

  it("of nothing is complete at once", () => {
    expect(forecast({ desired: 0 })).toMatchObject({ outcome: "complete", durationMs: 0, reason: "" });
  });
});
