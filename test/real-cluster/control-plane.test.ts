/** The control plane for tests is a real one: its version, its controllers, its kubectl, its audit log; and nothing of it stays. */
import { existsSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Deployment, Pod } from "../../src/model/workload.ts";
import { ApiError } from "../support/kubernetes/api.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";
import { ControlPlane } from "../support/kubernetes/control-plane.ts";
import { LOGS_ANNOTATION } from "../support/kubernetes/logs.ts";
import { PLAY_ANNOTATION } from "../support/kubernetes/play.ts";
import { KUBERNETES_VERSION } from "../support/kubernetes/program.ts";
import { Child, isAlive, ROOT } from "../support/processes.ts";

const cluster = clusterForTests();
const GONE_WITHIN_MS = 20_000;

const children: Child[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill();
    await child.exited;
  }
});

function deployment(namespace: string, image: string, extra: Partial<Deployment["spec"]> = {}): Deployment {
  const labels = { app: "web" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image }] } },
      ...extra,
    },
  };
}

function pathOf(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments/web`;
}

/** Waits until a pod of the namespace is as wanted. */
async function podUntil(namespace: string, test: (pod: Pod) => boolean): Promise<Pod> {
  const signal = AbortSignal.timeout(60_000);
  for await (const event of cluster.api.watch<Pod>(`/api/v1/namespaces/${namespace}/pods`, signal)) {
    if (event.type !== "SYNCED" && event.type !== "DELETED" && test(event.object)) return event.object;
  }
  throw new Error("the watch ended");
}

const available =
  (count: number) =>
  (object: Deployment | null): boolean =>
    object?.status?.availableReplicas === count &&
    object.status.updatedReplicas === count &&
    object.status.replicas === count &&
    object.status.observedGeneration === object.metadata.generation;

describe("a shared cluster", () => {
  it.skipIf(!cluster.isOwn)("is the pinned release, and so is its kubectl", async () => {
    const said = await cluster.kubectl(["version", "-o", "json"]);
    const { clientVersion, serverVersion } = JSON.parse(said.stdout);
    expect({ client: clientVersion.gitVersion, server: serverVersion.gitVersion, minor: serverVersion.minor }).toEqual({
      client: KUBERNETES_VERSION,
      server: KUBERNETES_VERSION,
      minor: "37",
    });
  });

  it("rolls a Deployment out and over, as kubectl says too", async () => {
    const namespace = await cluster.namespace("rolls");
    const player = cluster.play([namespace], { "web:v1": { does: "run", readyAfterMs: 50 } });
    await cluster.api.create(deployment(namespace, "web:v1"));
    await cluster.api.until<Deployment>(pathOf(namespace), available(3));

    player.script("web:v2", { does: "run", readyAfterMs: 100, stopMs: 100 });
    await cluster.api.apply(deployment(namespace, "web:v2"), "test");
    const status = ["rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s"];
    const said = await cluster.kubectl(status);
    expect({ ...said, stdout: said.stdout.split("\n").at(-2) }).toEqual({
      code: 0,
      stdout: 'deployment "web" successfully rolled out',
      stderr: "",
    });
    const rolled = await cluster.api.get<Deployment>(pathOf(namespace));
    expect(available(3)(rolled)).toBe(true);
    const history = await cluster.kubectl(["rollout", "history", "deployment/web", "-n", namespace]);
    expect(history.stdout).toMatch(/^1 .*\n2 /m);
  });

  it.each([
    ["cannot be started", { does: "wait", reason: "ImagePullBackOff", message: "no such image" }],
    ["crashes", { does: "crash", exitCode: 3, backOffMs: 20 }],
  ] as const)("shows why a pod %s", async (_, play) => {
    const namespace = await cluster.namespace("fails");
    cluster.play([namespace], { "web:v1": play });
    await cluster.api.create(deployment(namespace, "web:v1", { replicas: 1, progressDeadlineSeconds: 1 }));
    const pod = await podUntil(namespace, ({ status }) => {
      const [container] = status?.containerStatuses ?? [];
      return play.does === "wait" ? container !== undefined : (container?.restartCount ?? 0) >= 3;
    });
    const [container] = pod.status?.containerStatuses ?? [];
    if (play.does === "wait") {
      expect({ phase: pod.status?.phase, state: container?.state }).toEqual({
        phase: "Pending",
        state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } },
      });
    } else {
      expect({ phase: pod.status?.phase, reason: container?.state.waiting?.reason }).toEqual({
        phase: "Running",
        reason: "CrashLoopBackOff",
      });
      expect(container?.lastState.terminated).toMatchObject({ exitCode: 3, reason: "Error" });
    }
    // Its own controller gives up, as it would with a kubelet.
    const stuck = await cluster.api.until<Deployment>(pathOf(namespace), (object) =>
      (object?.status?.conditions ?? []).some(({ reason }) => reason === "ProgressDeadlineExceeded"),
    );
    expect(stuck?.status?.availableReplicas ?? 0).toBe(0);
  });

  it("replaces pods that fail, and lets one pod do as its annotation or the test says", async () => {
    const namespace = await cluster.namespace("turns");
    const player = cluster.play([namespace]);
    const object = deployment(namespace, "web:v1", { replicas: 1 });
    object.spec.template.metadata = {
      ...object.spec.template.metadata,
      annotations: { [PLAY_ANNOTATION]: JSON.stringify({ does: "run", readyAfterMs: null }) },
    };
    await cluster.api.create(object);
    const first = await podUntil(namespace, ({ status }) => status?.phase === "Running");
    expect(first.status?.conditions?.find(({ type }) => type === "Ready")?.status).toBe("False");
    player.turn(first.metadata.name, { does: "run" });
    await cluster.api.until<Deployment>(pathOf(namespace), available(1));
    player.turn(first.metadata.name, { does: "fail", reason: "Evicted", message: "the node was low on memory" });
    const failed = await podUntil(namespace, ({ status }) => status?.phase === "Failed");
    expect(failed).toMatchObject({ metadata: { name: first.metadata.name }, status: { reason: "Evicted" } });
    const next = await podUntil(namespace, ({ metadata }) => metadata.name !== first.metadata.name);
    expect(next.metadata.ownerReferences).toEqual(first.metadata.ownerReferences);
  });

  it.skipIf(!cluster.isOwn)("tells the logs that a pod's annotation says it wrote", async () => {
    const namespace = await cluster.namespace("logs");
    cluster.play([namespace]);
    const metadata = { name: "web", namespace, annotations: { [LOGS_ANNOTATION]: "starting\nno such host db\n" } };
    const spec = { containers: [{ name: "web", image: "web:v1" }] };
    await cluster.api.create({ apiVersion: "v1", kind: "Pod", metadata, spec });
    await podUntil(namespace, ({ status }) => status?.phase === "Running");
    const said = await cluster.kubectl(["logs", "web", "-n", namespace, "--tail=1"]);
    expect(said).toEqual({ code: 0, stdout: "no such host db\n", stderr: "" });
  });

  it.skipIf(!cluster.isOwn)("counts requests by user, verb and resource", async () => {
    const namespace = await cluster.namespace("counts");
    const mark = await cluster.audit.mark();
    const get = ["get", "configmaps", "-n", namespace];
    expect((await cluster.kubectl(get, "trueup")).code).toBe(0);
    await cluster.api.list(`/api/v1/namespaces/${namespace}/configmaps`);
    const brief = (user: string) => async (): Promise<string[]> =>
      (await cluster.audit.since(mark, { user, namespace })).map(
        ({ verb, resource, status }) => `${verb} ${resource} ${status}`,
      );
    expect({ trueup: await brief("trueup")(), admin: await brief("admin")() }).toEqual({
      trueup: ["list configmaps 200"],
      admin: ["list configmaps 200"],
    });
    expect(await cluster.audit.since(await cluster.audit.mark(), { user: "trueup" })).toEqual([]);
  });

  it("gives a user without rights those that a test binds, and no others", async () => {
    const namespace = await cluster.namespace("rbac");
    const list = ["get", "pods", "-n", namespace];
    const refused = await cluster.kubectl(list, "alice");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('User "alice" cannot list resource "pods"');
    await cluster.api.create({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "alice", namespace },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "alice" }],
    });
    // The authorizer hears of a binding a moment later.
    await vi.waitFor(async () => expect((await cluster.kubectl(list, "alice")).code).toBe(0), { timeout: 20_000 });
    expect((await cluster.kubectl(list, "bob")).code).toBe(1);
  });

  it("tells an error of the server by its status and reason", async () => {
    const missing = await cluster.api.get("/api/v1/namespaces/none").catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(ApiError);
    expect(missing).toMatchObject({ status: 404, reason: "NotFound" });
  });
});

describe.skipIf(!cluster.isOwn)("a control plane", () => {
  const program = cluster.shared.own?.program ?? "";

  it("leaves no process and no file behind", async () => {
    const plane = await ControlPlane.start(program);
    const { pids, directory } = plane;
    expect(Object.keys(pids)).toEqual(["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]);
    expect(Object.values(pids).map(isAlive)).toEqual([true, true, true, true]);
    await plane.stop();
    expect({ alive: Object.values(pids).filter(isAlive), kept: existsSync(directory) }).toEqual({
      alive: [],
      kept: false,
    });
  });

  it("ends by itself, and removes its files, when whoever started it is killed", async () => {
    const main = ["test/support/kubernetes/main.ts"];
    const env = { ...(process.env as Record<string, string>), TRUEUP_TEST_KUBECONFIG: "" };
    const child = new Child([process.execPath, ...main], { cwd: ROOT, env });
    children.push(child);
    const [, told = ""] = await child.waitFor(/^# (\{.*\})$/m);
    const { directory, pids } = JSON.parse(told) as { directory: string; pids: Record<string, number> };
    expect(Object.values(pids).filter(isAlive)).toHaveLength(4);
    child.kill("SIGKILL");
    const left = (): unknown => ({ alive: Object.values(pids).filter(isAlive), kept: existsSync(directory) });
    await vi.waitFor(() => expect(left()).toEqual({ alive: [], kept: false }), { timeout: GONE_WITHIN_MS });
  });
});
