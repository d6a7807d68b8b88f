/** Cases of rules, continued. */
import type { RuleCase } from "./cases-1.ts";

export const CASES: readonly RuleCase[] = [
  {
    rule: "port-range",
    name: "ports of containers",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    ports: [{containerPort: 0}, {containerPort: 70000}]
    readinessProbe: {httpGet: {port: 99999}}
`,
    expect: [
      "9:29 error port-range: Cannot use spec.containers[0].ports[0].containerPort as it must be between 1 and 65535, inclusive: it is 0",
      "9:49 error port-range: Cannot use spec.containers[0].ports[1].containerPort as it must be between 1 and 65535, inclusive: it is 70000",
      "10:38 error port-range: Cannot use spec.containers[0].readinessProbe.httpGet.port as it must be between 1 and 65535, inclusive: it is 99999",
    ],
  },
  {
    rule: "port-range",
    name: "ports of Services",
    yaml: `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports: [{port: 0, targetPort: 65536}]
`,
    expect: [
      "6:18 error port-range: Cannot use spec.ports[0].port as it must be between 1 and 65535, inclusive: it is 0",
      "6:33 error port-range: Cannot use spec.ports[0].targetPort as it must be between 1 and 65535, inclusive: it is 65536",
    ],
  },
  {
    rule: "port-name",
    name: "names of container ports",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    ports:
    - {containerPort: 1, name: Http}
    - {containerPort: 2, name: averyverylongname}
    - {containerPort: 3, name: "80"}
    - {containerPort: 4, name: a--b}
    - {containerPort: 5, name: a-}
    - {containerPort: 6, name: ok}
    - {containerPort: 7, name: ok}
`,
    expect: [
      '10:32 error port-name: Cannot use spec.containers[0].ports[0].name as it must contain only lower case alphanumeric characters and hyphens (-): it is "Http"',
      '11:32 error port-name: Cannot use spec.containers[0].ports[1].name as it must be no more than 15 characters: it is "averyverylongname"',
      '12:32 error port-name: Cannot use spec.containers[0].ports[2].name as it must contain at least one letter (a-z): it is "80"',
      '13:32 error port-name: Cannot use spec.containers[0].ports[3].name as it must not contain consecutive hyphens: it is "a--b"',
      '14:32 error port-name: Cannot use spec.containers[0].ports[4].name as it must not begin or end with a hyphen: it is "a-"',
      '16:32 error port-name: Cannot use spec.containers[0].ports[6].name as a container\'s port names must be unique: it is "ok"',
    ],
  },
  {
    rule: "port-name",
    name: "names of Service ports",
    yaml: `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
  - {port: 1}
  - {port: 2, name: a.b}
  - {port: 3, name: c}
  - {port: 4, name: c, targetPort: "8080"}
`,
    expect: [
      "7:5 error port-name: Cannot use spec.ports[0] as name must be given: it is missing (A Service with several ports names each of them.)",
      "8:21 error port-name: Cannot use spec.ports[1].name as a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character: it is \"a.b\"",
      '10:21 error port-name: Cannot use spec.ports[3].name as a Service\'s port names must be unique: it is "c"',
      '10:36 error port-name: Cannot use spec.ports[3].targetPort as it must contain at least one letter (a-z): it is "8080" (Remove the quotes: in quotes it is a port\'s name.)',
    ],
  },
  {
    rule: "port-duplicate",
    name: "ports given twice",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    ports: [{containerPort: 80, hostPort: 80}, {containerPort: 80, hostPort: 80}]
`,
    expect: [
      "9:33 warning process-runtime-ignores: spec.containers[0].ports[0].hostPort is ignored by the process runtime: each pod gets a free local port (Reach the pods through a Service.)",
      "9:49 warning port-duplicate: spec.containers[0].ports[1].containerPort repeats a port that the container already has: 80 (Remove one of the two.)",
      "9:68 warning process-runtime-ignores: spec.containers[0].ports[1].hostPort is ignored by the process runtime: each pod gets a free local port (Reach the pods through a Service.)",
      "9:78 error port-duplicate: Cannot use spec.containers[0].ports[1].hostPort as a pod's host ports must be unique: spec.containers[0].ports[0].hostPort has it too: it is 80",
    ],
  },
  {
    rule: "port-duplicate",
    name: "Service ports given twice",
    yaml: `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: NodePort
  ports: [{name: a, port: 80, nodePort: 30000}, {name: b, port: 80, nodePort: 30000}]
`,
    expect: [
      "7:65 error port-duplicate: Cannot use spec.ports[1].port as a Service's ports must be unique: it is 80",
      "7:79 error port-duplicate: Cannot use spec.ports[1].nodePort as a Service's node ports must be unique: it is 30000",
    ],
  },
  {
    rule: "env-name",
    name: "names",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    env: [{name: "A=B", value: x}, {name: ok.1-x, value: x}]
    envFrom: [{prefix: "P=", configMapRef: {name: a}}]
`,
    expect: [
      "9:18 error env-name: Cannot use spec.containers[0].env[0].name as a valid environment variable name must consist only of printable ASCII characters other than '=': it is \"A=B\"",
      "10:24 error env-name: Cannot use spec.containers[0].envFrom[0].prefix as a valid environment variable name must consist only of printable ASCII characters other than '=': it is \"P=\"",
      "10:51 warning reference-missing: pod/web needs configmap/a, which this app does not declare (Declare the ConfigMap, or see that it is there before the pods start.)",
    ],
  },
  {
    rule: "env-duplicate",
    name: "a variable given twice",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    env: [{name: A, value: x}, {name: A, value: z}]
`,
    expect: [
      "9:39 warning env-duplicate: spec.containers[0].env[1].name repeats A: the last one counts (Remove one of the two.)",
    ],
  },
  {
    rule: "env-source",
    name: "sources",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    env:
    - {name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: B, valueFrom: {}}
    - {name: C, valueFrom: {fieldRef: {fieldPath: spec.replicas}}}
    - {name: D, valueFrom: {configMapKeyRef: {key: k}, secretKeyRef: {name: s, key: "k?"}}}
    envFrom: [{}, {secretRef: {name: Bad}}]
`,
    expect: [
      "10:27 error env-source: Cannot use spec.containers[0].env[0].valueFrom as it may not be specified when `value` is not empty",
      "11:17 error env-source: Cannot use spec.containers[0].env[1].valueFrom as it must have exactly one of configMapKeyRef, fieldRef, fileKeyRef, resourceFieldRef, secretKeyRef: it has none",
      "12:51 error env-source: Cannot use spec.containers[0].env[2].valueFrom.fieldRef.fieldPath as it must be a field that the pod can read: it is \"spec.replicas\" (Such as metadata.name, metadata.labels['app'], spec.nodeName or status.podIP.)",
      "13:17 error env-source: Cannot use spec.containers[0].env[3].valueFrom as it must have exactly one of configMapKeyRef, fieldRef, fileKeyRef, resourceFieldRef, secretKeyRef: it has configMapKeyRef, secretKeyRef",
      "13:29 error env-source: Cannot use spec.containers[0].env[3].valueFrom.configMapKeyRef as name must be given: it is missing",
      "13:77 warning reference-missing: pod/web needs secret/s, which this app does not declare (Declare the Secret, or see that it is there before the pods start.)",
      "13:85 error env-source: Cannot use spec.containers[0].env[3].valueFrom.secretKeyRef.key as a valid config key must consist of alphanumeric characters, '-', '_' or '.': it is \"k?\"",
      "14:15 error env-source: Cannot use spec.containers[0].envFrom[0] as it must have exactly one of configMapRef, secretRef: it has none",
      "14:38 error env-source: Cannot use spec.containers[0].envFrom[1].secretRef.name as a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character: it is \"Bad\"",
      "14:38 warning reference-missing: pod/web needs secret/Bad, which this app does not declare (Declare the Secret, or see that it is there before the pods start.)",
    ],
  },
  {
    rule: "probe-handler",
    name: "none and several",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    readinessProbe: {periodSeconds: 1}
    livenessProbe: {tcpSocket: {port: 80}, exec: {command: []}}
    lifecycle: {preStop: {}}
`,
    expect: [
      "9:5 error probe-handler: Cannot use spec.containers[0].readinessProbe as it must specify a handler type: one of exec, grpc, httpGet, tcpSocket",
      "10:5 error probe-handler: Cannot use spec.containers[0].livenessProbe as it may not specify more than 1 handler type: exec, tcpSocket",
      "10:51 error probe-handler: Cannot use spec.containers[0].livenessProbe.exec as command must be given: it is missing",
      "11:17 error probe-handler: Cannot use spec.containers[0].lifecycle.preStop as it must specify a handler type: one of exec, httpGet, tcpSocket, sleep",
    ],
  },
  {
    rule: "probe-setting",
    name: "settings out of range",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    livenessProbe: {tcpSocket: {port: 80}, successThreshold: 2, periodSeconds: -1}
    readinessProbe: {httpGet: {port: http}, terminationGracePeriodSeconds: 5}
    startupProbe: {exec: {command: [x]}, terminationGracePeriodSeconds: 0}
    lifecycle: {preStop: {sleep: {seconds: -1}}}
`,
    expect: [
      "9:62 error probe-setting: Cannot use spec.containers[0].livenessProbe.successThreshold as it must be 1 in a livenessProbe: it is 2",
      "9:80 error probe-setting: Cannot use spec.containers[0].livenessProbe.periodSeconds as it must be greater than or equal to 0: it is -1",
      '10:38 warning probe-setting: spec.containers[0].readinessProbe.httpGet.port names a port that the container does not declare: "http" (Name one of the container\'s ports, or give the number.)',
      "10:45 error probe-setting: Cannot use spec.containers[0].readinessProbe.terminationGracePeriodSeconds as it must not be set for readinessProbes: it is 5",
      "11:73 error probe-setting: Cannot use spec.containers[0].startupProbe.terminationGracePeriodSeconds as it must be greater than 0: it is 0",
      "12:44 error probe-setting: Cannot use spec.containers[0].lifecycle.preStop.sleep.seconds as it must be greater than or equal to 0: it is -1",
    ],
  },
  {
    rule: "resources",
    name: "requests above limits",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:v1
    resources:
      limits: {cpu: 500m, memory: 64Mi, gpu: 1}
      requests: {cpu: 1, memory: -1}
`,
    expect: [
      "10:7 warning process-runtime-ignores: spec.containers[0].resources.limits is not enforced by the process runtime",
      '10:41 error resources: Cannot use the resource "gpu" as it must be a standard resource type or fully qualified',
      "11:23 error resources: Cannot use spec.containers[0].resources.requests.cpu as it must be less than or equal to cpu limit of 500m: it is 1",
      "11:34 error resources: Cannot use spec.containers[0].resources.requests.memory as it must be greater than or equal to 0: it is -1",
    ],
  },
  {
    rule: "image-missing",
    name: "no image",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
`,
    expect: ["7:5 error image-missing: Cannot use spec.containers[0] as image must be given: it is missing"],
  },
  {
    rule: "image-invalid",
    name: "what is no reference",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: " web:v1"
`,
    expect: [
      '8:12 error image-invalid: Cannot use spec.containers[0].image as it must not have leading or trailing whitespace: it is " web:v1" (References look like name:tag, registry:5000/path/name:tag or name@sha256:….)',
    ],
  },
  {
    rule: "image-invalid",
    name: "an empty tag",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: "web:"
`,
    expect: [
      '8:12 error image-invalid: Cannot use spec.containers[0].image as it must be an image reference: it is "web:" (References look like name:tag, registry:5000/path/name:tag or name@sha256:….)',
    ],
  },
  {
    rule: "image-tag-missing",
    name: "no tag, and a registry's port is none",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web
  - {name: b, image: "registry:5000/web"}
`,
    expect: [
      '8:12 error image-tag-missing: Cannot use spec.containers[0].image as it must have a tag or a digest, so that a commit names what runs: it is "web" (Write the version: web:v1.)',
      '9:22 error image-tag-missing: Cannot use spec.containers[1].image as it must have a tag or a digest, so that a commit names what runs: it is "registry:5000/web" (Write the version: registry:5000/web:v1.)',
    ],
  },
  {
    rule: "image-upper-case",
    name: "upper case in a path; a registry's name may have it",
    yaml: `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: a, image: "Web:v1"}
  - {name: b, image: "registry.example:5000/shop/Web:v1"}
  - {name: c, image: "Registry.Example/shop/web:v1"}
  - {name: d, image: "shop/Web@sha256:0000000000000000000000000000000000000000000000000000000000000000"}
  - {name: e, image: "shop/web:V1"}
`,
    expect: [
      "6:22 warning image-upper-case: The nodes of a cluster take Web in lower case only (Write web:v1, if that is its name.)",
      "7:22 warning image-upper-case: The nodes of a cluster take shop/Web in lower case only (Write registry.example:5000/shop/web:v1, if that is its name.)",
      "9:22 warning image-upper-case: The nodes of a cluster take shop/Web in lower case only (Write shop/web@sha256:0000000000000000000000000000000000000000000000000000000000000000, if that is its name.)",
    ],
  },
  {
    rule: "image-tag-latest",
    name: "the tag latest; a digest makes up for it",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:latest
  - {name: b, image: "web:latest@sha256:0000000000000000000000000000000000000000000000000000000000000000"}
`,
    expect: [
      '8:12 error image-tag-latest: Cannot use spec.containers[0].image as its tag must name one version, so that a commit names what runs: it is "web:latest" (Write the version instead of latest: web:v1.)',
    ],
  },
  {
    rule: "process-runtime-ignores",
    name: "what processes do not get",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  securityContext: {fsGroup: 1}
  volumes: [{name: a, emptyDir: {}}]
  containers:
  - name: web
    image: web:v1
    ports: [{containerPort: 53, hostPort: 53, protocol: UDP}]
    resources: {limits: {cpu: 1}}
    securityContext: {runAsUser: 1}
    volumeMounts: [{name: a, mountPath: /a}]
`,
    expect: [
      "6:3 warning process-runtime-ignores: spec.securityContext is ignored by the process runtime: it is no sandbox",
      "11:33 warning process-runtime-ignores: spec.containers[0].ports[0].hostPort is ignored by the process runtime: each pod gets a free local port (Reach the pods through a Service.)",
      "11:57 warning process-runtime-ignores: spec.containers[0].ports[0].protocol is ignored by the process runtime: only TCP is served",
      "12:17 warning process-runtime-ignores: spec.containers[0].resources.limits is not enforced by the process runtime",
      "13:5 warning process-runtime-ignores: spec.containers[0].securityContext is ignored by the process runtime: it is no sandbox",
      "14:5 warning process-runtime-ignores: spec.containers[0].volumeMounts is ignored by the process runtime: processes see the machine's own files (Pass configuration through env or envFrom.)",
    ],
  },
  {
    rule: "process-runtime-ignores",
    name: "UDP of a Service",
    yaml: `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports: [{port: 53, protocol: UDP}]
`,
    expect: [
      "6:32 warning process-runtime-ignores: spec.ports[0].protocol is ignored by the process runtime: only TCP is served",
    ],
  },
  {
    rule: "service-ports",
    name: "no ports, or what does not go with the type",
    yaml: `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  clusterIP: 10.0.0.1
---
apiVersion: v1
kind: Service
metadata:
  name: b
spec:
  type: NodePort
  clusterIP: None
  ports: [{port: 80, appProtocol: "a b"}]
---
apiVersion: v1
kind: Service
metadata:
  name: c
spec:
  ports: [{port: 80, nodePort: 8080}]
---
apiVersion: v1
kind: Service
metadata:
  name: d
spec:
  type: ExternalName
---
apiVersion: v1
kind: Service
metadata:
  name: e
spec:
  clusterIP: None
---
apiVersion: v1
kind: Service
metadata:
  name: f
spec:
  ports: []
`,
    expect: [
      "5:1 error service-ports: Cannot use spec as ports must be given: it is missing",
      "14:14 error service-ports: Cannot use spec.clusterIP as it may not be set to 'None' for NodePort services: it is \"None\"",
      "15:35 error service-ports: Cannot use spec.ports[0].appProtocol as the name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character: it is \"a b\"",
      "22:32 error service-ports: Cannot use spec.ports[0].nodePort as it may not be used when `type` is 'ClusterIP': it is 8080 (Set type: NodePort or LoadBalancer to fix the local port.)",
      "28:1 error service-ports: Cannot use spec as externalName must be given: it is missing",
      "43:3 error service-ports: Cannot use spec.ports as a Service must have at least one port: it is []",
    ],
  },
  {
    rule: "data-key",
    name: "keys",
    yaml: `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  a/b: x
  ..x: z
  c: x
binaryData:
  c: eA==
`,
    expect: [
      "6:3 error data-key: Cannot use the key \"a/b\" as a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
      "7:3 error data-key: Cannot use the key \"..x\" as it must not be '.' or start with '..'",
      "10:3 error data-key: Cannot use binaryData.c as it is a duplicate of a key present in data",
    ],
  },
  {
    rule: "data-base64",
    name: "values; a Secret's are not shown",
    yaml: `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
binaryData:
  a: "?"
---
apiVersion: v1
kind: Secret
metadata:
  name: keys
data:
  password: hunter2!
  fine: |
    aHVu
    dGVy
`,
    expect: [
      "6:6 error data-base64: Cannot read binaryData.a as it must be base64 (Encode it (base64), or move it to data as plain text.)",
      "13:13 error data-base64: Cannot read data.password as it must be base64 (Encode it (base64), or move it to stringData as plain text.)",
    ],
  },
  {
    rule: "secret-type",
    name: "keys that the type asks for",
    yaml: `apiVersion: v1
kind: Secret
metadata:
  name: keys
type: kubernetes.io/tls
data: {tls.crt: eA==}
---
apiVersion: v1
kind: Secret
metadata:
  name: b
type: kubernetes.io/basic-auth
---
apiVersion: v1
kind: Secret
metadata:
  name: c
type: kubernetes.io/service-account-token
`,
    expect: [
      '5:7 error secret-type: Cannot use type as it asks for the key tls.key: it is "kubernetes.io/tls"',
      '12:7 error secret-type: Cannot use type as it asks for one of the keys username, password: it is "kubernetes.io/basic-auth"',
      '18:7 error secret-type: Cannot use type as it asks for the annotation kubernetes.io/service-account.name: it is "kubernetes.io/service-account-token"',
    ],
  },
  {
    rule: "duplicate-object",
    name: "the second place names the first",
    yaml: `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: default
`,
    expect: [
      "9:3 error duplicate-object: Cannot apply configmap/settings as it must be declared once: a.yaml:4 declares it too (Remove or rename one of the two.)",
    ],
  },
  {
    rule: "selector-overlap",
    name: "two Deployments with the same labels",
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
      containers:
      - name: web
        image: web:v1
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
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
      "6:3 warning selector-overlap: deployment/web selects the pods of deployment/shop too (Give each workload a label of its own, in its selector and its template.)",
      "20:3 warning selector-overlap: deployment/shop selects the pods of deployment/web too (Give each workload a label of its own, in its selector and its template.)",
    ],
  },
  {
    rule: "service-selects-nothing",
    name: "a selector with a typing error",
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
      containers:
      - name: web
        image: web:v1
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: wbe}
  ports: [{port: 80}]
`,
    expect: [
      "20:3 warning service-selects-nothing: service/web selects no workload of this app: app=wbe (Pods' labels: deployment/web has app=web.)",
    ],
  },
  {
    rule: "service-target-port",
    name: "a port that is not declared",
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
      containers:
      - name: web
        image: web:v1
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports: [{port: 80, name: a, targetPort: http}, {port: 8080, name: b}]
`,
    expect: [
      "21:43 warning service-target-port: service/web sends to a port named http, which no container of deployment/web declares (Declare it under ports of the container.)",
      "21:57 warning service-target-port: service/web sends to port 8080, which no container of deployment/web declares (Declare it under ports of the container.)",
    ],
  },
  {
    rule: "reference-missing",
    name: "ConfigMaps, Secrets and keys",
    yaml: `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  volumes: [{name: v, secret: {secretName: gone}}]
  containers:
  - name: web
    image: web:v1
    env:
    - {name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}
    - {name: B, valueFrom: {configMapKeyRef: {name: settings, key: b}}}
    - {name: C, valueFrom: {secretKeyRef: {name: keys, key: a}}}
    - {name: D, valueFrom: {secretKeyRef: {name: other, key: a, optional: true}}}
    envFrom: [{configMapRef: {name: absent}}]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data: {a: x}
`,
    expect: [
      "6:44 warning reference-missing: pod/web needs secret/gone, which this app does not declare (Declare the Secret, or see that it is there before the pods start.)",
      "12:68 warning reference-missing: pod/web needs the key b of configmap/settings, which does not have it",
      "13:50 warning reference-missing: pod/web needs secret/keys, which this app does not declare (Declare the Secret, or see that it is there before the pods start.)",
      "15:37 warning reference-missing: pod/web needs configmap/absent, which this app does not declare (Declare the ConfigMap, or see that it is there before the pods start.)",
    ],
  },
];
