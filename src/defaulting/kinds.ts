/** Which kinds get something filled in, by version: the whole table in one place. */
import { defaultBinding } from "./access.ts";
import { defaultAutoscaler, defaultAutoscalerV1 } from "./autoscaler.ts";
import {
  defaultFlowSchema,
  defaultPriorityClass,
  defaultPriorityLevel,
  defaultResourceClaim,
  defaultResourceClaimTemplate,
  spelledRuntimeClass,
} from "./control.ts";
import {
  defaultConfigMap,
  defaultEndpoints,
  defaultLimitRange,
  defaultNamespace,
  defaultNode,
  defaultQuota,
  defaultSecret,
  defaultService,
} from "./core.ts";
import {
  defaultAdmissionBinding,
  defaultAdmissionPolicy,
  defaultApiService,
  defaultDefinition,
  defaultMutatingWebhooks,
  defaultValidatingWebhooks,
} from "./extension.ts";
import type { Fields } from "./fill.ts";
import { defaultEndpointSlice, defaultIngressClass, defaultNetworkPolicy } from "./network.ts";
import { defaultClaim, defaultCsiDriver, defaultStorageClass, defaultVolume, spelledCapacity } from "./storage.ts";
import {
  defaultCronJob,
  defaultDaemonSet,
  defaultDeployment,
  defaultJob,
  defaultPod,
  defaultReplicaSet,
  defaultReplicationController,
  defaultStatefulSet,
  defaultTemplate,
} from "./workloads.ts";

type Defaults = (object: Fields) => Fields;

/**
 * Each group's kinds in the versions that Kubernetes 1.34 to 1.37 serve. The kinds that are missing (Ingress,
 * PodDisruptionBudget, Role, ServiceAccount, Lease, …) get nothing.
 *
 * The versions of Kubernetes differ in two settings, which those before 1.37 do not fill in: `maxUnavailable` of a
 * StatefulSet's rolling update and `preventPodSchedulingIfMissing` of a CSIDriver. Whoever compares fills in both sides, so
 * that is no difference.
 */
const TABLE: readonly (readonly [versions: readonly string[], kinds: Readonly<Record<string, Defaults>>])[] = [
  [
    ["v1"],
    {
      Pod: defaultPod,
      PodTemplate: defaultTemplate,
      ReplicationController: defaultReplicationController,
      Service: defaultService,
      Endpoints: defaultEndpoints,
      Secret: defaultSecret,
      ConfigMap: defaultConfigMap,
      Namespace: defaultNamespace,
      Node: defaultNode,
      PersistentVolume: defaultVolume,
      PersistentVolumeClaim: defaultClaim,
      ResourceQuota: defaultQuota,
      LimitRange: defaultLimitRange,
    },
  ],
  [
    ["apps/v1"],
    {
      Deployment: defaultDeployment,
      ReplicaSet: defaultReplicaSet,
      StatefulSet: defaultStatefulSet,
      DaemonSet: defaultDaemonSet,
    },
  ],
  [["batch/v1"], { Job: defaultJob, CronJob: defaultCronJob }],
  [["autoscaling/v1"], { HorizontalPodAutoscaler: defaultAutoscalerV1 }],
  [["autoscaling/v2"], { HorizontalPodAutoscaler: defaultAutoscaler }],
  [["networking.k8s.io/v1"], { NetworkPolicy: defaultNetworkPolicy, IngressClass: defaultIngressClass }],
  [["discovery.k8s.io/v1"], { EndpointSlice: defaultEndpointSlice }],
  [["rbac.authorization.k8s.io/v1"], { RoleBinding: defaultBinding, ClusterRoleBinding: defaultBinding }],
  [
    ["storage.k8s.io/v1"],
    { StorageClass: defaultStorageClass, CSIDriver: defaultCsiDriver, CSIStorageCapacity: spelledCapacity },
  ],
  [["node.k8s.io/v1"], { RuntimeClass: spelledRuntimeClass }],
  [["scheduling.k8s.io/v1"], { PriorityClass: defaultPriorityClass }],
  [
    ["flowcontrol.apiserver.k8s.io/v1"],
    { FlowSchema: defaultFlowSchema, PriorityLevelConfiguration: defaultPriorityLevel },
  ],
  [
    ["resource.k8s.io/v1", "resource.k8s.io/v1beta2"],
    { ResourceClaim: defaultResourceClaim, ResourceClaimTemplate: defaultResourceClaimTemplate },
  ],
  [
    ["admissionregistration.k8s.io/v1"],
    {
      ValidatingWebhookConfiguration: defaultValidatingWebhooks,
      MutatingWebhookConfiguration: defaultMutatingWebhooks,
    },
  ],
  [
    [
      "admissionregistration.k8s.io/v1",
      "admissionregistration.k8s.io/v1beta1",
      "admissionregistration.k8s.io/v1alpha1",
    ],
    {
      ValidatingAdmissionPolicy: defaultAdmissionPolicy,
      ValidatingAdmissionPolicyBinding: defaultAdmissionBinding,
      MutatingAdmissionPolicy: defaultAdmissionPolicy,
      MutatingAdmissionPolicyBinding: defaultAdmissionBinding,
    },
  ],
  [["apiextensions.k8s.io/v1"], { CustomResourceDefinition: defaultDefinition }],
  [["apiregistration.k8s.io/v1"], { APIService: defaultApiService }],
];

/** `apps/v1/Deployment` to what is filled in. */
export const KINDS: ReadonlyMap<string, Defaults> = new Map(
  TABLE.flatMap(([versions, kinds]) =>
    versions.flatMap((version) =>
      Object.entries(kinds).map(([kind, defaults]): [string, Defaults] => [`${version}/${kind}`, defaults]),
    ),
  ),
);
