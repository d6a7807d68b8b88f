/** What people order about an attempt: approve what is held, discard it, try again. */
import { TrueupError } from "../model/errors.ts";
import { ATTEMPT_EVENTS, type Outcome } from "../model/ledger.ts";
import { displayId } from "../model/object.ts";
import { heldChanges, joinApprovals, NO_APPROVALS } from "../plan/approval.ts";
import type { Carried } from "./commit-pass.ts";
import { isAccepted, type PassContext, prepare } from "./pass.ts";
import type { AttemptRecord } from "./record.ts";
import type { Snapshot } from "./source.ts";

export interface Order {
  /** Who orders it, as they are known on their machine. */
  by: string;
}

export interface Approval extends Order {
  /** Digest of the plan that was looked at, `sha256:…`. */
  digest: string;
}

/**
 * Writes an approval down, if planning once more gives the plan that was approved.
 *
 * @throws {TrueupError} `conflict` when nothing is held, or the plan is another by now
 */
export async function approve(
  context: PassContext,
  carried: Carried | null,
  snapshot: Snapshot | null,
  { digest, by }: Approval,
  signal: AbortSignal,
): Promise<void> {
  const { name } = context.options.app;
  if (carried === null) throw nothingHeld(`approve a plan of ${name}`);
  const { record, aim } = carried;
  if (record.attempt.ending?.outcome === "discarded") {
    throw new TrueupError(
      "conflict",
      `Cannot approve a plan of ${name} as it must wait: its deletions were discarded.`,
      {
        hint: "trueup retry plans them again.",
      },
    );
  }
  const approvals = joinApprovals(aim.approvals ?? NO_APPROVALS, record.approvals);
  // Deletions are held last: by then its hooks have run.
  const { hooks: _hooks, ...rest } = aim;
  const prepared = await prepare(context, { ...rest, approvals }, snapshot, signal);
  const held = isAccepted(prepared) ? heldChanges(prepared.plan) : [];
  if (!isAccepted(prepared) || held.length === 0) throw nothingHeld(`approve a plan of ${name}`);
  if (prepared.plan.digest !== digest) {
    throw new TrueupError(
      "conflict",
      `Cannot approve the plan ${digest} of ${name} as planning again must give the same: it gives ${prepared.plan.digest}.`,
      { hint: "Something changed since: look at trueup plan, and approve the digest that trueup status shows." },
    );
  }
  const deletions = held.map(({ id }) => displayId(id));
  await record.event(ATTEMPT_EVENTS.approved, `${by} approved ${deletions.length} deletions`, {
    digest,
    by,
    deletions,
  });
}

/**
 * Ends an attempt without its held deletions.
 *
 * @throws {TrueupError} `conflict` when it holds none
 */
export async function discard(
  record: AttemptRecord | null,
  isHeld: boolean,
  app: string,
  { by }: Order,
): Promise<void> {
  if (record === null || record.ended || !isHeld) throw nothingHeld(`discard what is held of ${app}`);
  await record.end("discarded", `${by} discarded the deletions: ${record.heldText}`);
}

function nothingHeld(doing: string): TrueupError {
  return new TrueupError("conflict", `Cannot ${doing} as deletions must wait for approval: none does.`, {
    hint: "trueup status says what each app waits for.",
  });
}

const RETRIABLE: ReadonlySet<Outcome> = new Set(["failed", "rejected", "rolled back", "discarded"]);

/** @throws {TrueupError} `conflict` when there is no attempt, or it went well */
export function requireRetriable(record: AttemptRecord | null, app: string): AttemptRecord {
  const outcome = record?.attempt.ending?.outcome;
  if (record !== null && (outcome === undefined || RETRIABLE.has(outcome))) return record;
  const what = outcome === undefined ? "there is no attempt yet" : `it ended as ${outcome}`;
  throw new TrueupError("conflict", `Cannot retry the head of ${app} as it must have failed: ${what}.`, {
    hint: "To replace pods although nothing failed, use trueup rollout restart.",
  });
}
