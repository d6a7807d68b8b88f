/** Decides what to do for one app at one commit. Pure: no clock and no I/O, so each case is one row of a table test. */
import type { Declared } from "../model/manifest.ts";
import type { Observed, Plan } from "../model/plan.ts";
import type { CommitId } from "../model/source.ts";

/** How many deletions go ahead without approval. Exceeding either number holds them all. */
export interface PruneBudget {
  maxObjects: number;
  /** Of the objects that the app owns, 0 to 100. */
  maxPercent: number;
}

export const DEFAULT_PRUNE_BUDGET: PruneBudget = { maxObjects: 3, maxPercent: 30 };

export interface PlanInput {
  app: string;
  commit: CommitId;
  /** Where objects without a namespace go. */
  namespace: string;
  declared: readonly Declared[];
  /** At least all objects that the app owns, and those of the declared identities that exist. */
  observed: readonly Observed[];
  prune?: PruneBudget;
}

export function planApp(input: PlanInput): Plan {
  return { app: input.app, commit: input.commit, changes: [], unchanged: 0, digest: "" };
}
