/** Events of both forms: with timestamps and a count, and with a time and a series. */
import { expect, it } from "vitest";
import { latestWarning, reporterOf, timesOf } from "../../src/model/event-times.ts";
import type { KubeEvent } from "../../src/model/workload.ts";

const [EARLY, LATE] = ["2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"];
const POD = { kind: "Pod", metadata: { name: "web", namespace: "shop", uid: "u" } };

function event(rest: object): KubeEvent {
  const involvedObject = { apiVersion: "v1", kind: "Pod", namespace: "shop", name: "web", uid: "u" };
  const metadata = { name: "e", creationTimestamp: EARLY };
  return { apiVersion: "v1", kind: "Event", metadata, type: "Warning", involvedObject, ...rest } as KubeEvent;
}

it.each<[string, object, ReturnType<typeof timesOf>]>([
  ["timestamps", { firstTimestamp: EARLY, lastTimestamp: LATE, count: 2 }, { first: EARLY, last: LATE, count: 2 }],
  [
    "nothing but a time",
    { eventTime: LATE, firstTimestamp: null, lastTimestamp: null },
    { first: LATE, last: LATE, count: 1 },
  ],
  [
    "a series",
    { eventTime: EARLY, series: { count: 7, lastObservedTime: LATE } },
    { first: EARLY, last: LATE, count: 7 },
  ],
  ["neither", {}, { first: EARLY, last: EARLY, count: 1 }],
])("an event with %s says when and how often", (_what, rest, expected) => {
  expect(timesOf(event(rest))).toEqual(expected);
});

it.each<[object, string]>([
  [{ source: { component: "kubelet" } }, "kubelet"],
  [{ source: {}, reportingComponent: "default-scheduler" }, "default-scheduler"],
  [{}, ""],
])("is reported by whom it says: %j", (rest, expected) => {
  expect(reporterOf(event(rest))).toBe(expected);
});

it("the latest warning about an object is the one told, whoever it is named by", () => {
  const old = event({ message: "old", lastTimestamp: EARLY });
  const series = event({ message: "series", eventTime: EARLY, series: { count: 2, lastObservedTime: LATE } });
  const normal = event({ message: "normal", type: "Normal", lastTimestamp: "2027-01-01T00:00:00Z" });
  const about = { apiVersion: "v1", kind: "Pod", namespace: "shop", name: "web" };
  const elsewhere = event({
    message: "other",
    involvedObject: { ...about, uid: "v" },
    lastTimestamp: "2027-01-01T00:00:00Z",
  });
  const named = event({ message: "named", involvedObject: about, lastTimestamp: EARLY });
  expect(latestWarning(POD, [series, old, normal, elsewhere])?.message).toBe("series");
  expect(latestWarning(POD, [named])?.message).toBe("named");
  expect(latestWarning(POD, [normal, elsewhere])).toBeUndefined();
});
