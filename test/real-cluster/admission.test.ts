/** What a real API server refuses changes nothing, and what it cannot be asked about is never taken for gone. */
import { afterEach, describe, expect, it } from "vitest";
import { connectKubernetes } from "../../src/backend/kubernetes/connect.ts";
import type { KubernetesBackend } from "../../src/backend/kubernetes/kubernetes.ts";
import type { AppReconciler } from "../../src/reconcile/app-reconciler.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { randomSuffix, systemRandom } from "../../src/util/random.ts";
import { configMap, untilStatus, World } from "../reconcile/world.ts";
import { ApiError } from "../support/kubernetes/api.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";

const cluster = clusterForTests();
const ends: (() => Promise<unknown>)[] = [];
let world: World | undefined;

afterEach(async () => {
  await world?.close();
  for (const end of ends.splice(0).reverse()) await end();
});

async function begin(prefix: string, files: Record<string, string>): Promise<{ namespace: string; made: World }> {
  const namespace = await cluster.namespace(prefix);
  const made = await World.create(files);
  world = made;
  return { namespace, made };
}

async function start(
  made: World,
  namespace: string,
  user: "trueup" | "alice" = "trueup",
  more: Parameters<World["reconciler"]>[0] = {},
): Promise<AppReconciler> {
  const backend: KubernetesBackend = await connectKubernetes({
    kubeconfig: cluster.kubeconfigFor(user),
    env: {},
    clock: new SystemClock(),
    random: systemRandom,
    ownerId: `admission-${namespace}`,
    namespace,
  });
  ends.push(() => backend.close());
  const reconciler = made.reconciler({
    ...more,
    backend,
    app: { name: "shop", ref: "main", path: "", namespace, target: "cluster" },
  });
  await reconciler.start();
  return reconciler;
}

async function configMaps(namespace: string): Promise<string[]> {
  const items = await cluster.api.list(`/api/v1/namespaces/${namespace}/configmaps`);
  return items.map(({ metadata }) => metadata.name).filter((name) => /^[a-z]$/.test(name));
}

/** Makes an object of a kind that the test client has no path for, and removes it in the end. */
async function make(path: string, name: string, body: object): Promise<void> {
  await cluster.api.request("POST", path, { body });
  ends.push(() => cluster.api.remove(`${path}/${name}`));
}

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

function definition(group: string, kind: string, scope: string): Record<string, unknown> {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  const word = kind.toLowerCase();
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${word}s.${group}` },
    spec: {
      group,
      scope,
      names: { plural: `${word}s`, singular: word, kind, listKind: `${kind}List` },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

const json = (...objects: object[]): string => `${objects.map((object) => JSON.stringify(object)).join("\n---\n")}\n`;

describe("a commit", () => {
  it("whose third object a policy refuses changes nothing, and is rejected at its line", async () => {
    const { namespace, made } = await begin("policy", { "a.json": configMap("a") });
    const name = `no-c-${randomSuffix(systemRandom)}`;
    await make(`${ADMISSION}/validatingadmissionpolicies`, name, {
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] }],
        },
        validations: [{ expression: "object.metadata.name != 'c'", message: "c is nobody's name" }],
      },
    });
    await make(`${ADMISSION}/validatingadmissionpolicybindings`, name, {
      metadata: { name },
      spec: {
        policyName: name,
        validationActions: ["Deny"],
        matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } },
      },
    });
    const collection = `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`;
    const isDenied = async (): Promise<boolean> => {
      try {
        await cluster.api.request("POST", collection, { body: { metadata: { name: "c" } } });
        return false;
      } catch (error) {
        if (error instanceof ApiError) return true;
        throw error;
      }
    };
    await expect.poll(isDenied, { timeout: 30_000 }).toBe(true);
    const reconciler = await start(made, namespace);
    await reconciler.settled();
    const [a, b, c] = ["a", "b", "c"].map((each) => configMap(each, { now: "2" }).trim());
    const status = await made.push(reconciler, { "a.json": `${a}\n---\n${b}\n---\n${c}\n` }, "three");
    expect(status.phase).toBe("Rejected");
    expect(status.diagnostics).toMatchObject([
      {
        rule: "refused-by-backend",
        message: expect.stringContaining("c is nobody's name"),
        location: { file: "a.json", line: 5 },
      },
    ]);
    expect(await configMaps(namespace)).toEqual(["a"]);
    expect((await cluster.api.get(`/api/v1/namespaces/${namespace}/configmaps/a`)).data).toEqual({ a: "1" });
  });

  it("with a Namespace and a definition goes through with the objects in the one and of the other, wherever these live", async () => {
    const suffix = randomSuffix(systemRandom);
    const group = `g-${suffix}.trueup.test`;
    const apiVersion = `${group}/v1`;
    const inside = `inside-${suffix}`;
    const { namespace, made } = await begin("brings", {
      "all.json": json(
        { apiVersion, kind: "Site", metadata: { name: "s" }, size: 1 },
        { apiVersion, kind: "Page", metadata: { name: "p", namespace: inside } },
        { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: inside } },
        definition(group, "Site", "Cluster"),
        definition(group, "Page", "Namespaced"),
        { apiVersion: "v1", kind: "Namespace", metadata: { name: inside } },
      ),
    });
    for (const kind of ["site", "page"]) ends.push(() => cluster.api.remove(`${DEFINITIONS}/${kind}s.${group}`));
    ends.push(() => cluster.api.remove(`/api/v1/namespaces/${inside}`));
    const reconciler = await start(made, namespace);
    expect(await reconciler.settled()).toMatchObject({ phase: "Synced", reason: "" });
    expect(await made.outcomes()).toEqual(["first #1: deployed"]);
    expect(await configMaps(inside)).toEqual(["c"]);
    const path = `/apis/${group}/v1/sites/s`;
    const { uid } = (await cluster.api.get(path)).metadata;
    // A cluster's object is no other one in the app's namespace, which would be made again while this one is deleted.
    await made.push(reconciler, { "README.md": "words" }, "words");
    expect(await made.outcomes()).toEqual(["first #1: deployed", "words #1: no-op"]);
    expect((await cluster.api.get(path)).metadata.uid).toBe(uid);
  });
});

describe("a custom kind that nothing in git defines", () => {
  it("has its objects where the server says that they live, and they are well there", async () => {
    const group = `open-${randomSuffix(systemRandom)}.trueup.test`;
    const site = { apiVersion: `${group}/v1`, kind: "Site", metadata: { name: "s" }, size: 1 };
    await make(DEFINITIONS, `sites.${group}`, definition(group, "Site", "Cluster"));
    await cluster.api.until(`${DEFINITIONS}/sites.${group}`, (crd) =>
      JSON.stringify(crd?.status ?? {}).includes('"type":"Established"'),
    );
    const { namespace, made } = await begin("open", { "a.json": configMap("a"), "s.json": json(site) });
    const settings = { path: "", namespace, images: { allowedRepositories: [], requireDigest: false }, isGone: false };
    const reconciler = await start(made, namespace, "trueup", {
      settingsAt: async () => ({
        ...settings,
        onFailure: "keep",
        ignore: [],
        diagnostics: [],
        allowUnknownKinds: [`${group}/Site`],
      }),
    });
    expect(await reconciler.settled()).toMatchObject({ phase: "Synced", reason: "", health: { status: "Healthy" } });
    await made.push(reconciler, { "s.json": json({ ...site, size: 2 }) }, "larger");
    expect(await made.outcomes()).toEqual(["first #1: deployed", "larger #1: deployed"]);
    expect(await cluster.api.get(`/apis/${group}/v1/sites/s`)).toMatchObject({ size: 2 });
  });
});

describe("nothing is pruned", () => {
  it("while an aggregated API is away that may serve objects of the app", async () => {
    const { namespace, made } = await begin("away", { "a.json": configMap("a"), "b.json": configMap("b") });
    const reconciler = await start(made, namespace);
    await reconciler.settled();
    await reconciler.close();
    const group = `away-${randomSuffix(systemRandom)}.trueup.test`;
    const name = `v1.${group}`;
    await make("/apis/apiregistration.k8s.io/v1/apiservices", name, {
      metadata: { name },
      spec: {
        ...{ group, version: "v1", groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true },
        service: { name: "nobody", namespace, port: 443 },
      },
    });
    await cluster.api.until(`/apis/apiregistration.k8s.io/v1/apiservices/${name}`, (service) =>
      JSON.stringify(service?.status ?? {}).includes('"status":"False"'),
    );
    const [parent] = await cluster.api.list(
      `/api/v1/namespaces/${namespace}/configmaps?labelSelector=applyset.kubernetes.io%2Fid`,
    );
    const parentPath = `/api/v1/namespaces/${namespace}/configmaps/${parent?.metadata.name}`;
    const kinds = parent?.metadata.annotations?.["applyset.kubernetes.io/contains-group-kinds"];
    await cluster.api.patch(parentPath, "merge", {
      metadata: { annotations: { "applyset.kubernetes.io/contains-group-kinds": `${kinds},Gadget.${group}` } },
    });
    made.commit({ "b.json": null }, "without b");
    const again = await start(made, namespace);
    const { reason } = await untilStatus(again, ({ phase }) => phase === "Unreadable");
    expect(reason).toContain(group);
    expect(await configMaps(namespace)).toEqual(["a", "b"]);
  });

  it("while a kind of the app is forbidden", async () => {
    const { namespace, made } = await begin("forbidden", { "a.json": configMap("a"), "b.json": configMap("b") });
    const secret = json({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { x: "y" } });
    made.commit({ "s.json": secret }, "a secret");
    const reconciler = await start(made, namespace);
    await reconciler.settled();
    await reconciler.close();
    const name = `no-secrets-${randomSuffix(systemRandom)}`;
    const rbac = "/apis/rbac.authorization.k8s.io/v1";
    await make(`${rbac}/clusterroles`, name, {
      metadata: { name },
      rules: [
        { apiGroups: [""], resources: ["configmaps", "pods", "events", "namespaces"], verbs: ["*"] },
        { apiGroups: ["apps", "autoscaling", "apiextensions.k8s.io"], resources: ["*"], verbs: ["*"] },
      ],
    });
    await make(`${rbac}/clusterrolebindings`, name, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "alice" }],
    });
    made.commit({ "b.json": null, "s.json": null }, "neither b nor s");
    const again = await start(made, namespace, "alice");
    const { reason } = await untilStatus(again, ({ phase }) => phase === "Unreadable");
    expect(reason).toMatch(/^Cannot read secrets .*403 Forbidden/);
    expect(await configMaps(namespace)).toEqual(["a", "b"]);
    expect((await cluster.api.get(`/api/v1/namespaces/${namespace}/secrets/s`)).metadata.name).toBe("s");
  });

  it("of the rest when a definition is deleted with its objects", async () => {
    const group = `gone-${randomSuffix(systemRandom)}.trueup.test`;
    const { namespace, made } = await begin("gone", {
      "a.json": configMap("a"),
      "crd.json": json(definition(group, "Site", "Namespaced")),
      "site.json": json({ apiVersion: `${group}/v1`, kind: "Site", metadata: { name: "s" } }),
    });
    const path = `${DEFINITIONS}/sites.${group}`;
    ends.push(() => cluster.api.remove(path));
    const reconciler = await start(made, namespace);
    await reconciler.settled();
    const before = await cluster.api.get(`/api/v1/namespaces/${namespace}/configmaps/a`);
    await cluster.api.remove(path);
    // It is drift, and mended: the definition first, then its object.
    const site = `/apis/${group}/v1/namespaces/${namespace}/sites/s`;
    const isThere = async (): Promise<boolean> => {
      try {
        return (await cluster.api.get(site)).metadata.name === "s";
      } catch (error) {
        if (error instanceof ApiError) return false;
        throw error;
      }
    };
    await expect.poll(isThere, { timeout: 60_000 }).toBe(true);
    const after = await cluster.api.get(`/api/v1/namespaces/${namespace}/configmaps/a`);
    expect(after.metadata.uid).toBe(before.metadata.uid);
  });
});
