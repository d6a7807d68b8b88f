/** Which changes the API refuses on an existing object, so that only a new object could have them. Pure. */
import { groupOf, type KubeObject } from "../model/object.ts";
import type { FieldChange } from "../model/plan.ts";

/** Fields of a pod's spec that may change while it exists; all others make it another pod. */
const MUTABLE_POD_FIELD =
  /^spec\.(?:containers\[name=[^\]]*\]\.image|initContainers\[name=[^\]]*\]\.image|activeDeadlineSeconds|tolerations)/;

/** Fields of a volume's spec that are no volume source. */
const VOLUME_FIELDS: readonly string[] = [
  "spec.accessModes",
  "spec.capacity",
  "spec.claimRef",
  "spec.mountOptions",
  "spec.nodeAffinity",
  "spec.persistentVolumeReclaimPolicy",
  "spec.storageClassName",
  "spec.volumeAttributesClassName",
];

/**
 * What is fixed of a kind, by paths: `only` these, or all below `spec` `but` these. Where it depends on more than the path
 * (a claim may grow and not shrink), the change is left to the server, whose refusal is told in the same way.
 *
 * @see Kubernetes pkg/apis/{apps,batch,core,storage,rbac,networking,scheduling,node,resource,discovery}/validation: Validate…Update
 */
const FIXED: Readonly<Record<string, { only: readonly string[] } | { but: readonly string[] }>> = {
  "apps/Deployment": { only: ["spec.selector"] },
  "apps/ReplicaSet": { only: ["spec.selector"] },
  "apps/DaemonSet": { only: ["spec.selector"] },
  "apps/StatefulSet": {
    but: [
      "spec.replicas",
      "spec.ordinals",
      "spec.template",
      "spec.updateStrategy",
      "spec.revisionHistoryLimit",
      "spec.persistentVolumeClaimRetentionPolicy",
      "spec.minReadySeconds",
    ],
  },
  "/PersistentVolumeClaim": { but: ["spec.resources", "spec.volumeAttributesClassName"] },
  "/PersistentVolume": { but: VOLUME_FIELDS },
  "storage.k8s.io/StorageClass": { only: ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] },
  "storage.k8s.io/VolumeAttributesClass": { only: ["driverName", "parameters"] },
  "storage.k8s.io/CSIDriver": { only: ["spec.attachRequired", "spec.volumeLifecycleModes"] },
  "rbac.authorization.k8s.io/RoleBinding": { only: ["roleRef"] },
  "rbac.authorization.k8s.io/ClusterRoleBinding": { only: ["roleRef"] },
  "networking.k8s.io/IngressClass": { only: ["spec.controller"] },
  "scheduling.k8s.io/PriorityClass": { only: ["value", "preemptionPolicy"] },
  "node.k8s.io/RuntimeClass": { only: ["handler"] },
  "discovery.k8s.io/EndpointSlice": { only: ["addressType"] },
  "resource.k8s.io/ResourceClaim": { but: [] },
  "resource.k8s.io/ResourceClaimTemplate": { but: [] },
  "certificates.k8s.io/CertificateSigningRequest": { but: [] },
  "apiextensions.k8s.io/CustomResourceDefinition": {
    only: ["spec.group", "spec.scope", "spec.names.plural", "spec.names.kind"],
  },
};

/** What of a Job makes another Job of it. */
const JOB_FIELDS: readonly string[] = [
  "spec.selector",
  "spec.template",
  "spec.completionMode",
  "spec.podFailurePolicy",
  "spec.successPolicy",
  "spec.backoffLimitPerIndex",
  "spec.managedBy",
];

/** The paths that keep an update from being one. */
export function immutableChanges(live: KubeObject, fields: readonly FieldChange[]): string[] {
  const isFixed = fixedFields(live);
  return isFixed === null ? [] : fields.filter(isFixed).map(({ path }) => path);
}

function fixedFields(live: KubeObject): ((change: FieldChange) => boolean) | null {
  const kind = `${groupOf(live.apiVersion)}/${live.kind}`;
  switch (kind) {
    case "/Pod":
      return ({ path }) => path.startsWith("spec.") && !MUTABLE_POD_FIELD.test(path);
    case "/Secret":
      return ({ path }) => path === "type" || isImmutableData(live, path);
    case "/ConfigMap":
      return ({ path }) => isImmutableData(live, path);
    case "/Service":
      return (change) => isFixedAddress(live, change);
    case "batch/Job":
      return ({ path }) => isFixedInJob(live, path);
    default: {
      const fixed = Object.hasOwn(FIXED, kind) ? FIXED[kind] : undefined;
      if (fixed === undefined) return null;
      if ("only" in fixed) return ({ path }) => isBelowAny(path, fixed.only);
      return ({ path }) => isBelow(path, "spec") && !isBelowAny(path, fixed.but);
    }
  }
}

/** `immutable: true` cannot be taken back, and fixes the data. */
function isImmutableData(live: KubeObject, path: string): boolean {
  return live.immutable === true && /^(?:data|binaryData|immutable)\b/.test(path);
}

/** An address once given stays; only a Service that has none (an ExternalName) may get one, and a declaration may leave it out. */
function isFixedAddress(live: KubeObject, { path, kind, before, after }: FieldChange): boolean {
  if (!/^spec\.(?:clusterIP|clusterIPs\[0\]|clusterIPs|healthCheckNodePort|loadBalancerClass)$/.test(path))
    return false;
  if (spec(live).type === "ExternalName" || kind !== "change") return false;
  if (!Array.isArray(before) || !Array.isArray(after)) return true;
  // A second address may come and go: the first one counts.
  return before[0] !== after[0];
}

/** A Job that waits may still be given other resources and other nodes; an indexed one may be made larger. */
function isFixedInJob(live: KubeObject, path: string): boolean {
  const { suspend, completionMode } = spec(live);
  if (path === "spec.completions") return completionMode !== "Indexed";
  return isBelowAny(path, JOB_FIELDS) && !(suspend === true && isBelow(path, "spec.template"));
}

function spec({ spec: of }: KubeObject): Readonly<Record<string, unknown>> {
  return typeof of === "object" && of !== null ? (of as Record<string, unknown>) : {};
}

function isBelowAny(path: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => isBelow(path, prefix));
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`);
}
