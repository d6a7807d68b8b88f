/** One case or more for each rule: a manifest, and all that is said of it. */

export interface RuleCase {
  rule: string;
  name: string;
  yaml: string;
  /** Kubernetes version to check for; the newest when absent. */
  kubernetesVersion?: string;
  /** `line:column severity rule: message (hint)`, in order. */
  expect: readonly string[];
}

export const CASES: readonly RuleCase[] = [
  {
    rule: "yaml-syntax",
    name: "a mapping that goes wrong",
    yaml: `apiVersion: v1
kind: Pod
 metadata: x
`,
    expect: [
      "3:10 error yaml-syntax: Cannot read the document as it must be well-formed YAML: bad indentation of a mapping entry (Check the spaces before this line against the lines above it.)",
    ],
  },
  {
    rule: "yaml-syntax",
    name: "each document's own fault",
    yaml: `a: [1
---
b: {
---
apiVersion: v1
kind: Namespace
metadata: {name: Bad}
`,
    expect: [
      "2:1 error yaml-syntax: Cannot read the document as it must be well-formed YAML: deficient indentation (Indent each line of a quoted text or a bracket, the closing one too, further than its key.)",
      "4:1 error yaml-syntax: Cannot read the document as it must be well-formed YAML: deficient indentation (Indent each line of a quoted text or a bracket, the closing one too, further than its key.)",
      "7:18 error name-format: Cannot use metadata.name as a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character: it is \"Bad\"",
    ],
  },
  {
    rule: "yaml-syntax",
    name: "a template",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: {{ .Values.name }}
`,
    expect: [
      "4:10 error needs-rendering: Cannot read the file as it must be rendered first: it is a template (Commit what it renders, and keep templates out of the app's directory.)",
    ],
  },
  {
    rule: "yaml-syntax",
    name: "an unknown tag",
    yaml: `apiVersion: v1
kind: Pod
metadata: !ruby/object {name: a}
`,
    expect: [
      "3:11 error yaml-syntax: Cannot read the document as it must be well-formed YAML: unknown mapping tag !<!ruby/object> (Remove the tag: manifests use plain YAML.)",
    ],
  },
  {
    rule: "yaml-syntax",
    name: "the key __proto__",
    yaml: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  __proto__: x
`,
    expect: [
      "5:3 error yaml-syntax: Cannot read the document as it must be well-formed YAML: a key must be a field's name: it is __proto__",
    ],
  },
  {
    rule: "yaml-duplicate-key",
    name: "all of them, and the other faults too",
    yaml: `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  a: x
  b: y
  a: z
  b: 1
`,
    expect: [
      "7:6 error schema-type: Cannot read data.b as it must be text: it is 1 (Put the value in quotes.)",
      '8:3 error yaml-duplicate-key: Cannot read the key "a" as it must be given once: line 6 has it too (Keep one of the two.)',
      '9:3 error yaml-duplicate-key: Cannot read the key "b" as it must be given once: line 7 has it too (Keep one of the two.)',
    ],
  },
  {
    rule: "yaml-limits",
    name: "an alias inside its own anchor",
    yaml: `apiVersion: v1
kind: List
items: &all [*all]
`,
    expect: [
      "3:14 error yaml-limits: Cannot read the document as an alias must not stand inside its own anchor: it is *all",
    ],
  },
  {
    rule: "yaml-limits",
    name: "aliases that multiply",
    yaml: `a: &a [x,x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]
`,
    expect: [
      "5:26 error yaml-limits: Cannot read the document as its aliases must expand to at most 100000 nodes: *d goes beyond",
    ],
  },
  {
    rule: "manifest-shape",
    name: "a document that is a list",
    yaml: `apiVersion: v1
kind: Namespace
metadata: {name: a}
---
- a
`,
    expect: ["5:1 error manifest-shape: Cannot read the object as it must be a mapping: it is a list"],
  },
  {
    rule: "manifest-shape",
    name: "a List without items",
    yaml: `apiVersion: v1
kind: List
items: {}
`,
    expect: ["3:1 error manifest-shape: Cannot read the List as items must be a list: it is a mapping"],
  },
  {
    rule: "missing-api-version",
    name: "no apiVersion",
    yaml: `kind: Pod
metadata: {name: a}
`,
    expect: [
      "1:1 error missing-api-version: Cannot read the object as apiVersion must be text: it is missing (Say the API's version: apiVersion: apps/v1)",
    ],
  },
  {
    rule: "missing-kind",
    name: "no kind, and no name either",
    yaml: `apiVersion: v1
metadata: {}
`,
    expect: [
      "1:1 error missing-kind: Cannot read the object as kind must be text: it is missing (Say what it is: kind: Deployment)",
      "2:11 error missing-name: Cannot read the object as metadata.name must be text: it is missing (Give it a name that is unique among objects of its kind.)",
    ],
  },
  {
    rule: "missing-name",
    name: "a name that YAML 1.1 reads as false",
    yaml: `apiVersion: v1
kind: Namespace
metadata:
  name: n
`,
    expect: [
      "4:9 error missing-name: Cannot read the object as metadata.name must be text: it is false (Put it in quotes: YAML 1.1 reads words such as y, on and numbers as other than text.)",
      "4:9 warning yaml-boolean: n is read as false: YAML 1.1 has it so (Write true or false, or put it in quotes if it is text.)",
    ],
  },
  {
    rule: "missing-name",
    name: "a generated name",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  generateName: web-
`,
    expect: [
      "4:3 error missing-name: Cannot read the object as metadata.name must be text: it is missing (Give it a fixed name: generateName would make another object at each commit.)",
    ],
  },
  {
    rule: "not-a-manifest",
    name: "a values file",
    yaml: `replicas: 3
`,
    expect: [
      "1:1 warning not-a-manifest: Nothing is applied from this file as it has neither apiVersion nor kind (Move it out of the app's directory if it is no manifest.)",
    ],
  },
  {
    rule: "needs-rendering",
    name: "a kustomization",
    yaml: `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [a.yaml]
`,
    expect: [
      "1:1 error needs-rendering: Cannot apply a kustomization as it must be rendered first: it is no object (Commit what it renders, and keep the file itself out of the app's directory.)",
    ],
  },
  {
    rule: "yaml-syntax",
    name: "a bracket that closes too far out, which Kubernetes' reader does not mind",
    yaml: `apiVersion: v1
kind: Namespace
metadata: {
  name: A
}
`,
    expect: [
      "4:9 error name-format: Cannot use metadata.name as a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character: it is \"A\"",
    ],
  },
  {
    rule: "api-removed",
    name: "a Deployment of apps/v1beta1",
    yaml: `apiVersion: apps/v1beta1
kind: Deployment
metadata:
  name: web
spec:
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
      "1:13 error api-removed: apps/v1beta1 was removed in Kubernetes 1.16: use apps/v1 (Write apiVersion: apps/v1.)",
    ],
  },
  {
    rule: "api-removed",
    name: "a Deployment of extensions/v1beta1, with a fault of its own",
    yaml: `apiVersion: extensions/v1beta1
kind: Deployment
metadata:
  name: web
spec:
  replicas: -1
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
      "1:13 error api-removed: extensions/v1beta1 was removed in Kubernetes 1.16: use apps/v1 (Write apiVersion: apps/v1.)",
      "6:13 error replicas-negative: Cannot use spec.replicas as it must be greater than or equal to 0: it is -1",
    ],
  },
  {
    rule: "api-removed",
    name: "an Ingress, and what nothing replaces",
    yaml: `apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: a}
---
apiVersion: policy/v1beta1
kind: PodSecurityPolicy
metadata: {name: a}
`,
    expect: [
      "1:1 error ingress: Cannot use spec as it must have defaultBackend or rules: it has neither",
      "1:13 error api-removed: extensions/v1beta1 was removed in Kubernetes 1.22: use networking.k8s.io/v1 (Write apiVersion: networking.k8s.io/v1.)",
      "5:13 error api-removed: policy/v1beta1 was removed in Kubernetes 1.25: nothing replaces it",
    ],
  },
  {
    rule: "unknown-kind",
    name: "a misspelt kind",
    yaml: `apiVersion: apps/v1
kind: Deploymnet
metadata: {name: a}
`,
    expect: [
      "2:7 error unknown-kind: Cannot apply Deploymnet of apps/v1 as Kubernetes 1.37 must know the kind: it does not (Did you mean Deployment?)",
    ],
  },
  {
    rule: "unknown-kind",
    name: "a kind of another group",
    yaml: `apiVersion: v1
kind: Deployment
metadata: {name: a}
---
apiVersion: batch/v1
kind: Jobs
metadata: {name: a}
---
apiVersion: app/v1
kind: Deployment
metadata: {name: b}
---
apiVersion: networking.k8s.io/v1
kind: ThisIsNothing
metadata: {name: a}
`,
    expect: [
      '1:13 error unknown-kind: Cannot apply Deployment as its apiVersion must be apps/v1: it is "v1" (Write apiVersion: apps/v1.)',
      "6:7 error unknown-kind: Cannot apply Jobs of batch/v1 as Kubernetes 1.37 must know the kind: it does not (Did you mean Job?)",
      '9:13 error unknown-kind: Cannot apply Deployment as its apiVersion must be apps/v1: it is "app/v1" (Write apiVersion: apps/v1.)',
      "14:7 error unknown-kind: Cannot apply ThisIsNothing of networking.k8s.io/v1 as Kubernetes 1.37 must know the kind: it does not (Move the file out of the app's directory if it is no manifest.)",
    ],
  },
  {
    rule: "unknown-field",
    name: "near, misplaced and unheard-of fields",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replica: 3
  containers: []
  colour: red
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
      "6:3 error unknown-field: Cannot read spec.replica as spec has no such field (Did you mean replicas?)",
      "7:3 error unknown-field: Cannot read spec.containers as spec has no such field (It belongs in spec.template.spec: check the indentation.)",
      "8:3 error unknown-field: Cannot read spec.colour as spec has no such field",
    ],
  },
  {
    rule: "unknown-field",
    name: "a field one level too far out",
    yaml: `apiVersion: v1
kind: Pod
metadata: {name: a}
containers: []
spec:
  containers:
  - {name: a, image: "a:v1"}
`,
    expect: [
      "4:1 error unknown-field: Cannot read containers as a Pod has no such field (It belongs in spec: check the indentation.)",
    ],
  },
  {
    rule: "unknown-field",
    name: "a field one level too far in",
    yaml: `apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - {name: a, image: "a:v1", restartPolicyRules: [], hostNetwork: true}
`,
    expect: [
      "6:54 error unknown-field: Cannot read spec.containers[0].hostNetwork as spec.containers[0] has no such field (It belongs in spec: check the indentation.)",
    ],
  },
  {
    rule: "schema-type",
    name: "quoted numbers, unquoted text and wrong shapes",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: "3"
  paused: "true"
  strategy: []
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web, tier: 1}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [
      '6:13 error schema-type: Cannot read spec.replicas as it must be an integer: it is "3" (Remove the quotes.)',
      '7:11 error schema-type: Cannot read spec.paused as it must be true or false: it is "true" (Remove the quotes.)',
      "8:13 error schema-type: Cannot read spec.strategy as it must be a mapping: it is a list",
      "12:32 error schema-type: Cannot read spec.template.metadata.labels.tier as it must be text: it is 1 (Put the value in quotes.)",
    ],
  },
  {
    rule: "schema-type",
    name: "a Secret's value, which is not shown",
    yaml: `apiVersion: v1
kind: Secret
metadata:
  name: keys
stringData:
  pin: 1234
`,
    expect: [
      "6:8 error schema-type: Cannot read stringData.pin as it must be text: it is not shown, as this is a Secret (Put the value in quotes.)",
    ],
  },
  {
    rule: "schema-type",
    name: "nulls count as not given",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: null
  strategy:
  paused: ~
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
`,
    expect: [],
  },
  {
    rule: "schema-required",
    name: "no selector and no template",
    yaml: `apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  replicas: 1
`,
    expect: [
      "4:1 error schema-required: Cannot use spec as selector must be given: it is missing",
      "4:1 error schema-required: Cannot use spec as template must be given: it is missing",
    ],
  },
];
