import { globSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { applyDefaults } from "../../src/cluster/defaulting.ts";
import { canonicalQuantity } from "../../src/cluster/quantity.ts";
import type { KubeObject } from "../../src/model/object.ts";

const FIXTURES = resolve(import.meta.dirname, "../fixtures/defaulting");

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

describe("defaults of a pod template", () => {
  const rows = pathsOf("workload-defaults-by-version.json");

  it.each(rows)("fill in $jsonPath with $value", ({ jsonPath, value }) => {
    const path = parsePath(jsonPath);
    for (const kind of ["Deployment", "ReplicaSet"]) {
      const workload = { apiVersion: "apps/v1", kind, metadata: { name: "w" }, spec: { template: skeleton(path) } };
      expect(read(applyDefaults(workload), ["spec", "template", ...path])).toEqual(value);
    }
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

describe("defaults of whole objects", () => {
  const { pairs } = fixture<{ pairs: Pair[] }>("object-defaulting-pairs.json");

  it.each(pairs)("are those of $kind $name", ({ apiVersion, kind, compare, original, expected }) => {
    expect(compare).toBe("spec");
    const stored = applyDefaults({ ...original, apiVersion, kind, metadata: { name: "x" } });
    expect(stored.spec).toEqual(expected.spec);
  });

  it("are checked for the five cases that the source has", () => expect(pairs).toHaveLength(5));
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

  it.each(rows)("of $field: $name", ({ field, row }) => {
    const [kind = "", ...rest] = field.split(".");
    const apiVersion = kind === "ReplicaSet" ? "apps/v1" : "v1";
    const stored = applyDefaults({ ...row.in, apiVersion, kind, metadata: { name: "x" } });
    const found = field.includes("[]")
      ? (
          stored as unknown as { status: { loadBalancer: { ingress: { ipMode: string }[] } } }
        ).status.loadBalancer.ingress.map(({ ipMode }) => ipMode)
      : read(stored, rest);
    expect(found ?? null).toEqual(row.expect);
  });

  it("cover the four tables about our kinds", () => expect(rows).toHaveLength(4 + 2 + 3 + 3));

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

interface StoredPair {
  file: string;
  doc: number;
  desired: KubeObject;
  live: KubeObject;
}

/**
 * What an API server does to these two objects and defaulting does not, with the reason: the unknown field of a ConfigMap
 * is dropped when the request is decoded; here validation refuses it before anything is stored.
 */
const DROPPED_ON_DECODE: Readonly<Record<string, string>> = { "ConfigMap.invalidKey": "unknown field" };

describe("objects of real repositories", () => {
  const files = globSync("pairs/*.jsonl", { cwd: FIXTURES }).sort();
  const pairs = files.flatMap((file) =>
    readFileSync(join(FIXTURES, file), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({ source: basename(file, ".jsonl"), pair: JSON.parse(line) as StoredPair })),
  );
  const exceptions = new Set<string>();

  it.each(files)("are stored as the API server stores them: %s", (file) => {
    for (const { pair } of pairs.filter(({ source }) => source === basename(file, ".jsonl"))) {
      const { desired, live } = pair;
      const stored = { ...applyDefaults(desired) } as KubeObject & Tree;
      for (const field of Object.keys(stored)) {
        const reason = DROPPED_ON_DECODE[`${desired.kind}.${field}`];
        if (reason !== undefined) {
          exceptions.add(field);
          delete stored[field];
        }
      }
      // Generation and namespace are the store's to fill in.
      const { generation, namespace, ...metadata } = live.metadata;
      const { namespace: _given, ...storedMetadata } = stored.metadata;
      expect(desired.metadata.namespace ?? namespace).toBe(namespace);
      expect(generation ?? 1).toBe(1);
      expect({ ...stored, metadata: storedMetadata }, `${pair.file} document ${pair.doc}`).toEqual({
        ...live,
        metadata,
      });
    }
  });

  it("are all of the seven kinds, with no exception but the named ones", () => {
    expect(pairs).toHaveLength(83 + 14 + 77 + 16 + 32 + 2);
    expect([...exceptions]).toEqual(["invalidKey"]);
  });

  it("do not change when defaults are applied again", () => {
    for (const { pair } of pairs) {
      const once = applyDefaults(pair.desired);
      expect(applyDefaults(once)).toBe(once);
    }
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
