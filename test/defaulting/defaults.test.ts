/** What an API server fills in, held against what Kubernetes' own code makes of whole objects, and of each field alone. */
import { globSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { applyDefaults } from "../../src/defaulting/defaults.ts";
import { KINDS } from "../../src/defaulting/kinds.ts";
import { canonicalQuantity } from "../../src/defaulting/quantity.ts";
import { compareObjects } from "../../src/diff/compare.ts";
import { mergeThreeWay } from "../../src/diff/three-way.ts";
import type { KubeObject } from "../../src/model/object.ts";

const FIXTURES = resolve(import.meta.dirname, "../fixtures/defaulting");
const PAIRS = resolve(import.meta.dirname, "../fixtures/diff/pairs");

type Tree = Record<string, unknown>;

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(FIXTURES, name), "utf8")) as T;
}

/** `a.b[0].c` as keys and indexes. */
function parsePath(path: string): (string | number)[] {
  return path.split(".").flatMap((part) => {
    const match = /^(\w+)\[0\]$/.exec(part);
    return match === null ? [part] : [match[1] ?? "", 0];
  });
}

function read(value: unknown, path: (string | number)[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Tree | undefined)?.[key], value);
}

/** An object in which everything on the way to the path is there and empty, as the upstream test makes it. */
function skeleton(path: (string | number)[]): Tree {
  const root: Tree = {};
  let at: Tree = root;
  path.slice(0, -1).forEach((key, index) => {
    at[key] = typeof path[index + 1] === "number" ? [] : {};
    at = at[key] as Tree;
  });
  return root;
}

interface DefaultPath {
  jsonPath: string;
  value: unknown;
}

function pathsOf(file: string): DefaultPath[] {
  return fixture<{ versions: Record<string, DefaultPath[]> }>(file).versions["v1.37.2"] ?? [];
}

describe("defaults of a pod", () => {
  it.each(pathsOf("pod-defaults-by-version.json"))("fill in $jsonPath with $value", ({ jsonPath, value }) => {
    const path = parsePath(jsonPath);
    const given = skeleton(path);
    // Requests come from limits, so there have to be some: the upstream test fills in one with an empty name.
    if (jsonPath.endsWith("resources.requests")) (read(given, path.slice(0, -1)) as Tree).limits = { "": "0" };
    const pod = applyDefaults({ ...given, apiVersion: "v1", kind: "Pod", metadata: { name: "p" } });
    expect(read(pod, path)).toEqual(value);
  });

  it("covers every path that the API server of 1.37 fills in", () => {
    expect(pathsOf("pod-defaults-by-version.json")).toHaveLength(122);
  });
});

const TEMPLATED = [
  ["apps/v1", "Deployment"],
  ["apps/v1", "ReplicaSet"],
  ["apps/v1", "StatefulSet"],
  ["apps/v1", "DaemonSet"],
  ["batch/v1", "Job"],
  ["v1", "ReplicationController"],
] as const;

describe("defaults of a pod template", () => {
  const rows = pathsOf("workload-defaults-by-version.json");

  it.each(rows)("fill in $jsonPath with $value", ({ jsonPath, value }) => {
    const path = parsePath(jsonPath);
    for (const [apiVersion, kind] of TEMPLATED) {
      const workload = { apiVersion, kind, metadata: { name: "w" }, spec: { template: skeleton(path) } };
      expect(read(applyDefaults(workload), ["spec", "template", ...path]), kind).toEqual(value);
    }
    const metadata = { name: "w" };
    const spec = { jobTemplate: { spec: { template: skeleton(path) } } };
    const cronJob = applyDefaults({ apiVersion: "batch/v1", kind: "CronJob", metadata, spec });
    expect(read(cronJob, ["spec", "jobTemplate", "spec", "template", ...path])).toEqual(value);
    const podTemplate = applyDefaults({ apiVersion: "v1", kind: "PodTemplate", metadata, template: skeleton(path) });
    expect(read(podTemplate, ["template", ...path])).toEqual(value);
  });

  it("leave out what only pods get", () => {
    const spec = {
      hostNetwork: true,
      containers: [{ name: "c", ports: [{ containerPort: 80 }], resources: { limits: { cpu: 1 } } }],
    };
    const workload = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "w" },
      spec: { template: { spec } },
    };
    const text = JSON.stringify(applyDefaults(workload));
    expect(text).not.toContain("enableServiceLinks");
    expect(text).not.toContain("hostPort");
    expect(text).not.toContain("requests");
    expect(rows).toHaveLength(119);
  });
});

interface Pair {
  apiVersion: string;
  kind: string;
  name: string;
  compare: string;
  original: Tree;
  expected: Tree;
}

/**
 * The source compares Go values, in which 0 and "" are absent; its tests of Jobs fill in no templates, and those of
 * StatefulSets were written for a server that does not fill in `maxUnavailable`, which 1.37 does.
 */
function asTheSourceCompares(kind: string, spec: unknown): unknown {
  if (spec === undefined) return undefined;
  const { minReadySeconds: _ready, serviceName: _service, template, ...kept } = structuredClone(spec) as Tree;
  if (kind === "StatefulSet") {
    const limits = read(kept, ["updateStrategy", "rollingUpdate"]) as Tree | undefined;
    if (limits?.maxUnavailable === 1) delete limits.maxUnavailable;
  }
  return kind === "Job" ? kept : { ...kept, template };
}

describe("defaults of whole objects", () => {
  const { pairs } = fixture<{ pairs: Pair[] }>("object-defaulting-pairs.json");

  it.each(pairs)("are those of $kind $name", ({ apiVersion, kind, compare, original, expected }) => {
    const stored = applyDefaults({ ...original, apiVersion, kind, metadata: { name: "x" } });
    const [of, fields] = compare.split(": ");
    expect(of).toBe(kind === "IngressClass" ? "whole" : "spec");
    const [is, want] = [asTheSourceCompares(kind, stored.spec), asTheSourceCompares(kind, expected.spec)];
    for (const field of fields?.split(", ") ?? []) expect(read(is, [field])).toEqual(read(want, [field]));
    if (fields === undefined) expect(is).toEqual(want);
  });

  it("are checked for all cases that the source has", () => expect(pairs).toHaveLength(45));
});

interface OtherTables {
  tables: Record<string, { name?: string; in: Tree; expect: unknown }[]>;
}

describe("other defaults", () => {
  const { tables } = fixture<OtherTables>("other-defaults.json");
  const facts = "facts stated in the same test file";
  const rows = Object.entries(tables)
    .filter(([field]) => field !== facts)
    .flatMap(([field, cases]) => cases.map((row) => ({ field, name: row.name ?? JSON.stringify(row.in), row })));

  const single = rows.filter(({ field }) => !field.startsWith("HPA"));

  it.each(single)("of $field: $name", ({ field, row }) => {
    const [kind = "", ...rest] = field.split(".");
    const apiVersion = kind === "ReplicaSet" ? "apps/v1" : "v1";
    const given = kind.startsWith("PersistentVolume") ? { spec: { volumeMode: row.in } } : row.in;
    const stored = applyDefaults({ ...given, apiVersion, kind, metadata: { name: "x" } });
    const found = field.includes("[]")
      ? (
          stored as unknown as { status: { loadBalancer: { ingress: { ipMode: string }[] } } }
        ).status.loadBalancer.ingress.map(({ ipMode }) => ipMode)
      : read(stored, rest);
    expect(found ?? null).toEqual(row.expect);
  });

  it("cover the tables that give one field", () => expect(single).toHaveLength(4 + 2 + 3 + 3 + 3 + 3));

  const service = (spec: Tree): Tree =>
    applyDefaults({ apiVersion: "v1", kind: "Service", metadata: { name: "s" }, spec }).spec as Tree;

  it("are those stated as facts in the source", () => {
    expect(Object.keys(tables[facts] ?? {})).toHaveLength(9);
    expect(service({ ports: [{ port: 80 }] })).toEqual({
      type: "ClusterIP",
      sessionAffinity: "None",
      ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      internalTrafficPolicy: "Cluster",
    });
    expect(service({ type: "NodePort" }).externalTrafficPolicy).toBe("Cluster");
    expect(service({ type: "LoadBalancer" }).externalTrafficPolicy).toBe("Cluster");
    expect(service({ externalIPs: ["1.2.3.4"] }).externalTrafficPolicy).toBe("Cluster");
    expect(service({ type: "ExternalName" }).externalTrafficPolicy).toBeUndefined();
    expect(applyDefaults({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" } }).type).toBe("Opaque");
    const namespace = applyDefaults({ apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } });
    expect(namespace.status).toEqual({ phase: "Active" });
    expect(namespace.metadata.labels).toEqual({ "kubernetes.io/metadata.name": "n" });
  });
});

interface ScalingCase extends Record<string, unknown> {
  annotation: string;
  expectedPolicies: unknown[];
  expectedStabilization: number | null;
  expectedSelectPolicy: string;
  expectedTolerance?: string;
}

describe("behaviour of an autoscaler", () => {
  const { tables } = fixture<{ tables: Record<string, ScalingCase[]> }>("other-defaults.json");
  const rows = (["scaleUp", "scaleDown"] as const).flatMap((direction) =>
    (tables[`HPA v2 behavior.${direction}`] ?? []).map((row) => ({ direction, name: row.annotation, row })),
  );

  it.each(rows)("$direction: $name", ({ direction, row }) => {
    const rate = direction === "scaleUp" ? "rateUp" : "rateDown";
    const policies = (["Pods", "Percent"] as const)
      .filter((type) => row[`${rate}${type}`] !== undefined)
      .map((type) => ({ type, value: row[`${rate}${type}`], periodSeconds: row[`${rate}${type}PeriodSeconds`] }));
    const rules = {
      ...(policies.length > 0 && { policies }),
      ...(row.stabilizationSeconds !== undefined && { stabilizationWindowSeconds: row.stabilizationSeconds }),
      ...(row.selectPolicy !== undefined && { selectPolicy: row.selectPolicy }),
      ...(row.tolerance !== undefined && { tolerance: row.tolerance }),
    };
    const spec = { maxReplicas: 2, behavior: { [direction]: rules } };
    const metadata = { name: "h" };
    const stored = applyDefaults({ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", metadata, spec });
    expect(read(stored, ["spec", "behavior", direction])).toEqual({
      policies: row.expectedPolicies,
      selectPolicy: row.expectedSelectPolicy,
      ...(row.expectedStabilization !== null && { stabilizationWindowSeconds: row.expectedStabilization }),
      ...(row.expectedTolerance !== undefined && { tolerance: canonicalQuantity(row.expectedTolerance) }),
    });
  });

  it("is checked for both tables of the source", () => expect(rows).toHaveLength(7 + 4));
});

interface StoredPair {
  file?: string;
  doc?: number;
  desired: KubeObject;
  live: KubeObject;
}

function pairsIn(path: string): StoredPair[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as StoredPair);
}

/**
 * An object as it can be compared: without what the store and the controllers write (status, generation, the namespace), the
 * identity that a new Job gives its pods, and without what is empty and so absent.
 */
function comparable(object: KubeObject): Tree {
  const { status: _status, metadata, ...rest } = structuredClone(object) as KubeObject & Tree;
  const { generation: _generation, namespace: _namespace, ...kept } = metadata;
  if (object.kind === "DaemonSet") delete kept.annotations?.["deprecated.daemonset.template.generation"];
  const tree = { ...rest, metadata: kept } as Tree;
  if (object.kind === "Job") {
    const spec = tree.spec as Tree;
    if (spec.manualSelector !== true) delete spec.selector;
    const labels = read(spec, ["template", "metadata", "labels"]) as Record<string, string> | undefined;
    for (const key of Object.keys(labels ?? {})) if (/controller-uid$|job-name$/.test(key)) delete labels?.[key];
  }
  return withoutEmpty(tree) as Tree;
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).map(([key, child]): [string, unknown] => [key, withoutEmpty(child)]);
  return Object.fromEntries(kept.filter(([, child]) => !isEmpty(child)));
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.keys(value as object).length === 0);
}

/**
 * What an API server does to objects and defaulting does not, with the reason: unknown fields, an annotation of another age
 * and a list of nothing are dropped when the request is decoded.
 */
const DROPPED_ON_DECODE: Readonly<Record<string, string>> = {
  "argocd-e2e-testdata/sync-options-validate-false/invalid-cm.yaml": "an unknown field; here validation refuses it",
  "sock-shop/deploy/kubernetes/manifests-monitoring/23-grafana-import-dash-batch.yaml":
    "the annotation that asked for init containers before Kubernetes 1.8",
};

describe("objects of real repositories", () => {
  const files = globSync("*.jsonl", { cwd: PAIRS }).sort();
  const known = files.map((file) => ({ source: basename(file, ".jsonl"), pairs: pairsIn(join(PAIRS, file)) }));

  it.each(known)("are stored as the API server stores them: $source", ({ pairs }) => {
    for (const { file = "", doc, desired, live } of pairs) {
      if (DROPPED_ON_DECODE[file] !== undefined) continue;
      expect(comparable(applyDefaults(desired)), `${file} document ${doc}`).toEqual(comparable(live));
    }
  });

  it("are all that the data has", () => {
    const all = known.flatMap(({ pairs }) => pairs);
    expect(all).toHaveLength(318);
    const dropped = all.filter(({ file = "" }) => DROPPED_ON_DECODE[file] !== undefined);
    expect(dropped.map(({ desired }) => desired.kind).sort()).toEqual(["ConfigMap", "Job"]);
  });

  it("do not change when defaults are applied again", () => {
    for (const { desired } of known.flatMap(({ pairs }) => pairs)) {
      const once = applyDefaults(desired);
      expect(applyDefaults(once)).toBe(once);
    }
  });
});

describe("an object of each kind that says as little as it can", () => {
  const pairs = pairsIn(join(FIXTURES, "kinds.jsonl")).map(({ desired, live }) => ({
    name: `${desired.apiVersion} ${desired.kind} ${desired.metadata.name}`,
    desired,
    live,
  }));

  const sparse = pairs.filter(({ desired }) => desired.metadata.name !== "zeros");

  it.each(sparse)("is filled in as Kubernetes fills it in: $name", ({ desired, live }) => {
    const once = applyDefaults(desired);
    expect(comparable(once)).toEqual(comparable(live));
    expect(applyDefaults(once)).toBe(once);
  });

  it.each(pairs)("is no change once it is stored: $name", ({ desired, live }) => {
    const merged = mergeThreeWay(null, live, desired);
    expect(compareObjects(live, merged)).toEqual([]);
    // What git once declared and declares no longer is filled in again with the same.
    const filled = applyDefaults(desired);
    expect(compareObjects(live, mergeThreeWay(filled, live, desired))).toEqual([]);
  });

  it("covers every kind of the table", () => {
    const covered = new Set(pairs.map(({ desired }) => `${desired.apiVersion}/${desired.kind}`));
    const others = ["v1/Pod", "v1/Secret", "v1/ConfigMap", "v1/Namespace", "apps/v1/Deployment", "apps/v1/ReplicaSet"];
    const missing = [...KINDS.keys()].filter((kind) => !covered.has(kind) && !others.includes(kind));
    expect(missing).toEqual([
      "v1/Node",
      // What is stored in another spelling alone: `test/real-cluster/defaults.test.ts`.
      "storage.k8s.io/v1/CSIStorageCapacity",
      "resource.k8s.io/v1/ResourceClaim",
      "resource.k8s.io/v1beta2/ResourceClaimTemplate",
      "admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding",
      ...["v1beta1", "v1alpha1"].flatMap((version) =>
        [
          "ValidatingAdmissionPolicy",
          "ValidatingAdmissionPolicyBinding",
          "MutatingAdmissionPolicy",
          "MutatingAdmissionPolicyBinding",
        ].map((kind) => `admissionregistration.k8s.io/${version}/${kind}`),
      ),
      "apiregistration.k8s.io/v1/APIService",
    ]);
  });
});

describe("quantities", () => {
  it.each([
    ["1000m", "1"],
    ["1500m", "1500m"],
    ["0.5", "500m"],
    ["1.5Gi", "1536Mi"],
    ["1024Mi", "1Gi"],
    ["1024", "1024"],
    ["1024Ki", "1Mi"],
    ["0.5Mi", "512Ki"],
    ["0.5Ki", "512"],
    ["1000k", "1M"],
    ["1e3", "1e3"],
    ["10e2", "1e3"],
    ["0", "0"],
    ["0Mi", "0"],
    ["-1000m", "-1"],
    ["0.0000000001", "1n"],
    [1, "1"],
    [0.1, "100m"],
    ["much", "much"],
    ["", ""],
    ["1e999", "1e999"],
  ])("%s is written %s", (given, canonical) => expect(canonicalQuantity(given)).toBe(canonical));
});

describe("applyDefaults", () => {
  it("encodes stringData over data and forgets it", () => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      data: { a: "eA==", b: "eQ==" },
      stringData: { a: "new" },
    };
    expect(applyDefaults(secret)).toEqual({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      data: { a: "bmV3", b: "eQ==" },
      type: "Opaque",
    });
  });

  it("reads null as absent, and null text of a ConfigMap as empty", () => {
    const map = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "m", creationTimestamp: null },
      data: { a: null },
      immutable: null,
    };
    expect(applyDefaults(map as unknown as KubeObject)).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "m" },
      data: { a: "" },
    });
  });

  it.each([
    ["nginx", "Always"],
    ["nginx:1.27", "IfNotPresent"],
    ["nginx:latest", "Always"],
    ["registry:5000/nginx", "Always"],
    [`nginx@sha256:${"0".repeat(64)}`, "IfNotPresent"],
    [`nginx:latest@sha256:${"0".repeat(64)}`, "Always"],
  ])("pulls %s %s", (image, imagePullPolicy) => {
    const pod = applyDefaults({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image }] },
    });
    expect(pod.spec).toMatchObject({ containers: [{ imagePullPolicy }] });
  });

  it.each([
    [{}, "BestEffort"],
    [{ limits: { cpu: "1", memory: "1Gi" } }, "Guaranteed"],
    [{ limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m", memory: "1Gi" } }, "Burstable"],
    [{ requests: { cpu: "1" } }, "Burstable"],
    [{ limits: { cpu: "0" } }, "BestEffort"],
  ])("puts a pod with resources %j into class %s", (resources, qosClass) => {
    const pod = applyDefaults({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", resources }] },
    });
    expect(pod.status).toEqual({ phase: "Pending", qosClass });
  });
});
