/** Cases of rules, continued. */
import type { RuleCase } from "./cases-1.ts";

export const CASES: readonly RuleCase[] = [
  {
    rule: "schema-required",
    name: "a ReplicaSet without a template",
    yaml: `apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: a}
spec:
  selector: {matchLabels: {a: b}}
`,
    expect: ["4:1 error schema-required: Cannot use spec as template must be given: it is missing"],
  },
  {
    rule: "schema-range",
    name: "a number too large",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3000000000
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: ["6:13 error schema-range: Cannot read spec.replicas as it must be a 32-bit integer: it is 3000000000"],
  },
  {
    rule: "schema-format",
    name: "what is no quantity",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    resources: {requests: {memory: 64 MB}}
`,
    expect: [
      '9:36 error schema-format: Cannot read spec.containers[0].resources.requests.memory as it must be a quantity: it is "64 MB" (Quantities look like 500m, 2, 64Mi or 1.5Gi.)',
    ],
  },
  {
    rule: "unsupported-value",
    name: "protocols, policies and types",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  restartPolicy: Sometimes
  containers:
  - name: web
    image: web:v1
    imagePullPolicy: always
    ports: [{containerPort: 80, protocol: tcp}]
`,
    expect: [
      '6:18 error unsupported-value: Cannot use spec.restartPolicy as it must be one of "Always", "Never", "OnFailure": it is "Sometimes"',
      '10:22 error unsupported-value: Cannot use spec.containers[0].imagePullPolicy as it must be one of "Always", "IfNotPresent", "Never": it is "always" (Did you mean Always?)',
      '11:43 error unsupported-value: Cannot use spec.containers[0].ports[0].protocol as it must be one of "TCP", "UDP", "SCTP": it is "tcp" (Did you mean TCP?)',
    ],
  },
  {
    rule: "unsupported-value",
    name: "a Service's type",
    yaml: `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: Loadbalancer
  ports: [{port: 80}]
`,
    expect: [
      '6:9 error unsupported-value: Cannot use spec.type as it must be one of "ClusterIP", "ExternalName", "LoadBalancer", "NodePort": it is "Loadbalancer" (Did you mean LoadBalancer?)',
    ],
  },
  {
    rule: "unsupported-value",
    name: "a strategy",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  strategy: {type: Rolling}
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      '6:20 error unsupported-value: Cannot use spec.strategy.type as it must be one of "Recreate", "RollingUpdate": it is "Rolling"',
    ],
  },
  {
    rule: "name-format",
    name: "a name that another tool is to fill in",
    yaml: `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '\${APP}'}\n`,
    expect: [
      `3:18 error name-format: Cannot use metadata.name as a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character: it is "\${APP}" (This looks like a placeholder that another tool fills in: commit what it fills in.)`,
    ],
  },
  {
    rule: "name-format",
    name: "names of each form",
    kubernetesVersion: "1.35",
    yaml: `apiVersion: v1
kind: Namespace
metadata: {name: a.b}
---
apiVersion: v1
kind: Service
metadata: {name: 1web, namespace: Shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: my_settings}
`,
    expect: [
      "3:18 error name-format: Cannot use metadata.name as a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character: it is \"a.b\"",
      "7:18 error name-format: Cannot use metadata.name as a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character: it is \"1web\"",
      "7:35 error name-format: Cannot use metadata.namespace as a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character: it is \"Shop\"",
      "12:18 error name-format: Cannot use metadata.name as a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character: it is \"my_settings\"",
    ],
  },
  {
    rule: "namespace-scope",
    name: "a Namespace in a namespace",
    yaml: `apiVersion: v1
kind: Namespace
metadata: {name: a, namespace: b}
`,
    expect: [
      "3:21 warning namespace-scope: metadata.namespace means nothing: a Namespace lives in no namespace (Remove the field.)",
    ],
  },
  {
    rule: "label-format",
    name: "keys and values",
    yaml: `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  labels:
    -a: x
    b/c/d: x
    ok: "not ok"
    Up.per/x: z
`,
    expect: [
      "6:5 error label-format: Cannot use the label key \"-a\" as the name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
      "7:5 error label-format: Cannot use the label key \"b/c/d\" as a qualified name must have at most one '/'",
      "8:9 error label-format: Cannot use metadata.labels.ok as a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character: it is \"not ok\"",
      "9:5 error label-format: Cannot use the label key \"Up.per/x\" as in the prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    ],
  },
  {
    rule: "label-format",
    name: "node selectors and expressions",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}, matchExpressions: [{key: a b, operator: In, values: [c d]}]}
  template:
    metadata:
      labels: {app: web}
    spec:
      nodeSelector: {"disk?": ssd}
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      "6:64 error label-format: Cannot use spec.selector.matchExpressions[0].key as the name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character: it is \"a b\"",
      "6:92 error label-format: Cannot use spec.selector.matchExpressions[0].values[0] as a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character: it is \"c d\"",
      "11:22 error label-format: Cannot use the label key \"disk?\" as the name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    ],
  },
  {
    rule: "annotation-format",
    name: "a key",
    yaml: `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  annotations:
    a b: x
`,
    expect: [
      "6:5 error annotation-format: Cannot use the annotation key \"a b\" as the name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    ],
  },
  {
    rule: "finalizer-format",
    name: "names that are not qualified",
    yaml: `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  finalizers: [kubernetes, mine, a b, example.com/x]
`,
    expect: [
      '5:28 error finalizer-format: Cannot use metadata.finalizers[1] as name is neither a standard finalizer name nor is it fully qualified: it is "mine"',
      "5:34 error finalizer-format: Cannot use metadata.finalizers[2] as the name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character: it is \"a b\"",
    ],
  },
  {
    rule: "replicas-negative",
    name: "counts below 0",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: -1
  minReadySeconds: -1
  revisionHistoryLimit: -1
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      terminationGracePeriodSeconds: -5
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      "6:13 error replicas-negative: Cannot use spec.replicas as it must be greater than or equal to 0: it is -1",
      "7:20 error replicas-negative: Cannot use spec.minReadySeconds as it must be greater than or equal to 0: it is -1",
      "8:25 error replicas-negative: Cannot use spec.revisionHistoryLimit as it must be greater than or equal to 0: it is -1",
      "14:38 error replicas-negative: Cannot use spec.template.spec.terminationGracePeriodSeconds as it must be greater than or equal to 0: it is -5",
    ],
  },
  {
    rule: "replicas-negative",
    name: "a Pod's deadline below 1",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  activeDeadlineSeconds: 0
  containers:
  - name: web
    image: web:v1
`,
    expect: [
      "6:26 error replicas-negative: Cannot use spec.activeDeadlineSeconds as it must be between 1 and 2147483647, inclusive: it is 0",
    ],
  },
  {
    rule: "selector-empty",
    name: "an empty selector",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      "6:13 error selector-empty: Cannot use spec.selector as empty selector is invalid for deployment: it is {} (Select the template's labels with matchLabels.)",
    ],
  },
  {
    rule: "selector-expression",
    name: "operators and their values",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchExpressions: [{key: a, operator: In}, {key: b, operator: Exists, values: [c]}, {key: d, operator: Is}]}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      "6:33 error selector-expression: Cannot use spec.selector.matchExpressions[0].values as it must be specified when `operator` is 'In' or 'NotIn': it is empty",
      "6:84 error selector-expression: Cannot use spec.selector.matchExpressions[1].values as it may not be specified when `operator` is 'Exists' or 'DoesNotExist': it is [\"c\"]",
      '6:117 error selector-expression: Cannot use spec.selector.matchExpressions[2].operator as it must be one of "In", "NotIn", "Exists", "DoesNotExist": it is "Is" (Did you mean In?)',
    ],
  },
  {
    rule: "selector-mismatch",
    name: "other labels",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: shop}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      '9:7 error selector-mismatch: Cannot use spec.template.metadata.labels as `selector` does not match template `labels`: it is {"app":"shop"} (Give the template the labels of spec.selector.matchLabels: app: web.)',
    ],
  },
  {
    rule: "selector-mismatch",
    name: "an expression that does not hold",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      '9:7 error selector-mismatch: Cannot use spec.template.metadata.labels as `selector` does not match template `labels`: it is {"app":"web"} (Make the template\'s labels satisfy the selector.)',
    ],
  },
  {
    rule: "strategy-recreate",
    name: "rollingUpdate beside Recreate",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  strategy:
    type: Recreate
    rollingUpdate: {maxSurge: 0, maxUnavailable: 0}
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      "8:5 error strategy-recreate: Cannot use spec.strategy.rollingUpdate as it may not be specified when strategy `type` is 'Recreate' (Remove it, or set type: RollingUpdate.)",
    ],
  },
  {
    rule: "strategy-limits",
    name: "both 0",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  strategy:
    rollingUpdate: {maxSurge: 0%, maxUnavailable: 0}
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      "7:51 error strategy-limits: Cannot use spec.strategy.rollingUpdate.maxUnavailable as it may not be 0 when `maxSurge` is 0: it is 0 (Set one of the two to at least 1: otherwise no pod could ever be replaced.)",
    ],
  },
  {
    rule: "strategy-limits",
    name: "bad percentages",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  strategy:
    rollingUpdate: {maxSurge: "1", maxUnavailable: 101%}
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      '7:31 error strategy-limits: Cannot use spec.strategy.rollingUpdate.maxSurge as a valid percent string must be a numeric string followed by an ending \'%\': it is "1" (Write a count without quotes (1) or a percentage ("25%").)',
      '7:52 error strategy-limits: Cannot use spec.strategy.rollingUpdate.maxUnavailable as it must not be greater than 100%: it is "101%"',
    ],
  },
  {
    rule: "strategy-limits",
    name: "a negative count",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  strategy:
    rollingUpdate: {maxSurge: -1, maxUnavailable: 25.5%}
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      "7:31 error strategy-limits: Cannot use spec.strategy.rollingUpdate.maxSurge as it must be greater than or equal to 0: it is -1",
      '7:51 error strategy-limits: Cannot use spec.strategy.rollingUpdate.maxUnavailable as a valid percent string must be a numeric string followed by an ending \'%\': it is "25.5%" (Write a count without quotes (1) or a percentage ("25%").)',
    ],
  },
  {
    rule: "progress-deadline",
    name: "a deadline that is not later",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  minReadySeconds: 30
  progressDeadlineSeconds: 30
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      "7:28 error progress-deadline: Cannot use spec.progressDeadlineSeconds as it must be greater than minReadySeconds (30): it is 30 (Raise progressDeadlineSeconds or lower minReadySeconds.)",
    ],
  },
  {
    rule: "progress-deadline",
    name: "a default deadline that is not later",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  minReadySeconds: 600
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      "6:20 error progress-deadline: Cannot use spec.minReadySeconds as progressDeadlineSeconds, 600 by default, must be greater than minReadySeconds: it is 600 (Raise progressDeadlineSeconds or lower minReadySeconds.)",
    ],
  },
  {
    rule: "template-restart-policy",
    name: "pods that end",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      restartPolicy: OnFailure
      activeDeadlineSeconds: 5
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      '11:22 error template-restart-policy: Cannot use spec.template.spec.restartPolicy as it must be "Always": it is "OnFailure" (Pods of a deployment run until they are replaced; for one that ends, declare a Pod.)',
      "12:30 error template-restart-policy: Cannot use spec.template.spec.activeDeadlineSeconds as activeDeadlineSeconds in ReplicaSet is not Supported: it is 5",
    ],
  },
  {
    rule: "containers-missing",
    name: "no containers at all",
    yaml: `apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: b}
`,
    expect: [
      "4:8 error containers-missing: Cannot use spec.containers as a pod must have at least one container: it is []",
      "6:1 error containers-missing: Cannot use spec as containers must be given: it is missing",
    ],
  },
  {
    rule: "container-name",
    name: "bad and repeated names",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
  - name: web
    image: web:v1
  - name: Web_2
    image: web:v1
`,
    expect: [
      '9:11 error container-name: Cannot use spec.containers[1].name as a pod\'s container names must be unique: spec.containers[0] has it too: it is "web" (Give each container its own name.)',
      "11:11 error container-name: Cannot use spec.containers[2].name as a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character: it is \"Web_2\"",
    ],
  },
  {
    rule: "init-container",
    name: "probes of init containers",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  initContainers:
  - name: a
    image: a:v1
    readinessProbe: {tcpSocket: {port: 80}}
  - name: b
    image: a:v1
    restartPolicy: Always
    readinessProbe: {tcpSocket: {port: 80}}
  containers:
  - name: web
    image: web:v1
`,
    expect: [
      "9:5 error init-container: Cannot use spec.initContainers[0].readinessProbe as it may not be set for init containers without restartPolicy=Always",
    ],
  },
  {
    rule: "volume-source",
    name: "volumes and mounts that do not fit",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  volumes:
  - {name: a, emptyDir: {}, hostPath: {path: /x}}
  - {name: a}
  containers:
  - name: web
    image: web:v1
    volumeMounts:
    - {name: c, mountPath: /c}
    - {name: a, mountPath: /c}
`,
    expect: [
      "7:5 error volume-source: Cannot use spec.volumes[0] as it may not specify more than 1 volume type: it has emptyDir, hostPath",
      '8:12 error volume-source: Cannot use spec.volumes[1].name as a pod\'s volume names must be unique: it is "a"',
      "12:5 warning process-runtime-ignores: spec.containers[0].volumeMounts is ignored by the process runtime: processes see the machine's own files (Pass configuration through env or envFrom.)",
      '13:14 error volume-source: Cannot use spec.containers[0].volumeMounts[0].name as it must name a volume of the pod: it is "c" (Declare it under volumes of the pod\'s spec.)',
      '14:28 error volume-source: Cannot use spec.containers[0].volumeMounts[1].mountPath as a container\'s mount paths must be unique: it is "/c"',
    ],
  },
  {
    rule: "name-format",
    name: "a Service that begins with a digit, as it may since 1.36",
    yaml: "{apiVersion: v1, kind: Service, metadata: {name: 1web}, spec: {ports: [{port: 80}]}}\n",
    expect: [],
  },
];
