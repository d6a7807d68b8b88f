/** What became of the API versions that Kubernetes removed before the oldest version that there are schemas of. */

export interface Removal {
  /** Kubernetes version that no longer serves it. */
  in: string;
  /** What to use; absent when nothing took its place. */
  use?: string;
}

/** By `apiVersion kind`. Source: Kubernetes' deprecated API migration guide. */
const REMOVED: ReadonlyMap<string, Removal> = new Map(
  (
    [
      ["1.16", "apps/v1", "apps/v1beta1", ["Deployment", "StatefulSet", "ReplicaSet"]],
      ["1.16", "apps/v1", "apps/v1beta2", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]],
      ["1.16", "apps/v1", "extensions/v1beta1", ["Deployment", "DaemonSet", "ReplicaSet"]],
      ["1.16", "networking.k8s.io/v1", "extensions/v1beta1", ["NetworkPolicy"]],
      ["1.22", "networking.k8s.io/v1", "extensions/v1beta1", ["Ingress"]],
      ["1.22", "networking.k8s.io/v1", "networking.k8s.io/v1beta1", ["Ingress", "IngressClass"]],
      [
        "1.22",
        "rbac.authorization.k8s.io/v1",
        "rbac.authorization.k8s.io/v1beta1",
        ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
      ],
      ["1.22", "apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1", ["CustomResourceDefinition"]],
      [
        "1.22",
        "admissionregistration.k8s.io/v1",
        "admissionregistration.k8s.io/v1beta1",
        ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
      ],
      [
        "1.22",
        "storage.k8s.io/v1",
        "storage.k8s.io/v1beta1",
        ["StorageClass", "CSIDriver", "CSINode", "VolumeAttachment"],
      ],
      ["1.22", "scheduling.k8s.io/v1", "scheduling.k8s.io/v1beta1", ["PriorityClass"]],
      ["1.22", "coordination.k8s.io/v1", "coordination.k8s.io/v1beta1", ["Lease"]],
      ["1.22", "certificates.k8s.io/v1", "certificates.k8s.io/v1beta1", ["CertificateSigningRequest"]],
      ["1.22", "apiregistration.k8s.io/v1", "apiregistration.k8s.io/v1beta1", ["APIService"]],
      ["1.25", "batch/v1", "batch/v1beta1", ["CronJob"]],
      ["1.25", "discovery.k8s.io/v1", "discovery.k8s.io/v1beta1", ["EndpointSlice"]],
      ["1.25", "events.k8s.io/v1", "events.k8s.io/v1beta1", ["Event"]],
      ["1.25", "policy/v1", "policy/v1beta1", ["PodDisruptionBudget"]],
      ["1.25", "", "policy/v1beta1", ["PodSecurityPolicy"]],
      ["1.25", "node.k8s.io/v1", "node.k8s.io/v1beta1", ["RuntimeClass"]],
      ["1.25", "autoscaling/v2", "autoscaling/v2beta1", ["HorizontalPodAutoscaler"]],
      ["1.26", "autoscaling/v2", "autoscaling/v2beta2", ["HorizontalPodAutoscaler"]],
      ["1.27", "storage.k8s.io/v1", "storage.k8s.io/v1beta1", ["CSIStorageCapacity"]],
      [
        "1.29",
        "flowcontrol.apiserver.k8s.io/v1",
        "flowcontrol.apiserver.k8s.io/v1beta2",
        ["FlowSchema", "PriorityLevelConfiguration"],
      ],
      [
        "1.32",
        "flowcontrol.apiserver.k8s.io/v1",
        "flowcontrol.apiserver.k8s.io/v1beta3",
        ["FlowSchema", "PriorityLevelConfiguration"],
      ],
    ] as const
  ).flatMap(([version, use, apiVersion, kinds]) =>
    kinds.map((kind): [string, Removal] => [`${apiVersion} ${kind}`, { in: version, ...(use !== "" && { use }) }]),
  ),
);

/** What became of an API version; `undefined` when it was not removed. */
export function removalOf(apiVersion: string, kind: string): Removal | undefined {
  return REMOVED.get(`${apiVersion} ${kind}`);
}
