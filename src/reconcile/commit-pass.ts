/** Makes one commit true: the head, or, when that is invalid or was given up, the commit that is kept in its place. */
import type { Diagnostic } from "../model/diagnostic.ts";
import { TrueupError } from "../model/errors.ts";
import type { Plan } from "../model/plan.ts";
import { type CommitId, shortId } from "../model/source.ts";
import { heldChanges, joinApprovals } from "../plan/approval.ts";
import type { ContestHistory } from "../plan/contest.ts";
import { summarizePlan } from "../plan/describe.ts";
import { carry, contestText } from "./carry.ts";
import { type GivenUp, lastApplied, type OnFailure } from "./course.ts";
import type { HealthWatch } from "./health-watch.ts";
import { hasWorkAfterFailure, hookRunsOf } from "./hooks.ts";
import {
  type Accepted,
  type Aim,
  isAccepted,
  type PassContext,
  type Prepared,
  prepare,
  rejectionReason,
} from "./pass.ts";
import { AttemptRecord } from "./record.ts";
import type { Snapshot } from "./source.ts";
import { isStaged } from "./stages.ts";
import { type StatusBoard, waitingOf } from "./status-board.ts";

export interface CommitPassParts {
  context: PassContext;
  health: HealthWatch;
  board: StatusBoard;
  contests: ContestHistory;
  /** Reading is over: what fails from here on fails on what git says. */
  onCarrying(): void;
  /** Something that is left alone for now is to be looked at again. */
  passAfter(ms: number): void;
}

/** What was carried out last, and the attempt in whose name. */
export interface Carried {
  record: AttemptRecord;
  aim: Aim;
}

export class CommitPass {
  readonly #parts: CommitPassParts;
  #record: AttemptRecord | null = null;
  #carried: Carried | null = null;
  /** What runs: the last commit that was carried out. */
  #running: { commit: CommitId; snapshot: Snapshot | null } | null;
  #snapshot: Snapshot | null = null;
  #onFailure: OnFailure = "keep";
  #isRejected = false;
  #isHeld = false;
  #contested = "";
  #hasWorkAfterFailure = false;

  /** @param running The commit that was carried out last, as the ledger has it */
  constructor(parts: CommitPassParts, running: CommitId | undefined) {
    this.#parts = parts;
    this.#running = running === undefined ? null : { commit: running, snapshot: null };
  }

  get carried(): Carried | null {
    return this.#carried;
  }

  /** The last snapshot that was read, to start the next one from. */
  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /** What the head's settings ask for when it fails. */
  get onFailure(): OnFailure {
    return this.#onFailure;
  }

  /** Whether nothing of the head is applied. */
  get isRejected(): boolean {
    return this.#isRejected;
  }

  /** Whether something is left to do for the attempt should it fail: hooks for that case, hooks to delete. */
  get hasWorkAfterFailure(): boolean {
    return this.#hasWorkAfterFailure;
  }

  /** Whether deletions wait for an approval. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Which differences are contested, in words; "" when none is. */
  get contested(): string {
    return this.#contested;
  }

  /**
   * @param record The attempt at the head
   * @param distrust Why nothing of the head may run, whatever it says
   * @throws {TrueupError} What cannot be read, or what the backend refuses while the plan is carried out
   */
  async run(record: AttemptRecord, distrust: Diagnostic | null, signal: AbortSignal): Promise<void> {
    if (this.#record?.attempt.row !== record.attempt.row) {
      if (this.#record !== null) await this.#leave(this.#record);
      // What the attempt before waited for is not this one's: discarding it would end the wrong one.
      this.#isHeld = false;
      this.#contested = "";
    }
    this.#record = record;
    this.#isRejected = distrust !== null;
    const { givenUp } = record;
    if (distrust !== null) await this.#reject(record, [distrust], signal);
    else if (givenUp === undefined) await this.#try(record, signal);
    else await this.#goBack(record, givenUp, signal);
  }

  /** Another commit came: should that one be rejected, what runs is what the ledger would tell the next daemon. */
  async #leave(record: AttemptRecord): Promise<void> {
    const known = record.isUnsure ? await this.#recordOf(record.attempt.commit) : record;
    // With what was to be gone back to: else the bad commit would be kept for good.
    const runs = known === null ? undefined : lastApplied([known.attempt]);
    if (runs !== undefined && runs !== this.#running?.commit) this.#running = { commit: runs, snapshot: null };
  }

  async #try(record: AttemptRecord, signal: AbortSignal): Promise<void> {
    const { context, board } = this.#parts;
    const head = record.attempt.commit;
    const hooks = hookRunsOf(record);
    const { day } = record;
    const aim = { commit: head, head, day, approvals: record.approvals, ...(hooks !== undefined && { hooks }) };
    const prepared = await prepare(context, aim, this.#snapshot, signal);
    this.#snapshot = prepared.snapshot;
    this.#onFailure = prepared.onFailure;
    board.set({ path: prepared.snapshot.place.path });
    this.#parts.health.workloads.imagesChanged();
    context.options.fault?.("prepared");
    this.#isRejected = !isAccepted(prepared);
    const { ending } = record.attempt;
    if (isAccepted(prepared) && ending?.outcome === "rejected" && isStaged(prepared.declared)) {
      // Its hooks and stages belong to an attempt that is under way: a person has to try it again.
      await this.#reject(record, prepared.diagnostics, signal, ending.reason);
    } else if (isAccepted(prepared)) await this.#carry(record, prepared, signal);
    else {
      // It has failed already: that the hooks for that case cannot be run is not what it ends for.
      if (record.failing !== undefined) await record.end("failed", record.failing);
      await this.#reject(record, prepared.diagnostics, signal);
    }
  }

  /** Nothing of the commit is applied; what ran before is kept true to its own commit. */
  async #reject(
    record: AttemptRecord,
    diagnostics: Diagnostic[],
    signal: AbortSignal,
    reason = rejectionReason(diagnostics),
  ): Promise<void> {
    this.#isRejected = true;
    this.#parts.health.stage(null);
    await record.end("rejected", reason);
    this.#parts.board.set({ phase: "Rejected", reason, diagnostics, held: [], contested: [] });
    const running = this.#running?.commit;
    if (running === undefined || running === record.attempt.commit) return;
    const kept = await this.#recordOf(running);
    if (kept === null) return;
    const aim = { commit: running, head: record.attempt.commit, day: kept.day, approvals: kept.approvals };
    const prepared = await this.#prepareOlder(aim, signal);
    if (prepared !== null && isAccepted(prepared)) await this.#carry(kept, prepared, signal);
  }

  /** The head was given up: the commit that it was given up for is applied, and kept true until the ref moves. */
  async #goBack(record: AttemptRecord, { to, reason }: GivenUp, signal: AbortSignal): Promise<void> {
    // Once the attempt is over, what differs is drift from the older commit.
    const owner = record.ended ? ((await this.#recordOf(to)) ?? record) : record;
    // Whoever approved while it was being gone back to, meant this plan, too.
    const approvals = joinApprovals(record.approvals, owner.approvals);
    const { day } = (await this.#recordOf(to)) ?? record;
    const prepared = await this.#prepareOlder({ commit: to, head: record.attempt.commit, day, approvals }, signal);
    this.#parts.context.options.fault?.("prepared to go back");
    if (prepared !== null && isAccepted(prepared)) {
      await this.#carry(owner, prepared, signal);
      return;
    }
    const why = prepared === null ? "git has it no more" : rejectionReason(prepared.diagnostics);
    const text = `${reason}; commit ${shortId(to)} cannot be applied again: ${why}`;
    await record.end("failed", text);
    this.#isRejected = true;
    this.#parts.board.set({ phase: "Failed", reason: text });
  }

  /** A commit that is not at the head; `null` when the ref was rewritten and git has thrown it away since. */
  async #prepareOlder(aim: Aim, signal: AbortSignal): Promise<Prepared | null> {
    const { context } = this.#parts;
    try {
      await context.options.repository.commit(aim.commit);
    } catch (error) {
      if (error instanceof TrueupError && error.code === "not-found") return null;
      throw error;
    }
    const base = this.#running?.snapshot ?? this.#snapshot;
    return prepare(context, aim, base, signal);
  }

  async #recordOf(commit: CommitId): Promise<AttemptRecord | null> {
    const { app, ledger, clock } = this.#parts.context.options;
    const [attempt] = await ledger.attempts({ app: app.name, target: app.target, commit, limit: 1 });
    return attempt === undefined ? null : new AttemptRecord(attempt, ledger, clock);
  }

  async #carry(record: AttemptRecord, prepared: Accepted, signal: AbortSignal): Promise<void> {
    const { context, health, board, contests, onCarrying, passAfter } = this.#parts;
    const { commit, snapshot, diagnostics, aim } = prepared;
    onCarrying();
    const onApplying = (plan: Plan): void => {
      const reason = `applying ${summarizePlan(plan)} (commit ${shortId(commit.id)})`;
      if (record === this.#record) board.set({ phase: "Progressing", reason, planDigest: plan.digest });
    };
    const carryHooks = { health, contests, onApplying };
    this.#hasWorkAfterFailure = hasWorkAfterFailure(prepared.declared, record);
    const { left, againAt, isThrough } = await carry(context, record, prepared, carryHooks, signal);
    this.#hasWorkAfterFailure = hasWorkAfterFailure(prepared.declared, record);
    this.#carried = { record, aim };
    // A commit of which later stages are not made yet does not run: should it be overtaken, what ran before counts.
    if (isThrough) this.#running = { commit: commit.id, snapshot };
    this.#contested = contestText(left);
    this.#isHeld = isThrough && heldChanges(left).length > 0;
    if (againAt !== null) passAfter(Math.max(0, againAt - context.options.clock.now()));
    board.set({
      ...(isThrough && { applied: commit.id }),
      // Of a rejected head, its own errors are what people look for.
      ...(!this.#isRejected && { diagnostics }),
      planDigest: this.#isHeld ? left.digest : (record.digest ?? left.digest),
      ...waitingOf(left),
    });
    if (!this.#isRejected) health.waitFrom();
  }
}
