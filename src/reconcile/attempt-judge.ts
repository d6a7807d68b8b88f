/** Watches over the attempt under way: asks for its app's health, decides, and writes down what was decided. */
import type { AttemptEnding } from "../model/ledger.ts";
import type { CommitPass } from "./commit-pass.ts";
import { lastGood, wasBroken } from "./course.ts";
import type { HealthWatch, Judgement } from "./health-watch.ts";
import type { PodLosses } from "./pod-losses.ts";
import type { AttemptRecord } from "./record.ts";
import type { StatusBoard } from "./status-board.ts";
import type { AppReconcilerOptions } from "./types.ts";
import { type AttemptState, decide, type Verdict } from "./verdict.ts";

/** How far back the commit that ran well is looked for. */
const ATTEMPTS_LOOKED_AT = 500;

export interface AttemptJudgeParts {
  options: AppReconcilerOptions;
  health: HealthWatch;
  losses: PodLosses;
  board: StatusBoard;
  /** A pass has to go on: with the next stage, with hooks for a failure, or back to another commit. */
  onPassDue(): void;
}

export class AttemptJudge {
  readonly #parts: AttemptJudgeParts;

  constructor(parts: AttemptJudgeParts) {
    this.#parts = parts;
  }

  /**
   * Judges by health, and says so in the status.
   *
   * @param isOverruled Something else than health is what the status is to say: a rejection, a failed read
   * @returns After how many milliseconds to look again, though nothing happens
   */
  async judge(
    record: AttemptRecord,
    commits: CommitPass,
    isOverruled: boolean,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { options, health, board, losses } = this.#parts;
    const found = await health.judge(record, signal);
    if (found === null) return undefined;
    if (found.hasNext === true) {
      this.#parts.onPassDue();
      return undefined;
    }
    if (await this.#beginsToFail(found, record, commits)) return undefined;
    const judgement = afterFailure(found, record);
    const verdict = decide(judgement, await this.#stateOf(record, commits, judgement));
    const wasUnderWay = !record.ended;
    await this.#execute(record, verdict);
    const { phase, reason } = verdict;
    board.attempt(record.attempt);
    if (!isOverruled && board.status.phase !== phase) {
      options.log.info(`${options.app.name}: ${phase}${reason === "" ? "" : `: ${reason}`}`);
    }
    board.set(isOverruled ? { health: judgement.health } : { phase, reason, health: judgement.health });
    // What went until now went in the rollout, also where this look is the one that ends it: a cluster tells of pods and of
    // their ReplicaSets on two ways, so pods of one that was scaled down look lost for a moment.
    if (wasUnderWay) losses.drop();
    else await this.#tellLosses(record, commits);
    return judgement.againAfterMs;
  }

  /**
   * The plan could not be carried out, and trying again would not help.
   *
   * @returns Whether the attempt is given up for another commit
   */
  async fail(record: AttemptRecord, commits: CommitPass, reason: string): Promise<boolean> {
    const { board } = this.#parts;
    const found: Judgement = { state: "failed", reason, hasWaited: true, health: board.status.health };
    if (await this.#beginsToFail(found, record, commits)) return true;
    const judgement = afterFailure(found, record);
    const verdict = decide(judgement, await this.#stateOf(record, commits, judgement));
    await this.#execute(record, verdict);
    board.attempt(record.attempt);
    board.set({ phase: verdict.phase, reason: verdict.reason });
    return verdict.giveUp !== undefined;
  }

  /** It has failed, and there is something to do in that case before it ends: a pass does it. */
  async #beginsToFail({ state, reason }: Judgement, record: AttemptRecord, commits: CommitPass): Promise<boolean> {
    if (state !== "failed" || record.ended || record.failing !== undefined) return false;
    if (!commits.hasWorkAfterFailure || record.givenUp !== undefined) return false;
    const { health, board, onPassDue } = this.#parts;
    await record.fails(reason);
    board.set({ phase: "Progressing", reason: `${reason}; the hooks for a failure run` });
    // What is waited for from now on are the hooks for this case.
    health.restart();
    onPassDue();
    return true;
  }

  async #stateOf(record: AttemptRecord, commits: CommitPass, { state }: Judgement): Promise<AttemptState> {
    const { app, ledger } = this.#parts.options;
    const ending: AttemptEnding | undefined = record.attempt.ending;
    const scope = { app: app.name, target: app.target, limit: ATTEMPTS_LOOKED_AT };
    // Who has failed now is compared with what was before; nobody else needs to know.
    const before = state === "failed" && ending === undefined ? await ledger.attempts(scope) : [];
    return {
      ended: ending ?? null,
      isStuck: record.reached !== null && !record.applied,
      changed: record.changed,
      wasBroken: wasBroken(before, record.attempt),
      givenUp: record.givenUp,
      held: commits.isHeld ? `deletions wait for approval: ${record.heldText}` : "",
      contested: commits.contested,
      onFailure: commits.onFailure,
      lastGood: lastGood(before, record.attempt)?.commit ?? null,
    };
  }

  async #execute(record: AttemptRecord, { end, giveUp }: Verdict): Promise<void> {
    const { options, health, onPassDue } = this.#parts;
    if (end === undefined && giveUp === undefined) return;
    options.fault?.("judged");
    if (end !== undefined) await record.end(end.outcome, end.reason);
    if (giveUp !== undefined) {
      await record.giveUp(giveUp);
      // What is waited for from now on is the commit that is gone back to.
      health.restart();
      onPassDue();
    }
    options.fault?.("ended");
  }

  /** Pods that were lost while nothing was rolled out are drift, though their controllers have mended it. */
  async #tellLosses(record: AttemptRecord, commits: CommitPass): Promise<void> {
    const losses = this.#parts.losses.take();
    if (losses.length > 0) await (commits.carried?.record ?? record).lost(losses);
  }
}

/** What an attempt that has failed comes to once nothing is left to do: its own reason, and what failed on top of it. */
function afterFailure(judgement: Judgement, { failing, ended }: AttemptRecord): Judgement {
  if (failing === undefined || ended || judgement.state === "idle") return judgement;
  const { state, reason } = judgement;
  if (state === "waiting") return { ...judgement, reason: `${failing}; ${reason}` };
  return { ...judgement, state: "failed", reason: state === "failed" ? `${failing}; then ${reason}` : failing };
}
