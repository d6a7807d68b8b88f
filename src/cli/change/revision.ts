/** Which revision an undo goes back to. Pure. */
import { TrueupError } from "../../model/errors.ts";
import type { RevisionRecord } from "../../model/ledger.ts";

/**
 * The revision asked for, or else the one before: the highest below the current one whose pod template is another. That is
 * kubectl's choice, too: it renumbers a template that comes back, so that the same template is never "before".
 *
 * @param records Of the workload, any order
 * @param current Number of the revision that runs now; 0 when it is not known, then the highest counts as current
 * @param wanted 0: the one before
 * @throws {TrueupError} `not-found` when there is none
 */
export function chooseRevision(
  name: string,
  records: readonly RevisionRecord[],
  current: number,
  wanted: number,
): RevisionRecord {
  const sorted = records.toSorted((a, b) => b.revision - a.revision);
  if (sorted.length === 0) {
    throw new TrueupError("not-found", `no rollout history found for deployment "${name}"`);
  }
  if (wanted > 0) {
    const found = sorted.find(({ revision }) => revision === wanted);
    if (found !== undefined) return found;
    throw new TrueupError("not-found", `unable to find specified revision ${wanted} in history`, {
      hint: `There are: ${[...new Set(sorted.map(({ revision }) => revision))].reverse().join(", ")}.`,
    });
  }
  const now = sorted.find(({ revision }) => revision === current) ?? sorted[0];
  const before = sorted.find(
    ({ revision, templateHash }) => now !== undefined && revision < now.revision && templateHash !== now.templateHash,
  );
  if (before !== undefined) return before;
  throw new TrueupError("not-found", `no rollout history found for deployment "${name}"`, {
    hint: "There is no revision before this one to go back to.",
  });
}
