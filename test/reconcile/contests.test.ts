/** Contests after a restart: the ledger's events tell the same as the memory that was lost. */
import { describe, expect, it } from "vitest";
import type { Attempt, AttemptEvent } from "../../src/model/ledger.ts";
import { asCommitId } from "../../src/model/source.ts";
import { ContestHistory } from "../../src/plan/contest.ts";
import { recallContests } from "../../src/reconcile/contests.ts";

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const FIELD = "configmap/c data.a";

function attempt(row: number, events: [number, string, AttemptEvent["detail"]?][]): Attempt {
  return {
    app: "shop",
    target: "local",
    commit: asCommitId("1".repeat(40)),
    ordinal: row,
    row,
    openedAt: "",
    ref: "main",
    authorName: "",
    authorEmail: "",
    subject: "",
    events: events.map(([minute, type, detail]) => ({
      at: new Date(START + minute * MINUTE).toISOString(),
      type,
      message: "",
      ...(detail !== undefined && { detail }),
    })),
  };
}

const drift = { changes: [{ action: "update", object: "configmap/c", fields: ["data.a"] }] };
const gone = { changes: [{ action: "create", object: "configmap/c", fields: [] }] };
const lost = {
  changes: [{ action: "restart", object: "pod/p", workload: "deployment/web", why: "exit code 1", count: 1 }],
};

describe("a history that is recalled", () => {
  const rows: {
    name: string;
    attempts: Attempt[];
    field: string;
    now: number;
    until: number | null;
    isNew: boolean;
  }[] = [
    { name: "of nothing", attempts: [], field: FIELD, now: 0, until: null, isNew: false },
    {
      name: "of one repair",
      attempts: [attempt(1, [[0, "drift", drift]])],
      field: FIELD,
      now: 2,
      until: null,
      isNew: false,
    },
    // Newest first, as the ledger gives them.
    {
      name: "of two repairs in two attempts",
      attempts: [attempt(2, [[1, "drift", drift]]), attempt(1, [[0, "drift", drift]])],
      field: FIELD,
      now: 2,
      until: 12,
      isNew: true,
    },
    {
      name: "of a contest",
      attempts: [
        attempt(1, [
          [0, "drift", drift],
          [1, "drift", drift],
          [2, "contested", { fields: [FIELD] }],
        ]),
      ],
      field: FIELD,
      now: 5,
      until: 12,
      isNew: false,
    },
    {
      name: "of an object that was deleted twice",
      attempts: [
        attempt(1, [
          [0, "drift", gone],
          [1, "drift", gone],
        ]),
      ],
      field: "configmap/c ",
      now: 2,
      until: 12,
      isNew: true,
    },
    {
      name: "of lost pods, which is no contest",
      attempts: [
        attempt(1, [
          [0, "drift", lost],
          [1, "drift", lost],
        ]),
      ],
      field: "pod/p ",
      now: 2,
      until: null,
      isNew: false,
    },
    {
      name: "of retries, which are none either",
      attempts: [
        attempt(1, [
          [0, "retry", drift],
          [1, "retry", drift],
        ]),
      ],
      field: FIELD,
      now: 2,
      until: null,
      isNew: false,
    },
    {
      name: "of details that are none",
      attempts: [
        attempt(1, [
          [0, "drift"],
          [1, "contested", { fields: "x" }],
          [1, "drift", { changes: [{}, { object: 1 }] }],
        ]),
      ],
      field: FIELD,
      now: 2,
      until: null,
      isNew: false,
    },
  ];
  it.each(rows)("$name", ({ attempts, field, now, until, isNew }) => {
    const history = new ContestHistory();
    recallContests(history, attempts);
    const answer = history.leftAloneUntil(field, START + now * MINUTE);
    expect(answer === null ? null : (answer.until - START) / MINUTE).toBe(until);
    expect(answer?.isNew ?? false).toBe(isNew);
  });
});
