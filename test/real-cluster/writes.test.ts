/** Writes to a real API server: who owns what, what is refused and why, what is taken over, and what kubectl makes of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { parentIdOf, setIdOf } from "../../src/backend/kubernetes/applyset.ts";
import { connectKubernetes } from "../../src/backend/kubernetes/connect.ts";
import type { KubernetesBackend } from "../../src/backend/kubernetes/kubernetes.ts";
import { appliedPart, ownersOf } from "../../src/backend/kubernetes/managed-fields.ts";
import { TrueupError } from "../../src/model/errors.ts";
import { idOf, type KubeObject, type ObjectId } from "../../src/model/object.ts";
import { planObject } from "../../src/plan/plan.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { systemRandom } from "../../src/util/random.ts";
import { declaredOf } from "../plan/declared.ts";
import { pathOf } from "../support/kubernetes/api.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";
import type { User } from "../support/kubernetes/parts.ts";

const cluster = clusterForTests();
const NO_ABORT = new AbortController().signal;
const APP = "shop";
const OTHER = "other";

const open: KubernetesBackend[] = [];
afterAll(async () => {
  await Promise.all(open.map((backend) => backend.close()));
});

/** @param ownerId Each test is a daemon of its own: they are all in one cluster */
async function connect(
  namespace: string,
  ownerId = `daemon-${namespace}`,
  user: User = "trueup",
): Promise<KubernetesBackend> {
  const backend = await connectKubernetes({
    kubeconfig: cluster.kubeconfigFor(user),
    env: {},
    clock: new SystemClock(),
    random: systemRandom,
    ownerId,
    namespace,
  });
  open.push(backend);
  return backend;
}

function configMap(namespace: string, name: string, data: Record<string, string>, more: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, ...more }, data };
}

function deployment(namespace: string, name: string, container: object = {}, spec: object = {}): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:v1", ...container }] } },
      ...spec,
    },
  };
}

let files = 0;

/** A file with the object, for kubectl. */
function fileOf(object: KubeObject): string {
  const path = join(cluster.directory, `object-${++files}.json`);
  writeFileSync(path, JSON.stringify(object));
  return path;
}

async function refusal(work: Promise<unknown>): Promise<TrueupError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof TrueupError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

/** For what the server takes in some moments after it was told: a second or so, of which it tells nobody the end. */
function untilRefused(work: () => Promise<unknown>): Promise<TrueupError> {
  return vi.waitFor(() => refusal(work()), { timeout: 30_000, interval: 20 });
}

/** Waits until the backend has heard of the object. */
async function heard(backend: KubernetesBackend, id: ObjectId, test: (object: KubeObject) => boolean): Promise<void> {
  const { items, version } = await backend.list({ ...id }, NO_ABORT);
  if (items.some(({ object }) => test(object))) return;
  for await (const event of backend.watch({ ...id }, version, AbortSignal.timeout(60_000))) {
    if (event.type !== "bookmark" && event.type !== "deleted" && test(event.observed.object)) return;
  }
}

/** What the first lines of a refusal say, with the fields that it names. */
function told({ code, message, fields }: TrueupError): [string, string, string[]] {
  return [code, message, fields.map(({ path }) => path)];
}

describe("apply", () => {
  it("owns what git declares, as a member of the app's ApplySet, and says so in the parent", async () => {
    const namespace = await cluster.namespace("apply");
    const backend = await connect(namespace);
    const apply = (desired: KubeObject) => backend.apply({ desired, owner: APP }, NO_ABORT);
    const first = await apply(configMap(namespace, "a", { keep: "1", drop: "2" }, { labels: { x: "y" } }));
    await apply(deployment(namespace, "web", {}, { replicas: 0 }));
    const scope = { app: APP, ownerId: `daemon-${namespace}`, namespace };
    expect(first.action).toBe("create");
    const live = await cluster.api.get(pathOf(first.object));
    expect(live.metadata.labels).toEqual({ x: "y", "applyset.kubernetes.io/part-of": setIdOf(scope) });
    expect(appliedPart(live, "trueup")).toEqual(
      configMap(namespace, "a", { keep: "1", drop: "2" }, { labels: { x: "y" } }),
    );
    const parent = await cluster.api.get(`/api/v1/namespaces/${namespace}/configmaps/${parentIdOf(scope).name}`);
    expect(parent.metadata).toMatchObject({
      labels: { "applyset.kubernetes.io/id": setIdOf(scope) },
      annotations: {
        "applyset.kubernetes.io/tooling": "trueup/v1",
        "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,Deployment.apps",
        "applyset.kubernetes.io/additional-namespaces": "",
      },
    });

    expect((await apply(configMap(namespace, "a", { keep: "1" }))).object.data).toEqual({ keep: "1" });
    const again = await apply(configMap(namespace, "a", { keep: "1" }));
    expect(again.action).toBe("unchanged");

    await backend.delete({ id: idOf(deployment(namespace, "web")), owner: APP }, NO_ABORT);
    const narrowed = await cluster.api.get(pathOf(parent));
    expect(narrowed.metadata.annotations?.["applyset.kubernetes.io/contains-group-kinds"]).toBe("ConfigMap");
    await backend.delete({ id: idOf(first.object), owner: APP }, NO_ABORT);
    expect(await cluster.api.until(pathOf(parent), (object) => object === null)).toBeNull();
  });
});

describe("refusals", () => {
  it("are the server's, with the fields, and nothing is changed", async () => {
    const namespace = await cluster.namespace("refuse");
    const backend = await connect(namespace);
    const apply = (desired: KubeObject) => backend.apply({ desired, owner: APP }, NO_ABORT);
    const { object } = await apply(deployment(namespace, "web", {}, { replicas: 0 }));
    const { uid, generation } = object.metadata;
    const other = { matchLabels: { app: "other" } };
    const moved = deployment(namespace, "web", {}, { selector: other, replicas: 0 });
    const cases: [KubeObject, string, RegExp, string[]][] = [
      [moved, "invalid", /field is immutable/, ["spec.template.metadata.labels", "spec.selector"]],
      [
        deployment(namespace, "b", { image: "" }),
        "invalid",
        /Required value/,
        ["spec.template.spec.containers[0].image"],
      ],
      [
        deployment(namespace, "b", { imagee: "x" }),
        "invalid",
        /field not declared in schema/,
        ['spec.template.spec.containers[name="web"].imagee'],
      ],
      [deployment(namespace, "b", { ports: [{ containerPort: "x" }] }), "invalid", /containerPort/, []],
      [configMap("not-there", "a", {}), "not-found", /namespaces "not-there" not found/, []],
      [{ ...configMap(namespace, "a", {}), apiVersion: "v7" }, "invalid", /it serves it in v1/, []],
      [{ ...configMap(namespace, "a", {}), kind: "Gadget" }, "invalid", /serves no/, []],
    ];
    for (const [desired, code, message, fields] of cases) {
      for (const call of ["dryRun", "apply"] as const) {
        const error = await refusal(backend[call]({ desired, owner: APP }, NO_ABORT));
        expect(told(error), call).toEqual([code, expect.stringMatching(message), expect.arrayContaining(fields)]);
      }
    }
    expect((await cluster.api.get(pathOf(object))).metadata).toMatchObject({ uid, generation });
  });

  it("of policies, quotas and rights come by their codes", async () => {
    const namespace = await cluster.namespace("policy");
    const name = `trueup-test-${namespace}`;
    const only = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
    await cluster.api.create({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [""],
              apiVersions: ["v1"],
              operations: ["CREATE", "UPDATE"],
              resources: ["configmaps", "secrets"],
            },
          ],
        },
        validations: [
          {
            expression: "!has(object.data) || !('forbidden' in object.data)",
            messageExpression: "'the value ' + object.data['forbidden'] + ' may not be here'",
          },
        ],
      },
    });
    const binding = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/${name}`;
    await cluster.api.create({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name },
      spec: { policyName: name, validationActions: ["Deny"], matchResources: only },
    });
    try {
      const backend = await connect(namespace);
      const bad = configMap(namespace, "bad", { forbidden: "plain" });
      const fixed = { ...configMap(namespace, "fixed", { a: "1" }), immutable: true } as KubeObject;
      await backend.apply({ desired: fixed, owner: APP }, NO_ABORT);
      // A policy counts some moments after it was made.
      const error = await untilRefused(() => backend.dryRun({ desired: bad, owner: APP }, NO_ABORT));
      expect(told(error)).toEqual(["invalid", expect.stringMatching(/the value plain may not be here/), []]);
      // So it does for what is to replace something, which is still there.
      const anew = (data: Record<string, string>) =>
        backend.dryRun({ desired: configMap(namespace, "fixed", data), owner: APP, anew: true }, NO_ABORT);
      expect((await anew({ a: "2" })).action).toBe("create");
      expect((await refusal(anew({ forbidden: "x" }))).message).toMatch(/"fixed".*the value x may not be here/s);
      const maps = await cluster.api.list(`/api/v1/namespaces/${namespace}/configmaps`);
      expect(maps.filter(({ metadata }) => metadata.name.startsWith("fixed"))).toMatchObject([{ data: { a: "1" } }]);
      const secret: KubeObject = {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "bad", namespace },
        stringData: { forbidden: "super-secret-value" },
      };
      const quiet = await refusal(backend.apply({ desired: secret, owner: APP }, NO_ABORT));
      const all = [quiet.message, quiet.stack, String(quiet.cause), JSON.stringify(quiet.fields)].join();
      expect([quiet.code, all.includes("super-secret-value"), all.includes(btoa("super-secret-value"))]).toEqual([
        "invalid",
        false,
        false,
      ]);
    } finally {
      await cluster.api.remove(binding);
      await cluster.api.remove(`/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${name}`);
    }

    const backend = await connect(namespace);
    const open: KubeObject = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "open", namespace },
      spec: { type: "NodePort", ports: [{ port: 80 }] },
    };
    const made = (await backend.apply({ desired: open, owner: APP }, NO_ABORT)).object as KubeObject & {
      spec: { clusterIP: string; ports: object[] };
    };
    await cluster.api.create({
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "services", namespace },
      spec: { hard: { "count/services": "0" } },
    } as KubeObject);
    await cluster.api.until(`/api/v1/namespaces/${namespace}/resourcequotas/services`, (quota) =>
      Object.hasOwn(((quota?.status ?? {}) as { hard?: object }).hard ?? {}, "count/services"),
    );
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s", namespace },
      spec: { ports: [{ port: 80 }] },
    };
    const full = await refusal(backend.dryRun({ desired: service, owner: APP }, NO_ABORT));
    expect(told(full)).toEqual(["forbidden", expect.stringMatching(/exceeded quota: services/), []]);
    // What is replaced gives its place, its address and its port up.
    const { clusterIP, ports } = made.spec;
    const again = { ...open, spec: { type: "NodePort", clusterIP, ports } };
    expect((await backend.dryRun({ desired: again, owner: APP, anew: true }, NO_ABORT)).action).toBe("create");
  });

  it("meet whoever makes an object at the same moment: of two daemons one has it, and of a person's nothing changes", async () => {
    const namespace = await cluster.namespace("create-race");
    const [one, two] = [await connect(namespace, "daemon-one"), await connect(namespace, "daemon-two")];
    const secret = (name: string, data: object): KubeObject => {
      return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, data };
    };
    // Followed by both, and each with its parent.
    await one.apply({ desired: secret("first", {}), owner: APP }, NO_ABORT);
    await two.apply({ desired: secret("second", {}), owner: APP }, NO_ABORT);
    for (let round = 0; round < 20; round++) {
      const name = `contested-${round}`;
      const outcomes = await Promise.allSettled(
        [one, two].map((backend, at) => {
          return backend.apply({ desired: secret(name, { [`by-${at}`]: "eA==" }), owner: APP }, NO_ABORT);
        }),
      );
      const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
      const lost = outcomes[1 - winner];
      expect({ round, winner, lost: lost?.status === "rejected" ? lost.reason.code : "it has it, too" }).toEqual({
        round,
        winner: expect.any(Number),
        lost: "conflict",
      });
      const live = await cluster.api.get<KubeObject & { data: object }>(
        `/api/v1/namespaces/${namespace}/secrets/${name}`,
      );
      expect(Object.keys(live.data)).toEqual([`by-${winner}`]);
    }
    for (let round = 0; round < 20; round++) {
      const name = `person-${round}`;
      const desired = secret(name, { ours: "eA==" });
      const theirs = cluster.api.create(secret(name, { theirs: "eA==" }));
      const [, made] = await Promise.allSettled([theirs, one.apply({ desired, owner: APP }, NO_ABORT)]);
      const live = await cluster.api.get<KubeObject & { data: object }>(pathOf(desired));
      // Whoever came first has it to itself.
      expect(Object.keys(live.data)).toEqual([made?.status === "fulfilled" ? "ours" : "theirs"]);
    }
  });

  it("of a user without the right, or in a namespace that goes, say so", async () => {
    const namespace = await cluster.namespace("rights");
    await cluster.api.create({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "alice", namespace },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "User", name: "alice", apiGroup: "rbac.authorization.k8s.io" }],
    });
    const alice = await connectKubernetes({
      kubeconfig: cluster.kubeconfigFor("alice"),
      clock: new SystemClock(),
      random: systemRandom,
      ownerId: `daemon-${namespace}`,
      namespace,
      namespaces: [namespace],
      env: {},
    });
    open.push(alice);
    const error = await refusal(alice.dryRun({ desired: configMap(namespace, "a", {}), owner: APP }, NO_ABORT));
    expect(told(error)).toEqual(["forbidden", expect.stringMatching(/alice.* cannot patch resource/), []]);
    expect(error.hint).toMatch(/Role/);

    const backend = await connect(namespace);
    const leaving = await cluster.namespace("leaving");
    const held = configMap(leaving, "held", {}, { finalizers: ["trueup.test/hold"] });
    await cluster.api.create(held);
    await cluster.api.remove(`/api/v1/namespaces/${leaving}`);
    const late = await untilRefused(() =>
      backend.apply({ desired: configMap(leaving, "a", {}), owner: APP }, NO_ABORT),
    );
    expect([late.code, late.hint]).toEqual(["conflict", "It is applied again once the namespace is gone."]);
    await heard(backend, idOf(held), ({ metadata }) => metadata.deletionTimestamp !== undefined);
    const going = await refusal(backend.apply({ desired: { ...held, data: { x: "1" } }, owner: APP }, NO_ABORT));
    expect(told(going)).toEqual(["conflict", expect.stringMatching(/it is being deleted/), []]);
    await cluster.api.patch(pathOf(held), "merge", { metadata: { finalizers: null } });
  });
});

describe("kinds", () => {
  it("that a definition brings, in no namespace, with defaults inside a list that is one to the server", async () => {
    const namespace = await cluster.namespace("custom");
    const backend = await connect(namespace);
    const apply = (desired: KubeObject) => backend.apply({ desired, owner: APP }, NO_ABORT);
    const plural = `widgets${namespace.replaceAll("-", "")}`;
    const group = `${plural}.trueup.test`;
    const rule = {
      type: "object",
      properties: { to: { type: "string" }, weight: { type: "integer", default: 1 } },
    };
    const definition: KubeObject = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: "Cluster",
        names: { plural, singular: plural, kind: "Widget" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: { spec: { type: "object", properties: { rules: { type: "array", items: rule } } } },
              },
            },
          },
        ],
      },
    };
    await apply(definition);
    try {
      await heard(backend, idOf(definition), ({ status }) =>
        ((status as { conditions?: { type: string; status: string }[] } | undefined)?.conditions ?? []).some(
          ({ type, status: is }) => type === "Established" && is === "True",
        ),
      );
      const widget = (spec: object): KubeObject => ({
        apiVersion: `${group}/v1`,
        kind: "Widget",
        metadata: { name: "w" },
        spec,
      });
      const desired = widget({ rules: [{ to: "web" }] });
      // Established, it is served some moments later.
      const made = await vi.waitFor(() => apply(desired), { timeout: 30_000, interval: 20 });
      expect(made).toMatchObject({ action: "create", object: { spec: { rules: [{ to: "web", weight: 1 }] } } });
      const id = idOf(desired);
      const applied = async (from: KubernetesBackend): Promise<unknown> =>
        (await from.list({ ...id }, NO_ABORT)).items.map((item) => [item.owner, item.applied?.spec]);
      expect(await applied(backend)).toEqual([[APP, { rules: [{ to: "web" }] }]]);
      // The next process cannot tell the default from what was declared, until a dry run has said that nothing differs.
      const next = await connect(namespace);
      expect(await applied(next)).toEqual([[APP, { rules: [{ to: "web", weight: 1 }] }]]);
      expect((await next.dryRun({ desired, owner: APP }, NO_ABORT)).action).toBe("unchanged");
      expect(await applied(next)).toEqual([[APP, { rules: [{ to: "web" }] }]]);

      const wrong = await refusal(apply(widget({ rules: [{ too: "web" }] })));
      expect([wrong.code, wrong.fields.map(({ path }) => path)]).toEqual(["invalid", ["spec.rules[0].too"]]);
      await backend.delete({ id, owner: APP }, NO_ABORT);
      expect(await applied(next)).toEqual([]);
    } finally {
      await cluster.api.remove(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.${group}`);
    }
  });

  it("that are served in several versions are written as they are declared", async () => {
    const namespace = await cluster.namespace("versions");
    const backend = await connect(namespace);
    const scaler = (version: string, spec: object): KubeObject => ({
      apiVersion: `autoscaling/${version}`,
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "web", namespace },
      spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, maxReplicas: 3, ...spec },
    });
    const metrics = [
      { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
    ];
    const apply = async (desired: KubeObject) => (await backend.apply({ desired, owner: APP }, NO_ABORT)).action;
    expect(await apply(scaler("v2", { metrics }))).toBe("create");
    expect(await apply(scaler("v1", { targetCPUUtilizationPercentage: 70 }))).toBe("unchanged");
    expect(await apply(scaler("v1", { targetCPUUtilizationPercentage: 50 }))).toBe("update");
    expect(await apply(scaler("v1", { targetCPUUtilizationPercentage: 50 }))).toBe("unchanged");
    expect(await apply(scaler("v2", { metrics }))).toBe("update");
    const error = await refusal(backend.apply({ desired: scaler("v9", {}), owner: APP }, NO_ABORT));
    expect(told(error)).toEqual([
      "invalid",
      expect.stringMatching(/must serve HorizontalPodAutoscaler in autoscaling\/v9/),
      [],
    ]);
  });
});

describe("what others made", () => {
  it("is overwritten where git declares it, stays where it does not, and is known by its maker", async () => {
    const namespace = await cluster.namespace("drift");
    const backend = await connect(namespace);
    const apply = (desired: KubeObject) => backend.apply({ desired, owner: APP }, NO_ABORT);
    const declared = deployment(namespace, "web", { env: [{ name: "A", value: "1" }] }, { replicas: 0 });
    const { object } = await apply(declared);
    const kubectl = async (...args: string[]) => {
      expect((await cluster.kubectl([...args, "-n", namespace])).code, args.join(" ")).toBe(0);
    };
    await kubectl("set", "image", "deployment/web", "web=web:v2");
    await kubectl("set", "env", "deployment/web", "B=2");
    await kubectl("label", "deployment/web", "theirs=yes");
    await kubectl("scale", "deployment/web", "--replicas=3");
    const live = await cluster.api.get(pathOf(object));
    const image = "spec.template.spec.containers[name=web].image";
    expect(ownersOf(live, image).map(({ manager }) => manager)).toEqual(["kubectl-set"]);
    expect(ownersOf(live, "spec.replicas")).toEqual([
      expect.objectContaining({ manager: "kubectl", subresource: "scale", operation: "Update" }),
    ]);
    expect(ownersOf(live, "metadata.labels.theirs").map(({ manager }) => manager)).toEqual(["kubectl-label"]);
    await heard(backend, idOf(declared), ({ spec }) => (spec as { replicas: number }).replicas === 3);
    const [observed] = (await backend.list({ ...idOf(declared) }, NO_ABORT)).items;
    const planned = planObject(declaredOf(declared), observed, APP)?.fields ?? [];
    expect(planned.map(({ path, setBy }) => [path, setBy?.manager])).toEqual([
      ["spec.replicas", "kubectl"],
      [image, "kubectl-set"],
    ]);
    const { action, object: mended } = await apply(declared);
    expect(action).toBe("update");
    expect(mended.metadata.labels).toMatchObject({ theirs: "yes" });
    expect(mended.spec).toMatchObject({
      replicas: 0,
      template: {
        spec: {
          containers: [
            {
              image: "web:v1",
              env: [
                { name: "A", value: "1" },
                { name: "B", value: "2" },
              ],
            },
          ],
        },
      },
    });
    expect((await apply(declared)).action).toBe("unchanged");
  });

  it("is not taken without leave: what differs is named with its maker; equal it is adopted", async () => {
    const namespace = await cluster.namespace("claim");
    const backend = await connect(namespace);
    const made = await cluster.kubectl(["create", "configmap", "c", "--from-literal=x=1", "-n", namespace]);
    expect(made.code).toBe(0);
    const differs = { desired: configMap(namespace, "c", { x: "2" }), owner: APP };
    for (const call of ["dryRun", "apply"] as const) {
      const error = await refusal(backend[call](differs, NO_ABORT));
      expect(error.code).toBe("conflict");
      expect(error.message).toMatch(/differs in data\.x \(set by kubectl-create at 20.*Z\)\.$/);
    }
    const equal = await backend.apply({ desired: configMap(namespace, "c", { x: "1" }), owner: APP }, NO_ABORT);
    expect(equal.action).toBe("unchanged");
    const other = await connect(namespace, "daemon-b");
    for (const adopt of [false, true]) {
      const refused = await refusal(other.apply({ ...differs, owner: APP, adopt }, NO_ABORT));
      expect(refused.message).toContain(`app shop of daemon-${namespace} applied it`);
    }
    expect((await cluster.api.get(pathOf(equal.object))).data).toEqual({ x: "1" });
  });

  it("is no app's only because its label was copied", async () => {
    const namespace = await cluster.namespace("copy");
    const backend = await connect(namespace);
    const { object } = await backend.apply({ desired: configMap(namespace, "a", {}), owner: APP }, NO_ABORT);
    const { labels } = (await cluster.api.get(pathOf(object))).metadata;
    await cluster.api.create(configMap(namespace, "copy", {}, { labels }));
    const { items } = await backend.list({ kind: "ConfigMap", namespace, owner: APP }, NO_ABORT);
    expect(items.map(({ object: { metadata } }) => metadata.name)).toEqual(["a"]);
    const copy = { group: "", kind: "ConfigMap", namespace, name: "copy" };
    await heard(backend, copy, () => true);
    expect((await refusal(backend.delete({ id: copy, owner: APP }, NO_ABORT))).code).toBe("forbidden");
  });

  it("goes over from one app to another, and with it what only the former declared goes", async () => {
    const namespace = await cluster.namespace("handover");
    const backend = await connect(namespace);
    const before = await backend.apply(
      { desired: configMap(namespace, "a", { kept: "1", dropped: "1" }), owner: APP },
      NO_ABORT,
    );
    const desired = configMap(namespace, "a", { kept: "1", added: "1" });
    expect((await refusal(backend.apply({ desired, owner: OTHER }, NO_ABORT))).message).toContain(
      "app shop applied it",
    );
    const taken = await backend.apply({ desired, owner: OTHER, from: APP }, NO_ABORT);
    expect([taken.action, taken.object.data]).toEqual(["update", { kept: "1", added: "1" }]);
    expect(taken.object.metadata.uid).toBe(before.object.metadata.uid);
    const parents = await cluster.api.list(
      `/api/v1/namespaces/${namespace}/configmaps?labelSelector=applyset.kubernetes.io/id`,
    );
    expect(parents.map(({ metadata }) => metadata.annotations?.["trueup/app"])).toEqual([OTHER]);
  });
});

describe("adopting", () => {
  /** What a tool applied, and what git wants of it: `extra` is to go, `keep` to stay, `x` to change. */
  const theirs = (
    namespace: string,
    labels: Record<string, string> = {},
    annotations: Record<string, string> = {},
  ) => ({
    ...configMap(namespace, "c", { keep: "1", extra: "1", x: "theirs" }),
    metadata: { name: "c", namespace, labels: { ...labels, extra: "1" }, annotations },
  });
  const helm = { "meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop" };
  const flux = { "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" };
  const argo = { "argocd.argoproj.io/tracking-id": "web:/ConfigMap:shop/c" };

  interface Tool {
    name: string;
    make: (namespace: string) => Promise<unknown>;
    claims: string[];
  }
  const kubectl = (namespace: string, ...flags: string[]) =>
    cluster.kubectl(["apply", ...flags, "-f", fileOf(theirs(namespace))]).then(({ code, stderr }) => {
      expect([code, stderr]).toEqual([0, ""]);
    });
  const tools: Tool[] = [
    { name: "kubectl apply", make: (namespace) => kubectl(namespace), claims: [] },
    { name: "kubectl apply --server-side", make: (namespace) => kubectl(namespace, "--server-side"), claims: [] },
    {
      name: "kubectl apply, then --server-side",
      make: async (namespace) => {
        await kubectl(namespace);
        await kubectl(namespace, "--server-side");
      },
      claims: [],
    },
    {
      name: "kubectl create",
      make: async (namespace) => {
        const { code } = await cluster.kubectl(["create", "-f", fileOf(theirs(namespace))]);
        expect(code).toBe(0);
      },
      claims: [],
    },
    {
      name: "Helm 3, which creates and patches",
      make: (namespace) => {
        const object = theirs(namespace, { "app.kubernetes.io/managed-by": "Helm" }, helm);
        const path = `/api/v1/namespaces/${namespace}/configmaps?fieldManager=helm`;
        return cluster.api.request("POST", path, { body: object });
      },
      claims: ["Helm release shop/web"],
    },
    {
      name: "Helm 4, which applies",
      make: (namespace) => cluster.api.apply(theirs(namespace, {}, helm), "helm"),
      claims: ["Helm release shop/web"],
    },
    {
      name: "Flux",
      make: (namespace) => cluster.api.apply(theirs(namespace, flux), "kustomize-controller"),
      claims: ["Flux Kustomization flux-system/apps"],
    },
    {
      name: "Flux for Helm",
      make: (namespace) => cluster.api.apply(theirs(namespace), "helm-controller"),
      claims: [],
    },
    {
      name: "Argo CD",
      make: (namespace) => cluster.api.apply(theirs(namespace, {}, argo), "argocd-controller"),
      claims: ["Argo CD application web"],
    },
  ];

  it.each(tools)(
    "takes over what $name set, as the dry run says, and leaves what people did",
    async ({ make, claims }) => {
      const namespace = await cluster.namespace("adopt");
      const backend = await connect(namespace);
      await make(namespace);
      const path = `/api/v1/namespaces/${namespace}/configmaps/c`;
      await cluster.kubectl(["label", "configmap/c", "by-hand=yes", "-n", namespace]);
      const request = { desired: configMap(namespace, "c", { keep: "1", x: "ours" }), owner: APP, adopt: true };
      const before = await cluster.api.get(path);
      const rehearsed = await backend.dryRun(request, NO_ABORT);
      expect(await cluster.api.get(path)).toEqual(before);
      const adopted = await backend.apply(request, NO_ABORT);
      const live = await cluster.api.get(path);
      const { labels, annotations } = live.metadata;
      const managers = (live.metadata as unknown as { managedFields: { manager: string; operation: string }[] })
        .managedFields;
      expect({
        data: live.data,
        labels: Object.keys(labels ?? {}).sort(),
        annotations: annotations ?? {},
        managers: managers.map(({ manager, operation }) => `${manager} ${operation}`).sort(),
        action: adopted.action,
        claims: [rehearsed.adopted?.claims, adopted.adopted?.claims],
        rehearsed: [rehearsed.action, rehearsed.object.data],
      }).toEqual({
        data: { keep: "1", x: "ours" },
        labels: ["applyset.kubernetes.io/part-of", "by-hand"],
        annotations: {},
        managers: ["kubectl-label Update", "trueup Apply"],
        action: "update",
        claims: [claims, claims],
        rehearsed: ["update", { keep: "1", x: "ours" }],
      });
      expect(rehearsed.object.metadata.labels).toEqual(labels);
      expect(live.metadata.uid).toBe(before.metadata.uid);
      expect((await backend.apply({ ...request, adopt: false }, NO_ABORT)).action).toBe("unchanged");
      expect((await backend.list({ kind: "ConfigMap", namespace, owner: APP }, NO_ABORT)).items).toHaveLength(1);
    },
  );

  it("of a workload changes neither its pods nor what somebody scaled", async () => {
    const namespace = await cluster.namespace("adopt-web");
    const backend = await connect(namespace);
    const declared = deployment(namespace, "web");
    expect((await cluster.kubectl(["apply", "-f", fileOf(declared)])).code).toBe(0);
    const [scaled] = [
      await cluster.kubectl(["patch", "deployment/web", "-n", namespace, "-p", '{"spec":{"replicas":4}}']),
    ];
    expect(scaled.code).toBe(0);
    const before = await cluster.api.get(pathOf(declared));
    const { object, action } = await backend.apply({ desired: declared, owner: APP, adopt: true }, NO_ABORT);
    expect([action, (object.spec as { replicas: number }).replicas]).toEqual(["unchanged", 4]);
    expect(object.spec).toEqual(before.spec);
  });

  it("takes an object out of kubectl's ApplySet, and says so", async () => {
    const namespace = await cluster.namespace("adopt-set");
    const backend = await connect(namespace);
    const prune = (file: string) =>
      cluster.kubectl(["apply", "-n", namespace, "--prune", "--applyset=configmaps/theirs", "-f", file], "admin", {
        KUBECTL_APPLYSET: "true",
      });
    expect((await prune(fileOf(theirs(namespace)))).code).toBe(0);
    const request = { desired: configMap(namespace, "c", { keep: "1" }), owner: APP, adopt: true };
    const { adopted } = await backend.apply(request, NO_ABORT);
    expect(adopted?.claims).toEqual([expect.stringMatching(/^ApplySet applyset-.*-v1$/)]);
    // Its next run, without the object, prunes nothing.
    const empty = fileOf(configMap(namespace, "something-else", {}));
    expect((await prune(empty)).stdout).not.toContain("pruned");
    expect((await cluster.api.get(`/api/v1/namespaces/${namespace}/configmaps/c`)).data).toEqual({ keep: "1" });
  });
});

describe("kubectl", () => {
  it("finds an app's objects by their label, and leaves trueup's set alone", async () => {
    const namespace = await cluster.namespace("kubectl");
    const backend = await connect(namespace);
    for (const name of ["a", "b"]) {
      await backend.apply({ desired: configMap(namespace, name, {}), owner: APP }, NO_ABORT);
    }
    const scope = { app: APP, ownerId: `daemon-${namespace}`, namespace };
    const label = `applyset.kubernetes.io/part-of=${setIdOf(scope)}`;
    const found = await cluster.kubectl(["get", "configmaps", "-n", namespace, "-l", label, "-o", "name"]);
    expect(found.stdout.trim().split("\n")).toEqual(["configmap/a", "configmap/b"]);
    const parent = parentIdOf(scope).name;
    const args = ["apply", "-n", namespace, "--prune", `--applyset=configmaps/${parent}`];
    const refused = await cluster.kubectl([...args, "-f", fileOf(configMap(namespace, "c", {}))], "admin", {
      KUBECTL_APPLYSET: "true",
    });
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('already exists and is managed by tooling "trueup" instead of "kubectl"'),
    ]);
    // Told that the set is its own, it reads the parent and finds the members: the convention is kept.
    await cluster.api.patch(`/api/v1/namespaces/${namespace}/configmaps/${parent}`, "merge", {
      metadata: { annotations: { "applyset.kubernetes.io/tooling": "kubectl/v1.37" } },
    });
    const pruned = await cluster.kubectl(
      [...args, "--dry-run=server", "-f", fileOf(configMap(namespace, "c", {}))],
      "admin",
      {
        KUBECTL_APPLYSET: "true",
      },
    );
    expect(pruned.stdout.trim().split("\n").sort()).toEqual([
      "configmap/a pruned (server dry run)",
      "configmap/b pruned (server dry run)",
      "configmap/c created (server dry run)",
    ]);
  });
});

describe("delete", () => {
  it("waits for finalizers, until it is aborted or the object is gone", async () => {
    const namespace = await cluster.namespace("delete");
    const backend = await connect(namespace);
    const desired = configMap(namespace, "a", {}, { finalizers: ["trueup.test/hold"] });
    const { object } = await backend.apply({ desired, owner: APP }, NO_ABORT);
    const request = { id: idOf(object), owner: APP, uid: object.metadata.uid ?? "" };
    const end = new AbortController();
    const reason = new TrueupError("aborted", "stopped by the test");
    const waiting = backend.delete(request, end.signal);
    await cluster.api.until(pathOf(object), (live) => live?.metadata.deletionTimestamp !== undefined);
    end.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    const again = backend.delete(request, NO_ABORT);
    await cluster.api.patch(pathOf(object), "merge", { metadata: { finalizers: null } });
    await again;
    expect((await backend.list({ ...idOf(object) }, NO_ABORT)).items).toEqual([]);
  });

  it("deletes what depends on it in the background, and tells objects of one name apart", async () => {
    const namespace = await cluster.namespace("delete-web");
    const backend = await connect(namespace);
    const { object } = await backend.apply(
      { desired: deployment(namespace, "web", {}, { replicas: 0 }), owner: APP },
      NO_ABORT,
    );
    const sets = `/apis/apps/v1/namespaces/${namespace}/replicasets`;
    const signal = AbortSignal.timeout(60_000);
    for await (const event of cluster.api.watch(sets, signal)) if (event.type === "ADDED") break;
    const other = await refusal(backend.delete({ id: idOf(object), owner: APP, uid: "another" }, NO_ABORT));
    expect(other.code).toBe("conflict");
    await backend.delete({ id: idOf(object), owner: APP, uid: object.metadata.uid ?? "" }, NO_ABORT);
    for await (const event of cluster.api.watch(sets, signal))
      if (event.type === "SYNCED" || event.type === "DELETED") break;
    const second = await backend.apply(
      { desired: deployment(namespace, "web", {}, { replicas: 0 }), owner: APP },
      NO_ABORT,
    );
    expect([second.action, second.object.metadata.uid === object.metadata.uid]).toEqual(["create", false]);
  });

  it("goes on with the object that somebody made anew only if it is the app's", async () => {
    const namespace = await cluster.namespace("delete-race");
    const backend = await connect(namespace);
    const { object } = await backend.apply({ desired: configMap(namespace, "a", {}), owner: APP }, NO_ABORT);
    await cluster.api.remove(pathOf(object));
    await cluster.api.create(configMap(namespace, "a", { theirs: "1" }));
    await heard(backend, idOf(object), ({ data }) => (data as { theirs?: string }).theirs === "1");
    const error = await refusal(
      backend.delete({ id: idOf(object), owner: APP, uid: object.metadata.uid ?? "" }, NO_ABORT),
    );
    expect(["forbidden", "conflict"]).toContain(error.code);
    expect((await cluster.api.get(pathOf(object))).data).toEqual({ theirs: "1" });
  });
});
