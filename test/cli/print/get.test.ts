/** Objects in, table out. */
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { findKind } from "../../../src/cli/kinds.ts";
import { type GetOptions, tableOf } from "../../../src/cli/print/get.ts";
import { summarisePod } from "../../../src/cli/print/pod-state.ts";
import { formatTable } from "../../../src/cli/print/table.ts";
import type { KubeObject } from "../../../src/model/object.ts";
import type { Pod } from "../../../src/model/workload.ts";

const now = Date.parse("2026-11-23T12:00:00Z");
const plain: GetOptions = { now, wide: false, allNamespaces: false, kindInName: false };

function print(kind: string, yaml: string, options: Partial<GetOptions> = {}): string {
  const objects = yaml.split("\n---\n").map((text) => load(text) as KubeObject);
  return formatTable(tableOf(findKind(kind), objects, { ...plain, ...options }));
}

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
  creationTimestamp: "2026-11-23T11:55:00Z"
  annotations: { trueup/commit: 3f2c1aa9d0000000000000000000000000000000 }
spec:
  replicas: 3
  selector: { matchLabels: { app: web }, matchExpressions: [{ key: tier, operator: In, values: [b, a] }] }
  template: { spec: { containers: [{ name: web, image: "web:v1" }, { name: log, image: "log:v2" }] } }
status: { replicas: 4, updatedReplicas: 2, readyReplicas: 3, availableReplicas: 1 }`;

describe("get", () => {
  it("lists Deployments", () => {
    expect(print("deploy", DEPLOYMENT)).toBe(
      "NAME   READY   UP-TO-DATE   AVAILABLE   AGE\n" + "web    3/3     2            1           5m\n",
    );
  });

  it("lists Deployments wide, with the commit that changed them last", () => {
    expect(print("deploy", DEPLOYMENT, { wide: true, allNamespaces: true, kindInName: true })).toBe(
      "NAMESPACE   NAME                  READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES          SELECTOR                COMMIT\n" +
        "default     deployment.apps/web   3/3     2            1           5m    web,log      web:v1,log:v2   app=web,tier in (a,b)   3f2c1aa\n",
    );
  });

  it("lists a Deployment that nobody has looked at yet", () => {
    const yaml =
      "{apiVersion: apps/v1, kind: Deployment, metadata: {name: new}, spec: {selector: {}, template: {spec: {containers: []}}}}";
    expect(print("deployments", yaml)).toBe(
      "NAME   READY   UP-TO-DATE   AVAILABLE   AGE\n" + "new    0/1     0            0           <unknown>\n",
    );
  });

  it("lists ReplicaSets, by name", () => {
    const one = (name: string): string => `
apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: ${name}, creationTimestamp: "2026-11-23T10:00:00Z" }
spec: { replicas: 3, selector: { matchLabels: { app: web } }, template: { spec: { containers: [{ name: web, image: "web:v1" }] } } }
status: { replicas: 2, readyReplicas: 1 }`;
    expect(print("rs", `${one("web-b")}\n---\n${one("web-a")}`)).toBe(
      "NAME    DESIRED   CURRENT   READY   AGE\n" +
        "web-a   3         2         1       120m\n" +
        "web-b   3         2         1       120m\n",
    );
    expect(print("rs", one("web-a"), { wide: true })).toBe(
      "NAME    DESIRED   CURRENT   READY   AGE    CONTAINERS   IMAGES   SELECTOR\n" +
        "web-a   3         2         1       120m   web          web:v1   app=web\n",
    );
  });

  it("lists pods wide, with the ports they got", () => {
    const yaml = `
apiVersion: v1
kind: Pod
metadata:
  name: web-5d4-x2x8z
  creationTimestamp: "2026-11-23T11:59:00Z"
  annotations: { trueup/host-ports: '{"8080":40123}' }
spec: { nodeName: local, containers: [{ name: web }] }
status:
  phase: Running
  podIP: 127.0.0.1
  containerStatuses: [{ name: web, ready: true, restartCount: 0, state: { running: {} }, lastState: {} }]`;
    expect(print("po", yaml, { wide: true })).toBe(
      "NAME            READY   STATUS    RESTARTS   AGE   IP          NODE    NOMINATED NODE   READINESS GATES   PORTS\n" +
        "web-5d4-x2x8z   1/1     Running   0          60s   127.0.0.1   local   <none>           <none>            8080->40123\n",
    );
  });

  it("lists Services with the ports on which they answer here", () => {
    const service = (name: string, rest: string): string =>
      `{apiVersion: v1, kind: Service, metadata: {name: ${name}, creationTimestamp: "2026-11-23T11:00:00Z"${rest}}`;
    const yaml = [
      service(
        "a-reported",
        `, annotations: {trueup/local-ports: '{"80":8080}'}}, spec: {type: LoadBalancer, clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80, nodePort: 9999}, {name: raw, port: 90, nodePort: 9090}]}`,
      ),
      service("b-waiting", "}, spec: {type: LoadBalancer, ports: [{port: 80}]}"),
      service("c-inner", "}, spec: {clusterIP: None, ports: [{port: 53, protocol: UDP}]}"),
      service("d-name", "}, spec: {type: ExternalName, externalName: example.org}"),
      service("e-broken", ", annotations: {trueup/local-ports: 'no json'}}, spec: {ports: [{port: 1}]}"),
    ].join("\n---\n");
    expect(print("svc", yaml)).toBe(
      "NAME         TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)                   AGE\n" +
        "a-reported   LoadBalancer   10.0.0.1     localhost     80:8080/TCP,90:9090/TCP   60m\n" +
        "b-waiting    LoadBalancer   <none>       <pending>     80/TCP                    60m\n" +
        "c-inner      ClusterIP      None         <none>        53/UDP                    60m\n" +
        "d-name       ExternalName   <none>       example.org   <none>                    60m\n" +
        "e-broken     ClusterIP      <none>       <none>        1/TCP                     60m\n",
    );
    expect(print("svc", yaml.split("\n---\n")[0] ?? "", { wide: true })).toContain(
      "SELECTOR   LOCAL URL\n" +
        "a-reported   LoadBalancer   10.0.0.1     localhost     80:8080/TCP,90:9090/TCP   60m   app=web    http://localhost:8080,localhost:9090\n",
    );
  });

  it("lists a cluster's Services with the addresses at which the cluster answers", () => {
    const service = (name: string, rest: string): string =>
      `{apiVersion: v1, kind: Service, metadata: {name: ${name}, creationTimestamp: "2026-11-23T11:00:00Z"}, ${rest}}`;
    const spec = "spec: {type: LoadBalancer, clusterIP: 10.96.0.7, ports: [{port: 80, nodePort: 31876}]}";
    const yaml = [
      service("a", `${spec}, status: {loadBalancer: {ingress: [{ip: 10.1.1.1}, {hostname: lb.example.org}]}}`),
      service("b", `${spec}, status: {loadBalancer: {}}`),
    ].join("\n---\n");
    expect(print("svc", yaml)).toBe(
      "NAME   TYPE           CLUSTER-IP   EXTERNAL-IP               PORT(S)        AGE\n" +
        "a      LoadBalancer   10.96.0.7    10.1.1.1,lb.example.org   80:31876/TCP   60m\n" +
        "b      LoadBalancer   10.96.0.7    <pending>                 80:31876/TCP   60m\n",
    );
    expect(print("svc", yaml, { wide: true })).not.toContain("localhost");
  });

  it("lists at most three endpoints", () => {
    const addresses = [1, 2, 3, 4, 5].map(
      (port) => `{addresses: [{ip: 127.0.0.1}], ports: [{name: http, port: 4000${port}}]}`,
    );
    const endpoints = (subsets: string): string =>
      `{apiVersion: v1, kind: Endpoints, metadata: {name: web, creationTimestamp: "2026-11-23T11:59:50Z"}, subsets: [${subsets}]}`;
    expect(print("ep", endpoints(addresses.join(",")))).toBe(
      "NAME   ENDPOINTS                                                     AGE\n" +
        "web    127.0.0.1:40001,127.0.0.1:40002,127.0.0.1:40003 + 2 more...   10s\n",
    );
    expect(print("ep", endpoints(""))).toBe("NAME   ENDPOINTS   AGE\n" + "web    <none>      10s\n");
  });

  it("lists configuration, namespaces and kinds it knows little of", () => {
    const meta = 'metadata: {name: x, creationTimestamp: "2026-11-23T11:59:50Z"}';
    expect(
      print("cm", `{apiVersion: v1, kind: ConfigMap, ${meta}, data: {a: "1", b: "2"}, binaryData: {c: eA==}}`),
    ).toBe("NAME   DATA   AGE\n" + "x      3      10s\n");
    expect(print("secrets", `{apiVersion: v1, kind: Secret, ${meta}, data: {a: "***"}}`)).toBe(
      "NAME   TYPE     DATA   AGE\n" + "x      Opaque   1      10s\n",
    );
    expect(print("ns", `{apiVersion: v1, kind: Namespace, ${meta}}`, { allNamespaces: true })).toBe(
      "NAME   STATUS   AGE\n" + "x      Active   10s\n",
    );
  });

  it("lists events oldest first, and counts", () => {
    const event = (name: string, last: string, count: number): string => `
apiVersion: v1
kind: Event
metadata: { name: ${name} }
type: Normal
reason: ScalingReplicaSet
message: "Scaled up replica set ${name} from 0 to 1"
count: ${count}
firstTimestamp: "2026-11-23T11:50:00Z"
lastTimestamp: "${last}"
source: { component: deployment-controller }
involvedObject: { apiVersion: apps/v1, kind: Deployment, namespace: default, name: web }`;
    const yaml = `${event("b", "2026-11-23T11:59:50Z", 2)}\n---\n${event("a", "2026-11-23T11:59:00Z", 1)}`;
    expect(print("events", yaml)).toBe(
      "LAST SEEN   TYPE     REASON              OBJECT           MESSAGE\n" +
        "60s         Normal   ScalingReplicaSet   deployment/web   Scaled up replica set a from 0 to 1\n" +
        "10s         Normal   ScalingReplicaSet   deployment/web   Scaled up replica set b from 0 to 1\n",
    );
    expect(print("events", yaml, { wide: true })).toContain("deployment-controller   10m          2       b\n");
  });
});

describe("a pod's status", () => {
  const running = "state: {running: {startedAt: x}}, lastState: {}";
  const waiting = (reason: string): string => `state: {waiting: {reason: ${reason}}}, lastState: {}`;
  const ended = (rest: string): string => `state: {terminated: {${rest}}}, lastState: {}`;
  const main = (...parts: string[]): string => `containerStatuses: [${parts.join(", ")}]`;
  const init = (...parts: string[]): string => `initContainerStatuses: [${parts.join(", ")}]`;
  const container = (state: string, { ready = false, restarts = 0, name = "web" } = {}): string =>
    `{name: ${name}, ready: ${ready}, started: ${ready}, restartCount: ${restarts}, ${state}}`;
  const crashed = "{terminated: {reason: Error, exitCode: 1, finishedAt: '2026-11-23T11:59:48Z'}}";

  interface Row {
    title: string;
    status: string;
    spec?: string;
    metadata?: string;
    expect: [ready: string, status: string, restarts: string];
  }
  const rows: Row[] = [
    { title: "not assigned yet", status: "phase: Pending", expect: ["0/1", "Pending", "0"] },
    {
      title: "ready",
      status: `phase: Running, ${main(container(running, { ready: true }))}`,
      expect: ["1/1", "Running", "0"],
    },
    { title: "not ready", status: `phase: Running, ${main(container(running))}`, expect: ["0/1", "Running", "0"] },
    {
      title: "starting",
      status: `phase: Pending, ${main(container(waiting("ContainerCreating")))}`,
      expect: ["0/1", "ContainerCreating", "0"],
    },
    {
      title: "without its image",
      status: `phase: Pending, ${main(container(waiting("ErrImagePull")))}`,
      expect: ["0/1", "ErrImagePull", "0"],
    },
    {
      title: "crashing",
      status: `phase: Running, ${main(container(`state: {waiting: {reason: CrashLoopBackOff}}, lastState: ${crashed}`, { restarts: 3 }))}`,
      expect: ["0/1", "CrashLoopBackOff", "3 (12s ago)"],
    },
    {
      title: "ended well",
      status: `phase: Succeeded, ${main(container(ended("reason: Completed, exitCode: 0")))}`,
      expect: ["0/1", "Completed", "0"],
    },
    {
      title: "ended badly",
      status: `phase: Failed, ${main(container(ended("reason: Error, exitCode: 1")))}`,
      expect: ["0/1", "Error", "0"],
    },
    {
      title: "ended by a signal without a reason",
      status: `phase: Failed, ${main(container(ended('reason: "", exitCode: 137, signal: 9')))}`,
      expect: ["0/1", "Signal:9", "0"],
    },
    {
      title: "ended with a code without a reason",
      status: `phase: Failed, ${main(container(ended('reason: "", exitCode: 3')))}`,
      expect: ["0/1", "ExitCode:3", "0"],
    },
    {
      title: "ended unseen",
      status: `phase: Failed, ${main(container(ended('reason: ""')))}`,
      expect: ["0/1", "Unknown", "0"],
    },
    { title: "evicted", status: "phase: Failed, reason: Evicted", expect: ["0/1", "Evicted", "0"] },
    {
      title: "one of two ended, the other runs and the pod is ready",
      spec: "containers: [{name: web}, {name: job}]",
      status: `phase: Running, conditions: [{type: Ready, status: "True"}], ${main(container(ended("reason: Completed, exitCode: 0"), { name: "job" }), container(running, { ready: true }))}`,
      expect: ["1/2", "Running", "0"],
    },
    {
      title: "one of two ended, the other runs and the pod is not ready",
      spec: "containers: [{name: web}, {name: job}]",
      status: `phase: Running, ${main(container(ended("reason: Completed, exitCode: 0"), { name: "job" }), container(running, { ready: true }))}`,
      expect: ["1/2", "NotReady", "0"],
    },
    {
      title: "in its first init container",
      spec: "initContainers: [{name: i}, {name: j}], containers: [{name: web}]",
      status: `phase: Pending, ${init(container(running, { name: "i" }))}`,
      expect: ["0/1", "Init:0/2", "0"],
    },
    {
      title: "in its second init container",
      spec: "initContainers: [{name: i}, {name: j}], containers: [{name: web}]",
      status: `phase: Pending, ${init(container(ended("reason: Completed, exitCode: 0"), { name: "i" }), container(waiting("PodInitializing"), { name: "j" }))}`,
      expect: ["0/1", "Init:1/2", "0"],
    },
    {
      title: "whose init container crashes",
      spec: "initContainers: [{name: i}], containers: [{name: web}]",
      status: `phase: Pending, ${init(container(waiting("CrashLoopBackOff"), { name: "i", restarts: 2 }))}`,
      expect: ["0/1", "Init:CrashLoopBackOff", "2"],
    },
    {
      title: "whose init container failed",
      spec: "initContainers: [{name: i}], containers: [{name: web}]",
      status: `phase: Pending, ${init(container(ended("reason: Error, exitCode: 1"), { name: "i" }))}`,
      expect: ["0/1", "Init:Error", "0"],
    },
    {
      title: "whose init container failed without a reason",
      spec: "initContainers: [{name: i}], containers: [{name: web}]",
      status: `phase: Pending, ${init(container(ended('reason: "", exitCode: 7'), { name: "i" }))}`,
      expect: ["0/1", "Init:ExitCode:7", "0"],
    },
    {
      title: "past its init containers, whose restarts no longer count",
      spec: "initContainers: [{name: i}], containers: [{name: web}]",
      status: `phase: Running, conditions: [{type: Initialized, status: "True"}], ${init(container(ended("reason: Completed, exitCode: 0"), { name: "i", restarts: 4 }))}, ${main(container(running, { ready: true }))}`,
      expect: ["1/1", "Running", "0"],
    },
    {
      title: "with a sidecar, which counts as a container",
      spec: "initContainers: [{name: i, restartPolicy: Always}], containers: [{name: web}]",
      status: `phase: Running, conditions: [{type: Initialized, status: "True"}], ${init(container(running, { name: "i", ready: true, restarts: 1 }))}, ${main(container(running, { ready: true }))}`,
      expect: ["2/2", "Running", "1"],
    },
    {
      title: "being deleted",
      metadata: ', deletionTimestamp: "2026-11-23T12:00:00Z"',
      status: `phase: Running, ${main(container(running, { ready: true }))}`,
      expect: ["1/1", "Terminating", "0"],
    },
    {
      title: "being deleted after its end",
      metadata: ', deletionTimestamp: "2026-11-23T12:00:00Z"',
      status: `phase: Succeeded, ${main(container(ended("reason: Completed, exitCode: 0")))}`,
      expect: ["0/1", "Completed", "0"],
    },
  ];

  it.each(rows)(
    "$title: $expect",
    ({ status, spec = "containers: [{name: web}]", metadata = "", expect: expected }) => {
      const pod = load(
        `{apiVersion: v1, kind: Pod, metadata: {name: web${metadata}}, spec: {${spec}}, status: {${status}}}`,
      );
      const summary = summarisePod(pod as Pod, now);
      expect([`${summary.ready}/${summary.total}`, summary.status, summary.restarts]).toEqual(expected);
    },
  );
});
