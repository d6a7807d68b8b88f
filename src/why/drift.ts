/** What the ledger remembers of the repairs of one object. Pure. */
import { ATTEMPT_EVENTS, type Attempt } from "../model/ledger.ts";
import type { JsonObject } from "../model/object.ts";
import type { DriftRecord } from "./origins.ts";

/** Repairs of one object, newest first; the ledger keeps who made a difference where the backend knows. */
export function driftOf(attempts: readonly Attempt[], object: string): DriftRecord[] {
  return attempts.flatMap(({ events }) =>
    events
      .filter(({ type }) => type === ATTEMPT_EVENTS.drift)
      .flatMap(({ at, detail }): DriftRecord[] => {
        const changes = Array.isArray(detail?.changes) ? (detail.changes as JsonObject[]) : [];
        return changes
          .filter((change) => change.object === object)
          .map(({ fields, by }) => ({
            at,
            fields: Array.isArray(fields) ? fields.map(String) : [],
            ...(typeof by === "string" && { by }),
          }));
      })
      .reverse(),
  );
}
