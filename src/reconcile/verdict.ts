/** What an app's health means for the attempt at its head: how it ends, whether it is given up, and what status says. Pure. */
import type { Health } from "../model/health.ts";
import type { Outcome } from "../model/ledger.ts";
import { type CommitId, shortId } from "../model/source.ts";
import type { AppPhase } from "../model/status.ts";
import type { GivenUp, OnFailure } from "./course.ts";
import type { Judgement } from "./health-watch.ts";

/** What is known of the attempt. */
export interface AttemptState {
  ended: { outcome: Outcome; reason: string } | null;
  /** Whether it was not carried out to its last stage: what is well of it is not all of it. */
  isStuck: boolean;
  /** Whether it had anything to change. */
  changed: boolean;
  /** Whether the app was not well before it, either. */
  wasBroken: boolean;
  givenUp: GivenUp | undefined;
  /** What its held deletions wait for; "" when none is held. */
  held: string;
  /** Which fields are contested, and until when; "" when none is. */
  contested: string;
  onFailure: OnFailure;
  /** The commit to go back to; null when nothing was deployed before. */
  lastGood: CommitId | null;
}

export interface Verdict {
  phase: AppPhase;
  reason: string;
  /** End the attempt so. */
  end?: { outcome: Outcome; reason: string };
  /** Give the attempt up, and apply the last good commit again. */
  giveUp?: GivenUp;
}

/**
 * Decides by an app's health.
 *
 * A commit that changed something and fails is given up for the last good one where the app says so, once: the commit that
 * was gone back to is never given up itself, so that the two cannot alternate.
 */
export function decide(judgement: Judgement, attempt: AttemptState): Verdict {
  const { ended, givenUp } = attempt;
  if (judgement.state === "idle") return phaseOf(judgement.health);
  if (ended !== null) return endedVerdict(judgement, attempt, ended);
  if (judgement.state === "waiting") {
    const back = givenUp === undefined ? "" : `going back to commit ${shortId(givenUp.to)}: `;
    return { phase: "Progressing", reason: `${back}${judgement.reason}` };
  }
  if (judgement.state === "failed") return failedVerdict(judgement, attempt);
  if (givenUp !== undefined) {
    const reason = `${givenUp.reason}; commit ${shortId(givenUp.to)} was applied again`;
    return { phase: "RolledBack", reason, end: { outcome: "rolled back", reason } };
  }
  if (attempt.held !== "") return { phase: "Held", reason: attempt.held };
  const outcome = attempt.changed || judgement.hasWaited ? "deployed" : "no-op";
  return { ...wellPhase(judgement.health, attempt), end: { outcome, reason: "" } };
}

function failedVerdict({ reason, hasWaited }: Judgement, attempt: AttemptState): Verdict {
  const { givenUp } = attempt;
  if (givenUp !== undefined) {
    const both = `${givenUp.reason}; going back to commit ${shortId(givenUp.to)} failed, too: ${reason}`;
    return { phase: "Failed", reason: both, end: { outcome: "failed", reason: both } };
  }
  // It changed nothing: what is broken was broken before, and is not its doing.
  if (!attempt.changed && !hasWaited && attempt.wasBroken) {
    return { phase: "Failed", reason, end: { outcome: "no-op", reason } };
  }
  const { onFailure, lastGood } = attempt;
  if (onFailure === "keep") return { phase: "Failed", reason, end: { outcome: "failed", reason } };
  if (lastGood === null) {
    const alone = `${reason}; there is no commit to go back to: none was deployed before`;
    return { phase: "Failed", reason: alone, end: { outcome: "failed", reason: alone } };
  }
  return {
    phase: "Progressing",
    reason: `going back to commit ${shortId(lastGood)}: ${reason}`,
    giveUp: { to: lastGood, reason },
  };
}

function endedVerdict(judgement: Judgement, attempt: AttemptState, ended: NonNullable<AttemptState["ended"]>): Verdict {
  if (judgement.state === "waiting") return { phase: "Progressing", reason: judgement.reason };
  if (judgement.state === "failed") {
    // A failed attempt keeps its reason, with the last log lines, until its workloads do better.
    const isTold = ended.outcome === "failed" && ended.reason !== "";
    return { phase: "Failed", reason: isTold ? ended.reason : judgement.reason };
  }
  if (ended.outcome === "failed" && attempt.isStuck) return { phase: "Failed", reason: ended.reason };
  if (attempt.givenUp !== undefined) return { phase: "RolledBack", reason: ended.reason };
  return wellPhase(judgement.health, attempt);
}

function wellPhase(health: Health, { contested }: AttemptState): { phase: AppPhase; reason: string } {
  const phase = phaseOf(health);
  return phase.phase === "Synced" && contested !== "" ? { phase: "Contested", reason: contested } : phase;
}

function phaseOf({ status, reason }: Health): { phase: AppPhase; reason: string } {
  switch (status) {
    case "Healthy":
    case "Suspended":
      return { phase: "Synced", reason: "" };
    case "Degraded":
    case "Unknown":
      return { phase: "Failed", reason };
    default:
      return { phase: "Progressing", reason };
  }
}
