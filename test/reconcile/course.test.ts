/** Courses: which commit is kept true, gone back to, and blamed, by what the ledger has. */
import { describe, expect, it } from "vitest";
import type { Attempt, AttemptEvent, Outcome } from "../../src/model/ledger.ts";
import { asCommitId, type CommitId } from "../../src/model/source.ts";
import { givenUp, lastApplied, lastGood, wasBroken } from "../../src/reconcile/course.ts";

const id = (letter: string): CommitId => asCommitId(letter.repeat(40));

function event(type: string, detail?: AttemptEvent["detail"]): AttemptEvent {
  return { at: "2026-01-01T00:00:00.000Z", type, message: "", ...(detail !== undefined && { detail }) };
}

/** `a deployed`, `b failed applied`, `c rollback>a`, `d` under way; oldest first, as text. */
function attempts(text: string): Attempt[] {
  const rows = text.split(", ").map((each, index): Attempt => {
    const [letter = "", ...words] = each.split(" ");
    const outcome = words.find(
      (word) => !["applied", "held", "nothing", "something"].includes(word) && !word.startsWith("rollback>"),
    );
    const events = words.flatMap((word) => {
      if (word === "applied" || word === "held") return [event(word)];
      if (word === "nothing" || word === "something") return [event("planned", { due: word === "nothing" ? 0 : 2 })];
      return word.startsWith("rollback>") ? [event("rollback", { to: id(word.slice(9)), reason: "why" })] : [];
    });
    const reason = outcome === "no-op!" ? "broken before" : "";
    return {
      app: "shop",
      target: "local",
      commit: id(letter),
      ordinal: 1,
      row: index + 1,
      openedAt: "",
      ref: "main",
      authorName: "",
      authorEmail: "",
      subject: "",
      events,
      ...(outcome !== undefined && {
        ending: { endedAt: "", outcome: outcome.replace("!", "").replace("_", " ") as Outcome, reason },
      }),
    };
  });
  return rows.reverse();
}

const letter = (commit: CommitId | undefined): string | undefined => commit?.[0];

describe("of these attempts, of which the last fails", () => {
  const rows: { given: string; good: string | undefined; broken: boolean; applied: string | undefined }[] = [
    { given: "a", good: undefined, broken: false, applied: undefined },
    { given: "a applied", good: undefined, broken: false, applied: "a" },
    { given: "a deployed, b applied", good: "a", broken: false, applied: "b" },
    { given: "a deployed, b held", good: "a", broken: false, applied: "b" },
    { given: "a no-op, b", good: "a", broken: false, applied: "a" },
    { given: "a deployed, b failed applied, c", good: "a", broken: true, applied: "b" },
    { given: "a deployed, b no-op!, c", good: "a", broken: true, applied: "b" },
    { given: "a deployed, b superseded, c rejected, d", good: "a", broken: false, applied: "a" },
    { given: "a deployed, b rolled_back rollback>a, c", good: "a", broken: false, applied: "a" },
    { given: "a deployed, b failed rollback>a, c", good: "a", broken: true, applied: "a" },
    { given: "a failed, b rejected, c", good: undefined, broken: true, applied: undefined },
    // Nothing had to be changed for it, so that it runs: what is kept when the next commit is rejected.
    { given: "a applied, b failed nothing, c rejected", good: undefined, broken: true, applied: "b" },
    { given: "a applied, b superseded nothing, c", good: undefined, broken: false, applied: "b" },
    { given: "a applied, b failed something, c rejected", good: undefined, broken: true, applied: "a" },
    // The same commit again: a retry, or a ref that was reset.
    { given: "a deployed, b failed applied, b", good: "a", broken: false, applied: "b" },
    { given: "a deployed, b deployed, a", good: "b", broken: false, applied: "b" },
  ];
  it.each(rows)("$given", ({ given, good, broken, applied }) => {
    const all = attempts(given);
    const present = all[0] as Attempt;
    expect(letter(lastGood(all, present)?.commit)).toBe(good);
    expect(wasBroken(all, present)).toBe(broken);
    expect(letter(lastApplied(all))).toBe(applied);
  });
});

describe("a rollback's event", () => {
  it.each<[string, AttemptEvent[], unknown]>([
    [
      "that is there",
      [event("planned"), event("rollback", { to: id("a"), reason: "why" })],
      { to: id("a"), reason: "why" },
    ],
    ["that is not", [event("planned")], undefined],
    ["without its commit", [event("rollback", { reason: "why" })], undefined],
    [
      "of which there are two, as the first",
      [event("rollback", { to: id("a"), reason: "1" }), event("rollback", { to: id("b"), reason: "2" })],
      { to: id("a"), reason: "1" },
    ],
  ])("%s", (_name, events, wanted) => {
    expect(givenUp({ events })).toEqual(wanted);
  });
});
