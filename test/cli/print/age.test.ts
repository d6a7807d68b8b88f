/** Ages and times, digit for digit as kubectl writes them. */
import { describe, expect, it } from "vitest";
import { ageOf, humanDuration, longTime, tookText } from "../../../src/cli/print/age.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

describe("humanDuration", () => {
  const rows: [ms: number, text: string][] = [
    [-2 * SECOND, "<invalid>"],
    [-1.5 * SECOND, "0s"],
    [-1, "0s"],
    [0, "0s"],
    [999, "0s"],
    [SECOND, "1s"],
    [119 * SECOND, "119s"],
    [120 * SECOND, "2m"],
    [121 * SECOND, "2m1s"],
    [10 * MINUTE - SECOND, "9m59s"],
    [10 * MINUTE, "10m"],
    [10 * MINUTE + SECOND, "10m"],
    [3 * HOUR - MINUTE, "179m"],
    [3 * HOUR, "3h"],
    [3 * HOUR + MINUTE, "3h1m"],
    [8 * HOUR - MINUTE, "7h59m"],
    [8 * HOUR, "8h"],
    [48 * HOUR - SECOND, "47h"],
    [48 * HOUR, "2d"],
    [49 * HOUR, "2d1h"],
    [8 * DAY - HOUR, "7d23h"],
    [8 * DAY, "8d"],
    [2 * YEAR - HOUR, "729d"],
    [2 * YEAR, "2y"],
    [2 * YEAR + DAY, "2y1d"],
    [8 * YEAR - HOUR, "7y364d"],
    [8 * YEAR, "8y"],
    [20 * YEAR, "20y"],
  ];
  it.each(rows)("of %d ms is %s", (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });
});

describe("ageOf", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  const rows: [time: string | undefined, text: string][] = [
    ["2026-11-23T11:59:48Z", "12s"],
    ["2026-11-23T12:00:05Z", "<invalid>"],
    [undefined, "<unknown>"],
    ["yesterday", "<unknown>"],
  ];
  it.each(rows)("of %s is %s", (time, text) => {
    expect(ageOf(time, now)).toBe(text);
  });
});

describe("other times", () => {
  it("are long in descriptions, in UTC", () => {
    expect(longTime("2026-11-03T07:04:02Z")).toBe("Tue, 03 Nov 2026 07:04:02 +0000");
    expect(longTime("2026-11-03T01:04:02+02:00")).toBe("Mon, 02 Nov 2026 23:04:02 +0000");
    expect(longTime(undefined)).toBe("<unset>");
  });

  it("show tenths of a second for what was quick", () => {
    expect([tookText(0), tookText(149), tookText(12_340), tookText(125_000), tookText(-5)]).toEqual([
      "0.0s",
      "0.1s",
      "12.3s",
      "2m5s",
      "0.0s",
    ]);
  });
});
