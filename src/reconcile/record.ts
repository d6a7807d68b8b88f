/** What is written to the ledger about the attempt under way; each fact once, whatever was written before a crash. */
import {
  ATTEMPT_EVENTS,
  type Attempt,
  type AttemptEnding,
  type AttemptEvent,
  type Ledger,
  type Outcome,
} from "../model/ledger.ts";
import { displayId } from "../model/object.ts";
import type { Change, Plan, Stage } from "../model/plan.ts";
import { shortId } from "../model/source.ts";
import { type Approvals, deletionName, NO_APPROVALS } from "../plan/approval.ts";
import { summarizePlan } from "../plan/describe.ts";
import { comparePositions, stageText } from "../plan/stages.ts";
import type { Clock } from "../util/clock.ts";
import { firstPlanOf, ledgerTime } from "./attempts.ts";
import { type Brought, broughtBy } from "./brought.ts";
import { listChanges } from "./change-list.ts";
import { type GivenUp, givenUp } from "./course.ts";
import { changedBy } from "./managers.ts";
import { countChanges } from "./pass.ts";
import type { PodLoss } from "./pod-losses.ts";
import { dueChanges } from "./request.ts";

/** Objects that a message names; of more, the number is told. */
const NAMED = 3;

interface PlannedDetail {
  digest: string;
  changes: Record<string, number>;
  /** Changes to carry out. */
  due: number;
  /** Hooks run with it. */
  hooks?: boolean;
  /** Where in the manifests each workload's new pod template comes from. */
  brought?: Brought;
  /** What they are; attempts of an older trueup have the counts only. */
  objects?: ReturnType<typeof listChanges>;
}

export class AttemptRecord {
  attempt: Attempt;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  /** Something was to be written, and nobody can say whether it was: the ledger may know more of the attempt. */
  #isUnsure = false;

  constructor(attempt: Attempt, ledger: Ledger, clock: Clock) {
    this.attempt = attempt;
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /**
   * The day on which it was opened, for which exceptions to rules count: one that runs out keeps the next commit out, and
   * takes nothing away from what was let in.
   */
  get day(): string {
    return this.attempt.openedAt.slice(0, 10);
  }

  get isUnsure(): boolean {
    return this.#isUnsure;
  }

  get ended(): boolean {
    return this.attempt.ending !== undefined;
  }

  /** Whether its changes were all made once: what differs afterwards is drift. */
  get applied(): boolean {
    const outcome = this.attempt.ending?.outcome;
    return (
      outcome === "deployed" || outcome === "no-op" || this.has(ATTEMPT_EVENTS.applied) || this.has(ATTEMPT_EVENTS.held)
    );
  }

  /** What was gone back to when it failed. */
  get givenUp(): GivenUp | undefined {
    return givenUp(this.attempt);
  }

  /** Where a workload's new pod template comes from: `web.yaml:21:16 (spec.…image)`; "" when that is not known. */
  broughtBy(object: string): string {
    return this.#detail?.brought?.[object] ?? "";
  }

  /** Digests of the plans whose deletions people approved, and the deletions of those that were begun. */
  get approvals(): Approvals {
    // Who discards after an approval has had the last word.
    if (this.attempt.ending?.outcome === "discarded") return NO_APPROVALS;
    const events = (type: string): AttemptEvent[] => this.attempt.events.filter((event) => event.type === type);
    const begun = events(ATTEMPT_EVENTS.deleting).flatMap(({ detail }) => detail?.deletions ?? []);
    return {
      digests: new Set(events(ATTEMPT_EVENTS.approved).map(({ detail }) => String(detail?.digest))),
      begun: new Set(begun.map(String)),
    };
  }

  /** Whether it had anything to change; also when that was held at first, and approved since. */
  get changed(): boolean {
    return (this.#detail?.due ?? 0) > 0 || this.has(ATTEMPT_EVENTS.deleting);
  }

  /** Names the attempt, as `commit.ordinal`. */
  get name(): string {
    return `${this.attempt.commit}.${this.attempt.ordinal}`;
  }

  get isPlanned(): boolean {
    return this.#detail !== undefined;
  }

  /** How far its hooks have come, by their names. */
  get hooks(): { isBegun: boolean; begun: ReadonlySet<string>; succeeded: ReadonlySet<string> } {
    const events = this.attempt.events.filter(({ type }) => type === ATTEMPT_EVENTS.hook);
    const named = (wanted: readonly unknown[]): Set<string> =>
      new Set(events.filter(({ detail }) => wanted.includes(detail?.state)).map(({ detail }) => String(detail?.hook)));
    return {
      isBegun: this.#detail?.hooks === true,
      begun: named(["begun", "succeeded"]),
      succeeded: named(["succeeded"]),
    };
  }

  /** The last stage that was begun; null before the first, and for an app that has one only. */
  get reached(): Stage | null {
    const detail = this.attempt.events.findLast(({ type }) => type === ATTEMPT_EVENTS.stage)?.detail;
    return detail === undefined ? null : (detail as unknown as Stage);
  }

  /** Why it has failed, once the hooks for that case run. */
  get failing(): string | undefined {
    const reason = this.attempt.events.find(({ type }) => type === ATTEMPT_EVENTS.failing)?.detail?.reason;
    return reason === undefined ? undefined : String(reason);
  }

  /** Digest of its first plan. */
  get digest(): string | undefined {
    return this.#detail?.digest;
  }

  has(type: string): boolean {
    return this.attempt.events.some((event) => event.type === type);
  }

  get #detail(): PlannedDetail | undefined {
    return this.attempt.events.find(({ type }) => type === ATTEMPT_EVENTS.planned)?.detail as PlannedDetail | undefined;
  }

  /** The first plan of the attempt; a resumed attempt keeps the one it had. */
  async planned(plan: Plan): Promise<void> {
    if (this.has(ATTEMPT_EVENTS.planned)) return;
    const detail: PlannedDetail = {
      digest: plan.digest,
      changes: countChanges(plan),
      due: dueChanges(plan).length,
      ...(plan.changes.some(({ hook }) => hook !== undefined) && { hooks: true }),
      brought: broughtBy(plan),
      objects: listChanges(plan.changes),
    };
    await this.event(ATTEMPT_EVENTS.planned, summarizePlan(plan), { ...detail });
  }

  async held(plan: Plan, held: readonly Change[]): Promise<void> {
    const known = this.attempt.events.some(
      ({ type, detail }) => type === ATTEMPT_EVENTS.held && detail?.digest === plan.digest,
    );
    if (known) return;
    await this.event(ATTEMPT_EVENTS.held, `${names(held)}: ${held[0]?.held ?? ""}`, { digest: plan.digest });
  }

  /** The changes of a stage begin. Said once, and again only when it is another one than the last. */
  async stage(at: Stage): Promise<void> {
    const last = this.reached;
    if (last !== null && comparePositions(last, at) >= 0) return;
    const { phase, wave, step } = at;
    await this.event(ATTEMPT_EVENTS.stage, `${stageText(at)} begins`, { phase, wave, step });
  }

  async hook(name: string, state: "begun" | "succeeded"): Promise<void> {
    await this.event(ATTEMPT_EVENTS.hook, `${name} has ${state}`, { hook: name, state });
  }

  /** It has failed, and does what is to be done in that case before it ends. */
  async fails(reason: string): Promise<void> {
    await this.event(ATTEMPT_EVENTS.failing, reason, { reason });
  }

  /** There is something to change on an attempt that was through: drift, or what could not be done the first time. */
  async again(changes: readonly Change[]): Promise<void> {
    const { list, more } = listChanges(changes);
    const what = list.map((change, index) => {
      const of = changes[index];
      const by = of && changedBy(of);
      return { ...change, ...(by !== undefined && { by }) };
    });
    const message = `${names(changes)} differed from the commit`;
    const detail = { changes: what, ...(more !== undefined && { more }) };
    if (this.applied) await this.event(ATTEMPT_EVENTS.drift, message, detail);
    else await this.retrying(message, detail);
  }

  /** Something is tried again. Said once as long as it is the same: a fault that lasts for days must not fill the ledger. */
  async retrying(message: string, detail?: AttemptEvent["detail"]): Promise<void> {
    const last = this.attempt.events.at(-1);
    if (last?.type === ATTEMPT_EVENTS.retry && last.message === message) return;
    await this.event(ATTEMPT_EVENTS.retry, message, detail);
  }

  /** Approved deletions begin: should the daemon die amid them, the rest is still approved. */
  async deleting(plan: Plan, { digests, begun }: Approvals): Promise<void> {
    const deletions = dueChanges(plan)
      .filter(({ action }) => action === "delete")
      .map(deletionName);
    if (!digests.has(plan.digest) || deletions.every((name) => begun.has(name))) return;
    const detail = { digest: plan.digest, deletions };
    await this.event(ATTEMPT_EVENTS.deleting, `${deletions.length} approved deletions begin`, detail);
  }

  /** What the attempt's held deletions are, and why they are held. */
  get heldText(): string {
    return this.attempt.events.findLast(({ type }) => type === ATTEMPT_EVENTS.held)?.message ?? "";
  }

  /** It has failed, and another commit is applied in its place. */
  async giveUp({ to, reason }: GivenUp): Promise<void> {
    if (this.givenUp !== undefined) return;
    await this.event(ATTEMPT_EVENTS.rollback, `commit ${shortId(to)} is applied again: ${reason}`, { to, reason });
  }

  /** Pods that ended or went though nothing was rolled out; their controllers replaced them. */
  async lost(losses: readonly PodLoss[]): Promise<void> {
    for (const { workload, action, object, why, count } of losses) {
      const more = count > 1 ? `; ${count} of ${workload} in all since one was told` : "";
      const done = action === "restart" ? "started again" : "replaced";
      await this.event(ATTEMPT_EVENTS.drift, `${object} was lost and is ${done}: ${why}${more}`, {
        changes: [{ action, object, workload, why, count }],
      });
    }
  }

  /** Differences that are left alone for a while. */
  async contested(plan: Plan, fields: readonly string[]): Promise<void> {
    const changes = plan.changes.filter(({ contestedUntil }) => contestedUntil !== undefined);
    const until = changes.map(({ contestedUntil = "" }) => contestedUntil).sort()[0] ?? "";
    const by = changes.map(changedBy).find((name) => name !== undefined);
    const message = `${names(changes)} keeps being changed by ${by ?? "somebody else"}: left alone until ${until}`;
    await this.event(ATTEMPT_EVENTS.contested, message, {
      fields: [...fields],
      until,
      ...(by !== undefined && { by }),
    });
  }

  async event(type: string, message: string, detail?: AttemptEvent["detail"]): Promise<void> {
    const event = { at: ledgerTime(this.#clock), type, message, ...(detail !== undefined && { detail }) };
    await this.#written(this.#ledger.event(this.attempt, event));
    this.attempt = { ...this.attempt, events: [...this.attempt.events, event] };
  }

  /** Ends the attempt, if it has not ended yet. */
  async end(outcome: Outcome, reason: string): Promise<void> {
    if (this.ended) return;
    const ending: AttemptEnding = {
      endedAt: ledgerTime(this.#clock),
      outcome,
      reason,
      ...firstPlanOf(this.attempt),
    };
    await this.#written(this.#ledger.end(this.attempt, ending));
    this.attempt = { ...this.attempt, ending };
  }

  async #written(writing: Promise<void>): Promise<void> {
    try {
      await writing;
    } catch (error) {
      this.#isUnsure = true;
      throw error;
    }
  }
}

function names(changes: readonly Change[]): string {
  const named = changes.slice(0, NAMED).map(({ id }) => displayId(id));
  const more = changes.length - named.length;
  return more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
}
