/** Built-in kinds that live in no namespace, by group. Made by scripts/generate-schemas.ts: do not edit. */
export const CLUSTER_SCOPED: Readonly<Record<string, readonly string[]>> = {
  "": ["Namespace","Node","PersistentVolume"],
  "admissionregistration.k8s.io": ["MutatingAdmissionPolicy","MutatingAdmissionPolicyBinding","MutatingWebhookConfiguration","ValidatingAdmissionPolicy","ValidatingAdmissionPolicyBinding","ValidatingWebhookConfiguration"],
  "apiextensions.k8s.io": ["CustomResourceDefinition"],
  "apiregistration.k8s.io": ["APIService"],
  "authentication.k8s.io": ["SelfSubjectReview","TokenReview"],
  "authorization.k8s.io": ["SelfSubjectAccessReview","SelfSubjectRulesReview","SubjectAccessReview"],
  "certificates.k8s.io": ["CertificateSigningRequest","ClusterTrustBundle"],
  "flowcontrol.apiserver.k8s.io": ["FlowSchema","PriorityLevelConfiguration"],
  "internal.apiserver.k8s.io": ["StorageVersion"],
  "networking.k8s.io": ["IPAddress","IngressClass","ServiceCIDR"],
  "node.k8s.io": ["RuntimeClass"],
  "rbac.authorization.k8s.io": ["ClusterRole","ClusterRoleBinding"],
  "resource.k8s.io": ["DeviceClass","DeviceTaintRule","ResourcePoolStatusRequest","ResourceSlice"],
  "scheduling.k8s.io": ["PriorityClass"],
  "storage.k8s.io": ["CSIDriver","CSINode","StorageClass","VolumeAttachment","VolumeAttributesClass"],
  "storagemigration.k8s.io": ["StorageVersionMigration"],
};
