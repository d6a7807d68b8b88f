/** Which deletions wait for a person. Pure. */
import { displayId, type KubeObject } from "../model/object.ts";
import type { Change } from "../model/plan.ts";

/** How many deletions go ahead without approval. Exceeding either number holds them all. */
export interface PruneBudget {
  maxObjects: number;
  /** Of all the app's objects, those that it owns and those that git declares, 0 to 100. */
  maxPercent: number;
}

/** Promise 4 of the design. */
export const DEFAULT_PRUNE_BUDGET: PruneBudget = { maxObjects: 3, maxPercent: 30 };

/** Kinds that take more with them than themselves. */
const PRECIOUS: ReadonlyMap<string, string> = new Map([
  ["/Namespace", "a Namespace takes all that is in it along"],
  ["apiextensions.k8s.io/CustomResourceDefinition", "a CustomResourceDefinition takes all its objects along"],
  ["/PersistentVolumeClaim", "a PersistentVolumeClaim takes its data along"],
]);

/** The annotation on an object by which its owner says: never delete this, in trueup's words and in other tools'. */
export function keepAnnotation(object: KubeObject): string | null {
  const annotations = object.metadata.annotations ?? {};
  const options = (annotations["argocd.argoproj.io/sync-options"] ?? "").split(",").map((option) => option.trim());
  if (annotations["trueup/prune"] === "disabled") return "trueup/prune: disabled";
  if (options.includes("Prune=false")) return "argocd.argoproj.io/sync-options: Prune=false";
  if (annotations["kustomize.toolkit.fluxcd.io/prune"] === "disabled") {
    return "kustomize.toolkit.fluxcd.io/prune: disabled";
  }
  return annotations["helm.sh/resource-policy"] === "keep" ? "helm.sh/resource-policy: keep" : null;
}

/**
 * What deleting an object takes along besides itself, as a sentence; null for nothing.
 *
 * @param live The object as it is there: that is what counts when it is deleted
 */
export function takesAlong({ group, kind }: Pick<Change["id"], "group" | "kind">, live?: KubeObject): string | null {
  if (group === "apps" && kind === "StatefulSet") return takesClaimsAlong(live);
  return PRECIOUS.get(`${group}/${kind}`) ?? null;
}

function takesClaimsAlong(live: KubeObject | undefined): string | null {
  const spec = live?.spec as { persistentVolumeClaimRetentionPolicy?: { whenDeleted?: unknown } | null } | undefined;
  return spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted === "Delete"
    ? "its volume claims go with it (whenDeleted: Delete), and their data with them"
    : null;
}

/** Whether an object stays because it says so itself: such a deletion waits for nobody. */
export function isKept(change: Change): boolean {
  return change.action === "delete" && change.observed !== undefined && keepAnnotation(change.observed.object) !== null;
}

/** What the deletions of one app stand beside. */
export interface PruneScope {
  /** How many objects git declares. */
  declared: number;
  /**
   * How many objects the app owns or git declares: a number that applying the plan does not change, or a deletion that is
   * held now would go ahead the next time.
   */
  total: number;
  /** Other apps of which it is not known what all they declare. */
  unreadable: readonly string[];
}

/**
 * Marks the deletions that wait for approval.
 *
 * @param deletions Deletions of one plan
 */
export function guardDeletions(deletions: readonly Change[], scope: PruneScope, budget: PruneBudget): Change[] {
  const counted = deletions.filter((change) => !isKept(change)).length;
  const whole = wholeReason(counted, scope, budget);
  return deletions.map((change) => {
    const held = ownReason(change) ?? whole;
    return held === null ? change : { ...change, held };
  });
}

function ownReason({ id, observed }: Change): string | null {
  const kept = observed === undefined ? null : keepAnnotation(observed.object);
  if (kept !== null) return `${displayId(id)} is annotated ${kept}`;
  return takesAlong(id, observed?.object);
}

function wholeReason(count: number, { declared, total, unreadable }: PruneScope, budget: PruneBudget): string | null {
  if (count === 0) return null;
  const [unread] = unreadable;
  if (unread !== undefined) return `app ${unread} may declare it: a manifest of that app cannot be read at this commit`;
  if (declared === 0) return "it would leave nothing of the app: git declares no object";
  if (count > budget.maxObjects) {
    return `${count} deletions are more than the ${budget.maxObjects} that go ahead without approval`;
  }
  // Rounds against deleting: 1 of 3 objects is 33.3 %, more than 30 %.
  if (count * 100 > total * budget.maxPercent) {
    return `${count} of the app's ${total} objects are more than the ${budget.maxPercent} % that may go without approval`;
  }
  return null;
}
