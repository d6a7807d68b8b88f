/** The order of an app: ranks of kinds, waves, hooks and what depends on what; held against Argo CD's and Flux' own lists. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KubeObject, keyOf } from "../../src/model/object.ts";
import { asCommitId } from "../../src/model/source.ts";
import { rankOf } from "../../src/plan/order.ts";
import { planApp } from "../../src/plan/plan.ts";
import { comparePositions, orderOf, type Position } from "../../src/plan/stages.ts";
import { configMap, declaredOf, observedOf } from "./declared.ts";

function read(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/ordering", name), "utf8"));
}

const GROUPS: Readonly<Record<string, string>> = {
  CustomResourceDefinition: "apiextensions.k8s.io",
  ClusterRole: "rbac.authorization.k8s.io",
  ClusterRoleBinding: "rbac.authorization.k8s.io",
  Role: "rbac.authorization.k8s.io",
  RoleBinding: "rbac.authorization.k8s.io",
  NetworkPolicy: "networking.k8s.io",
  Ingress: "networking.k8s.io",
  IngressClass: "networking.k8s.io",
  PodDisruptionBudget: "policy",
  StorageClass: "storage.k8s.io",
  PriorityClass: "scheduling.k8s.io",
  RuntimeClass: "node.k8s.io",
  GatewayClass: "gateway.networking.k8s.io",
  VolumeSnapshotClass: "snapshot.storage.k8s.io",
  DaemonSet: "apps",
  ReplicaSet: "apps",
  Deployment: "apps",
  StatefulSet: "apps",
  Job: "batch",
  CronJob: "batch",
  HorizontalPodAutoscaler: "autoscaling",
  APIService: "apiregistration.k8s.io",
  MutatingWebhookConfiguration: "admissionregistration.k8s.io",
  ValidatingWebhookConfiguration: "admissionregistration.k8s.io",
  ClusterClass: "cluster.x-k8s.io",
};

/** Pairs of a list that we have the other way round, as `later before earlier`. */
function disagreements(kinds: readonly string[]): string[] {
  const rank = (kind: string): number => rankOf({ group: GROUPS[kind] ?? "", kind });
  return kinds.flatMap((kind, at) =>
    kinds
      .slice(at + 1)
      .filter((later) => rank(later) < rank(kind))
      .map((later) => `${later} before ${kind}`),
  );
}

describe("ranks of kinds", () => {
  it("differ from Argo CD's where the comment in order.ts says why", () => {
    const { kindOrder } = read("sort-order.json") as { kindOrder: Record<string, number> };
    const kinds = Object.keys(kindOrder).filter((kind) => !kind.endsWith("List") && kind !== "PodSecurityPolicy");
    const bounds = ["NetworkPolicy", "ResourceQuota", "LimitRange"];
    const roles = ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"];
    const explained = [
      // Definitions and classes first.
      /^(?:CustomResourceDefinition|StorageClass|IngressClass) before /,
      // Accounts and roles before what bounds a namespace, and before configuration.
      ...[...bounds, "PodDisruptionBudget", "Secret", "ConfigMap", "PersistentVolume", "PersistentVolumeClaim"].map(
        (kind) => new RegExp(`^(?:${roles.join("|")}) before ${kind}$`),
      ),
      // All roles before all bindings.
      /^Role before ClusterRoleBinding$/,
      // Budgets beside Services.
      /^(?:Secret|ConfigMap|PersistentVolume|PersistentVolumeClaim) before PodDisruptionBudget$/,
      // Workloads are of one rank; what scales them comes when they are all there.
      /^(?:StatefulSet|Job|CronJob) before HorizontalPodAutoscaler$/,
    ];
    expect(disagreements(kinds).filter((each) => !explained.some((why) => why.test(each)))).toEqual([]);
  });

  it("differ from Flux' where the comment in order.ts says why", () => {
    const { first, last } = read("flux-order.json") as { first: string[]; last: string[] };
    const kinds = first.filter((kind) => kind !== "ClusterClass");
    expect(disagreements([...kinds, ...last]).sort()).toEqual(
      [
        "Namespace before CustomResourceDefinition",
        // Classes before roles, all roles before all bindings, and both before what bounds a namespace.
        ...["RuntimeClass", "PriorityClass", "StorageClass", "VolumeSnapshotClass", "IngressClass", "GatewayClass"].map(
          (kind) => `${kind} before ClusterRole`,
        ),
        "ServiceAccount before ClusterRoleBinding",
        "Role before ClusterRoleBinding",
        ...["ServiceAccount", "Role", "RoleBinding"].map((kind) => `${kind} before ResourceQuota`),
        ...["ConfigMap", "Secret", "Service"].map((kind) => `LimitRange before ${kind}`),
        ...["Deployment", "StatefulSet", "CronJob"].map((kind) => `PodDisruptionBudget before ${kind}`),
      ].sort(),
    );
  });

  it("bring Namespaces first, and those who sit in everybody's way last", () => {
    const ranks = Object.entries(GROUPS).map(([kind, group]) => rankOf({ group, kind }));
    expect(rankOf({ group: "", kind: "Namespace" })).toBeLessThan(Math.min(...ranks));
    expect(rankOf(admission("ValidatingWebhookConfiguration"))).toBe(Math.max(...ranks));
    expect(rankOf({ group: "example.com", kind: "Widget" })).toBeLessThan(
      rankOf({ group: "apiregistration.k8s.io", kind: "APIService" }),
    );
  });
});

function admission(kind: string): { group: string; kind: string } {
  return { group: "admissionregistration.k8s.io", kind };
}

// ---- Positions --------------------------------------------------------------------------------------------------------

const WAVE = "argocd.argoproj.io/sync-wave";
const HOOK = "argocd.argoproj.io/hook";
const AFTER = "config.kubernetes.io/depends-on";

function config(name: string, annotations: Record<string, string> = {}, namespace = "default"): KubeObject {
  return configMap(name, {}, { annotations, namespace });
}

const ref = (...names: string[]): Record<string, string> => ({
  [AFTER]: names.map((name) => `/namespaces/default/ConfigMap/${name}`).join(","),
});

function definition(kind: string): KubeObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${kind.toLowerCase()}s.example.com` },
    spec: { group: "example.com", names: { kind } },
  };
}

function widget(annotations: Record<string, string> = {}): KubeObject {
  return { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "w", namespace: "default", annotations } };
}

/** `name: Sync 0.1`, in the order of the positions. */
function positions(objects: readonly KubeObject[]): string[] {
  const { slots } = orderOf(objects.map((object) => declaredOf(object)));
  return [...slots]
    .sort((a, b) => comparePositions(a.at, b.at))
    .map(({ item, at }) => `${item.object.metadata.name}: ${at.phase} ${at.wave}.${at.step}`);
}

describe("positions", () => {
  const rows: { name: string; objects: KubeObject[]; positions: string[] }[] = [
    { name: "are one for a plain app", objects: [config("a"), config("b")], positions: ["a: Sync 0.0", "b: Sync 0.0"] },
    {
      name: "follow waves, negative ones too",
      objects: [config("a", { [WAVE]: "2" }), config("b"), config("c", { [WAVE]: "-1" })],
      positions: ["c: Sync -1.0", "b: Sync 0.0", "a: Sync 2.0"],
    },
    {
      name: "follow phases before waves",
      objects: [
        config("a", { [HOOK]: "PostSync", [WAVE]: "-9" }),
        config("b", { [WAVE]: "3" }),
        config("c", { [HOOK]: "PreSync" }),
      ],
      positions: ["c: PreSync 0.0", "b: Sync 3.0", "a: PostSync -9.0"],
    },
    {
      name: "are two for a hook of two phases, none for one of none, and none for what is skipped",
      objects: [
        config("a", { [HOOK]: "PostSync,PreSync" }),
        config("b", { [HOOK]: "Garbage" }),
        config("c", { [HOOK]: "Skip" }),
      ],
      positions: ["a: PreSync 0.0", "a: PostSync 0.0"],
    },
    {
      name: "follow what depends on what",
      objects: [config("a", ref("b")), config("b", ref("c")), config("c"), config("d", ref("c", "a"))],
      positions: ["c: Sync 0.0", "b: Sync 0.1", "a: Sync 0.2", "d: Sync 0.3"],
    },
    {
      name: "need no step for what comes in an earlier wave anyway",
      objects: [config("a", { ...ref("b"), [WAVE]: "1" }), config("b")],
      positions: ["b: Sync 0.0", "a: Sync 1.0"],
    },
    {
      name: "bring a Namespace no later than what is in it",
      objects: [
        config("a", { [HOOK]: "PreSync" }, "shop"),
        { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", annotations: { [WAVE]: "7" } } },
      ],
      positions: ["a: PreSync 0.0", "shop: PreSync 0.0"],
    },
    {
      name: "bring a definition a step before the first of its objects",
      objects: [widget({ [WAVE]: "-2" }), definition("Widget")],
      positions: ["widgets.example.com: Sync -2.0", "w: Sync -2.1"],
    },
    {
      name: "leave a definition alone of which there is no object",
      objects: [config("a"), definition("Gadget")],
      positions: ["a: Sync 0.0", "gadgets.example.com: Sync 0.0"],
    },
    {
      name: "pass over a circle, which validation refuses",
      objects: [config("a", ref("b")), config("b", ref("a")), config("c", ref("a"))],
      positions: ["a: Sync 0.0", "b: Sync 0.0", "c: Sync 0.0"],
    },
  ];
  it.each(rows)("$name", ({ objects, positions: expected }) => {
    expect(positions(objects)).toEqual(expected);
  });

  it("survive a chain of 20,000 objects", () => {
    const chain = Array.from({ length: 20_000 }, (_, at) => config(`c-${at}`, at === 0 ? {} : ref(`c-${at - 1}`)));
    expect(orderOf(chain.map((object) => declaredOf(object))).positions).toHaveLength(20_000);
  });

  it("never put an object before what it depends on, in whatever order files name them", () => {
    const edges = fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 20 });
    fc.assert(
      fc.property(edges, fc.array(fc.nat(100), { minLength: 10, maxLength: 10 }), (pairs, shuffle) => {
        const objects = Array.from({ length: 10 }, (_, at) => {
          const needs = pairs
            .filter(([a, b]) => Math.max(a, b) === at && a !== b)
            .map(([a, b]) => `c-${Math.min(a, b)}`);
          return config(`c-${at}`, needs.length === 0 ? {} : ref(...needs));
        });
        const shuffled = objects
          .map((object, at) => ({ object, by: shuffle[at] ?? 0 }))
          .sort((a, b) => a.by - b.by)
          .map(({ object }) => declaredOf(object));
        const order = orderOf(shuffled);
        const at = (name: string): Position | undefined => order.of(keyOf(config(name)))[0]?.at;
        for (const [a, b] of pairs) {
          if (a === b) continue;
          const [before, after] = [at(`c-${Math.min(a, b)}`), at(`c-${Math.max(a, b)}`)];
          expect(before !== undefined && after !== undefined && comparePositions(before, after)).toBeLessThan(0);
        }
      }),
    );
  });
});

describe("a plan", () => {
  it("applies by position, rank and name, and deletes the other way round", () => {
    const names = (changes: readonly { action: string; id: { name: string } }[]): string[] =>
      changes.map(({ action, id }) => `${action} ${id.name}`);
    const objects = [config("a", ref("b")), config("b"), config("z", { [WAVE]: "-1" })];
    const commit = asCommitId("1".repeat(40));
    const fresh = planApp({ app: "shop", commit, declared: objects.map((each) => declaredOf(each)), observed: [] });
    expect(names(fresh.changes)).toEqual(["create z", "create b", "create a"]);
    const kept = Array.from({ length: 20 }, (_, at) => config(`kept-${at}`));
    const old = planApp({
      app: "shop",
      commit,
      declared: kept.map((each) => declaredOf(each)),
      observed: [...kept, ...objects].map((each) => observedOf(each, "shop")),
    });
    expect(names(old.changes)).toEqual(["delete a", "delete b", "delete z"]);
  });
});
