/** Revisions: which ReplicaSet runs the current template, how revisions are numbered, and what a revision remembers. Pure. */
import { ANNOTATION, type Deployment, LABEL_POD_TEMPLATE_HASH, type ReplicaSet } from "../model/workload.ts";
import { maxPodsOf } from "./limits.ts";
import { byCreation, isActive, replicasAnnotations, revisionOf } from "./replicasets.ts";
import { templateHash, templatesEqual, withoutHashLabel } from "./template.ts";

/** Longest text of the annotation that lists former revision numbers. */
export const REVISION_HISTORY_LIMIT_CHARS = 2000;

/** Longest object name. */
const MAX_NAME_CHARS = 253;

/** Annotations of a Deployment that say something about the Deployment alone. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  ANNOTATION.lastApplied,
  ANNOTATION.revision,
  ANNOTATION.revisionHistory,
  ANNOTATION.desiredReplicas,
  ANNOTATION.maxReplicas,
  ANNOTATION.rollbackTo,
]);

/** trueup's own annotations that belong to a revision; others (ownership, for one) would claim that git declares it. */
const COPIED_OF_TRUEUP: ReadonlySet<string> = new Set([ANNOTATION.commit, ANNOTATION.source]);

/** Whether an annotation goes from a Deployment to its current ReplicaSet (and back on undo). */
export function isCopiedAnnotation(key: string): boolean {
  return !NOT_COPIED.has(key) && (!key.startsWith("trueup/") || COPIED_OF_TRUEUP.has(key));
}

/** The ReplicaSet of the Deployment's template: of several, the oldest, so that the choice never changes. */
export function findNewReplicaSet(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  let oldest: ReplicaSet | undefined;
  for (const replicaSet of replicaSets) {
    if (oldest !== undefined && byCreation(oldest, replicaSet) <= 0) continue;
    if (templatesEqual(replicaSet.spec.template, deployment.spec.template)) oldest = replicaSet;
  }
  return oldest;
}

/** All but the new ReplicaSet, oldest first, and those of them that should still have pods. */
export function findOldReplicaSets(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
): { old: ReplicaSet[]; oldWithReplicas: ReplicaSet[] } {
  const current = findNewReplicaSet(deployment, replicaSets);
  const old = replicaSets.filter((replicaSet) => replicaSet !== current).sort(byCreation);
  return { old, oldWithReplicas: old.filter(isActive) };
}

/** Number of the next revision: one more than the highest of the old ones. */
export function nextRevision(old: readonly ReplicaSet[]): number {
  return old.reduce((highest, replicaSet) => Math.max(highest, revisionOf(replicaSet)), 0) + 1;
}

/** `<deployment>-<hash>`, the first part cut so that the whole is a legal name; the hash is never cut. */
export function replicaSetName(deployment: string, hash: string): string {
  const room = MAX_NAME_CHARS - hash.length - 1;
  return `${room > 0 ? deployment.slice(0, room) : deployment}-${hash}`;
}

/** Appends a former number to the list of them; the oldest give way when it gets longer than 2000 characters. */
export function appendRevisionHistory(history: string | undefined, revision: string): string {
  if (history === undefined || history === "") return revision;
  const numbers = [...history.split(","), revision];
  let length = history.length + 1 + revision.length;
  let start = 0;
  while (length > REVISION_HISTORY_LIMIT_CHARS && start < numbers.length - 1) {
    length -= (numbers[start]?.length ?? 0) + 1;
    start++;
  }
  return numbers.slice(start).join(",");
}

/**
 * Annotations of the current ReplicaSet: what the Deployment says, the revision raised to `revision` where it is lower, and
 * the number it had before remembered. Raising is what renumbers a ReplicaSet that an undo makes current again.
 */
export function currentAnnotations(
  deployment: Deployment,
  replicaSet: ReplicaSet,
  revision: number,
): Record<string, string> {
  const annotations = { ...replicaSet.metadata.annotations, ...copiedAnnotations(deployment) };
  const before = replicaSet.metadata.annotations?.[ANNOTATION.revision];
  const beforeNumber = revisionOf(replicaSet);
  if (beforeNumber >= revision) return annotations;
  annotations[ANNOTATION.revision] = String(revision);
  if (before !== undefined && beforeNumber > 0) {
    annotations[ANNOTATION.revisionHistory] = appendRevisionHistory(annotations[ANNOTATION.revisionHistory], before);
  }
  return annotations;
}

/** The Deployment's annotations that its current ReplicaSet gets too. */
export function copiedAnnotations(deployment: Deployment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => isCopiedAnnotation(key)),
  );
}

/**
 * The ReplicaSet for the Deployment's template, ready to be created.
 *
 * @param replicas Its first size
 */
export function newReplicaSet(deployment: Deployment, revision: number, replicas: number): ReplicaSet {
  const { metadata, spec } = deployment;
  const hash = templateHash(spec.template, deployment.status?.collisionCount);
  const template = withoutHashLabel(spec.template);
  const labels = { ...template.metadata?.labels, [LABEL_POD_TEMPLATE_HASH]: hash };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: replicaSetName(metadata.name, hash),
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels,
      annotations: {
        ...copiedAnnotations(deployment),
        [ANNOTATION.revision]: String(revision),
        ...replicasAnnotations(spec.replicas ?? 1, maxPodsOf(deployment)),
      },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      minReadySeconds: spec.minReadySeconds ?? 0,
      selector: {
        ...spec.selector,
        matchLabels: { ...spec.selector.matchLabels, [LABEL_POD_TEMPLATE_HASH]: hash },
      },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** The ownerReference by which the object manages another. */
export function controllerReference(owner: Deployment | ReplicaSet): {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller: true;
  blockOwnerDeletion: true;
} {
  const { name, uid = "" } = owner.metadata;
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion: true };
}
