/** What every ledger refuses to write, in the same words. */
import { TrueupError } from "../model/errors.ts";
import type { AttemptEnding, AttemptKey, AttemptOpening, Revision, RevisionEnding } from "../model/ledger.ts";
import { shortId } from "../model/source.ts";
import { attemptContent, endingContent, type RevisionKey, revisionContent, revisionEndingContent } from "./chain.ts";

/** @throws {TrueupError} `invalid` when the ordinal counts from 0 */
export function requireOrdinal({ app, commit, ordinal }: AttemptKey): void {
  if (Number.isSafeInteger(ordinal) && ordinal >= 1) return;
  throw new TrueupError(
    "invalid",
    `Cannot record an attempt of ${app} at ${shortId(commit)} as its ordinal must be at least 1: it is ${ordinal}.`,
  );
}

export function neverOpened(doing: string, key: AttemptKey): TrueupError {
  return new TrueupError("not-found", `Cannot ${doing} as ${nameOf(key)} must be open: it was never opened.`);
}

export function neverRecorded({ revision, uid }: RevisionKey): TrueupError {
  return new TrueupError("not-found", `Cannot end revision ${revision} of ${uid} as it was never recorded.`);
}

/**
 * Opening again what ended.
 *
 * @throws {TrueupError} `conflict` when it is not said as it was; who committed may be missing in rows of an older trueup
 */
export function requireSameOpening(before: AttemptOpening, ending: AttemptEnding, said: AttemptOpening): void {
  const { committerName, committerEmail } = said;
  if (attemptContent({ committerName, committerEmail, ...before } as AttemptOpening) === attemptContent(said)) return;
  throw conflict(`open ${nameOf(said)} again`, `it ended as ${ending.outcome}`);
}

/** @throws {TrueupError} `conflict` when more than the time differs */
export function requireSameEnding(key: AttemptKey, before: AttemptEnding, said: AttemptEnding): void {
  if (endingContent(key, { ...before, endedAt: "" }) === endingContent(key, { ...said, endedAt: "" })) return;
  throw conflict(`end ${nameOf(key)} as ${said.outcome}`, `it ended as ${before.outcome}`);
}

/** @throws {TrueupError} `conflict` when more than the time differs */
export function requireSameRevision(before: Revision, said: Revision): void {
  if (revisionContent({ ...before, startedAt: "" }) === revisionContent({ ...said, startedAt: "" })) return;
  throw conflict(
    `record revision ${said.revision} of ${said.workload} again`,
    `it is recorded with commit ${shortId(before.commit)}`,
  );
}

/** @throws {TrueupError} `conflict` when more than the time differs */
export function requireSameRevisionEnding(key: RevisionKey, before: RevisionEnding, said: RevisionEnding): void {
  const isSame =
    revisionEndingContent(key, { ...before, endedAt: "" }) === revisionEndingContent(key, { ...said, endedAt: "" });
  if (!isSame) throw conflict(`end revision ${key.revision} as ${said.outcome}`, `it ended as ${before.outcome}`);
}

function nameOf({ app, commit, ordinal }: AttemptKey): string {
  return `attempt ${ordinal} of ${app} at ${shortId(commit)}`;
}

function conflict(doing: string, why: string): TrueupError {
  return new TrueupError("conflict", `Cannot ${doing} as rows of the ledger are never rewritten: ${why}.`);
}
