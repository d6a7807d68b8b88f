/** When a pass would find just what the last one found: then it need not look. */
import type { Attempt } from "../model/ledger.ts";
import type { Declared } from "../model/manifest.ts";
import type { CommitPass } from "./commit-pass.ts";
import type { HeadOfRef } from "./head.ts";
import type { PassContext } from "./pass.ts";
import type { AttemptRecord } from "./record.ts";

/**
 * All that a pass goes by which found everything as it should be. What a commit says, of the app and of its neighbours, is
 * the same as long as it is the same commit; whatever is seen of the app's objects ends the rest (`AppReconciler`).
 */
export interface Rest {
  readonly head: HeadOfRef;
  /** With all its events: an approval, or an order to try again, makes it another one. */
  readonly attempt: Attempt;
  readonly clean: readonly Declared[];
}

/**
 * @param record The attempt at the head
 * @returns null while there is something to do, to wait for or to look at again
 */
export function restOf(
  { options, clean }: PassContext,
  head: HeadOfRef,
  record: AttemptRecord,
  commits: CommitPass,
): Rest | null {
  const { attempt, ended, isUnsure } = record;
  if (!ended || isUnsure || record.givenUp !== undefined || record.failing !== undefined) return null;
  if (commits.isRejected || commits.isHeld || commits.contested !== "" || commits.carried?.record !== record)
    return null;
  // Images may come, go, or be others without anything of the commit or of the objects being another.
  const looksForImages = options.backend.capabilities.localImages && (commits.snapshot?.images.length ?? 0) > 0;
  return clean === null || looksForImages ? null : { head, attempt, clean };
}

/** Whether all that the rest was found by is as it was. */
export function isStill(rest: Rest, head: HeadOfRef, record: AttemptRecord, { clean }: PassContext): boolean {
  return (
    rest.head.commit === head.commit &&
    rest.head.ref === head.ref &&
    rest.attempt === record.attempt &&
    !record.isUnsure &&
    rest.clean === clean
  );
}
