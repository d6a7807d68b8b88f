/** Verdicts: each state of an attempt, each judgement, every field; and that no attempt is given up twice. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OUTCOMES } from "../../src/model/ledger.ts";
import { asCommitId } from "../../src/model/source.ts";
import type { Judgement } from "../../src/reconcile/health-watch.ts";
import { type AttemptState, decide, type Verdict } from "../../src/reconcile/verdict.ts";

const GOOD = asCommitId("a".repeat(40));

const NEW: AttemptState = {
  ended: null,
  isStuck: false,
  changed: true,
  wasBroken: false,
  givenUp: undefined,
  held: "",
  contested: "",
  onFailure: "keep",
  lastGood: GOOD,
};
const HEALTHY: Judgement = {
  state: "healthy",
  reason: "",
  health: { status: "Healthy", reason: "" },
  hasWaited: false,
};
const FAILED: Judgement = {
  state: "failed",
  reason: "it crashes",
  health: { status: "Degraded", reason: "crash" },
  hasWaited: true,
};
const WAITING: Judgement = {
  state: "waiting",
  reason: "1 of 2",
  health: { status: "Progressing", reason: "1 of 2" },
  hasWaited: true,
};
const IDLE: Judgement = { ...HEALTHY, state: "idle" };
const back = { to: GOOD, reason: "it crashed" };
const AGAIN = "it crashed; commit aaaaaaa was applied again";
const BOTH = "it crashed; going back to commit aaaaaaa failed, too: it crashes";
const ALONE = "it crashes; there is no commit to go back to: none was deployed before";
const ended = (outcome: "deployed" | "failed" | "rolled back" | "discarded", reason = "") => ({ outcome, reason });

const rows: { name: string; judgement: Judgement; state: Partial<AttemptState>; verdict: Verdict }[] = [
  { name: "idle and well", judgement: IDLE, state: {}, verdict: { phase: "Synced", reason: "" } },
  {
    name: "idle and not well",
    judgement: { ...IDLE, health: FAILED.health },
    state: {},
    verdict: { phase: "Failed", reason: "crash" },
  },
  { name: "waiting", judgement: WAITING, state: {}, verdict: { phase: "Progressing", reason: "1 of 2" } },
  {
    name: "waiting on the way back",
    judgement: WAITING,
    state: { givenUp: back },
    verdict: { phase: "Progressing", reason: "going back to commit aaaaaaa: 1 of 2" },
  },
  {
    name: "well",
    judgement: HEALTHY,
    state: {},
    verdict: { phase: "Synced", reason: "", end: { outcome: "deployed", reason: "" } },
  },
  {
    name: "well, and nothing was to do",
    judgement: HEALTHY,
    state: { changed: false },
    verdict: { phase: "Synced", reason: "", end: { outcome: "no-op", reason: "" } },
  },
  {
    name: "well after a rollout that it found under way",
    judgement: { ...HEALTHY, hasWaited: true },
    state: { changed: false },
    verdict: { phase: "Synced", reason: "", end: { outcome: "deployed", reason: "" } },
  },
  {
    name: "well, with deletions held",
    judgement: HEALTHY,
    state: { held: "wait" },
    verdict: { phase: "Held", reason: "wait" },
  },
  {
    name: "well, with a field contested",
    judgement: HEALTHY,
    state: { contested: "c" },
    verdict: { phase: "Contested", reason: "c", end: { outcome: "deployed", reason: "" } },
  },
  {
    name: "well again",
    judgement: HEALTHY,
    state: { givenUp: back },
    verdict: { phase: "RolledBack", reason: AGAIN, end: { outcome: "rolled back", reason: AGAIN } },
  },
  {
    name: "failed, to be kept",
    judgement: FAILED,
    state: {},
    verdict: { phase: "Failed", reason: "it crashes", end: { outcome: "failed", reason: "it crashes" } },
  },
  {
    name: "failed, to go back",
    judgement: FAILED,
    state: { onFailure: "rollback" },
    verdict: {
      phase: "Progressing",
      reason: "going back to commit aaaaaaa: it crashes",
      giveUp: { to: GOOD, reason: "it crashes" },
    },
  },
  {
    name: "over as it failed before its last stage, and what was applied of it is well",
    judgement: HEALTHY,
    state: { ended: { outcome: "failed", reason: "PreSync pod/a" }, isStuck: true },
    verdict: { phase: "Failed", reason: "PreSync pod/a" },
  },
  {
    name: "failed with nothing to go back to",
    judgement: FAILED,
    state: { onFailure: "rollback", lastGood: null },
    verdict: { phase: "Failed", reason: ALONE, end: { outcome: "failed", reason: ALONE } },
  },
  {
    name: "failed on the way back, too",
    judgement: FAILED,
    state: { onFailure: "rollback", givenUp: back },
    verdict: { phase: "Failed", reason: BOTH, end: { outcome: "failed", reason: BOTH } },
  },
  {
    name: "failed, but not by its own doing",
    judgement: { ...FAILED, hasWaited: false },
    state: { onFailure: "rollback", changed: false, wasBroken: true },
    verdict: { phase: "Failed", reason: "it crashes", end: { outcome: "no-op", reason: "it crashes" } },
  },
  {
    name: "over, and waiting",
    judgement: WAITING,
    state: { ended: ended("deployed") },
    verdict: { phase: "Progressing", reason: "1 of 2" },
  },
  {
    name: "over, and broken since",
    judgement: FAILED,
    state: { ended: ended("deployed"), onFailure: "rollback" },
    verdict: { phase: "Failed", reason: "it crashes" },
  },
  {
    name: "failed, and still so",
    judgement: FAILED,
    state: { ended: ended("failed", "long") },
    verdict: { phase: "Failed", reason: "long" },
  },
  {
    name: "failed, and well since",
    judgement: HEALTHY,
    state: { ended: ended("failed", "long") },
    verdict: { phase: "Synced", reason: "" },
  },
  {
    name: "rolled back, and well",
    judgement: HEALTHY,
    state: { ended: ended("rolled back", "r"), givenUp: back },
    verdict: { phase: "RolledBack", reason: "r" },
  },
  {
    name: "discarded, and well",
    judgement: HEALTHY,
    state: { ended: ended("discarded", "d"), held: "h" },
    verdict: { phase: "Synced", reason: "" },
  },
];

describe("an attempt that is", () => {
  it.each(rows)("$name", ({ judgement, state, verdict }) => {
    expect(decide(judgement, { ...NEW, ...state })).toEqual(verdict);
  });

  it("given up, over, or to be kept is never given up again, and what is over never ends twice", () => {
    const text = fc.constantFrom("", "why");
    const state: fc.Arbitrary<AttemptState> = fc.record({
      ended: fc.option(fc.record({ outcome: fc.constantFrom(...OUTCOMES), reason: text }), { nil: null }),
      isStuck: fc.boolean(),
      changed: fc.boolean(),
      wasBroken: fc.boolean(),
      givenUp: fc.option(fc.constant(back), { nil: undefined }),
      held: text,
      contested: text,
      onFailure: fc.constantFrom("keep" as const, "rollback" as const),
      lastGood: fc.option(fc.constant(GOOD), { nil: null }),
    });
    const judgement = fc.record({
      state: fc.constantFrom("idle" as const, "waiting" as const, "healthy" as const, "failed" as const),
      reason: text,
      health: fc.constantFrom(HEALTHY.health, FAILED.health, WAITING.health),
      hasWaited: fc.boolean(),
    });
    fc.assert(
      fc.property(judgement, state, (given, attempt) => {
        const { end, giveUp } = decide(given, attempt);
        if (attempt.ended !== null) expect([end, giveUp]).toEqual([undefined, undefined]);
        if (attempt.givenUp !== undefined || attempt.onFailure === "keep") expect(giveUp).toBeUndefined();
        if (giveUp !== undefined) expect([given.state, end, giveUp.to]).toEqual(["failed", undefined, GOOD]);
        // An attempt that went back never says that its own commit was deployed.
        if (attempt.givenUp !== undefined) expect(["rolled back", "failed", undefined]).toContain(end?.outcome);
      }),
    );
  });
});
