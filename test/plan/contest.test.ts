/** Contests: when a repair is not made, for how long, and that none is fought or forgotten. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Observed } from "../../src/model/plan.ts";
import { asCommitId } from "../../src/model/source.ts";
import { CONTEST_WINDOW_MS, ContestHistory, fieldName, markContested } from "../../src/plan/contest.ts";
import { planApp } from "../../src/plan/plan.ts";
import { configMap, declaredOf, observedOf } from "./declared.ts";

const MINUTE = 60_000;
const FIELD = "configmap/c data.a";
const START = Date.UTC(2026, 0, 1);

function historyOf(repairs: number[], contests: number[]): ContestHistory {
  const history = new ContestHistory();
  for (const at of contests) history.contested(FIELD, START + at * MINUTE);
  for (const at of repairs) history.repaired(FIELD, START + at * MINUTE);
  return history;
}

describe("a field", () => {
  const rows: {
    name: string;
    repairs: number[];
    contests: number[];
    now: number;
    until: number | null;
    isNew: boolean;
  }[] = [
    { name: "without a history is repaired", repairs: [], contests: [], now: 0, until: null, isNew: false },
    { name: "repaired once is repaired", repairs: [0], contests: [], now: 1, until: null, isNew: false },
    { name: "repaired twice is contested", repairs: [0, 1], contests: [], now: 2, until: 12, isNew: true },
    {
      name: "repaired twice, long ago once, is repaired",
      repairs: [0, 5],
      contests: [],
      now: 10,
      until: null,
      isNew: false,
    },
    { name: "contested is left alone", repairs: [], contests: [0], now: 9, until: 10, isNew: false },
    { name: "contested is tried again", repairs: [], contests: [0], now: 10, until: null, isNew: false },
    { name: "contested twice is left alone longer", repairs: [], contests: [0, 12], now: 31, until: 32, isNew: false },
    { name: "contested thrice, longer still", repairs: [], contests: [0, 12, 34], now: 73, until: 74, isNew: false },
    {
      name: "contested often, an hour",
      repairs: [],
      contests: [0, 12, 34, 76, 138],
      now: 197,
      until: 198,
      isNew: false,
    },
    { name: "contested again after a repair each", repairs: [11, 12], contests: [0], now: 13, until: 33, isNew: true },
    { name: "contested hours ago starts over", repairs: [500, 501], contests: [0], now: 502, until: 512, isNew: true },
    {
      name: "of a time that lies ahead, as the clock was set back, is repaired",
      repairs: [],
      contests: [600],
      now: 0,
      until: null,
      isNew: false,
    },
    {
      name: "repaired in a time that lies far ahead is repaired",
      repairs: [600, 601],
      contests: [],
      now: 0,
      until: null,
      isNew: false,
    },
  ];
  it.each(rows)("$name", ({ repairs, contests, now, until, isNew }) => {
    const answer = historyOf(repairs, contests).leftAloneUntil(FIELD, START + now * MINUTE);
    expect(answer === null ? null : (answer.until - START) / MINUTE).toBe(until);
    expect(answer?.isNew ?? false).toBe(isNew);
  });

  it("is repaired at most twice in ten minutes between contests, and tried again within an hour", () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 20 * MINUTE }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(gaps, (steps) => {
        const history = new ContestHistory();
        let now = START;
        let repairs: number[] = [];
        let contestedAt: number | null = null;
        for (const step of steps) {
          now += step;
          const left = history.leftAloneUntil(FIELD, now);
          if (left === null) {
            history.repaired(FIELD, now);
            repairs.push(now);
            expect(repairs.filter((at) => now - at < CONTEST_WINDOW_MS).length).toBeLessThanOrEqual(2);
          } else if (left.isNew) {
            history.contested(FIELD, now);
            contestedAt = now;
            repairs = [];
          }
          if (left !== null) {
            expect(left.until - now).toBeLessThanOrEqual(60 * MINUTE);
            expect(left.until - (contestedAt ?? now)).toBeLessThanOrEqual(60 * MINUTE);
          }
        }
      }),
    );
  });
});

describe("a plan", () => {
  const declared = [declaredOf(configMap("c", { a: "1", b: "1" })), declaredOf(configMap("d", { a: "1" }))];
  const live = (data: Record<string, string>): Observed => ({
    ...observedOf(configMap("c", data), "shop"),
    applied: configMap("c", { a: "1", b: "1" }),
  });
  const plan = (observed: Observed[]) => {
    return planApp({ app: "shop", commit: asCommitId("1".repeat(40)), declared, observed });
  };
  const other = observedOf(configMap("d", { a: "1" }), "shop");

  it("with one contested field leaves that object alone, and no other", () => {
    const history = historyOf([0, 1], []);
    const marked = markContested(plan([live({ a: "x", b: "x" })]), history, START + 2 * MINUTE);
    expect(marked.plan.changes.map(({ id, contestedUntil }) => [id.name, contestedUntil])).toEqual([
      ["c", "2026-01-01T00:12:00.000Z"],
      ["d", undefined],
    ]);
    expect(marked.fresh).toEqual([FIELD]);
    expect(marked.againAt).toBe(START + 12 * MINUTE);
  });

  it("with a contested field that does not differ is the same plan", () => {
    const given = plan([live({ a: "1", b: "x" }), other]);
    const marked = markContested(given, historyOf([0, 1], []), START + 2 * MINUTE);
    expect(marked.plan).toBe(given);
    expect([marked.fresh, marked.againAt]).toEqual([[], null]);
  });

  it("knows an object that is gone as a whole", () => {
    const history = new ContestHistory();
    for (const at of [0, 1]) history.repaired(fieldName("configmap/c", ""), START + at);
    const marked = markContested(plan([other]), history, START + 2);
    expect(marked.fresh).toEqual(["configmap/c "]);
  });
});
