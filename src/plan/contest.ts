/** Which differences trueup stops to repair, because somebody else keeps making them. Pure: the time is an argument. */
import { displayId } from "../model/object.ts";
import type { Change, Plan } from "../model/plan.ts";

/** So long a repair counts. Milliseconds. */
export const CONTEST_WINDOW_MS = 600_000;
/** The so manieth repair of one field within the window is not made. */
export const CONTESTED_AT = 3;
/** How long a contested field is left alone; doubled each time it is contested again. Milliseconds. */
const BACK_OFF_MS = 600_000;
const LONGEST_BACK_OFF_MS = 3_600_000;
/** Contests that far back are forgotten. Milliseconds. */
const MEMORY_MS = 4 * LONGEST_BACK_OFF_MS;

/** What happened to one field, in milliseconds since the epoch. */
interface FieldHistory {
  repairs: number[];
  contests: number[];
}

/** What was repaired and what was contested, field by field; `fieldName` names them. */
export class ContestHistory {
  readonly #fields = new Map<string, FieldHistory>();

  repaired(field: string, at: number): void {
    const history = this.#of(field);
    history.repairs = [...history.repairs, at].slice(-CONTESTED_AT);
  }

  contested(field: string, at: number): void {
    const history = this.#of(field);
    history.contests = [...history.contests.filter((past) => isWithin(past, at, MEMORY_MS)), at];
    // What led to this contest does not lead to the next one.
    history.repairs = [];
  }

  /**
   * Until when a field is to be left alone, in milliseconds since the epoch; `null` when it may be repaired now.
   *
   * `isNew` says that it becomes contested by this very difference.
   */
  leftAloneUntil(field: string, now: number): { until: number; isNew: boolean } | null {
    const history = this.#fields.get(field);
    if (history === undefined) return null;
    const last = history.contests.at(-1);
    if (last !== undefined) {
      const until = last + waitAfter(history.contests.length);
      // A clock that was set back must not stretch the wait: it is over when it would be longer than it can be.
      if (now < until && until - now <= LONGEST_BACK_OFF_MS) return { until, isNew: false };
    }
    const recent = history.repairs.filter((at) => isWithin(at, now, CONTEST_WINDOW_MS));
    if (recent.length < CONTESTED_AT - 1) return null;
    const contests = history.contests.filter((at) => isWithin(at, now, MEMORY_MS)).length;
    return { until: now + waitAfter(contests + 1), isNew: true };
  }

  #of(field: string): FieldHistory {
    const history = this.#fields.get(field) ?? { repairs: [], contests: [] };
    this.#fields.set(field, history);
    return history;
  }
}

/** 10, 20, 40, 60, 60 … minutes. */
function waitAfter(contests: number): number {
  return Math.min(LONGEST_BACK_OFF_MS, BACK_OFF_MS * 2 ** Math.min(contests - 1, 10));
}

function isWithin(at: number, now: number, span: number): boolean {
  return Math.abs(now - at) < span;
}

/** How a field of an object is named in the history; `path` is "" for the object itself (it was deleted). */
export function fieldName(object: string, path: string): string {
  return `${object} ${path}`;
}

/** The fields by which a change is known: those that differ, or the whole object when it is gone. */
export function contestFields(change: Change): string[] {
  const object = displayId(change.id);
  if (change.fields.length === 0) return [fieldName(object, "")];
  return change.fields.map(({ path }) => fieldName(object, path));
}

export interface Contested {
  /** The plan, with its contested changes marked; they are not carried out. */
  plan: Plan;
  /** Fields that became contested by this plan. */
  fresh: string[];
  /** When the first of the contested fields may be repaired again; `null` when none is contested. */
  againAt: number | null;
}

/**
 * Marks the repairs that would be the third of one field in ten minutes, and those of fields that were contested a short
 * while ago. An object is applied as a whole, so one contested field keeps all of it from being repaired.
 *
 * @param now Milliseconds since the epoch
 */
export function markContested(plan: Plan, history: ContestHistory, now: number): Contested {
  const fresh: string[] = [];
  let againAt: number | null = null;
  const changes = plan.changes.map((change) => {
    if (change.action === "delete" || change.held !== undefined) return change;
    const answers = contestFields(change).map((field) => ({ field, left: history.leftAloneUntil(field, now) }));
    const until = Math.max(...answers.map(({ left }) => left?.until ?? 0));
    if (until === 0) return change;
    fresh.push(...answers.filter(({ left }) => left?.isNew === true).map(({ field }) => field));
    againAt = Math.min(againAt ?? until, until);
    return { ...change, contestedUntil: new Date(until).toISOString() };
  });
  return { plan: againAt === null ? plan : { ...plan, changes }, fresh, againAt };
}
