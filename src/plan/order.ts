/** In which order objects are applied: what others need comes first, what is deleted goes the other way round. */
import type { ObjectId } from "../model/object.ts";
import type { Change } from "../model/plan.ts";

/** Kinds by phase; the rest comes after these, as it may need anything. */
const PHASES: readonly (readonly string[])[] = [
  ["/Namespace"],
  ["apiextensions.k8s.io/CustomResourceDefinition"],
  ["/ServiceAccount", "/ConfigMap", "/Secret", "/PersistentVolumeClaim"],
  // Before the pods, so that those find the Services' environment variables.
  ["/Service"],
  ["/Pod", "/ReplicationController", "apps/ReplicaSet", "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet"],
];

const PHASE_OF = new Map(PHASES.flatMap((kinds, phase) => kinds.map((kind): [string, number] => [kind, phase])));

export function phaseOf(id: ObjectId): number {
  return PHASE_OF.get(`${id.group}/${id.kind}`) ?? PHASES.length;
}

/** Orders changes for apply: by phase, then by identity; deletions last, in reverse. */
export function compareChanges(a: Change, b: Change): number {
  const deletes = Number(a.action === "delete") - Number(b.action === "delete");
  if (deletes !== 0) return deletes;
  const order = phaseOf(a.id) - phaseOf(b.id) || compareIds(a.id, b.id);
  return a.action === "delete" ? -order : order;
}

function compareIds(a: ObjectId, b: ObjectId): number {
  return (
    compareText(a.group, b.group) ||
    compareText(a.kind, b.kind) ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
