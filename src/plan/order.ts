/** In which order objects are applied: what others need comes first, what is deleted goes the other way round. */
import type { ObjectId } from "../model/object.ts";
import type { Change } from "../model/plan.ts";
import { comparePositions, type Position } from "./stages.ts";

const RBAC = "rbac.authorization.k8s.io";
const ADMISSION = "admissionregistration.k8s.io";

/**
 * Kinds by rank. Kinds that stand nowhere come after the workloads, as they may need anything.
 *
 * Argo CD (gitops-engine pkg/sync/sync_tasks.go) and Flux (fluxcd/pkg ssa/sort.go) disagree; where they do, it is as here for a reason:
 * - Namespaces before definitions (Flux has them the other way round): neither needs the other, but the Service of a conversion
 *   webhook lives in a Namespace.
 * - Definitions before RBAC and configuration (Argo CD has them after claims): whatever follows may be of their kinds, and a role that is
 *   aggregated may name them.
 * - Classes as early as Flux has them: claims, pods and Ingresses name them, and admission fills in the default one only while it is there.
 * - Accounts and roles before what bounds a namespace (Argo CD has them after): the bounds do not count them, nor need them.
 * - Quotas and limits before whatever they count or complete (Flux has LimitRanges after Services): what is made before is not completed.
 * - Budgets before their pods (Flux has them after): from the first pod on they are protected.
 * - Roles before bindings: the server looks a role up when it decides whether it may be bound.
 * - Aggregated APIs, then webhooks and admission policies, last (Argo CD has no place for the latter): all three put somebody in the way of every
 *   later request, and he may not run yet.
 */
const RANKS: readonly (readonly string[])[] = [
  ["/Namespace"],
  ["apiextensions.k8s.io/CustomResourceDefinition"],
  [
    "scheduling.k8s.io/PriorityClass",
    "node.k8s.io/RuntimeClass",
    "storage.k8s.io/StorageClass",
    "storage.k8s.io/VolumeAttributesClass",
    "storage.k8s.io/CSIDriver",
    "snapshot.storage.k8s.io/VolumeSnapshotClass",
    "resource.k8s.io/DeviceClass",
    "networking.k8s.io/IngressClass",
    "gateway.networking.k8s.io/GatewayClass",
  ],
  ["/ServiceAccount", `${RBAC}/ClusterRole`, `${RBAC}/Role`],
  [`${RBAC}/ClusterRoleBinding`, `${RBAC}/RoleBinding`],
  ["/ResourceQuota", "/LimitRange", "networking.k8s.io/NetworkPolicy"],
  ["/ConfigMap", "/Secret", "/PersistentVolume", "/PersistentVolumeClaim"],
  // Before the pods, so that those find the Services' environment variables.
  ["/Service", "policy/PodDisruptionBudget"],
  [
    "/Pod",
    "/ReplicationController",
    "apps/ReplicaSet",
    "apps/Deployment",
    "apps/StatefulSet",
    "apps/DaemonSet",
    "batch/Job",
    "batch/CronJob",
  ],
];
const LAST: readonly (readonly string[])[] = [
  ["apiregistration.k8s.io/APIService"],
  [
    `${ADMISSION}/MutatingWebhookConfiguration`,
    `${ADMISSION}/ValidatingWebhookConfiguration`,
    `${ADMISSION}/MutatingAdmissionPolicy`,
    `${ADMISSION}/MutatingAdmissionPolicyBinding`,
    `${ADMISSION}/ValidatingAdmissionPolicy`,
    `${ADMISSION}/ValidatingAdmissionPolicyBinding`,
  ],
];

const RANK_OF = new Map([
  ...RANKS.flatMap((kinds, rank) => kinds.map((kind): [string, number] => [kind, rank])),
  ...LAST.flatMap((kinds, index) => kinds.map((kind): [string, number] => [kind, RANKS.length + 1 + index])),
]);

/** The rank of a kind: lower ones are applied first. */
export function rankOf({ group, kind }: Pick<ObjectId, "group" | "kind">): number {
  return RANK_OF.get(`${group}/${kind}`) ?? RANKS.length;
}

/** A change, the stage that it belongs to, and, of a deletion, where the object stood while it was declared. */
export interface Placed {
  change: Change;
  stage: Position;
  at: Position;
}

/** Orders the changes of a plan: by stage, position, rank and identity; deletions last in their stage, in reverse. */
export function orderChanges(changes: readonly Placed[]): Placed[] {
  return [...changes].sort((a, b) => {
    const stages = comparePositions(a.stage, b.stage);
    if (stages !== 0) return stages;
    const deletes = Number(a.change.action === "delete") - Number(b.change.action === "delete");
    if (deletes !== 0) return deletes;
    const order =
      comparePositions(a.at, b.at) || rankOf(a.change.id) - rankOf(b.change.id) || compareIds(a.change.id, b.change.id);
    return a.change.action === "delete" ? -order : order;
  });
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
