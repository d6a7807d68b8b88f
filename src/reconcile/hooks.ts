/** Keeps count of an attempt's hooks: which have begun, which have succeeded, which are gone, and which are to be deleted. */
import type { Backend } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import type { DeletePolicy } from "../model/ordering.ts";
import type { Observed } from "../model/plan.ts";
import { type HookRuns, hookName, hooksOf, isRun, runName } from "../plan/hooks.ts";
import { takesAlong } from "../plan/prune-guard.ts";
import { comparePositions, type Slot } from "../plan/stages.ts";
import type { HealthWatch } from "./health-watch.ts";
import { keyOfDeclared } from "./observe.ts";
import type { Accepted } from "./pass.ts";
import type { AttemptRecord } from "./record.ts";
import { runningHooks } from "./stages.ts";

/** Which hooks an attempt runs: none once it was carried out, so that mending drift runs none. */
export function hookRunsOf(record: AttemptRecord): HookRuns | undefined {
  const { ending } = record.attempt;
  // What was rejected for its hooks stays so: it is not well because it would run none.
  const isOver = ending !== undefined && ending.outcome !== "rejected";
  if (record.applied || isOver || record.givenUp !== undefined) return undefined;
  const { isBegun } = record.hooks;
  if (record.isPlanned && !isBegun) return undefined;
  return { attempt: record.name, isBegun, isFailing: record.failing !== undefined, begun: record.hooks.begun };
}

/** What planning somebody else's commit, that is not under way, would run. */
export const NEW_HOOK_RUNS: HookRuns = { attempt: "", isBegun: false, isFailing: false, begun: new Set() };

/** Whether anything is left to do for an attempt that has failed, before it ends. */
export function hasWorkAfterFailure(declared: Accepted["declared"], record: AttemptRecord): boolean {
  if (!record.hooks.isBegun || record.givenUp !== undefined) return false;
  return hooksOf(declared, true).length > 0 || hooksOf(declared, false).some((slot) => isDeletedBy(slot, "HookFailed"));
}

function isDeletedBy({ hook }: Slot, policy: DeletePolicy): boolean {
  return hook?.policies.includes(policy) === true;
}

/**
 * Writes down what became of the hooks since the last pass, and deletes those whose policy says so.
 *
 * @param health What was seen of them
 * @throws {TrueupError} `invalid` when a hook is gone of which nobody saw how it ended: running it twice may do harm
 */
export async function settleHooks(
  { declared, hookObjects }: Accepted,
  record: AttemptRecord,
  health: Pick<HealthWatch, "through" | "hasSeenEnd">,
  backend: Backend,
  app: string,
  signal: AbortSignal,
): Promise<void> {
  if (record.applied || record.ended || !record.hooks.isBegun) return;
  const observedOf = ({ item, at }: Slot): Observed | undefined => {
    const observed = hookObjects?.get(keyOfDeclared(item));
    return isRun(observed, runName(record.name, at.phase)) ? observed : undefined;
  };
  for (const slot of hooksOf(declared, record.failing !== undefined)) {
    // Killed between making it and writing that down.
    const name = hookName(slot.item, slot.at.phase);
    if (observedOf(slot) !== undefined && !record.hooks.begun.has(name)) await record.hook(name, "begun");
  }
  for (const slot of runningHooks(declared, record)) {
    const name = hookName(slot.item, slot.at.phase);
    const { through } = health;
    const isWell = through !== null && comparePositions(slot.at, through) < 0;
    if (isWell || health.hasSeenEnd(slot.key, runName(record.name, slot.at.phase))) {
      await record.hook(name, "succeeded");
    } else if (observedOf(slot) === undefined) throw gone(name);
  }
  for (const slot of [...hooksOf(declared, false), ...hooksOf(declared, true)]) {
    const observed = observedOf(slot);
    // Whatever its policy says, what takes more along is for a person to delete.
    if (observed === undefined || !isToGo(slot, record) || takesAlong(slot.item.id, observed.object) !== null) continue;
    const { uid } = observed.object.metadata;
    await backend.delete({ id: slot.item.id, owner: app, ...(uid !== undefined && { uid }) }, signal);
  }
}

function isToGo(slot: Slot, record: AttemptRecord): boolean {
  if (record.hooks.succeeded.has(hookName(slot.item, slot.at.phase))) return isDeletedBy(slot, "HookSucceeded");
  // A hook for failures is still under way while the others are cleared up.
  return record.failing !== undefined && slot.at.phase !== "SyncFail" && isDeletedBy(slot, "HookFailed");
}

function gone(name: string): TrueupError {
  return new TrueupError(
    "invalid",
    `Cannot go on after the hook ${name} as its end must be known: it is gone, and nobody saw how it ended.`,
    { hint: "trueup retry runs the hooks again; a ttlSecondsAfterFinished of a minute or more leaves time to look." },
  );
}
