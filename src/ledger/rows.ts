/** Between database rows and the ledger's types. */
import type { SQLOutputValue } from "node:sqlite";
import type { Attempt, AttemptEnding, AttemptEvent, Outcome, RevisionEnding, RevisionRecord } from "../model/ledger.ts";
import type { JsonObject } from "../model/object.ts";
import { asCommitId } from "../model/source.ts";
import type { Anchor } from "./chain.ts";

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
    ...(typeof row.committer_name === "string" && { committerName: row.committer_name }),
    ...(typeof row.committer_email === "string" && { committerEmail: row.committer_email }),
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

export function anchorOf(row: Row): Anchor {
  return {
    removedAt: String(row.removed_at),
    attempts: Number(row.attempts),
    links: JSON.parse(String(row.links)) as [number, number][],
    last: { seq: Number(row.last_seq), hash: String(row.last_hash) },
  };
}
