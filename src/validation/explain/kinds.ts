/** Explanations of the rules on jobs, claims, scaling, traffic, rights and quotas. */
import type { Explanation } from "./explanation.ts";

const POD = 'restartPolicy: Never, containers: [{ name: load, image: "load:v1" }]';

function objectAs(apiVersion: string, kind: string, lines: string): string {
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: web }\n${lines}\n`;
}

function cronJob(lines: string): string {
  return objectAs(
    "batch/v1",
    "CronJob",
    `spec:\n${lines}\n  jobTemplate: { spec: { template: { spec: { ${POD} } } } }`,
  );
}

export const KINDS = {
  "job-setting": {
    why: "Settings that do not fit each other would be refused, or never take effect.",
    severity: "error",
    example: {
      text: objectAs("batch/v1", "Job", `spec:\n  backoffLimitPerIndex: 1\n  template: { spec: { ${POD} } }`),
      line: 5,
      mend: ["backoffLimitPerIndex", "backoffLimit"],
    },
    source: "Kubernetes: ValidateJobSpec",
  },
  "cron-schedule": {
    why: "A schedule that cannot be read starts no job, and one for 31 February waits for ever.",
    severity: "error",
    example: { text: cronJob('  schedule: "0 0 * * * *"'), line: 5, mend: ["0 0 * * * *", "0 * * * *"] },
    source: "Kubernetes: validation of schedules in ValidateCronJobCreate",
  },
  "cron-time-zone": {
    why: "The server knows time zones by their names in the IANA database alone, to the letter.",
    severity: "error",
    example: {
      text: cronJob('  schedule: "0 * * * *"\n  timeZone: europe/berlin'),
      line: 6,
      mend: ["europe/berlin", "Europe/Berlin"],
    },
    source: "Kubernetes: validation of time zones in ValidateCronJobCreate",
  },
  "volume-claim": {
    why: "Nothing can be provided for a claim that does not say how much it wants and how it is mounted.",
    severity: "error",
    example: {
      text: objectAs(
        "v1",
        "PersistentVolumeClaim",
        "spec:\n  accessModes: []\n  resources: { requests: { storage: 1Gi } }",
      ),
      line: 5,
      mend: ["[]", "[ReadWriteOnce]"],
    },
    source: "Kubernetes: ValidatePersistentVolumeClaimSpec",
  },
  "persistent-volume": {
    why: "A volume without size or source could not be bound by any claim.",
    severity: "error",
    example: {
      text: objectAs(
        "v1",
        "PersistentVolume",
        "spec:\n  accessModes: [ReadWriteOnce]\n  capacity: { storage: 0 }\n  hostPath: { path: /data }",
      ),
      line: 6,
      mend: ["storage: 0", "storage: 10Gi"],
    },
    source: "Kubernetes: ValidatePersistentVolume",
  },
  autoscaler: {
    why: "Bounds out of order, or a metric without a target, leave nothing to decide by.",
    severity: "error",
    example: {
      text: objectAs(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "spec:\n  minReplicas: 5\n  maxReplicas: 3\n  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }",
      ),
      line: 6,
      mend: ["maxReplicas: 3", "maxReplicas: 8"],
    },
    source: "Kubernetes: ValidateHorizontalPodAutoscaler",
  },
  ingress: {
    why: "A host that is no DNS name, a path that proxies read in different ways, or a backend without a port leads nowhere.",
    severity: "error",
    example: {
      text: objectAs(
        "networking.k8s.io/v1",
        "Ingress",
        "spec:\n  rules:\n  - host: 10.0.0.1\n    http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] }",
      ),
      line: 6,
      mend: ["10.0.0.1", "shop.example"],
    },
    source: "Kubernetes: ValidateIngressCreate",
  },
  "network-policy": {
    why: "An empty peer or a block that is none would be refused, and with it what keeps others out.",
    severity: "error",
    example: {
      text: objectAs(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "spec:\n  podSelector: {}\n  ingress: [{ from: [{ ipBlock: { cidr: 10.0.0.1 } }] }]",
      ),
      line: 6,
      mend: ["10.0.0.1", "10.0.0.1/32"],
    },
    source: "Kubernetes: ValidateNetworkPolicySpec",
  },
  rbac: {
    why: "A rule without verbs or resources allows nothing, and a binding without a known subject binds nobody.",
    severity: "error",
    example: {
      text: objectAs(
        "rbac.authorization.k8s.io/v1",
        "Role",
        'rules:\n- { apiGroups: [""], resources: [pods], verbs: [] }',
      ),
      line: 5,
      mend: ["verbs: []", "verbs: [get]"],
    },
    source: "Kubernetes: ValidateRole and ValidateRoleBinding",
  },
  "disruption-budget": {
    why: "The two limits say the same thing from both ends: together they could contradict each other.",
    severity: "error",
    example: {
      text: objectAs("policy/v1", "PodDisruptionBudget", "spec:\n  minAvailable: 101%\n  selector: {}"),
      line: 5,
      mend: ["101%", "50%"],
    },
    source: "Kubernetes: ValidatePodDisruptionBudgetSpec",
  },
  quota: {
    why: "A quota on a resource that does not exist limits nothing; amounts out of order leave no room.",
    severity: "error",
    example: {
      text: objectAs("v1", "ResourceQuota", "spec:\n  hard: { pods: 1500m }"),
      line: 5,
      mend: ["1500m", "2"],
    },
    source: "Kubernetes: ValidateLimitRange and ValidateResourceQuotaSpec",
  },
  "budget-selects-nothing": {
    why: "A budget whose selector matches no pods protects none, and nobody notices until they are evicted.",
    severity: "warning",
    example: {
      text: `${objectAs("policy/v1", "PodDisruptionBudget", "spec:\n  minAvailable: 1\n  selector: { matchLabels: { app: wob } }")}---\n${objectAs(
        "apps/v1",
        "StatefulSet",
        'spec:\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec: { containers: [{ name: web, image: "web:v1" }] }',
      )}`,
      line: 6,
      mend: ["wob", "web"],
    },
    source: "trueup: what protects nothing is mostly a misspelt label",
  },
} as const satisfies Record<string, Explanation>;
