/** Carries a prepared commit out and writes down each step, so that a restart picks up where a killed one was. */
import type { Plan } from "../model/plan.ts";
import { carryOut, dueChanges } from "./apply.ts";
import type { HealthWatch } from "./health-watch.ts";
import { type Accepted, heldChanges, isIdle, type PassContext, planPrepared } from "./pass.ts";
import type { AttemptRecord } from "./record.ts";

export interface CarryHooks {
  health: HealthWatch;
  /** There is something to change, and it begins now. */
  onApplying: (plan: Plan) => void;
}

/**
 * Makes the due changes of a plan, in its order.
 *
 * @returns The plan that is left: the same one, or, after changes were made and deletions held, what a new plan says; it is
 *   by that one's digest that the deletions are approved
 * @throws {TrueupError} What the backend or the ledger throws; what was made before is made
 */
export async function carry(
  context: PassContext,
  record: AttemptRecord,
  prepared: Accepted,
  { health, onApplying }: CarryHooks,
  signal: AbortSignal,
): Promise<Plan> {
  const { backend, fault } = context.options;
  const { commit, snapshot, plan } = prepared;
  health.declare(snapshot);
  await record.planned(plan);
  fault?.("planned");
  let left = plan;
  if (!isIdle(plan)) {
    if (record.applied || record.ended) await record.again(dueChanges(plan));
    onApplying(plan);
    context.clean = null;
    await carryOut(plan, commit, backend, signal, { applied: (_change, object) => health.applied(object), fault });
    fault?.("carried out");
    if (heldChanges(plan).length > 0) left = (await planPrepared(context, prepared, signal)).plan;
  }
  // Also when a reconciler that was killed had made them all, and only this was left to say.
  if (record.changed && !record.applied) await record.event("applied", "all changes made");
  const held = heldChanges(left);
  if (held.length > 0) await record.held(left, held);
  fault?.("applied");
  // Kept and held deletions are in every plan: only a plan without any is the same as no plan.
  const isWhole = dueChanges(left).length === left.changes.length;
  if (isWhole && context.doubts === prepared.doubts) context.clean = snapshot.declared;
  return left;
}
