/** What is said of kinds, API versions and fields: built-in kinds of all groups, and older Kubernetes versions. */
import type { RuleCase } from "./cases-1.ts";

export const CASES: readonly RuleCase[] = [
  {
    rule: "schema-missing",
    name: "kinds of somebody's own group, also one that is called as a built-in one",
    yaml: `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: a}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: a}
`,
    expect: [
      "2:7 error schema-missing: Cannot check Certificate of cert-manager.io/v1 as its schema must be known: it is no built-in kind (Declare its CustomResourceDefinition in an app of the repository, name a file of it (--schema FILE, or schemas: [FILE] in trueup.yaml), or let it pass (--allow-unknown-kinds, or allowUnknownKinds: [cert-manager.io/Certificate]).)",
      "6:7 error schema-missing: Cannot check Service of serving.knative.dev/v1 as its schema must be known: it is no built-in kind (Declare its CustomResourceDefinition in an app of the repository, name a file of it (--schema FILE, or schemas: [FILE] in trueup.yaml), or let it pass (--allow-unknown-kinds, or allowUnknownKinds: [serving.knative.dev/Service]).)",
    ],
  },
  {
    rule: "api-deprecated",
    name: "a beta version beside a stable one, and a kind that is given up",
    yaml: `apiVersion: resource.k8s.io/v1beta1
kind: ResourceClaim
metadata: {name: a}
spec: {}
---
apiVersion: v1
kind: Endpoints
metadata: {name: a}
`,
    expect: [
      "1:13 warning api-deprecated: resource.k8s.io/v1beta1 of ResourceClaim is to be removed from Kubernetes: use resource.k8s.io/v1 (Write apiVersion: resource.k8s.io/v1.)",
      "6:13 warning api-deprecated: v1 of Endpoints is to be removed from Kubernetes: use discovery.k8s.io/v1 EndpointSlice since Kubernetes 1.33",
    ],
  },
  {
    rule: "api-not-served",
    name: "a version that an older Kubernetes does not know",
    kubernetesVersion: "1.34",
    yaml: `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: a}
---
apiVersion: scheduling.k8s.io/v1alpha2
kind: Workload
metadata: {name: a}
`,
    expect: [
      "1:13 error api-not-served: Cannot apply MutatingAdmissionPolicy of admissionregistration.k8s.io/v1 as Kubernetes must serve it: 1.36 is the first that does, and this is checked for 1.34 (Write apiVersion: admissionregistration.k8s.io/v1beta1.)",
      "5:13 error api-not-served: Cannot apply Workload of scheduling.k8s.io/v1alpha2 as Kubernetes must serve it: 1.36 is the first that does, and this is checked for 1.34 (Check for another one: --kubernetes-version 1.36.)",
    ],
  },
  {
    rule: "unknown-field",
    name: "a field that newer versions have",
    kubernetesVersion: "1.34",
    yaml: `apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers: [{name: a, image: "a:1"}]
  workloadRef: {name: x}
`,
    expect: [
      "6:3 error unknown-field: Cannot read spec.workloadRef as spec has no such field (Kubernetes 1.35 has it: this is checked for 1.34.)",
    ],
  },
  {
    rule: "unknown-field",
    name: "kinds beside the common ones: misspelt, misplaced, given without a value",
    yaml: `apiVersion: batch/v1
kind: CronJob
metadata: {name: a}
spec:
  schedule: "0 0 * * *"
  restartPolicy: Never
  concurencyPolicy: Forbid
  nothing: null
  jobTemplate:
    spec:
      template:
        spec:
          containers: [{name: a, image: "a:1"}]
          successfulJobsHistoryLimit: 1
`,
    expect: [
      "6:3 error unknown-field: Cannot read spec.restartPolicy as spec has no such field (It belongs in spec.jobTemplate.spec.template.spec: check the indentation.)",
      "7:3 error unknown-field: Cannot read spec.concurencyPolicy as spec has no such field (Did you mean concurrencyPolicy?)",
      "8:3 error unknown-field: Cannot read spec.nothing as spec has no such field",
      "12:9 error template-restart-policy: Cannot use spec.jobTemplate.spec.template.spec as restartPolicy must be given: it is missing (Pods of a Job end: set restartPolicy: Never or OnFailure.)",
      "14:11 error unknown-field: Cannot read spec.jobTemplate.spec.template.spec.successfulJobsHistoryLimit as spec.jobTemplate.spec.template.spec has no such field (It belongs in spec: check the indentation.)",
    ],
  },
  {
    rule: "schema-type",
    name: "kinds beside the common ones",
    yaml: `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a}
spec:
  rules:
  - host: 3
    http: {paths: {path: /}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:a"}
rules:
- apiGroups: [null]
  verbs: get
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: a}
spec: {acquireTime: yesterday, leaseDurationSeconds: 3000000000}
`,
    expect: [
      "6:11 error schema-type: Cannot read spec.rules[0].host as it must be text: it is 3 (Put the value in quotes.)",
      '7:19 error schema-type: Cannot read spec.rules[0].http.paths as it must be a list: it is a mapping (Begin each item with "- ".)',
      "13:3 error rbac: Cannot use rules[0] as resources must be given: it is missing",
      "13:15 error schema-type: Cannot read rules[0].apiGroups[0] as it must be text: it is empty",
      '14:10 error schema-type: Cannot read rules[0].verbs as it must be a list: it is "get"',
      '19:21 error schema-format: Cannot read spec.acquireTime as it must be a time: it is "yesterday" (Times look like 2026-11-26T09:30:00Z.)',
      "19:54 error schema-range: Cannot read spec.leaseDurationSeconds as it must be a 32-bit integer: it is 3000000000",
    ],
  },
];
