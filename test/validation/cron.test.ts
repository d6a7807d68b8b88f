/** Cron expressions: what Kubernetes takes, what it refuses, and what never comes. Facts: robfig/cron's ParseStandard. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkCron, neverComes } from "../../src/validation/cron.ts";
import { checkTimeZone } from "../../src/validation/time-zone.ts";

describe("cron expressions", () => {
  it.each([
    ["* * * * *"],
    ["*/15 0-6,22 ? JAN-mar Mon-Fri"],
    ["  0   0 1 1 0 "],
    ["5/10 * * * *"],
    ["0,,30 * * * *"],
    ["@daily"],
    ["@every 1h30m"],
  ])("takes %j", (schedule) => {
    expect(checkCron(schedule)).toBeNull();
  });

  it.each([
    ["", "it must have exactly 5 fields, not 0"],
    ["* * * *", "it must have exactly 5 fields, not 4"],
    ["0 * * * * *", "it must have exactly 5 fields, not 6"],
    ["TZ=UTC 0 0 * * *", "it may not hold TZ or CRON_TZ"],
    ["60 * * * *", "the minute must be from 0 to 59, not 60"],
    ["* 24 * * *", "the hour must be from 0 to 23, not 24"],
    ["* * 0 * *", "the day of the month must be from 1 to 31, not 0"],
    ["* * * 13 *", "the month must be from 1 to 12, not 13"],
    ["* * * * 7", "the day of the week must be from 0 to 6, not 7"],
    ["5-1 * * * *", "the minute must not begin after its end: 5 is beyond 1"],
    ["1-2-3 * * * *", 'the minute must have at most one hyphen in "1-2-3"'],
    ["*/1/2 * * * *", 'the minute must have at most one slash in "*/1/2"'],
    ["*/0 * * * *", 'the step of the minute must be a positive number, not "0"'],
    ["*/x * * * *", 'the step of the minute must be a positive number, not "x"'],
    ["jan * * * *", 'the minute must be a number from 0 to 59, not "jan"'],
    [
      "* * * * someday",
      'the day of the week must be a number from 0 to 6 or a name (sun, mon, tue, wed, thu, fri, sat), not "someday"',
    ],
    ["@noon", "it must be one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or @every"],
    ["@every day", "@every must be followed by a duration"],
  ])("refuses %j: %s", (schedule, clause) => {
    expect(checkCron(schedule)?.clause).toBe(clause);
  });

  it.each([
    ["0 0 31 2 *", true],
    ["0 0 30-31 feb *", true],
    ["0 0 31 4,6 *", true],
    ["0 0 29 2 *", false],
    ["0 0 31 2,3 *", false],
    ["0 0 31 2 mon", false],
    ["0 0 */31 2 *", false],
    ["@yearly", false],
  ])("%j never comes: %s", (schedule, never) => {
    expect(neverComes(schedule)).toBe(never);
  });

  it("never throw, whatever is written", () => {
    const odd = fc.string({
      unit: fc.constantFrom("*", "/", "-", ",", " ", "1", "31", "@", "feb", "?"),
      maxLength: 30,
    });
    fc.assert(
      fc.property(odd, (schedule) => {
        if (checkCron(schedule) === null) neverComes(schedule);
      }),
    );
  });
});

describe("time zones", () => {
  it.each([
    ["Europe/Berlin", true],
    ["Etc/UTC", true],
    ["Asia/Calcutta", true],
    ["UTC", true],
    ["europe/berlin", false],
    ["Local", false],
    ["+01:00", false],
    ["", false],
    ["../etc/passwd", false],
    ["Mars/Olympus", false],
  ])("%j is one: %s", (name, sound) => {
    expect(checkTimeZone(name) === null).toBe(sound);
  });
});
