/** Which changes make another object: kind by kind, what is fixed and what is free; and when it may be replaced. */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import type { Change, FieldChange } from "../../src/model/plan.ts";
import { immutableChanges } from "../../src/plan/immutable.ts";
import { replaceFault } from "../../src/plan/replace.ts";
import { configMap, declaredOf, observedOf, plain } from "./declared.ts";

function of(apiVersion: string, kind: string, rest: object = {}): KubeObject {
  return { apiVersion, kind, metadata: { name: "x" }, ...rest };
}

const changed = (path: string, rest: Partial<FieldChange> = {}): FieldChange => {
  return { path, kind: "change", before: "a", after: "b", ...rest };
};

const RBAC = "rbac.authorization.k8s.io/v1";
const rows: { live: KubeObject; fixed: string[]; free: string[] }[] = [
  {
    live: of("apps/v1", "Deployment"),
    fixed: ["spec.selector.matchLabels.app"],
    free: ["spec.template.spec.nodeName", "spec.replicas"],
  },
  { live: of("apps/v1", "ReplicaSet"), fixed: ["spec.selector.matchLabels.app"], free: ["spec.replicas"] },
  {
    live: of("apps/v1", "DaemonSet"),
    fixed: ["spec.selector.matchExpressions[0].key"],
    free: ["spec.template.spec.x"],
  },
  {
    live: of("apps/v1", "StatefulSet"),
    fixed: [
      "spec.serviceName",
      "spec.selector.matchLabels.app",
      "spec.podManagementPolicy",
      "spec.volumeClaimTemplates[0].spec.resources",
    ],
    free: [
      "spec.replicas",
      "spec.template.spec.x",
      "spec.updateStrategy.type",
      "spec.ordinals.start",
      "metadata.labels.a",
    ],
  },
  {
    live: of("batch/v1", "Job"),
    fixed: ["spec.template.spec.x", "spec.selector.matchLabels.a", "spec.completions", "spec.completionMode"],
    free: [
      "spec.parallelism",
      "spec.suspend",
      "spec.ttlSecondsAfterFinished",
      "spec.activeDeadlineSeconds",
      "spec.backoffLimit",
    ],
  },
  {
    live: of("batch/v1", "Job", { spec: { suspend: true } }),
    fixed: ["spec.selector.matchLabels.a"],
    free: ["spec.template.spec.nodeSelector.a"],
  },
  {
    live: of("batch/v1", "Job", { spec: { completionMode: "Indexed" } }),
    fixed: ["spec.template.spec.x"],
    free: ["spec.completions"],
  },
  { live: of("batch/v1", "CronJob"), fixed: [], free: ["spec.schedule", "spec.jobTemplate.spec.template.spec.x"] },
  {
    live: of("v1", "Service"),
    fixed: ["spec.clusterIP", "spec.healthCheckNodePort"],
    free: ["spec.ports[port=80].targetPort", "spec.type"],
  },
  { live: of("v1", "Service", { spec: { type: "ExternalName" } }), fixed: [], free: ["spec.clusterIP"] },
  {
    live: of("v1", "PersistentVolumeClaim"),
    fixed: ["spec.storageClassName", "spec.accessModes", "spec.volumeName", "spec.dataSource.name"],
    free: ["spec.resources.requests.storage", "spec.volumeAttributesClassName"],
  },
  {
    live: of("v1", "PersistentVolume"),
    fixed: ["spec.hostPath.path", "spec.csi.volumeHandle", "spec.volumeMode"],
    free: ["spec.capacity.storage", "spec.persistentVolumeReclaimPolicy", "spec.claimRef.name"],
  },
  {
    live: of("storage.k8s.io/v1", "StorageClass"),
    fixed: ["provisioner", "parameters.type", "reclaimPolicy", "volumeBindingMode"],
    free: ["allowVolumeExpansion", "metadata.labels.a"],
  },
  { live: of(RBAC, "RoleBinding"), fixed: ["roleRef.name"], free: ["subjects[0].name"] },
  { live: of(RBAC, "ClusterRoleBinding"), fixed: ["roleRef.kind"], free: ["subjects[0].name"] },
  { live: of(RBAC, "Role"), fixed: [], free: ["rules[0].verbs"] },
  { live: of("networking.k8s.io/v1", "IngressClass"), fixed: ["spec.controller"], free: ["spec.parameters.name"] },
  {
    live: of("scheduling.k8s.io/v1", "PriorityClass"),
    fixed: ["value", "preemptionPolicy"],
    free: ["description", "globalDefault"],
  },
  { live: of("node.k8s.io/v1", "RuntimeClass"), fixed: ["handler"], free: ["scheduling.nodeSelector.a"] },
  {
    live: of("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    fixed: ["spec.scope", "spec.group"],
    free: ["spec.versions[name=v1].served"],
  },
  {
    live: of("v1", "Pod"),
    fixed: ["spec.nodeName", "spec.containers[name=a].command"],
    free: ["spec.containers[name=a].image", "spec.tolerations[0].key"],
  },
  { live: of("v1", "Secret"), fixed: ["type"], free: ["data.a"] },
  { live: of("v1", "ConfigMap", { immutable: true }), fixed: ["data.a", "immutable"], free: ["metadata.labels.a"] },
  { live: of("v1", "ConfigMap"), fixed: [], free: ["data.a"] },
  { live: of("example.org/v1", "Service"), fixed: [], free: ["spec.clusterIP"] },
];

describe("what is fixed", () => {
  it.each(
    rows.map((row) => [`${row.live.apiVersion} ${row.live.kind} ${JSON.stringify(row.live.spec ?? {})}`, row] as const),
  )("%s", (_name, { live, fixed, free }) => {
    expect(
      immutableChanges(
        live,
        [...fixed, ...free].map((path) => changed(path)),
      ),
    ).toEqual(fixed);
  });

  it.each([
    { name: "the first address", before: ["10.0.0.1"], after: ["10.0.0.2"], fixed: true },
    { name: "a second address", before: ["10.0.0.1"], after: ["10.0.0.1", "fd00::1"], fixed: false },
  ])("a Service and $name", ({ before, after, fixed }) => {
    const change = changed("spec.clusterIPs", { before, after });
    expect(immutableChanges(of("v1", "Service"), [change]).length > 0).toBe(fixed);
  });

  it("is not what a declaration leaves out again, as the server keeps it", () => {
    expect(immutableChanges(of("v1", "Service"), [changed("spec.clusterIP", { kind: "remove" })])).toEqual([]);
  });
});

describe("a replacement", () => {
  const allowed = { annotations: { "trueup/replace": "allowed" } };
  const claim = (annotations: object): KubeObject => ({
    ...of("v1", "PersistentVolumeClaim"),
    metadata: { name: "x", ...annotations },
  });
  const change = (declared: KubeObject, live: KubeObject, owner: string | null): Change => {
    const [desired, observed] = [declaredOf(declared), observedOf(live, owner)];
    return { action: "replace", id: desired.id, declared: desired, observed, fields: [], restartsPods: false };
  };
  const run = { annotations: { "trueup/hook-run": "1111111#1.PreSync" } };
  const asHook = (given: Change): Change => ({ ...given, hook: { phase: "PreSync", run: "2222222#1.PreSync" } });
  const table: { name: string; change: Change; clause: string | null }[] = [
    { name: "that git allows", change: change(configMap("x", {}, allowed), configMap("x"), "shop"), clause: null },
    {
      name: "that git does not allow",
      change: change(configMap("x"), configMap("x", {}, allowed), "shop"),
      clause: "as its manifest must allow it with trueup/replace: allowed",
    },
    {
      name: "allowed with another word",
      change: change(configMap("x", {}, { annotations: { "trueup/replace": "true" } }), configMap("x"), "shop"),
      clause: "as its manifest must allow it with trueup/replace: allowed",
    },
    {
      name: "of another app's object",
      change: change(configMap("x", {}, allowed), configMap("x"), "theirs"),
      clause: "as app shop must have applied it: app theirs did",
    },
    {
      name: "of nobody's object",
      change: change(configMap("x", {}, allowed), configMap("x"), null),
      clause: "as app shop must have applied it: no app did",
    },
    {
      name: "of what asks to be kept",
      change: change(
        configMap("x", {}, allowed),
        configMap("x", {}, { annotations: { "helm.sh/resource-policy": "keep" } }),
        "shop",
      ),
      clause: "as it asks to be kept: helm.sh/resource-policy: keep",
    },
    {
      name: "of a claim",
      change: change(claim(allowed), claim({}), "shop"),
      clause: "as a PersistentVolumeClaim takes its data along",
    },
    {
      name: "of a StatefulSet that takes its claims along",
      change: change(
        { ...plain("StatefulSet", "x", { spec: {} }), apiVersion: "apps/v1", metadata: { name: "x", ...allowed } },
        {
          ...plain("StatefulSet", "x", { spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete" } } }),
          apiVersion: "apps/v1",
        },
        "shop",
      ),
      clause: "as its volume claims go with it (whenDeleted: Delete), and their data with them",
    },
    {
      name: "of a hook's earlier run",
      change: asHook(change(configMap("x"), configMap("x", {}, run), "shop")),
      clause: null,
    },
    {
      name: "of an object that is a hook only now",
      change: asHook(change(configMap("x"), configMap("x"), "shop")),
      clause: "as its manifest must allow it with trueup/replace: allowed",
    },
    {
      name: "of a hook that asks to be kept",
      change: asHook(
        change(
          configMap("x"),
          configMap("x", {}, { annotations: { ...run.annotations, "trueup/prune": "disabled" } }),
          "shop",
        ),
      ),
      clause: "as it asks to be kept: trueup/prune: disabled",
    },
    {
      name: "of a claim that is a hook",
      change: asHook(change(claim({}), claim(run), "shop")),
      clause: "as a PersistentVolumeClaim takes its data along",
    },
  ];
  it.each(table)("$name", ({ change: given, clause }) => {
    expect(replaceFault(given, "shop")?.clause ?? null).toBe(clause);
  });
});
