/** What a pass keeps true: the head, or, once that was given up, the commit that was gone back to. Pure. */
import { ATTEMPT_EVENTS, type Attempt, type Outcome, saysCarriedOut } from "../model/ledger.ts";
import type { CommitId } from "../model/source.ts";

/** What is done when a commit fails: stop there, or apply the last good commit again. */
export type OnFailure = "keep" | "rollback";

/** What an attempt was given up for; absent when it was not. */
export interface GivenUp {
  /** Commit that is applied in its place. */
  to: CommitId;
  /** Why it failed. */
  reason: string;
}

/** A rollback that was decided stays decided, also for the next daemon: that is what keeps a bad commit quarantined. */
export function givenUp({ events }: Pick<Attempt, "events">): GivenUp | undefined {
  const event = events.find(({ type }) => type === ATTEMPT_EVENTS.rollback);
  const { to, reason } = event?.detail ?? {};
  return typeof to === "string" && typeof reason === "string" ? { to: to as CommitId, reason } : undefined;
}

/** Whether an attempt left its app well: deployed, or nothing to do while everything was healthy. */
export function isGood({ ending }: Pick<Attempt, "ending">): boolean {
  return ending?.outcome === "deployed" || (ending?.outcome === "no-op" && ending.reason === "");
}

/**
 * The commit to go back to when an attempt has failed: the newest one before it that left the app well.
 *
 * @param attempts Of one app, newest first
 */
export function lastGood(attempts: readonly Attempt[], failed: Pick<Attempt, "row" | "commit">): Attempt | undefined {
  return attempts.find((attempt) => attempt.row < failed.row && attempt.commit !== failed.commit && isGood(attempt));
}

/**
 * Whether an app was not well already when an attempt began. Attempts that were overtaken, or that changed nothing as they
 * were rejected, say nothing of it; after a rollback the app is well again.
 *
 * @param attempts Of one app, newest first
 */
export function wasBroken(attempts: readonly Attempt[], present: Pick<Attempt, "row" | "commit">): boolean {
  const before = attempts.find(({ row, commit, ending }) => {
    // An earlier try at the same commit is no excuse for it.
    const isOther = row < present.row && commit !== present.commit;
    return isOther && ending !== undefined && TELLING.has(ending.outcome);
  });
  return before !== undefined && !isGood(before) && before.ending?.outcome !== "rolled back";
}

const TELLING: ReadonlySet<Outcome> = new Set(["deployed", "no-op", "failed", "rolled back"]);

/**
 * The commit whose manifests were carried out last, as far as the ledger knows.
 *
 * @param attempts Newest first
 */
export function lastApplied(attempts: readonly Attempt[]): CommitId | undefined {
  for (const attempt of attempts) {
    const back = givenUp(attempt);
    if (back !== undefined) return back.to;
    const isThrough = attempt.ending?.outcome === "deployed" || attempt.ending?.outcome === "no-op";
    if (isThrough || attempt.events.some(saysCarriedOut)) return attempt.commit;
  }
  return undefined;
}
