/** Which stage of a plan is due: worked out anew at each pass, from what is observed and what the ledger has. */
import type { Declared } from "../model/manifest.ts";
import { keyOfId, type ObjectKey } from "../model/object.ts";
import { definedKind } from "../model/ordering.ts";
import type { Change, Plan } from "../model/plan.ts";
import { hookName, hooksOf } from "../plan/hooks.ts";
import {
  comparePositions,
  END,
  FIRST,
  keptOf,
  LAST,
  orderOf,
  type Position,
  type Slot,
  stageText,
} from "../plan/stages.ts";
import type { HealthScope } from "./health-watch.ts";
import { keyOfDeclared } from "./observe.ts";
import type { AttemptRecord } from "./record.ts";
import { dueChanges } from "./request.ts";

/** What a pass may do now, and what is waited for afterwards. */
export interface StageCourse {
  /** The changes to make now. */
  due: readonly Change[];
  /**
   * Their stage, where the app has several; where nothing is due, the one that is waited for. Hooks for a failure are none:
   * what comes before them was not all made.
   */
  at: Position | null;
  /** What the attempt waits for; null: for all that is declared. */
  scope: HealthScope | null;
  /** No change is left for a later pass: what is due now are the last ones. */
  isLast: boolean;
}

/**
 * All at once: what an earlier commit had is applied again, or drift is mended. Only objects of a kind that was gone itself
 * wait until it is served again.
 */
export function wholeCourse(plan: Plan): StageCourse {
  const due = dueChanges(plan);
  const definitions = due.filter(
    ({ action, declared }) => action === "create" && declared !== undefined && definedKind(declared.object) !== null,
  );
  const [first] = definitions;
  const at = first === undefined ? null : positionIn(plan, first);
  const isNow = (change: Change): boolean => at === null || comparePositions(positionIn(plan, change), at) <= 0;
  const later = due.find((change) => !isNow(change));
  if (later === undefined) return { due, at: null, scope: null, isLast: true };
  const keys = new Set(definitions.filter(isNow).map(({ id }) => keyOfId(id)));
  const scope = { keys, next: positionIn(plan, later), label: "" };
  return { due: due.filter(isNow), at: null, scope, isLast: false };
}

/** Whether a plan is carried out in stages: there are several, or hooks, which are waited for in any case. */
export function isStaged(declared: readonly Declared[]): boolean {
  const order = orderOf(declared);
  return !order.isPlain && (order.positions.length > 1 || order.slots.some(({ hook }) => hook !== null));
}

/** Hooks of this attempt that have begun and are not known to have ended. */
export function runningHooks(declared: readonly Declared[], record: AttemptRecord): Slot[] {
  if (record.applied || record.ended || record.givenUp !== undefined) return [];
  const { begun, succeeded } = record.hooks;
  return hooksOf(declared, record.failing !== undefined).filter(({ item, at }) => {
    const name = hookName(item, at.phase);
    return begun.has(name) && !succeeded.has(name);
  });
}

/**
 * @param through Up to where everything was seen to be well, in this attempt; null: nothing was yet
 */
export function courseOf(
  plan: Plan,
  declared: readonly Declared[],
  record: AttemptRecord,
  through: Position | null,
): StageCourse {
  const changes = dueChanges(plan);
  const staged = isStaged(declared);
  if (!staged || record.applied) return wholeCourse(plan);
  if (record.ended) return afterEnd(plan, changes, declared, record.reached);
  const isFailing = record.failing !== undefined;
  const end = isFailing ? LAST : END;
  const open = isFailing ? changes.filter(({ hook }) => hook !== undefined) : changes;
  const running = runningHooks(declared, record);
  const first = open[0] === undefined ? null : positionIn(plan, open[0]);
  // What has failed is waited for no more; only the hooks for that case are.
  const wait = (next: Position | null): HealthScope => scopeOf(isFailing ? [] : declared, running, next);
  if (first === null) {
    if (running.length > 0) return { due: [], at: null, scope: wait(end), isLast: false };
    return { due: [], at: null, scope: isFailing ? wait(null) : null, isLast: true };
  }
  const isOpen = through !== null && comparePositions(first, through) <= 0;
  if (!isOpen && !isFirst(first, declared, running, isFailing)) {
    const before = isFailing
      ? undefined
      : orderOf(declared).positions.findLast((at) => comparePositions(at, first) < 0);
    return { due: [], at: before ?? null, scope: wait(first), isLast: false };
  }
  const due = open.filter((change) => comparePositions(positionIn(plan, change), first) === 0);
  const rest = open.find((change) => comparePositions(positionIn(plan, change), first) > 0);
  const made = due.filter(({ hook }) => hook !== undefined);
  const isLast = rest === undefined && made.length === 0 && running.length === 0;
  const at = isFailing ? null : first;
  if (isLast) return { due, at, scope: null, isLast };
  const begun = hooksOf(declared, isFailing).filter(({ item, at }) =>
    made.some((change) => change.declared === item && change.hook?.phase === at.phase),
  );
  const next = rest === undefined ? end : positionIn(plan, rest);
  return { due, at, scope: scopeOf(isFailing ? [] : declared, [...running, ...begun], next), isLast: false };
}

/** Nothing comes before it that could be waited for. */
function isFirst(at: Position, declared: readonly Declared[], running: readonly Slot[], isFailing: boolean): boolean {
  if (running.length > 0) return false;
  if (isFailing) return true;
  return orderOf(declared).slots.every((slot) => slot.hook !== null || comparePositions(slot.at, at) >= 0);
}

/** An attempt that ended before it was through goes no further; what it had come to is kept as it is to be. */
function afterEnd(
  plan: Plan,
  changes: readonly Change[],
  declared: readonly Declared[],
  reached: Position | null,
): StageCourse {
  const isReached = (at: Position): boolean => reached !== null && comparePositions(at, reached) <= 0;
  const due = changes.filter(
    (change) => change.hook === undefined && change.action !== "delete" && isReached(positionIn(plan, change)),
  );
  const slots = orderOf(declared).slots.filter(({ hook, at }) => hook === null && isReached(at));
  const scope = { keys: new Set(slots.map(({ key }) => key)), next: null, label: "" };
  return { due, at: null, scope, isLast: false };
}

function positionIn({ stages }: Plan, { stage }: Change): Position {
  return stages?.[stage ?? 0] ?? FIRST;
}

function scopeOf(declared: readonly Declared[], running: readonly Slot[], next: Position | null): HealthScope {
  const keys = new Set<ObjectKey>(running.map(({ item }) => keyOfDeclared(item)));
  const { of, positions } = orderOf(declared);
  for (const each of keptOf(declared)) {
    const key = keyOfDeclared(each);
    if (next !== null && of(key).some(({ at }) => comparePositions(at, next) < 0)) keys.add(key);
  }
  const last = next === null ? undefined : positions.findLast((at) => comparePositions(at, next) < 0);
  return { keys, next, label: last === undefined ? "" : stageText(last) };
}
