/** Carries a prepared commit out and writes down each step, so that a restart picks up where a killed one was. */
import type { Declared } from "../model/manifest.ts";
import { displayId, idOfLive, type KubeObject } from "../model/object.ts";
import type { Change, Plan } from "../model/plan.ts";
import { heldChanges } from "../plan/approval.ts";
import { type ContestHistory, contestFields, markContested } from "../plan/contest.ts";
import { hookName } from "../plan/hooks.ts";
import { carryOut } from "./apply.ts";
import type { HealthWatch } from "./health-watch.ts";
import { settleHooks } from "./hooks.ts";
import { type Accepted, type PassContext, planPrepared } from "./pass.ts";
import type { AttemptRecord } from "./record.ts";
import { dueChanges } from "./request.ts";
import { courseOf, runningHooks, type StageCourse, wholeCourse } from "./stages.ts";

export interface CarryHooks {
  health: HealthWatch;
  contests: ContestHistory;
  /** There is something to change, and it begins now. */
  onApplying: (plan: Plan) => void;
}

/** What is left after a commit was carried out. */
export interface Carried {
  /** The plan, or, after changes were made and deletions held, what a new plan says: by its digest they are approved. */
  left: Plan;
  /** When a contested difference may be repaired again, milliseconds since the epoch; null when there is none. */
  againAt: number | null;
  /** No change is left for a later stage. */
  isThrough: boolean;
}

/**
 * Makes the due changes of a plan, in its order.
 *
 * @param record The attempt that this belongs to
 * @throws {TrueupError} What the backend or the ledger throws; what was made before is made
 */
export async function carry(
  context: PassContext,
  record: AttemptRecord,
  prepared: Accepted,
  hooks: CarryHooks,
  signal: AbortSignal,
): Promise<Carried> {
  const { fault } = context.options;
  const { declared, aim } = prepared;
  // From now on nobody watches over what was declared before: what was known of it counts no more when it comes back.
  if (context.clean !== declared) context.clean = null;
  if (prepared.ignored !== undefined) context.ignored = prepared.ignored;
  // The first application of a commit that is gone back to belongs to the attempt that failed, which had its plan.
  const isBack = record.attempt.commit !== aim.commit;
  if (!isBack) await record.planned(prepared.plan);
  fault?.("planned");
  const { plan, againAt } = isBack
    ? { plan: prepared.plan, againAt: null }
    : await contest(context, record, prepared, hooks);
  const { health } = hooks;
  const { backend, app } = context.options;
  if (!isBack) await settleHooks(prepared, record, health, backend, app.name, signal);
  const course = isBack ? wholeCourse(plan) : courseOf(plan, declared, record, health.through);
  watchOver(hooks, declared, record);
  // Made already, and waited for: should it fail now, it has come that far, and what drifts of it is mended.
  if (course.due.length === 0 && course.at !== null) await record.stage(course.at);
  const left =
    course.due.length === 0 ? plan : await make(context, record, { ...prepared, plan }, course, hooks, signal);
  watchOver(hooks, declared, record);
  health.stage(course.scope);
  if (!course.isLast || record.failing !== undefined) return { left, againAt, isThrough: false };
  await waitForGoing(context, record, prepared, signal);
  // Also when a reconciler that was killed had made them all, and only this was left to say.
  if (!isBack && record.changed && !record.applied) await record.event("applied", "all changes made");
  const held = heldChanges(left);
  if (held.length > 0) await record.held(left, held);
  fault?.("applied");
  // Kept and held deletions are in every plan: only a plan without any is the same as no plan.
  // What another app is to take over is in none: should that app not want it after all, it has to be looked at again.
  const isWhole = dueChanges(left).length === left.changes.length && prepared.isGivingUp !== true;
  if (isWhole && context.doubts === prepared.doubts) context.clean = declared;
  return { left, againAt, isThrough: true };
}

/** Hooks are watched over only while they run. */
function watchOver({ health }: CarryHooks, declared: readonly Declared[], record: AttemptRecord): void {
  health.declare(
    declared,
    runningHooks(declared, record).map(({ item }) => item),
  );
}

/**
 * A deletion that was begun by an earlier pass, which was killed or waited in vain, is in no plan any more; the attempt is
 * not through before it is.
 */
async function waitForGoing(
  { options: { backend } }: PassContext,
  record: AttemptRecord,
  { going = [], plan: { app } }: Accepted,
  signal: AbortSignal,
): Promise<void> {
  if (record.ended) return;
  for (const { object } of going) {
    const { uid } = object.metadata;
    await backend.delete({ id: idOfLive(object), owner: app, ...(uid !== undefined && { uid }) }, signal);
  }
}

/** What differs though it was applied is drift: repaired, unless somebody else keeps making it. */
async function contest(
  { options }: PassContext,
  record: AttemptRecord,
  { plan }: Accepted,
  { contests }: CarryHooks,
): Promise<{ plan: Plan; againAt: number | null }> {
  if (!record.applied) return { plan, againAt: null };
  const now = options.clock.now();
  const marked = markContested(plan, contests, now);
  if (marked.fresh.length > 0) {
    await record.contested(marked.plan, marked.fresh);
    for (const field of marked.fresh) contests.contested(field, now);
  }
  return marked;
}

async function make(
  context: PassContext,
  record: AttemptRecord,
  prepared: Accepted,
  { due, at, isLast }: StageCourse,
  { health, contests, onApplying }: CarryHooks,
  signal: AbortSignal,
): Promise<Plan> {
  const { app, backend, clock, fault } = context.options;
  const { commit, plan, aim } = prepared;
  const repairs = due.filter(({ action }) => action !== "delete");
  const isAgain = record.attempt.commit === commit.id && (record.applied || record.ended);
  if (isAgain && repairs.length > 0) await record.again(repairs);
  onApplying(plan);
  context.clean = null;
  if (at !== null) {
    await record.stage(at);
    health.began(at);
  }
  await record.deleting({ ...plan, changes: [...due] }, aim.approvals ?? record.approvals);
  const applied = async (change: Change, object: KubeObject | undefined): Promise<void> => {
    health.applied(object);
    if (change.hook !== undefined) await record.hook(hookName(change, change.hook.phase), "begun");
    // Only what was repaired can come back: a try that fails is nobody's contest.
    if (!isAgain || change.action === "delete") return;
    for (const field of contestFields(change)) contests.repaired(field, clock.now());
  };
  await carryOut(app.name, due, commit, backend, signal, { applied, fault });
  fault?.("carried out");
  if (!isLast || heldChanges(plan).length === 0) return plan;
  const again = await planPrepared(context, prepared, signal);
  return markContested(again.plan, contests, clock.now()).plan;
}

/** `deployment/web: spec.replicas` */
export function contestText(plan: Plan): string {
  return plan.changes
    .filter(({ contestedUntil }) => contestedUntil !== undefined)
    .map(({ id, fields, contestedUntil }) => {
      const what = fields.length === 0 ? "is deleted" : fields.map(({ path }) => path).join(", ");
      return `${displayId(id)} (${what}) keeps being changed by somebody else; left alone until ${contestedUntil}`;
    })
    .join("; ");
}
