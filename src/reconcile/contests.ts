/** What the ledger remembers of differences that came again and again, so that a restart forgets no contest. */
import { ATTEMPT_EVENTS, type Attempt } from "../model/ledger.ts";
import { type ContestHistory, fieldName } from "../plan/contest.ts";

/** @param attempts Of one app, newest first */
export function recallContests(history: ContestHistory, attempts: readonly Attempt[]): void {
  const events = attempts.flatMap((attempt) => attempt.events).sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  for (const [index, { type, at, detail }] of events.entries()) {
    // A repair that could not be made is no repair.
    const next = events[index + 1];
    if (type === ATTEMPT_EVENTS.drift && next?.type === ATTEMPT_EVENTS.retry && next.detail?.by === undefined) continue;
    if (type === ATTEMPT_EVENTS.contested) {
      for (const field of texts(detail?.fields)) history.contested(field, Date.parse(at));
    }
    if (type !== ATTEMPT_EVENTS.drift || !Array.isArray(detail?.changes)) continue;
    for (const change of detail.changes as { object?: unknown; fields?: unknown }[]) {
      if (typeof change.object !== "string" || !Array.isArray(change.fields)) continue;
      const fields = change.fields.length === 0 ? [""] : texts(change.fields);
      for (const path of fields) history.repaired(fieldName(change.object, path), Date.parse(at));
    }
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
}
