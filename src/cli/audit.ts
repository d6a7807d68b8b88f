/** Attempts with the revisions that they made: the ledger's answer to who changed what, when, why, and who approved it. */
import type { Attempt, RevisionRecord } from "../model/ledger.ts";

/** A revision without its pod template, which git has. */
export type AuditedRevision = Omit<
  RevisionRecord,
  "app" | "target" | "commit" | "authorName" | "authorEmail" | "subject" | "template"
>;

export type AuditedAttempt = Attempt & { revisions: AuditedRevision[] };

/** Each revision belongs to the last attempt at its commit that was opened before it began. */
export function withRevisions(attempts: readonly Attempt[], revisions: readonly RevisionRecord[]): AuditedAttempt[] {
  const made = new Map<Attempt, AuditedRevision[]>();
  const newestFirst = attempts.toSorted((a, b) => b.row - a.row);
  for (const revision of revisions) {
    const attempt = newestFirst.find(
      ({ app, target, commit, openedAt }) =>
        app === revision.app &&
        target === revision.target &&
        commit === revision.commit &&
        openedAt <= revision.startedAt,
    );
    if (attempt !== undefined) made.set(attempt, [...(made.get(attempt) ?? []), audited(revision)]);
  }
  return attempts.map((attempt) => ({ ...attempt, revisions: made.get(attempt) ?? [] }));
}

function audited(record: RevisionRecord): AuditedRevision {
  const { workload, uid, revision, file, templateHash, images, planDigest, startedAt, ending } = record;
  return {
    ...{ workload, uid, revision, file, templateHash, images, planDigest, startedAt },
    ...(ending !== undefined && { ending }),
  };
}
