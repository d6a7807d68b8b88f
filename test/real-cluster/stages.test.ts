/** Stages, hooks, replacements, adoption and fields of others, against a real API server and its own controllers. */
import { afterEach, describe, expect, it } from "vitest";
import { connectKubernetes } from "../../src/backend/kubernetes/connect.ts";
import type { KubernetesBackend } from "../../src/backend/kubernetes/kubernetes.ts";
import type { AppReconciler, AppReconcilerOptions } from "../../src/reconcile/app-reconciler.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { systemRandom } from "../../src/util/random.ts";
import { until, World } from "../reconcile/world.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";

const cluster = clusterForTests();
let world: World | undefined;
let backend: KubernetesBackend | undefined;

afterEach(async () => {
  await world?.close();
  await backend?.close();
});

const HOOK = "argocd.argoproj.io/hook";

function manifest(
  apiVersion: string,
  kind: string,
  name: string,
  rest: object,
  annotations: Record<string, string> = {},
): string {
  return `${JSON.stringify({ apiVersion, kind, metadata: { name, annotations }, ...rest })}\n`;
}

function job(name: string, image: string, annotations: Record<string, string>): string {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image }] } };
  return manifest("batch/v1", "Job", name, { spec: { backoffLimit: 0, template } }, annotations);
}

function deployment(name: string, tag: string, replicas = 2): string {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: `web:${tag}` }] } };
  return manifest("apps/v1", "Deployment", name, { spec: { replicas, selector: { matchLabels: labels }, template } });
}

const config = (name: string, data: Record<string, string>): string => manifest("v1", "ConfigMap", name, { data });

async function begin(
  files: Record<string, string>,
  prefix: string,
  plays: Parameters<typeof cluster.play>[1] = {},
): Promise<{
  namespace: string;
  start: (rest?: Partial<AppReconcilerOptions>) => Promise<AppReconciler>;
  world: World;
}> {
  const namespace = await cluster.namespace(prefix);
  cluster.play([namespace], plays);
  const made = await World.create(files);
  world = made;
  const connected = await connectKubernetes({
    kubeconfig: cluster.kubeconfigFor("trueup"),
    env: {},
    clock: new SystemClock(),
    random: systemRandom,
    ownerId: `stages-${namespace}`,
    namespace,
  });
  backend = connected;
  const app = { name: "shop", ref: "main", path: "", namespace, target: "cluster" };
  const start = (rest: Partial<AppReconcilerOptions> = {}): Promise<AppReconciler> =>
    made.settledReconciler({ backend: connected, app, ...rest });
  return { namespace, start, world: made };
}

async function kubectl(namespace: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl([...args, "-n", namespace]);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

describe("on a real API server", () => {
  it("hooks, a definition with its object, and workloads come one after the other", async () => {
    const group = `${systemRandom.next().toString(36).slice(2, 8)}.trueup.test`;
    const definition = {
      spec: {
        group,
        scope: "Namespaced",
        names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: { spec: { type: "object", properties: { size: { type: "integer" } } } },
              },
            },
          },
        ],
      },
    };
    const {
      start,
      world: made,
      namespace,
    } = await begin(
      {
        "pre.json": job("migrate", "migrate:v1", { [HOOK]: "PreSync" }),
        "crd.json": manifest("apiextensions.k8s.io/v1", "CustomResourceDefinition", `widgets.${group}`, definition),
        "widget.json": manifest(`${group}/v1`, "Widget", "w", { spec: { size: 3 } }),
        "web.json": deployment("web", "v1"),
        "post.json": job("notify", "notify:v1", {
          [HOOK]: "PostSync",
          "argocd.argoproj.io/hook-delete-policy": "HookSucceeded",
        }),
      },
      "stages",
      { "migrate:v1": { does: "complete", afterMs: 200 }, "notify:v1": { does: "complete", afterMs: 200 } },
    );
    try {
      const reconciler = await start();
      expect(reconciler.status()).toMatchObject({ phase: "Synced", reason: "" });
      const { events, ending } = await made.newest();
      expect(events.map(({ type, message }) => `${type}: ${message}`)).toEqual([
        "planned: 3 to create, 2 hooks to run, 0 unchanged",
        "stage: PreSync begins",
        `hook: PreSync ${namespace}/job/migrate has begun`,
        `hook: PreSync ${namespace}/job/migrate has succeeded`,
        "stage: wave 0 begins",
        "stage: wave 0, step 2 begins",
        "stage: PostSync begins",
        `hook: PostSync ${namespace}/job/notify has begun`,
        `hook: PostSync ${namespace}/job/notify has succeeded`,
        "applied: all changes made",
      ]);
      expect(ending?.outcome).toBe("deployed");
      expect(await kubectl(namespace, "get", "jobs", "-o", "name")).toBe("job.batch/migrate");
      const mark = await cluster.audit.mark();
      const status = await made.push(reconciler, { "README.md": "words" }, "words");
      expect(status.phase).toBe("Synced");
      const asked = await cluster.audit.since(mark, { user: "trueup" });
      expect(asked.filter(({ verb }) => verb !== "watch")).toEqual([]);
    } finally {
      await cluster.api.remove(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${group}`);
    }
  });

  it("a hook that fails fails the commit, with its pod's exit code, and nothing after it is applied", async () => {
    const {
      start,
      world: made,
      namespace,
    } = await begin(
      {
        "pre.json": job("migrate", "migrate:v1", { [HOOK]: "PreSync" }),
        "sorry.json": job("sorry", "sorry:v1", { [HOOK]: "SyncFail" }),
        "c.json": config("c", { a: "1" }),
      },
      "hook-fails",
      { "migrate:v1": { does: "fail", exitCode: 3 }, "sorry:v1": { does: "complete" } },
    );
    const reconciler = await start();
    expect(reconciler.status().phase).toBe("Failed");
    expect((await made.newest()).ending?.reason).toMatch(/job\/migrate: /);
    expect(await kubectl(namespace, "get", "jobs", "-o", "name")).toBe("job.batch/migrate\njob.batch/sorry");
    expect(await kubectl(namespace, "get", "configmaps", "c", "--ignore-not-found")).toBe("");
  });

  it("what cannot be changed in place is refused in the API server's own words, and made anew where git allows it", async () => {
    const {
      start,
      world: made,
      namespace,
    } = await begin({ "job.json": job("once", "once:v1", {}), "c.json": config("c", { a: "1" }) }, "replace", {
      "once:v1": { does: "complete" },
      "once:v2": { does: "complete" },
    });
    const reconciler = await start();
    const uid = await kubectl(namespace, "get", "job", "once", "-o", "jsonpath={.metadata.uid}");
    const refused = await made.push(
      reconciler,
      { "job.json": job("once", "once:v2", {}), "c.json": config("c", { a: "2" }) },
      "second",
    );
    expect(refused).toMatchObject({ phase: "Rejected", diagnostics: [{ rule: "immutable-field" }] });
    expect(await kubectl(namespace, "get", "configmap", "c", "-o", "jsonpath={.data.a}")).toBe("1");
    const allowed = { "trueup/replace": "allowed" };
    const replaced = await made.push(reconciler, { "job.json": job("once", "once:v2", allowed) }, "third");
    expect(replaced).toMatchObject({ phase: "Synced", reason: "" });
    const now = await kubectl(
      namespace,
      "get",
      "job",
      "once",
      "-o",
      "jsonpath={.metadata.uid} {.spec.template.spec.containers[0].image}",
    );
    expect(now).toMatch(/ once:v2$/);
    expect(now).not.toContain(uid);
  });

  it("the size that an autoscaler gives stays, and becomes its alone", async () => {
    const { start, world: made, namespace } = await begin({ "web.json": deployment("web", "v1") }, "hpa");
    const reconciler = await start();
    const target = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
    await cluster.api.create({
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "web", namespace },
      spec: {
        minReplicas: 1,
        maxReplicas: 5,
        scaleTargetRef: target,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
        ],
      },
    });
    await kubectl(namespace, "scale", "deployment/web", "--replicas=4");
    const status = await made.push(reconciler, { "web.json": deployment("web", "v2") }, "second");
    expect(status).toMatchObject({ phase: "Synced", reason: "" });
    const live = await kubectl(namespace, "get", "deployment", "web", "--show-managed-fields", "-o", "json");
    const { spec, metadata } = JSON.parse(live) as {
      spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
      metadata: { managedFields: { manager: string; fieldsV1: { "f:spec"?: object } }[] };
    };
    expect(spec.replicas).toBe(4);
    expect(spec.template.spec.containers[0]?.image).toBe("web:v2");
    const owners = metadata.managedFields.filter(({ fieldsV1 }) => "f:replicas" in (fieldsV1["f:spec"] ?? {}));
    expect(owners.map(({ manager }) => manager)).not.toContain("trueup");
    const { events } = await made.newest();
    expect(events.map(({ type }) => type)).toEqual(["planned", "applied"]);
  });

  it("what kubectl applied is taken over only where the operator says so", async () => {
    const { start, world: made, namespace } = await begin({ "c.json": config("c", { a: "git" }) }, "adopt");
    await kubectl(namespace, "create", "configmap", "c", "--from-literal=a=hand", "--from-literal=b=hand");
    const reconciler = await start();
    expect(reconciler.status()).toMatchObject({ phase: "Rejected", diagnostics: [{ rule: "refused-by-backend" }] });
    await reconciler.close();
    made.commit({ "README.md": "words" }, "second");
    const adopting = await start({ adopt: true });
    expect(adopting.status()).toMatchObject({ phase: "Synced", reason: "" });
    expect(await kubectl(namespace, "get", "configmap", "c", "-o", "jsonpath={.data.a}")).toBe("git");
  });

  it("what admission changes is no drift: the server is asked once for each version, and nothing is written again", async () => {
    const { start, world: made, namespace } = await begin({ "a.json": config("a", { a: "1" }) }, "mutated");
    const name = `trueup-test-${namespace}`;
    const admission = "admissionregistration.k8s.io/v1";
    const policies = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolic";
    await cluster.api.create({
      apiVersion: admission,
      kind: "MutatingAdmissionPolicy",
      metadata: { name },
      spec: {
        matchConstraints: {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
          resourceRules: [
            { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["configmaps"] },
          ],
        },
        matchConditions: [{ name: "ours", expression: "object.metadata.name == 'b'" }],
        failurePolicy: "Fail",
        reinvocationPolicy: "Never",
        mutations: [
          { patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{data: {'a': 'mutated'}}" } },
        ],
      },
    });
    await cluster.api.create({
      apiVersion: admission,
      kind: "MutatingAdmissionPolicyBinding",
      metadata: { name },
      spec: { policyName: name },
    });
    try {
      const probe = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "b", namespace }, data: { a: "probe" } };
      await until(async () => {
        const created = (await cluster.api.create(probe)) as { data?: { a?: string } };
        await cluster.api.remove(`/api/v1/namespaces/${namespace}/configmaps/b`);
        return created.data?.a === "mutated";
      });
      const reconciler = await start();
      await made.push(reconciler, { "b.json": config("b", { a: "git" }) }, "second");
      await made.push(reconciler, { "README.md": "words" }, "third");
      expect(reconciler.status()).toMatchObject({ phase: "Synced", reason: "" });
      expect(await made.outcomes()).toEqual(["first #1: deployed", "second #1: deployed", "third #1: no-op"]);
      expect(await kubectl(namespace, "get", "configmap", "b", "-o", "jsonpath={.data.a}")).toBe("mutated");
      const mark = await cluster.audit.mark();
      await made.push(reconciler, { "README.md": "more words" }, "fourth");
      const asked = await cluster.audit.since(mark, { user: "trueup" });
      expect(asked.filter(({ verb }) => verb !== "watch")).toEqual([]);
    } finally {
      await cluster.api.remove(`${policies}ybindings/${name}`);
      await cluster.api.remove(`${policies}ies/${name}`);
    }
  });

  it("a Namespace of the same commit comes first, and what is in it is asked about before it is made", async () => {
    const { start, world: made, namespace } = await begin({ "a.json": config("a", { a: "1" }) }, "new-ns");
    const inner = `${namespace}-new`;
    try {
      const reconciler = await start();
      const bad = JSON.stringify({
        ...{ apiVersion: "v1", kind: "Service", metadata: { name: "svc", namespace: inner } },
        spec: { selector: { app: "x" }, ports: [{ port: 80 }], clusterIP: "300.1.1.1" },
      });
      const good = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: inner } });
      const files = {
        "ns.json": manifest("v1", "Namespace", inner, {}),
        "svc.json": `${bad}\n`,
        "c.json": `${good}\n`,
      };
      await made.push(reconciler, files, "second");
      expect((await made.newest()).ending).toMatchObject({
        outcome: "failed",
        reason: expect.stringMatching(/^svc\.json:1: .*clusterIP/),
      });
      expect(await kubectl(inner, "get", "configmap", "c", "--ignore-not-found")).toBe("");
      const status = await made.push(reconciler, { "svc.json": null }, "third");
      expect(status).toMatchObject({ phase: "Synced", reason: "" });
      expect(await kubectl(inner, "get", "configmap", "c", "-o", "name")).toBe("configmap/c");
    } finally {
      await cluster.api.remove(`/api/v1/namespaces/${inner}`);
    }
  });
});
