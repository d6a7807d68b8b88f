/** Cases of rules on kinds that trueup itself does not run: workloads, scaling, traffic, rights and quotas. */
import type { RuleCase } from "./cases-1.ts";

export const CASES: readonly RuleCase[] = [
  {
    rule: "strategy-limits",
    name: "a StatefulSet that could never be updated",
    yaml: `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: DB
  podManagementPolicy: Ordered
  replicas: -1
  selector: {matchLabels: {app: db}}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: -1, maxUnavailable: 0}}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Keep}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: "db:v1", volumeMounts: [{name: data, mountPath: /data}, {name: dat, mountPath: /dat}]}]
`,
    expect: [
      "5:16 error name-format: Cannot use spec.serviceName as a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character: it is \"DB\"",
      '6:24 error unsupported-value: Cannot use spec.podManagementPolicy as it must be one of "OrderedReady", "Parallel": it is "Ordered"',
      "7:13 error replicas-negative: Cannot use spec.replicas as it must be greater than or equal to 0: it is -1",
      "9:68 error replicas-negative: Cannot use spec.updateStrategy.rollingUpdate.partition as it must be greater than or equal to 0: it is -1",
      "9:88 error strategy-limits: Cannot use spec.updateStrategy.rollingUpdate.maxUnavailable as it may not be 0: it is 0 (Set it to at least 1: otherwise no pod could ever be replaced.)",
      '10:55 error unsupported-value: Cannot use spec.persistentVolumeClaimRetentionPolicy.whenDeleted as it must be one of "Delete", "Retain": it is "Keep"',
      '17:101 error volume-source: Cannot use spec.template.spec.containers[0].volumeMounts[1].name as it must name a volume of the pod: it is "dat" (Declare it under volumes of the pod\'s spec.)',
    ],
  },
  {
    rule: "strategy-recreate",
    name: "a StatefulSet that is updated by hand",
    yaml: `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db.main}
spec:
  selector: {matchLabels: {app: db}}
  updateStrategy: {type: OnDelete, rollingUpdate: {partition: 1}}
  template:
    metadata: {labels: {app: db}}
    spec: {activeDeadlineSeconds: 5, restartPolicy: Never, containers: [{name: db, image: "db:v1"}]}
`,
    expect: [
      "3:18 error name-format: Cannot use metadata.name as a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character: it is \"db.main\"",
      "6:36 error strategy-recreate: Cannot use spec.updateStrategy.rollingUpdate as it is only allowed for updateStrategy 'RollingUpdate' (Remove it, or set type: RollingUpdate.)",
      "9:35 error template-restart-policy: Cannot use spec.template.spec.activeDeadlineSeconds as activeDeadlineSeconds in StatefulSet is not Supported: it is 5",
      '9:53 error template-restart-policy: Cannot use spec.template.spec.restartPolicy as it must be "Always": it is "Never" (Pods of a statefulset run until they are replaced; for one that ends, declare a Job.)',
    ],
  },
  {
    rule: "strategy-limits",
    name: "a DaemonSet that surges, beside a default that it forgets",
    yaml: `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  updateStrategy: {rollingUpdate: {maxSurge: 1}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "agent:v1"}]}
`,
    expect: [
      "6:46 error strategy-limits: Cannot use spec.updateStrategy.rollingUpdate.maxSurge as it may not be set when maxUnavailable is non-zero: it is 1 (Set maxUnavailable: 0 beside it, which is 1 by default.)",
    ],
  },
  {
    rule: "selector-empty",
    name: "a DaemonSet",
    yaml: `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {}
  updateStrategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "agent:v1"}]}
`,
    expect: [
      "5:13 error selector-empty: Cannot use spec.selector as empty selector is invalid for daemonset: it is {} (Select the template's labels with matchLabels.)",
      '6:65 error strategy-limits: Cannot use spec.updateStrategy.rollingUpdate.maxUnavailable as it may not be 0 when `maxSurge` is 0: it is "0%" (Set one of the two to at least 1: otherwise no pod could ever be replaced.)',
    ],
  },
  {
    rule: "job-setting",
    name: "indexes, selector and restart policy",
    yaml: `apiVersion: batch/v1
kind: Job
metadata: {name: load}
spec:
  backoffLimitPerIndex: 1
  selector: {matchLabels: {app: load}}
  template:
    spec:
      restartPolicy: Always
      containers: [{name: load, image: "load:v1"}]
`,
    expect: [
      "5:3 error job-setting: Cannot use spec.backoffLimitPerIndex as completionMode must be Indexed",
      '6:3 error job-setting: Cannot use spec.selector as it is generated unless manualSelector is true: it is {"matchLabels":{"app":"load"}} (Remove it.)',
      '9:22 error template-restart-policy: Cannot use spec.template.spec.restartPolicy as it must be "OnFailure" or "Never": it is "Always" (Pods of a Job end: set restartPolicy: Never or OnFailure.)',
    ],
  },
  {
    rule: "job-setting",
    name: "failure and success policies",
    yaml: `apiVersion: batch/v1
kind: Job
metadata: {name: load}
spec:
  completionMode: Indexed
  completions: 3
  maxFailedIndexes: 4
  podReplacementPolicy: TerminatingOrFailed
  podFailurePolicy:
    rules:
    - {action: FailIndex, onExitCodes: {operator: In, values: [0, 2, 1], containerName: other}}
    - {action: Ignore}
  successPolicy:
    rules: [{succeededIndexes: "0,5", succeededCount: 4}, {succeededIndexes: 0-2}, {}]
  template:
    spec:
      restartPolicy: OnFailure
      containers: [{name: load, image: "load:v1"}]
`,
    expect: [
      "4:1 error job-setting: Cannot use spec as backoffLimitPerIndex must be given: it is missing",
      "7:21 error job-setting: Cannot use spec.maxFailedIndexes as it must be less than or equal to completions (3): it is 4",
      '8:25 error unsupported-value: Cannot use spec.podReplacementPolicy as it must be "Failed": it is "TerminatingOrFailed"',
      '11:16 error job-setting: Cannot use spec.podFailurePolicy.rules[0].action as it requires backoffLimitPerIndex: it is "FailIndex"',
      "11:64 error job-setting: Cannot use spec.podFailurePolicy.rules[0].onExitCodes.values[0] as it must not be 0 for the In operator: it is 0",
      "11:70 error job-setting: Cannot use spec.podFailurePolicy.rules[0].onExitCodes.values[2] as exit codes must be in order, each given once: it is 1",
      '11:89 error job-setting: Cannot use spec.podFailurePolicy.rules[0].onExitCodes.containerName as it must be the name of a container of the template: it is "other"',
      "12:7 error job-setting: Cannot use spec.podFailurePolicy.rules[1] as it must have exactly one of onExitCodes and onPodConditions: it has neither",
      '14:32 error job-setting: Cannot use spec.successPolicy.rules[0].succeededIndexes as indexes must be less than completions (3): it is "0,5"',
      "14:55 error job-setting: Cannot use spec.successPolicy.rules[0].succeededCount as it must be less than or equal to completions (3): it is 4",
      "14:84 error job-setting: Cannot use spec.successPolicy.rules[2] as it must have at least one of succeededCount and succeededIndexes: it has neither",
      '17:22 error template-restart-policy: Cannot use spec.template.spec.restartPolicy as it must be "Never" when podFailurePolicy is given: it is "OnFailure"',
    ],
  },
  {
    rule: "job-setting",
    name: "a selector of one's own that misses the template",
    yaml: `apiVersion: batch/v1
kind: Job
metadata: {name: load}
spec:
  manualSelector: true
  selector: {matchLabels: {app: load}}
  template:
    metadata: {labels: {app: lode}}
    spec: {containers: [{name: load, image: "load:v1"}]}
`,
    expect: [
      '8:16 error selector-mismatch: Cannot use spec.template.metadata.labels as `selector` does not match template `labels`: it is {"app":"lode"} (Give the template the labels of spec.selector.matchLabels: app: load.)',
      "9:5 error template-restart-policy: Cannot use spec.template.spec as restartPolicy must be given: it is missing (Pods of a Job end: set restartPolicy: Never or OnFailure.)",
    ],
  },
  {
    rule: "name-format",
    name: "a CronJob's name, to which a time is added",
    yaml: `apiVersion: batch/v1
kind: CronJob
metadata: {name: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefff}
spec:
  schedule: "*/5 * * * mon-fri"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: "a:v1"}]}}}}
`,
    expect: [
      '3:18 error name-format: Cannot use metadata.name as it must be no more than 52 characters: it is "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefff" (The names of its jobs end in the time, and are at most 63 long.)',
    ],
  },
  {
    rule: "cron-schedule",
    name: "with seconds, and times that never come",
    yaml: `apiVersion: batch/v1
kind: CronJob
metadata: {name: a}
spec:
  schedule: "0 */5 * * * *"
  timeZone: europe/berlin
  concurrencyPolicy: Forbidden
  failedJobsHistoryLimit: -1
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: "a:v1"}]}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: b}
spec:
  schedule: "0 0 31 feb,apr *"
  timeZone: Mars/Olympus
  jobTemplate: {spec: {selector: {}, template: {spec: {restartPolicy: Never, containers: [{name: a, image: "a:v1"}]}}}}
`,
    expect: [
      '5:13 error cron-schedule: Cannot use spec.schedule as it must have exactly 5 fields, not 6: it is "0 */5 * * * *" (They are minute, hour, day of the month, month, day of the week. There is none for seconds.)',
      '6:13 error cron-time-zone: Cannot use spec.timeZone as it must be a time zone of the IANA database: it is "europe/berlin" (Did you mean Europe/Berlin?)',
      '7:22 error unsupported-value: Cannot use spec.concurrencyPolicy as it must be one of "Allow", "Forbid", "Replace": it is "Forbidden" (Did you mean Forbid?)',
      "8:27 error replicas-negative: Cannot use spec.failedJobsHistoryLimit as it must be greater than or equal to 0: it is -1",
      "15:13 warning cron-schedule: spec.schedule never comes: no month that it names has the day",
      '16:13 error cron-time-zone: Cannot use spec.timeZone as it must be a time zone of the IANA database: it is "Mars/Olympus" (Such as Europe/Berlin or Etc/UTC.)',
      "17:34 error job-setting: Cannot use spec.jobTemplate.spec.selector as it will be generated: it is {} (Remove it.)",
    ],
  },
  {
    rule: "volume-claim",
    name: "without access modes or storage",
    yaml: `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {volumeMode: File}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: more}
spec:
  accessModes: [ReadWriteOnce, ReadWriteOncePod]
  resources: {requests: {storage: "0"}}
`,
    expect: [
      "4:1 error volume-claim: Cannot use spec as accessModes must be given: it is missing (Most claims want [ReadWriteOnce].)",
      "4:1 error volume-claim: Cannot use the claim as spec.resources.requests.storage must be given: it is missing (Say how much storage it asks for, such as 10Gi.)",
      '4:20 error unsupported-value: Cannot use spec.volumeMode as it must be one of "Block", "Filesystem": it is "File"',
      '10:16 error volume-claim: Cannot use spec.accessModes as it may not use ReadWriteOncePod with other access modes: it is ["ReadWriteOnce","ReadWriteOncePod"]',
      '11:35 error volume-claim: Cannot use spec.resources.requests.storage as it must be greater than zero: it is "0"',
    ],
  },
  {
    rule: "volume-source",
    name: "parts of volumes that lead out of them",
    yaml: `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: web
    image: web:v1
    volumeMounts: [{name: files, mountPath: /a, subPath: /etc}, {name: files, mountPath: /b, subPath: a/../../b}]
  volumes:
  - name: files
    hostPath: {path: /srv/../etc, type: Folder}
  - name: more
    configMap: {name: a, optional: true, defaultMode: 0o1000, items: [{key: a, path: ../a}]}
`,
    expect: [
      "8:5 warning process-runtime-ignores: spec.containers[0].volumeMounts is ignored by the process runtime: processes see the machine's own files (Pass configuration through env or envFrom.)",
      '8:58 error volume-source: Cannot use spec.containers[0].volumeMounts[0].subPath as it must be a relative path: it is "/etc"',
      "8:103 error volume-source: Cannot use spec.containers[0].volumeMounts[1].subPath as it must not contain '..': it is \"a/../../b\"",
      "11:22 error volume-source: Cannot use spec.volumes[0].hostPath.path as it must not contain '..': it is \"/srv/../etc\"",
      '11:41 error unsupported-value: Cannot use spec.volumes[0].hostPath.type as it must be one of "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket": it is "Folder"',
      "13:55 error volume-source: Cannot use spec.volumes[1].configMap.defaultMode as it must be a number between 0 and 0777 (octal): it is 512 (Octal numbers begin with a 0.)",
      "13:86 error volume-source: Cannot use spec.volumes[1].configMap.items[0].path as it must not contain '..': it is \"../a\"",
    ],
  },
  {
    rule: "autoscaler",
    name: "bounds, targets and metrics",
    yaml: `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  minReplicas: 5
  maxReplicas: 3
  scaleTargetRef: {apiVersion: v1, kind: Deployment, name: a/b}
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization}}
  - type: Pods
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 0}}
  behavior:
    scaleUp: {stabilizationWindowSeconds: 3601, policies: [{type: Pod, value: 0, periodSeconds: 1801}]}
`,
    expect: [
      "6:16 error autoscaler: Cannot use spec.maxReplicas as it must be greater than or equal to minReplicas (5): it is 3",
      '7:32 error autoscaler: Cannot use spec.scaleTargetRef.apiVersion as it must name the API\'s group: it is "v1" (Such as apps/v1 for a Deployment.)',
      "7:60 error autoscaler: Cannot use spec.scaleTargetRef.name as it may not contain '/': it is \"a/b\"",
      "10:27 error autoscaler: Cannot use spec.metrics[0].resource.target as it must have exactly one of averageUtilization, averageValue: it has none",
      "11:5 error autoscaler: Cannot use spec.metrics[1] as pods must be given: it is missing (A metric of type Pods says there what it measures.)",
      "12:5 error autoscaler: Cannot use spec.metrics[1].resource as a metric of type Pods must have pods only",
      "14:43 error autoscaler: Cannot use spec.behavior.scaleUp.stabilizationWindowSeconds as it must be between 0 and 3600, inclusive: it is 3601",
      '14:67 error unsupported-value: Cannot use spec.behavior.scaleUp.policies[0].type as it must be one of "Percent", "Pods": it is "Pod" (Did you mean Pods?)',
      "14:79 error autoscaler: Cannot use spec.behavior.scaleUp.policies[0].value as it must be greater than 0: it is 0",
      "14:97 error autoscaler: Cannot use spec.behavior.scaleUp.policies[0].periodSeconds as it must be between 1 and 1800, inclusive: it is 1801",
    ],
  },
  {
    rule: "ingress",
    name: "hosts, paths and backends",
    yaml: `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: 10.0.0.1
  - host: "*.*.shop"
    http:
      paths:
      - {path: web, pathType: Prefix, backend: {service: {name: web, port: {}}}}
      - {path: /a//b, pathType: Prefix, backend: {}}
`,
    expect: [
      '6:11 error ingress: Cannot use spec.rules[0].host as it must be a DNS name, not an IP address: it is "10.0.0.1"',
      "7:11 error ingress: Cannot use spec.rules[1].host as a wildcard DNS name must start with '*.', followed by a DNS subdomain: it is \"*.*.shop\"",
      '10:16 error ingress: Cannot use spec.rules[1].http.paths[0].path as it must be an absolute path: it is "web" (Begin it with a slash.)',
      "10:49 error ingress: Cannot use spec.rules[1].http.paths[0].backend.service as its port must have exactly one of name and number: it has neither",
      "10:65 warning reference-missing: ingress/web needs service/web, which this app does not declare (Declare the Service, or see that it is there before it is applied.)",
      "11:16 error ingress: Cannot use spec.rules[1].http.paths[1].path as it must not contain '//': it is \"/a//b\"",
      "11:41 error ingress: Cannot use spec.rules[1].http.paths[1].backend as it must have exactly one of service and resource: it has neither",
    ],
  },
  {
    rule: "ingress",
    name: "one that leads nowhere",
    yaml: `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {tls: [{hosts: [Shop]}]}
`,
    expect: [
      "4:1 error ingress: Cannot use spec as it must have defaultBackend or rules: it has neither",
      "4:23 error ingress: Cannot use spec.tls[0].hosts[0] as a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character: it is \"Shop\"",
    ],
  },
  {
    rule: "network-policy",
    name: "peers, blocks and ports",
    yaml: `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {}
  policyTypes: [ingress]
  ingress:
  - from: [{}, {podSelector: {}, ipBlock: {cidr: 10.0.0.1}}, {ipBlock: {cidr: "2001:db8::/32", except: ["2001:db9::/48"]}}]
    ports: [{port: 90, endPort: 80}, {endPort: 80}, {port: http, endPort: 80}]
`,
    expect: [
      '6:17 error unsupported-value: Cannot use spec.policyTypes[0] as it must be one of "Egress", "Ingress": it is "ingress" (Did you mean Ingress?)',
      "8:12 error network-policy: Cannot use spec.ingress[0].from[0] as it must name a peer: it is empty (To allow all peers, leave the whole list out.)",
      "8:34 error network-policy: Cannot use spec.ingress[0].from[1].ipBlock as it may not stand beside another peer (Make it an item of its own.)",
      '8:50 error network-policy: Cannot use spec.ingress[0].from[1].ipBlock.cidr as it must be a block of addresses: it is "10.0.0.1" (Write 10.0.0.1/32 for this address alone.)',
      '8:105 error network-policy: Cannot use spec.ingress[0].from[2].ipBlock.except[0] as it must be a strict subset of cidr (2001:db8::/32): it is "2001:db9::/48"',
      "9:33 error network-policy: Cannot use spec.ingress[0].ports[0].endPort as it must be greater than or equal to port (90): it is 80",
      "9:48 error network-policy: Cannot use spec.ingress[0].ports[1].endPort as it may not be given without port: it is 80",
      "9:75 error network-policy: Cannot use spec.ingress[0].ports[2].endPort as it may not be given beside a port's name: it is 80",
    ],
  },
  {
    rule: "rbac",
    name: "roles and bindings",
    yaml: `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: a}
rules:
- {verbs: [], apiGroups: [""], resources: [pods]}
- {verbs: [get], nonResourceURLs: [/healthz]}
- {verbs: [get], resources: [pods]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}
subjects:
- {kind: ServiceAccount, name: bot}
- {kind: user, name: eve}
`,
    expect: [
      "5:11 error rbac: Cannot use rules[0].verbs as it must have at least one verb: it is []",
      '6:18 error rbac: Cannot use rules[1].nonResourceURLs as a Role cannot allow URLs: it is ["/healthz"] (Use a ClusterRole.)',
      '7:3 error rbac: Cannot use rules[2] as apiGroups must be given: it is missing (The core group is written as [""].)',
      '12:54 error unsupported-value: Cannot use roleRef.kind as it must be "ClusterRole": it is "Role"',
      "14:3 error rbac: Cannot use subjects[0] as namespace must be given: it is missing",
      '15:10 error unsupported-value: Cannot use subjects[1].kind as it must be one of "Group", "ServiceAccount", "User": it is "user" (Did you mean User?)',
    ],
  },
  {
    rule: "disruption-budget",
    name: "both limits, and too much",
    yaml: `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: a}
spec: {minAvailable: 101%, maxUnavailable: -1, selector: {}}
`,
    expect: [
      '4:22 error disruption-budget: Cannot use spec.minAvailable as it must not be greater than 100%: it is "101%"',
      "4:28 error disruption-budget: Cannot use spec as minAvailable and maxUnavailable may not both be given (Remove one of the two.)",
      "4:44 error disruption-budget: Cannot use spec.maxUnavailable as it must be greater than or equal to 0: it is -1",
    ],
  },
  {
    rule: "quota",
    name: "quotas and ranges",
    yaml: `apiVersion: v1
kind: ResourceQuota
metadata: {name: a}
spec: {hard: {cpus: 1, pods: 1500m, requests.cpu: -1}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: a}
spec:
  limits:
  - {type: Container, min: {cpu: 2}, max: {cpu: 1}, maxLimitRequestRatio: {cpu: 500m}}
  - {type: Container}
  - {type: Pod, default: {cpu: 1}}
  - {type: PersistentVolumeClaim}
`,
    expect: [
      '4:15 error quota: Cannot use the resource "cpus" as it must be a standard resource for quota or fully qualified',
      '4:30 error quota: Cannot use spec.hard.pods as it must be an integer: it is "1500m"',
      '4:51 error quota: Cannot use spec.hard["requests.cpu"] as it must be greater than or equal to 0: it is -1',
      "11:34 error quota: Cannot use spec.limits[0].min.cpu as it must not be greater than max (1): it is 2",
      '11:81 error quota: Cannot use spec.limits[0].maxLimitRequestRatio.cpu as it must not be less than 1: it is "500m"',
      '12:12 error quota: Cannot use spec.limits[1].type as each type must be given once: it is "Container"',
      "13:17 error quota: Cannot use spec.limits[2].default as it may not be given for type Pod",
      "14:5 error quota: Cannot use spec.limits[3] as min or max must be given for storage: neither is",
    ],
  },
  {
    rule: "reference-missing",
    name: "by name, of every kind; what is optional, always there or somebody's own is not asked for",
    yaml: `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{secretName: cert}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: bot, namespace: default}, {kind: ServiceAccount, name: default, namespace: default}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: load}
spec:
  template:
    spec:
      restartPolicy: Never
      serviceAccountName: bot
      imagePullSecrets: [{name: registry}]
      containers: [{name: load, image: "load:v1"}]
      volumes:
      - {name: a, persistentVolumeClaim: {claimName: data}}
      - {name: b, projected: {sources: [{configMap: {name: kube-root-ca.crt}}, {secret: {name: b, optional: true}}]}}
`,
    expect: [
      "5:22 warning reference-missing: ingress/web needs secret/cert, which this app does not declare (Declare the Secret, or see that it is there before it is applied.)",
      "6:36 warning reference-missing: ingress/web needs service/web, which this app does not declare (Declare the Service, or see that it is there before it is applied.)",
      "11:86 warning reference-missing: horizontalpodautoscaler/web needs deployment/web, which this app does not declare (Declare the Deployment, or see that it is there before it is applied.)",
      "16:66 warning reference-missing: rolebinding/web needs role/reader, which this app does not declare (Declare the Role, or see that it is there before it is applied.)",
      "17:41 warning reference-missing: rolebinding/web needs serviceaccount/bot, which this app does not declare (Declare the ServiceAccount, or see that it is there before it is applied.)",
      "26:27 warning reference-missing: job/load needs serviceaccount/bot, which this app does not declare (Declare the ServiceAccount, or see that it is there before the pods start.)",
      "27:33 warning reference-missing: job/load needs secret/registry, which this app does not declare (Declare the Secret, or see that it is there before the pods start.)",
      "30:54 warning reference-missing: job/load needs persistentvolumeclaim/data, which this app does not declare (Declare the PersistentVolumeClaim, or see that it is there before the pods start.)",
    ],
  },
  {
    rule: "budget-selects-nothing",
    name: "a budget for no pods",
    yaml: `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
`,
    expect: [
      "4:25 warning budget-selects-nothing: poddisruptionbudget/web selects no workload of this app: app=web (Select labels of the pods that it is to protect.)",
    ],
  },
  {
    rule: "service-selects-nothing",
    name: "not of a Service whose pods a StatefulSet makes",
    yaml: `apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "db:v1", volumeMounts: [{name: data, mountPath: /data}]}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`,
    expect: [],
  },
];
