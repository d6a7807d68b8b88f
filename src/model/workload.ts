/** The kinds that the embedded cluster's controllers read and write, with the fields they use (Kubernetes 1.37 names). */
import type { KubeObject, LabelSelector, ObjectMeta } from "./object.ts";

export type IntOrPercent = number | string;
export type ConditionStatus = "True" | "False" | "Unknown";

export interface Condition {
  type: string;
  status: ConditionStatus;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
}

// ---- Pods -----------------------------------------------------------------------------------------------------------

export interface ContainerPort {
  name?: string;
  containerPort: number;
  protocol?: "TCP" | "UDP" | "SCTP";
  hostPort?: number;
}

export interface KeySelector {
  name: string;
  key: string;
  optional?: boolean;
}

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: {
    fieldRef?: { fieldPath: string; apiVersion?: string };
    configMapKeyRef?: KeySelector;
    secretKeyRef?: KeySelector;
    resourceFieldRef?: { resource: string; containerName?: string };
  };
}

export interface EnvFromSource {
  prefix?: string;
  configMapRef?: { name: string; optional?: boolean };
  secretRef?: { name: string; optional?: boolean };
}

/** What a probe or a lifecycle hook does. Exactly one field is set. */
export interface Handler {
  exec?: { command: string[] };
  httpGet?: {
    path?: string;
    port: number | string;
    host?: string;
    scheme?: "HTTP" | "HTTPS";
    httpHeaders?: { name: string; value: string }[];
  };
  tcpSocket?: { port: number | string; host?: string };
  grpc?: { port: number; service?: string };
  sleep?: { seconds: number };
}

export interface Probe extends Handler {
  initialDelaySeconds?: number;
  timeoutSeconds?: number;
  periodSeconds?: number;
  successThreshold?: number;
  failureThreshold?: number;
  terminationGracePeriodSeconds?: number;
}

export interface Container {
  name: string;
  image?: string;
  command?: string[];
  args?: string[];
  workingDir?: string;
  env?: EnvVar[];
  envFrom?: EnvFromSource[];
  ports?: ContainerPort[];
  readinessProbe?: Probe;
  livenessProbe?: Probe;
  startupProbe?: Probe;
  lifecycle?: { preStop?: Handler; postStart?: Handler };
  imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  restartPolicy?: string;
  [field: string]: unknown;
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  restartPolicy?: "Always" | "OnFailure" | "Never";
  terminationGracePeriodSeconds?: number;
  nodeName?: string;
  [field: string]: unknown;
}

export interface ContainerState {
  waiting?: { reason: string; message?: string };
  running?: { startedAt: string };
  terminated?: {
    /** 128 + signal number when a signal ended it; absent when it is not known (see `reason` and `message`). */
    exitCode?: number;
    signal?: number;
    reason: string;
    message?: string;
    startedAt?: string;
    finishedAt?: string;
  };
}

export interface ContainerStatus {
  name: string;
  image: string;
  /** Digest of the image's content, `sha256:…`. */
  imageID: string;
  /** `process://<pid>` or `simulated://<n>`; absent before the first start. */
  containerID?: string;
  ready: boolean;
  started: boolean;
  restartCount: number;
  state: ContainerState;
  lastState: ContainerState;
}

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";

export interface PodStatus {
  phase: PodPhase;
  conditions?: Condition[];
  containerStatuses?: ContainerStatus[];
  initContainerStatuses?: ContainerStatus[];
  hostIP?: string;
  podIP?: string;
  startTime?: string;
  reason?: string;
  message?: string;
}

export interface Pod extends KubeObject {
  kind: "Pod";
  spec: PodSpec;
  status?: PodStatus;
}

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>;
  spec: PodSpec;
}

// ---- ReplicaSets and Deployments ------------------------------------------------------------------------------------

export interface ReplicaSetSpec {
  /** Defaulted to 1 by the store. */
  replicas?: number;
  minReadySeconds?: number;
  selector: LabelSelector;
  template: PodTemplate;
}

export interface ReplicaSetStatus {
  replicas: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  terminatingReplicas?: number;
  observedGeneration?: number;
  conditions?: Condition[];
}

export interface ReplicaSet extends KubeObject {
  kind: "ReplicaSet";
  spec: ReplicaSetSpec;
  status?: ReplicaSetStatus;
}

export interface DeploymentStrategy {
  type?: "RollingUpdate" | "Recreate";
  rollingUpdate?: { maxSurge?: IntOrPercent; maxUnavailable?: IntOrPercent };
}

export interface DeploymentSpec {
  replicas?: number;
  selector: LabelSelector;
  template: PodTemplate;
  strategy?: DeploymentStrategy;
  minReadySeconds?: number;
  /** `null` and 2147483647 mean "no limit". */
  revisionHistoryLimit?: number | null;
  /** Seconds; `null` and 2147483647 mean "no deadline". */
  progressDeadlineSeconds?: number | null;
  paused?: boolean;
}

export interface DeploymentStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  unavailableReplicas?: number;
  terminatingReplicas?: number;
  conditions?: Condition[];
  collisionCount?: number;
}

export interface Deployment extends KubeObject {
  kind: "Deployment";
  spec: DeploymentSpec;
  status?: DeploymentStatus;
}

// ---- Services -------------------------------------------------------------------------------------------------------

export interface ServicePort {
  name?: string;
  port: number;
  targetPort?: number | string;
  protocol?: "TCP" | "UDP" | "SCTP";
  appProtocol?: string;
  /** The local port on which trueup answers for this port, for LoadBalancer and NodePort Services. */
  nodePort?: number;
}

export interface ServiceSpec {
  type?: "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName";
  selector?: Record<string, string>;
  ports?: ServicePort[];
  clusterIP?: string;
  [field: string]: unknown;
}

export interface Service extends KubeObject {
  kind: "Service";
  spec: ServiceSpec;
}

/** One subset per pod, as pods on one host have different ports for the same container port. */
export interface Endpoints extends KubeObject {
  kind: "Endpoints";
  subsets?: {
    addresses?: EndpointAddress[];
    notReadyAddresses?: EndpointAddress[];
    ports?: { name?: string; port: number; protocol?: string }[];
  }[];
}

export interface EndpointAddress {
  ip: string;
  targetRef?: { kind: "Pod"; namespace: string; name: string; uid: string };
}

// ---- Configuration and events ---------------------------------------------------------------------------------------

export interface ConfigMap extends KubeObject {
  kind: "ConfigMap";
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

export interface Secret extends KubeObject {
  kind: "Secret";
  type?: string;
  /** Values are base64. */
  data?: Record<string, string>;
}

export interface KubeEvent extends KubeObject {
  kind: "Event";
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  /** Absent, as the times and the source are, where the reporter writes `series`, `eventTime` and `reportingComponent`: `timesOf`. */
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
  source: { component: string };
  series?: { count: number; lastObservedTime: string };
  eventTime?: string;
  reportingComponent?: string;
  involvedObject: {
    apiVersion: string;
    kind: string;
    namespace: string;
    name: string;
    uid?: string;
    /** Part of the object: `spec.containers{web}`. */
    fieldPath?: string;
  };
}

// ---- Annotations and labels with a meaning --------------------------------------------------------------------------

export const ANNOTATION = {
  revision: "deployment.kubernetes.io/revision",
  revisionHistory: "deployment.kubernetes.io/revision-history",
  desiredReplicas: "deployment.kubernetes.io/desired-replicas",
  maxReplicas: "deployment.kubernetes.io/max-replicas",
  rollbackTo: "deprecated.deployment.rollback.to",
  lastApplied: "kubectl.kubernetes.io/last-applied-configuration",
  changeCause: "kubernetes.io/change-cause",
  restartedAt: "kubectl.kubernetes.io/restartedAt",
  podDeletionCost: "controller.kubernetes.io/pod-deletion-cost",
  /** On Deployments, by people: `configmap`, `secret` or both: their changed content restarts the pods that use it. */
  restartOn: "trueup/restart-on",
  /** On pod templates: the content of what `restartOn` watches, by keyed digests. Set before planning. */
  configDigest: "trueup/config-digest",
  /** On any object, by people: `allowed` lets it be deleted and made anew where it cannot be changed in place. */
  replace: "trueup/replace",
  /** Commit that last changed the object, full id. Set by apply. */
  commit: "trueup/commit",
  /** `file:line` of the object's manifest in that commit. Set by apply. */
  source: "trueup/source",
  /** On objects of custom kinds: digest of what was declared, to tell it from what the server filled in. Set by apply. */
  declared: "trueup/declared",
  /** On hooks: the attempt, and its phase, that the hook was made for. Set by apply. */
  hookRun: "trueup/hook-run",
  /** On pods: JSON object, container port (as a string) to local port. Set from the kubelet's reports. */
  hostPorts: "trueup/host-ports",
  /** On Services: JSON object, Service port (as a string) to local port. Set from the kubelet's reports. */
  localPorts: "trueup/local-ports",
} as const;

/** Reason of a run that the machine could not start: no descriptor left, no process, no room. It says nothing of the pod. */
export const REASON_CANNOT_RUN = "ContainerCannotRun";

export const LABEL_POD_TEMPLATE_HASH = "pod-template-hash";

/** On objects of a cluster: the ApplySet that they are in, which stands for the app. */
export const LABEL_PART_OF = "applyset.kubernetes.io/part-of";
