/** Which held deletions may go ahead because a person said so. Pure. */
import { keyOfId } from "../model/object.ts";
import type { Change, Plan } from "../model/plan.ts";
import { isKept } from "./prune-guard.ts";

/** What people approved of one attempt, and how far that has been carried out. */
export interface Approvals {
  /** Digests of plans. */
  digests: ReadonlySet<string>;
  /** Deletions (`deletionName`) of an approved plan that was begun: its rest may go on, though the plan is shorter now. */
  begun: ReadonlySet<string>;
}

export const NO_APPROVALS: Approvals = { digests: new Set(), begun: new Set() };

/** What two attempts have approved together. */
export function joinApprovals(a: Approvals, b: Approvals): Approvals {
  return { digests: a.digests.union(b.digests), begun: a.begun.union(b.begun) };
}

/** Which deletion of which very object: one that was made anew since is another. */
export function deletionName({ id, observed }: Change): string {
  return `${keyOfId(id)} ${observed?.object.metadata.uid ?? ""}`;
}

/**
 * The plan with its approved deletions free to go ahead: all of them when its own digest was approved, otherwise those
 * that an approved plan had begun. Objects that ask to be kept stay, whoever approves. The digest stays the same: what
 * is held is not part of it.
 */
export function release(plan: Plan, { digests, begun }: Approvals): Plan {
  const isApproved = digests.has(plan.digest);
  if (!isApproved && begun.size === 0) return plan;
  const changes = plan.changes.map((change) => {
    if (change.held === undefined || isKept(change)) return change;
    if (!isApproved && !begun.has(deletionName(change))) return change;
    const { held: _held, ...free } = change;
    return free;
  });
  return { ...plan, changes };
}

/** The deletions that wait for a person. Objects that ask to be kept wait for nobody. */
export function heldChanges(plan: Plan): Change[] {
  return plan.changes.filter((change) => change.held !== undefined && !isKept(change));
}
