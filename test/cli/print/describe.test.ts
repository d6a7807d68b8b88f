/** Objects in, description out, in kubectl's layout. */
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { describeObject, type Related } from "../../../src/cli/print/describe.ts";
import { probeText } from "../../../src/cli/print/describe-containers.ts";
import { eventAge } from "../../../src/cli/print/describe-text.ts";
import type { KubeObject } from "../../../src/model/object.ts";
import type { KubeEvent } from "../../../src/model/workload.ts";

const now = Date.parse("2026-11-23T12:00:00Z");
const alone: Related = { now, events: [], children: [] };
const parse = (yaml: string): KubeObject => load(yaml) as KubeObject;

const DEPLOYMENT = parse(`
apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello-deployment
  namespace: default
  creationTimestamp: "2026-11-23T11:42:02Z"
  labels: { app: hello, tier: front }
  annotations:
    deployment.kubernetes.io/revision: "2"
    trueup/commit: 3f2c1aa9d0000000000000000000000000000000
    trueup/source: hello-deployment.yaml:6
    kubectl.kubernetes.io/last-applied-configuration: "{}"
spec:
  replicas: 3
  minReadySeconds: 1
  selector: { matchLabels: { app: hello } }
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 25%, maxUnavailable: 0 } }
  template:
    metadata: { labels: { app: hello } }
    spec:
      containers:
        - name: hello-deployment
          image: hello-server:v2
          command: [node, server.js]
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 1 }
          env:
            - { name: GREETING, value: Hello }
            - { name: PASSWORD, valueFrom: { secretKeyRef: { name: db, key: password } } }
            - { name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
status:
  replicas: 4
  updatedReplicas: 1
  availableReplicas: 3
  unavailableReplicas: 1
  conditions:
    - { type: Available, status: "True", reason: MinimumReplicasAvailable }
    - { type: Progressing, status: "True", reason: ReplicaSetUpdated }
`);

const replicaSet = (name: string, revision: number, have: number, want: number): KubeObject =>
  parse(`
apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: ${name}, namespace: default, annotations: { deployment.kubernetes.io/revision: "${revision}" } }
spec: { replicas: ${want}, selector: {}, template: { spec: { containers: [] } } }
status: { replicas: ${have} }`);

const scaled = (message: string, seconds: number, count = 1): KubeEvent =>
  parse(`
apiVersion: v1
kind: Event
metadata: { name: e${seconds}, namespace: default }
type: Normal
reason: ScalingReplicaSet
message: ${message}
count: ${count}
firstTimestamp: "2026-11-23T11:50:00Z"
lastTimestamp: "${new Date(now - seconds * 1000).toISOString()}"
source: { component: deployment-controller }
involvedObject: { apiVersion: apps/v1, kind: Deployment, namespace: default, name: hello-deployment }`) as KubeEvent;

describe("describe", () => {
  it("tells a Deployment as kubectl does, with its commit and its manifest", () => {
    const text = describeObject(DEPLOYMENT, {
      now,
      children: [replicaSet("hello-deployment-bbb", 2, 1, 1), replicaSet("hello-deployment-aaa", 1, 3, 3)],
      events: [
        scaled("Scaled up replica set hello-deployment-bbb from 0 to 1", 12),
        scaled("Scaled up replica set hello-deployment-aaa from 0 to 3", 300, 2),
      ],
    });
    expect(text).toBe(`Name:                   hello-deployment
Namespace:              default
CreationTimestamp:      Mon, 23 Nov 2026 11:42:02 +0000
Commit:                 3f2c1aa9d0000000000000000000000000000000
Source:                 hello-deployment.yaml:6
Labels:                 app=hello
                        tier=front
Annotations:            deployment.kubernetes.io/revision: 2
Selector:               app=hello
Replicas:               3 desired | 1 updated | 4 total | 3 available | 1 unavailable
StrategyType:           RollingUpdate
MinReadySeconds:        1
RollingUpdateStrategy:  0 max unavailable, 25% max surge
Pod Template:
  Labels:  app=hello
  Containers:
   hello-deployment:
    Image:      hello-server:v2
    Port:       8080/TCP
    Host Port:  0/TCP
    Command:
      node
      server.js
    Readiness:  http-get http://:http/healthz delay=0s timeout=1s period=1s #success=1 #failure=3
    Environment:
      GREETING:    Hello
      PASSWORD:    <set to the key 'password' in secret 'db'>  Optional: false
      NODE:         (v1:spec.nodeName)
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Conditions:
  Type           Status  Reason
  ----           ------  ------
  Available      True    MinimumReplicasAvailable
  Progressing    True    ReplicaSetUpdated
OldReplicaSets:  hello-deployment-aaa (3/3 replicas created)
NewReplicaSet:   hello-deployment-bbb (1/1 replicas created)
Events:
  Type    Reason             Age               From                   Message
  ----    ------             ----              ----                   -------
  Normal  ScalingReplicaSet  5m (x2 over 10m)  deployment-controller  Scaled up replica set hello-deployment-aaa from 0 to 3
  Normal  ScalingReplicaSet  12s               deployment-controller  Scaled up replica set hello-deployment-bbb from 0 to 1
`);
  });

  it("tells a pod with its containers' states", () => {
    const pod = parse(`
apiVersion: v1
kind: Pod
metadata:
  name: web-5d4-x2x8z
  namespace: default
  annotations: { trueup/host-ports: '{"8080":40123}' }
  ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: web-5d4, uid: u, controller: true }]
spec:
  nodeName: local
  containers: [{ name: web, image: "web:v1", ports: [{ containerPort: 8080 }, { containerPort: 9090, protocol: UDP }] }]
status:
  phase: Running
  podIP: 127.0.0.1
  startTime: "2026-11-23T11:42:02Z"
  conditions: [{ type: Ready, status: "False" }]
  containerStatuses:
    - name: web
      image: web:v1
      imageID: sha256:abc
      containerID: process://4711
      ready: false
      started: false
      restartCount: 2
      state: { waiting: { reason: CrashLoopBackOff, message: back-off 20s } }
      lastState:
        terminated: { exitCode: 1, reason: Error, message: "boom\\nbang", startedAt: "2026-11-23T11:42:03Z", finishedAt: "2026-11-23T11:42:04Z" }
`);
    expect(describeObject(pod, alone)).toBe(
      `Name:           web-5d4-x2x8z
Namespace:      default
Node:           local
Start Time:     Mon, 23 Nov 2026 11:42:02 +0000
Labels:         <none>
Annotations:    trueup/host-ports: {"8080":40123}
Status:         Running
IP:             127.0.0.1
Local Ports:    8080 on 40123
Controlled By:  ReplicaSet/web-5d4
Containers:
  web:
    Container ID:   process://4711
    Image:          web:v1
    Image ID:       sha256:abc
    Ports:          8080/TCP, 9090/UDP
    Host Ports:     0/TCP, 0/UDP
    State:          Waiting
      Reason:       CrashLoopBackOff
      Message:      back-off 20s
    Last State:     Terminated
      Reason:       Error
      Message:      boom
                    bang
      Exit Code:    1
      Started:      Mon, 23 Nov 2026 11:42:03 +0000
      Finished:     Mon, 23 Nov 2026 11:42:04 +0000
    Ready:          False
    Restart Count:  2
    Environment:    <none>
    Mounts:         <none>
Conditions:
  Type    Status
  Ready   False
Volumes:  <none>
Events:   <none>
`,
    );
  });

  it("tells a Service with where it answers", () => {
    const service = parse(`
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default, annotations: { trueup/local-ports: '{"80":8080}' } }
spec: { type: LoadBalancer, clusterIP: 10.0.0.1, selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }`);
    const endpoints = parse(
      "{apiVersion: v1, kind: Endpoints, metadata: {name: web}, subsets: [{addresses: [{ip: 127.0.0.1}], ports: [{name: http, port: 40001}]}]}",
    );
    expect(describeObject(service, { ...alone, endpoints: endpoints as never })).toBe(`Name:         web
Namespace:    default
Labels:       <none>
Annotations:  trueup/local-ports: {"80":8080}
Selector:     app=web
Type:         LoadBalancer
IP:           10.0.0.1
Local URL:    http://localhost:8080
Port:         http  80/TCP
TargetPort:   8080/TCP
Local Port:   http  8080/TCP
Endpoints:    127.0.0.1:40001
Events:       <none>
`);
  });

  it("shows a Secret's keys and never its values", () => {
    const text = describeObject(
      parse("{apiVersion: v1, kind: Secret, metadata: {name: db, namespace: default}, data: {password: aHVudGVyMg==}}"),
      alone,
    );
    expect(text).toBe(`Name:         db
Namespace:    default
Labels:       <none>
Annotations:  <none>

Type:  Opaque

Data
====
password:  (hidden)

Events:  <none>
`);
  });

  it("shows a ConfigMap's data whole", () => {
    const configMap = parse(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a.txt: 'one'}, binaryData: {b: eHl6}}",
    );
    expect(describeObject(configMap, alone)).toContain(
      "Data\n====\na.txt:\n----\none\n\nBinaryData\n====\nb: 3 bytes\n",
    );
  });

  it("puts long annotations on lines of their own, and takes control characters out", () => {
    const object = parse("{apiVersion: v1, kind: Namespace, metadata: {name: n}}");
    object.metadata.annotations = { long: "x".repeat(150), lines: "one\n\u001b[2Jtwo" };
    expect(describeObject(object, alone)).toContain(
      `Annotations:  lines:\n                one\n                ^[[2Jtwo\n              long:\n                ${"x".repeat(138)}...\n`,
    );
  });
});

describe("event ages", () => {
  it("tell how often over how long", () => {
    expect(eventAge(scaled("x", 12), now)).toBe("12s");
    expect(eventAge(scaled("x", 180, 2), now)).toBe("3m (x2 over 10m)");
  });
});

describe("probes", () => {
  const rows: [title: string, probe: Parameters<typeof probeText>[0], text: string][] = [
    [
      "http",
      { httpGet: { port: 8080, path: "/x", scheme: "HTTPS", host: "h" }, initialDelaySeconds: 3 },
      "http-get https://h:8080/x delay=3s timeout=1s period=10s #success=1 #failure=3",
    ],
    [
      "tcp",
      { tcpSocket: { port: "db" }, timeoutSeconds: 2 },
      "tcp-socket :db delay=0s timeout=2s period=10s #success=1 #failure=3",
    ],
    [
      "exec",
      { exec: { command: ["test", "-f", "x"] }, failureThreshold: 5 },
      "exec [test -f x] delay=0s timeout=1s period=10s #success=1 #failure=5",
    ],
    ["none", {}, "unknown delay=0s timeout=1s period=10s #success=1 #failure=3"],
  ];
  it.each(rows)("of kind %s are one line", (_title, probe, text) => {
    expect(probeText(probe)).toBe(text);
  });
});
