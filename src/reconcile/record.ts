/** What is written to the ledger about the attempt under way; each fact once, whatever was written before a crash. */
import type { Attempt, AttemptEnding, AttemptEvent, Ledger, Outcome } from "../model/ledger.ts";
import { displayId } from "../model/object.ts";
import type { Change, Plan } from "../model/plan.ts";
import { summarizePlan } from "../plan/describe.ts";
import type { Clock } from "../util/clock.ts";
import { dueChanges } from "./apply.ts";
import { ledgerTime } from "./attempts.ts";
import { countChanges } from "./pass.ts";

/** Objects that a message names; of more, the number is told. */
const NAMED = 3;

interface PlannedDetail {
  digest: string;
  changes: Record<string, number>;
  /** Changes to carry out. */
  due: number;
}

export class AttemptRecord {
  attempt: Attempt;
  readonly #ledger: Ledger;
  readonly #clock: Clock;

  constructor(attempt: Attempt, ledger: Ledger, clock: Clock) {
    this.attempt = attempt;
    this.#ledger = ledger;
    this.#clock = clock;
  }

  get ended(): boolean {
    return this.attempt.ending !== undefined;
  }

  /** Whether its changes were all made once: what differs afterwards is drift. */
  get applied(): boolean {
    const outcome = this.attempt.ending?.outcome;
    return outcome === "deployed" || outcome === "no-op" || this.has("applied") || this.has("held");
  }

  /** Whether it had anything to change. */
  get changed(): boolean {
    return (this.#detail?.due ?? 0) > 0;
  }

  /** Digest of its first plan. */
  get digest(): string | undefined {
    return this.#detail?.digest;
  }

  has(type: string): boolean {
    return this.attempt.events.some((event) => event.type === type);
  }

  get #detail(): PlannedDetail | undefined {
    return this.attempt.events.find(({ type }) => type === "planned")?.detail as PlannedDetail | undefined;
  }

  /** The first plan of the attempt; a resumed attempt keeps the one it had. */
  async planned(plan: Plan): Promise<void> {
    if (this.has("planned")) return;
    const detail = { digest: plan.digest, changes: countChanges(plan), due: dueChanges(plan).length };
    await this.event("planned", summarizePlan(plan), detail);
  }

  async held(plan: Plan, held: readonly Change[]): Promise<void> {
    const known = this.attempt.events.some(({ type, detail }) => type === "held" && detail?.digest === plan.digest);
    if (known) return;
    await this.event("held", `${names(held)}: ${held[0]?.held ?? ""}`, { digest: plan.digest });
  }

  /** There is something to change on an attempt that was through: drift, or what could not be done the first time. */
  async again(changes: readonly Change[]): Promise<void> {
    const what = changes.map(({ action, id, fields }) => ({
      action,
      object: displayId(id),
      fields: fields.map(({ path }) => path),
    }));
    const type = this.applied ? "drift" : "retry";
    await this.event(type, `${names(changes)} differed from the commit`, { changes: what });
  }

  async event(type: string, message: string, detail?: AttemptEvent["detail"]): Promise<void> {
    const event = { at: ledgerTime(this.#clock), type, message, ...(detail !== undefined && { detail }) };
    await this.#ledger.event(this.attempt, event);
    this.attempt = { ...this.attempt, events: [...this.attempt.events, event] };
  }

  /** Ends the attempt, if it has not ended yet. */
  async end(outcome: Outcome, reason: string): Promise<void> {
    if (this.ended) return;
    const detail = this.#detail;
    const ending: AttemptEnding = {
      endedAt: ledgerTime(this.#clock),
      outcome,
      reason,
      ...(detail !== undefined && { planDigest: detail.digest, changes: detail.changes }),
    };
    await this.#ledger.end(this.attempt, ending);
    this.attempt = { ...this.attempt, ending };
  }
}

function names(changes: readonly Change[]): string {
  const named = changes.slice(0, NAMED).map(({ id }) => displayId(id));
  const more = changes.length - named.length;
  return more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
}

/** The commit whose manifests were carried out last, as far as the ledger knows. */
export function lastApplied(attempts: readonly Attempt[]): Attempt | undefined {
  return attempts.find(
    ({ events, ending }) =>
      ending?.outcome === "deployed" ||
      ending?.outcome === "no-op" ||
      events.some(({ type }) => type === "applied" || type === "held"),
  );
}
