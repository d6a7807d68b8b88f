/** Between database rows and the ledger's types. */
import type { SQLOutputValue } from "node:sqlite";
import type { Attempt, AttemptEnding, AttemptEvent, Outcome, RevisionEnding, RevisionRecord } from "../model/ledger.ts";
import type { JsonObject } from "../model/object.ts";
import { asCommitId } from "../model/source.ts";

export type Row = Record<string, SQLOutputValue>;

export function attemptOf(row: Row, events: AttemptEvent[]): Attempt {
  const attempt: Attempt = {
    row: Number(row.row),
    app: String(row.app),
    target: String(row.target),
    commit: asCommitId(String(row.commit_id)),
    ordinal: Number(row.ordinal),
    openedAt: String(row.opened_at),
    ref: String(row.ref),
    authorName: String(row.author_name),
    authorEmail: String(row.author_email),
    subject: String(row.subject),
    events,
  };
  if (row.outcome !== null) attempt.ending = attemptEndingOf(row);
  return attempt;
}

export function attemptEndingOf(row: Row): AttemptEnding {
  return {
    endedAt: String(row.ended_at),
    outcome: String(row.outcome) as Outcome,
    reason: String(row.reason),
    ...(row.plan_digest !== null && { planDigest: String(row.plan_digest) }),
    ...(row.changes !== null && { changes: JSON.parse(String(row.changes)) as Record<string, number> }),
  };
}

export function eventOf(row: Row): AttemptEvent {
  const detail = JSON.parse(String(row.detail)) as JsonObject | null;
  return {
    at: String(row.at),
    type: String(row.type),
    message: String(row.message),
    ...(detail !== null && { detail }),
  };
}

export function revisionOf(row: Row): RevisionRecord {
  const revision: RevisionRecord = {
    app: String(row.app),
    target: String(row.target),
    workload: String(row.workload),
    uid: String(row.uid),
    revision: Number(row.revision),
    commit: asCommitId(String(row.commit_id)),
    authorName: String(row.author_name),
    authorEmail: String(row.author_email),
    subject: String(row.subject),
    file: String(row.file),
    template: JSON.parse(String(row.template)) as JsonObject,
    templateHash: String(row.template_hash),
    images: JSON.parse(String(row.images)) as Record<string, string>,
    planDigest: String(row.plan_digest),
    startedAt: String(row.started_at),
  };
  if (row.outcome !== null) revision.ending = revisionEndingOf(row);
  return revision;
}

export function revisionEndingOf(row: Row): RevisionEnding {
  return {
    endedAt: String(row.ended_at),
    outcome: String(row.outcome) as RevisionEnding["outcome"],
    reason: String(row.reason),
  };
}

/** JSON with sorted keys, so that equal values are equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
