/** Which hooks a plan runs. Pure. */
import type { Declared } from "../model/manifest.ts";
import { displayId, keyOfId, type ObjectKey } from "../model/object.ts";
import type { SyncPhase } from "../model/ordering.ts";
import type { Change, Observed } from "../model/plan.ts";
import { ANNOTATION } from "../model/workload.ts";
import { orderOf, type Slot } from "./stages.ts";

/** How far one attempt has come with its hooks. */
export interface HookRuns {
  /** Names the attempt: the same for each plan of it. */
  attempt: string;
  /** Hooks run already: also when nothing else is left to change. Otherwise a plan without changes runs none. */
  isBegun: boolean;
  /** The attempt has failed: those hooks run that are there for that, and no others. */
  isFailing: boolean;
  /** Names (`hookName`) of those that have begun or ended. */
  begun: ReadonlySet<string>;
}

/** One hook in one phase, as people read it: `PreSync job/migrate`. */
export function hookName({ id }: Pick<Declared, "id">, phase: SyncPhase): string {
  return `${phase} ${displayId(id)}`;
}

/** What the object of a hook is marked with. */
export function runName(attempt: string, phase: SyncPhase): string {
  return `${attempt}.${phase}`;
}

/** The hooks that are declared, in every phase that is run (or when something has failed). */
export function hooksOf(declared: readonly Declared[], isFailing: boolean): Slot[] {
  const order = orderOf(declared);
  if (order.isPlain) return [];
  return order.slots.filter(({ hook, at }) => hook !== null && (at.phase === "SyncFail") === isFailing);
}

/**
 * A change for each hook that is yet to run: it is made anew, whatever is there of an earlier run. Argo CD leaves an
 * earlier run in place where the delete policy is another one than `BeforeHookCreation`, and then its hook cannot run a second time.
 */
export function hookChanges(
  declared: readonly Declared[],
  live: ReadonlyMap<ObjectKey, Observed>,
  changes: readonly Change[],
  runs: HookRuns | undefined,
): Change[] {
  if (runs === undefined) return [];
  if (!runs.isBegun && changes.every(({ held }) => held !== undefined)) return [];
  return hooksOf(declared, runs.isFailing).flatMap(({ item, at: { phase } }): Change[] => {
    const observed = live.get(keyOfId(item.id));
    const run = runName(runs.attempt, phase);
    if (runs.begun.has(hookName(item, phase)) || isRun(observed, run)) return [];
    const change = { id: item.id, declared: item, fields: [], restartsPods: false, hook: { phase, run } };
    return [observed === undefined ? { action: "create", ...change } : { action: "replace", observed, ...change }];
  });
}

/** Whether an object was made for this run of a hook. */
export function isRun(observed: Observed | undefined, run: string): boolean {
  return observed?.object.metadata.annotations?.[ANNOTATION.hookRun] === run;
}
