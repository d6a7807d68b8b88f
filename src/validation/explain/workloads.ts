/** Explanations of the rules on workloads and their pods, but for images. */
import type { Explanation } from "./explanation.ts";
import { deploymentWith, objectOf, podSpecWith, podWith } from "./texts.ts";

const APPS = "Kubernetes: ValidateDeploymentSpec";
const POD = "Kubernetes: ValidatePodSpec";
const CONTAINER = "Kubernetes: validation of containers in ValidatePodSpec";

export const WORKLOADS = {
  scheduling: {
    why: "A toleration or affinity that contradicts itself fits no node, and the API server refuses it.",
    severity: "error",
    example: {
      text: podSpecWith("tolerations: [{ key: gpu, operator: Exists, value: yes-please }]"),
      line: 5,
      mend: ["operator: Exists", "operator: Equal"],
    },
    source: POD,
  },
  "security-context": {
    why: "Settings that exclude each other would leave open what the pod may do.",
    severity: "error",
    example: {
      text: podWith("securityContext: { privileged: true, allowPrivilegeEscalation: false }"),
      line: 8,
      mend: ["privileged: true", "privileged: false"],
    },
    source: "Kubernetes: ValidateSecurityContext",
  },
  "pod-network": {
    why: "A pod that is given no usable name server or alias reaches nothing by its name.",
    severity: "error",
    example: {
      text: podSpecWith("dnsConfig: { nameservers: [dns.example] }"),
      line: 5,
      mend: ["dns.example", "10.0.0.53"],
    },
    source: POD,
  },
  "replicas-negative": {
    why: "A count below zero means nothing, and the API server refuses it.",
    severity: "error",
    example: { text: deploymentWith("replicas: -1"), line: 5, mend: ["-1", "1"] },
    source: APPS,
  },
  "selector-empty": {
    why: "A workload that selects nothing could never find its own pods, or would take everybody's.",
    severity: "error",
    example: {
      text: deploymentWith("", "selector: {}"),
      line: 5,
      mend: ["selector: {}", "selector: { matchLabels: { app: web } }"],
    },
    source: APPS,
  },
  "selector-expression": {
    why: "In and NotIn compare with values; Exists and DoesNotExist take none. Other mixtures are refused.",
    severity: "error",
    example: {
      text: deploymentWith("", "selector: { matchExpressions: [{ key: app, operator: In }] }"),
      line: 5,
      mend: ["operator: In", "operator: Exists"],
    },
    source: "Kubernetes: ValidateLabelSelector",
  },
  "selector-mismatch": {
    why: "Pods that their own workload does not select would be made again and again.",
    severity: "error",
    example: { text: deploymentWith("", "selector: { matchLabels: { app: shop } }"), line: 7, mend: ["shop", "web"] },
    source: APPS,
  },
  "strategy-recreate": {
    why: "Recreate ends all pods before it starts new ones; settings for rolling updates contradict it.",
    severity: "error",
    example: {
      text: deploymentWith("strategy: { type: Recreate, rollingUpdate: { maxSurge: 1 } }"),
      line: 5,
      mend: ["Recreate", "RollingUpdate"],
    },
    source: "Kubernetes: ValidateDeploymentStrategy",
  },
  "strategy-limits": {
    why: "With neither a pod more nor a pod less allowed, no pod could ever be replaced.",
    severity: "error",
    example: {
      text: deploymentWith("strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } }"),
      line: 5,
      mend: ["maxSurge: 0", "maxSurge: 1"],
    },
    source: "Kubernetes: ValidateRollingUpdateDeployment",
  },
  "progress-deadline": {
    why: "A pod counts as available only after minReadySeconds: with a deadline before that, every rollout fails.",
    severity: "error",
    example: {
      text: deploymentWith("minReadySeconds: 30\nprogressDeadlineSeconds: 30"),
      line: 6,
      mend: ["DeadlineSeconds: 30", "DeadlineSeconds: 60"],
    },
    source: APPS,
  },
  "template-restart-policy": {
    why: "Pods of a Deployment run until they are replaced; one that may end belongs into a Pod or a Job.",
    severity: "error",
    example: {
      text: deploymentWith("").replace("      containers:", "      restartPolicy: Never\n      containers:"),
      line: 9,
      mend: ["Never", "Always"],
    },
    source: "Kubernetes: ValidatePodTemplateSpecForReplicaSet",
  },
  "containers-missing": {
    why: "A pod without a container runs nothing, and the API server refuses it.",
    severity: "error",
    example: {
      text: objectOf("Pod", "spec: { containers: [] }"),
      line: 4,
      mend: ["[]", "[{ name: web, image: web:v1 }]"],
    },
    source: POD,
  },
  "container-name": {
    why: "Logs, probes and changes name a container: its name is a DNS label, and the pod's only one.",
    severity: "error",
    example: { text: podWith("").replace("- name: web", "- name: Web"), line: 6, mend: ["- name: Web", "- name: web"] },
    source: CONTAINER,
  },
  "init-container": {
    why: "An init container ends before the pod is ready, so probes on it can never answer.",
    severity: "error",
    example: {
      text: podSpecWith(
        "initContainers:\n- name: wait\n  image: web:v1\n  readinessProbe: { tcpSocket: { port: 80 } }",
      ),
      line: 8,
      mend: ["  readinessProbe:", "  restartPolicy: Always\n    readinessProbe:"],
    },
    source: "Kubernetes: validateInitContainers",
  },
  "volume-source": {
    why: "A volume without a source, or with two, cannot be made; a mount of one that is not there neither.",
    severity: "error",
    example: {
      text: podSpecWith("volumes:\n- { name: a, emptyDir: {}, hostPath: { path: /srv } }"),
      line: 6,
      mend: [", hostPath: { path: /srv }", ""],
    },
    source: "Kubernetes: ValidateVolumes",
  },
  "port-range": {
    why: "No port lies outside 1 to 65535.",
    severity: "error",
    example: { text: podWith("ports: [{ containerPort: 70000 }]"), line: 8, mend: ["70000", "7000"] },
    source: "Kubernetes: IsValidPortNum",
  },
  "port-name": {
    why: "Probes and Services find ports by these names, which are short, lower-case and unique.",
    severity: "error",
    example: { text: podWith("ports: [{ containerPort: 80, name: HTTP }]"), line: 8, mend: ["HTTP", "http"] },
    source: "Kubernetes: IsValidPortName and ValidateService",
  },
  "port-duplicate": {
    why: "Of two equal ports only one can be listened on.",
    severity: "error",
    example: {
      text: objectOf("Service", "spec:\n  ports:\n  - { name: a, port: 80 }\n  - { name: b, port: 80 }"),
      line: 7,
      mend: ["b, port: 80", "b, port: 81"],
    },
    source: "Kubernetes: ValidateService",
  },
  "env-name": {
    why: "No process can be given a variable with an equals sign or an unprintable character in its name.",
    severity: "error",
    example: { text: podWith('env: [{ name: "A=B", value: x }]'), line: 8, mend: ["A=B", "A_B"] },
    source: "Kubernetes: IsRelaxedEnvVarName",
  },
  "env-duplicate": {
    why: "The last of two equal variables wins; the other one misleads whoever reads the manifest.",
    severity: "warning",
    example: {
      text: podWith("env:\n- { name: A, value: red }\n- { name: A, value: blue }"),
      line: 10,
      mend: ["A, value: blue", "B, value: blue"],
    },
    source: "trueup; kubectl warns of it, too",
  },
  "env-source": {
    why: "A variable has one value: written out, or from one source.",
    severity: "error",
    example: {
      text: podWith("env:\n- name: A\n  value: x\n  valueFrom: { fieldRef: { fieldPath: metadata.name } }"),
      line: 11,
      mend: ["      value: x\n", ""],
    },
    source: "Kubernetes: validateEnvVarValueFrom",
  },
  "probe-handler": {
    why: "A probe asks in one way; with none or two of them the kubelet could not tell what healthy means.",
    severity: "error",
    example: {
      text: podWith("readinessProbe: { periodSeconds: 5 }"),
      line: 8,
      mend: ["{ periodSeconds", "{ tcpSocket: { port: 80 }, periodSeconds"],
    },
    source: "Kubernetes: validateProbe and validateHandler",
  },
  "probe-setting": {
    why: "A probe that asks never, or at a port that is not there, keeps a pod from becoming ready.",
    severity: "error",
    example: {
      text: podWith("livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 }"),
      line: 8,
      mend: ["successThreshold: 2", "successThreshold: 1"],
    },
    source: "Kubernetes: validateLivenessProbe and validateProbe",
  },
  "restart-on": {
    why: "The annotation replaces pods when their configuration changes; another value would watch nothing.",
    severity: "error",
    example: {
      text: deploymentWith("").replace("{ name: web }", "{ name: web, annotations: { trueup/restart-on: settings } }"),
      line: 3,
      mend: [", annotations: { trueup/restart-on: settings }", ""],
    },
    source: "trueup",
  },
  resources: {
    why: "A pod that asks for more than it may use could never be placed as it asks.",
    severity: "error",
    example: {
      text: podWith("resources: { requests: { memory: 2Gi }, limits: { memory: 1Gi } }"),
      line: 8,
      mend: ["2Gi", "1Gi"],
    },
    source: "Kubernetes: ValidateResourceRequirements",
  },
  "process-runtime-ignores": {
    why: "Pods run here as local processes: what only containers have is pointed out, so that nobody counts on it.",
    severity: "warning",
    example: {
      text: podWith("securityContext: { runAsNonRoot: true }"),
      line: 8,
      mend: ["    securityContext: { runAsNonRoot: true }\n", ""],
    },
    source: "trueup: limits of the process runtime",
  },
} as const satisfies Record<string, Explanation>;
