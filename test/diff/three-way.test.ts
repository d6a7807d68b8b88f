/** Three-way merge: tables of what is set, removed and kept, and what must hold for any objects. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareObjects } from "../../src/diff/compare.ts";
import { mergeThreeWay } from "../../src/diff/three-way.ts";
import type { KubeObject } from "../../src/model/object.ts";

type Fields = Record<string, unknown>;

function deployment(pod: Fields, spec: Fields = {}, metadata: Fields = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", ...metadata },
    spec: { ...spec, template: { spec: pod } },
  };
}

function pod(object: KubeObject): Fields {
  return (object.spec as { template: { spec: Fields } }).template.spec;
}

const web = (fields: Fields = {}): Fields => ({ name: "web", image: "web:v1", ...fields });

interface PodRow {
  name: string;
  applied: Fields | null;
  live: Fields;
  desired: Fields;
  merged: Fields;
}

const POD_ROWS: PodRow[] = [
  {
    name: "a declared value is set",
    applied: { hostname: "a" },
    live: { hostname: "a" },
    desired: { hostname: "b" },
    merged: { hostname: "b" },
  },
  {
    name: "a value that another writer set stays",
    applied: {},
    live: { priorityClassName: "high" },
    desired: {},
    merged: { priorityClassName: "high" },
  },
  {
    name: "a value that git no longer declares is removed",
    applied: { hostname: "a" },
    live: { hostname: "a" },
    desired: {},
    merged: {},
  },
  {
    name: "a structure that git no longer declares is removed with what the server filled in",
    applied: { containers: [web({ livenessProbe: { tcpSocket: { port: 1 } } })] },
    live: { containers: [web({ livenessProbe: { tcpSocket: { port: 1 }, periodSeconds: 10 } })] },
    desired: { containers: [web()] },
    merged: { containers: [web()] },
  },
  {
    name: "null in git is absent: what was never applied stays",
    applied: null,
    live: { hostname: "a" },
    desired: { hostname: null },
    merged: { hostname: "a" },
  },
  {
    name: "null in git is absent: what was applied goes",
    applied: { hostname: "a" },
    live: { hostname: "a" },
    desired: { hostname: null },
    merged: {},
  },
  {
    name: "a container that another writer injected stays in its place",
    applied: { containers: [web()] },
    live: { containers: [{ name: "mesh" }, web()] },
    desired: { containers: [web({ image: "web:v2" })] },
    merged: { containers: [{ name: "mesh" }, web({ image: "web:v2" })] },
  },
  {
    name: "a container that git no longer declares goes, an injected one stays",
    applied: { containers: [web(), { name: "old" }] },
    live: { containers: [web(), { name: "old", image: "x" }, { name: "mesh" }] },
    desired: { containers: [web()] },
    merged: { containers: [web(), { name: "mesh" }] },
  },
  {
    name: "a new container stands where git has it",
    applied: { containers: [web(), { name: "z" }] },
    live: { containers: [web(), { name: "mesh" }, { name: "z" }] },
    desired: { containers: [web(), { name: "new" }, { name: "z" }, { name: "last" }] },
    merged: { containers: [web(), { name: "mesh" }, { name: "new" }, { name: "z" }, { name: "last" }] },
  },
  {
    name: "git's order wins for what git declares",
    applied: { initContainers: [{ name: "a" }, { name: "b" }] },
    live: { initContainers: [{ name: "a" }, { name: "mesh" }, { name: "b" }] },
    desired: { initContainers: [{ name: "b" }, { name: "a" }] },
    merged: { initContainers: [{ name: "b" }, { name: "mesh" }, { name: "a" }] },
  },
  {
    name: "ports are told apart by number and protocol, TCP when none is written",
    applied: { containers: [web({ ports: [{ containerPort: 53 }] })] },
    live: { containers: [web({ ports: [{ containerPort: 53, protocol: "TCP" }] })] },
    desired: { containers: [web({ ports: [{ containerPort: 53 }, { containerPort: 53, protocol: "UDP" }] })] },
    merged: {
      containers: [
        web({
          ports: [
            { containerPort: 53, protocol: "TCP" },
            { containerPort: 53, protocol: "UDP" },
          ],
        }),
      ],
    },
  },
  {
    name: "two variables of one name are matched in their order",
    applied: { containers: [web({ env: [{ name: "A", value: "1" }] })] },
    live: { containers: [web({ env: [{ name: "A", value: "1" }] })] },
    desired: {
      containers: [
        web({
          env: [
            { name: "A", value: "1" },
            { name: "A", value: "2" },
          ],
        }),
      ],
    },
    merged: {
      containers: [
        web({
          env: [
            { name: "A", value: "1" },
            { name: "A", value: "2" },
          ],
        }),
      ],
    },
  },
  {
    name: "a variable's value gives way to its source, also when nothing was applied before",
    applied: null,
    live: { containers: [web({ env: [{ name: "A", value: "1" }] })] },
    desired: { containers: [web({ env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] })] },
    merged: { containers: [web({ env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] })] },
  },
  {
    name: "a volume has one source",
    applied: null,
    live: { volumes: [{ name: "v", emptyDir: {} }] },
    desired: { volumes: [{ name: "v", configMap: { name: "c" } }] },
    merged: { volumes: [{ name: "v", configMap: { name: "c" } }] },
  },
  {
    name: "a probe has one handler",
    applied: null,
    live: { containers: [web({ readinessProbe: { httpGet: { port: 80, scheme: "HTTP" }, periodSeconds: 10 } })] },
    desired: { containers: [web({ readinessProbe: { tcpSocket: { port: 80 } } })] },
    merged: { containers: [web({ readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 10 } })] },
  },
  {
    name: "arguments are one value",
    applied: { containers: [web({ args: ["a", "b"] })] },
    live: { containers: [web({ args: ["a", "b"] })] },
    desired: { containers: [web({ args: ["b"] })] },
    merged: { containers: [web({ args: ["b"] })] },
  },
  {
    name: "tolerations are one value: a live one that git does not declare goes when git declares any",
    applied: { tolerations: [{ key: "a" }] },
    live: { tolerations: [{ key: "a" }, { key: "theirs" }] },
    desired: { tolerations: [{ key: "a" }] },
    merged: { tolerations: [{ key: "a" }] },
  },
  {
    name: "quantities keep the live spelling when they are equal",
    applied: null,
    live: { containers: [web({ resources: { limits: { cpu: "1", memory: "1Gi" } } })] },
    desired: { containers: [web({ resources: { limits: { cpu: "1000m", memory: "1024Mi" } } })] },
    merged: { containers: [web({ resources: { limits: { cpu: "1", memory: "1Gi" } } })] },
  },
  {
    name: "what an autoscaler of resources set stays when git drops its own",
    applied: { containers: [web({ resources: { limits: { cpu: "1" } } })] },
    live: { containers: [web({ resources: { limits: { cpu: "1" }, requests: { memory: "1Gi" } } })] },
    desired: { containers: [web()] },
    merged: { containers: [web({ resources: { requests: { memory: "1Gi" } } })] },
  },
  {
    name: "an empty map is no difference to none, an empty volume source is one",
    applied: null,
    live: { containers: [web()], volumes: [{ name: "v", hostPath: { path: "/x" } }] },
    desired: { containers: [web({ resources: {}, env: [] })], volumes: [{ name: "v", emptyDir: {} }] },
    merged: { containers: [web()], volumes: [{ name: "v", emptyDir: {} }] },
  },
];

describe("mergeThreeWay in a pod template", () => {
  it.each(POD_ROWS)("$name", ({ applied, live, desired, merged }) => {
    const before = deployment(live);
    const frozen = structuredClone(before);
    const result = mergeThreeWay(applied && deployment(applied), before, deployment(desired));
    expect(pod(result)).toEqual(merged);
    expect(before).toEqual(frozen);
    const same = JSON.stringify(live) === JSON.stringify(merged);
    expect(result === before).toBe(same);
    expect(compareObjects(before, result).length === 0).toBe(same);
  });
});

describe("mergeThreeWay in the rest of an object", () => {
  it("drops what Recreate excludes", () => {
    const live = deployment({}, { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%" } } });
    const merged = mergeThreeWay(null, live, deployment({}, { strategy: { type: "Recreate" } }));
    expect((merged.spec as Fields).strategy).toEqual({ type: "Recreate" });
  });

  it("keeps the server's metadata and status, and ignores what an exported manifest says of them", () => {
    const live: KubeObject = {
      ...deployment(
        {},
        {},
        { uid: "u", resourceVersion: "7", generation: 3, creationTimestamp: "2026-01-01T00:00:00Z" },
      ),
      status: { replicas: 3 },
    };
    const desired: KubeObject = {
      ...deployment({}, {}, { uid: "other", resourceVersion: "1", generation: 1, creationTimestamp: null }),
      status: { replicas: 0 },
    };
    expect(mergeThreeWay(desired, live, desired)).toBe(live);
  });

  it("keeps apply's own annotations, sets them when they are asked for, and shows no difference", () => {
    const own = { "trueup/commit": "a", "trueup/source": "web.yaml:1", "kubernetes.io/change-cause": "a first" };
    const live = deployment({}, {}, { annotations: { ...own, "deployment.kubernetes.io/revision": "4", team: "x" } });
    const applied = deployment({}, {}, { annotations: { ...own, team: "x" } });
    expect(mergeThreeWay(applied, live, deployment({}, {}, { annotations: { team: "x" } }))).toBe(live);
    expect(mergeThreeWay(applied, live, deployment({})).metadata.annotations).toEqual({
      ...own,
      "deployment.kubernetes.io/revision": "4",
    });
    const again = mergeThreeWay(
      applied,
      live,
      deployment({}, {}, { annotations: { "trueup/commit": "b", team: "x" } }),
    );
    expect(again.metadata.annotations?.["trueup/commit"]).toBe("b");
    expect(compareObjects(live, again)).toEqual([]);
  });

  it("leaves a controller's annotation alone that an exported manifest carries", () => {
    const live = deployment({}, {}, { annotations: { "deployment.kubernetes.io/revision": "4" } });
    const desired = deployment({}, {}, { annotations: { "deployment.kubernetes.io/revision": "1" } });
    expect(mergeThreeWay(desired, live, desired)).toBe(live);
  });

  it("merges finalizers as a set and removes only its own", () => {
    const live = deployment({}, {}, { finalizers: ["a", "theirs"] });
    const merged = mergeThreeWay(
      deployment({}, {}, { finalizers: ["a"] }),
      live,
      deployment({}, {}, { finalizers: ["b"] }),
    );
    expect(merged.metadata.finalizers).toEqual(["theirs", "b"]);
  });

  it("reads stringData as data", () => {
    const secret = (fields: Fields): KubeObject => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      ...fields,
    });
    const live = secret({ type: "Opaque", data: { a: "b25l", theirs: "eA==" } });
    expect(mergeThreeWay(null, live, secret({ stringData: { a: "one" } }))).toBe(live);
    const merged = mergeThreeWay(secret({ stringData: { a: "one" } }), live, secret({ stringData: { b: "two" } }));
    expect(merged.data).toEqual({ theirs: "eA==", b: "dHdv" });
  });

  it("treats lists of kinds it does not know as one value", () => {
    const widget = (items: Fields[]): KubeObject => ({
      apiVersion: "example.com/v1",
      kind: "Widget",
      metadata: { name: "w" },
      containers: items,
    });
    const merged = mergeThreeWay(null, widget([{ name: "a" }, { name: "b" }]), widget([{ name: "b" }]));
    expect(merged.containers).toEqual([{ name: "b" }]);
  });
});

// ---- Properties -----------------------------------------------------------------------------------------------------

const name = fc.constantFrom("a", "b", "c", "__proto__", "constructor");
const labels = fc.option(fc.dictionary(name, fc.constantFrom("1", "2"), { maxKeys: 3, noNullPrototype: true }), {
  nil: undefined,
});
// Names are unique here: of two items of one name, a stale "applied" cannot tell which one it meant.
const env = fc.uniqueArray(fc.record({ name, value: fc.constantFrom("1", "2") }, { requiredKeys: ["name"] }), {
  selector: (item) => item.name,
  maxLength: 4,
});
const container = fc.record(
  {
    name,
    image: fc.constantFrom("x:1", "x:2"),
    args: fc.array(fc.constantFrom("-a", "-b"), { maxLength: 2 }),
    env,
    resources: fc.record({ limits: fc.record({ cpu: fc.constantFrom("1", "1000m", "2") }) }),
  },
  { requiredKeys: ["name"] },
);
const object: fc.Arbitrary<KubeObject> = fc
  .record({
    labels,
    replicas: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    containers: fc.uniqueArray(container, { selector: (item) => item.name, maxLength: 3 }),
  })
  .map(({ labels, replicas, containers }) =>
    deployment({ containers }, replicas === undefined ? {} : { replicas }, labels === undefined ? {} : { labels }),
  );

describe("for any objects", () => {
  it("applying twice is applying once", () => {
    fc.assert(
      fc.property(fc.option(object), object, object, (applied, live, desired) => {
        const merged = mergeThreeWay(applied, live, desired);
        expect(mergeThreeWay(desired, merged, desired)).toBe(merged);
        expect(mergeThreeWay(applied, merged, desired)).toBe(merged);
      }),
    );
  });

  it("the result that is live itself differs in no field, and what differs in none changes none", () => {
    fc.assert(
      fc.property(fc.option(object), object, object, (applied, live, desired) => {
        const merged = mergeThreeWay(applied, live, desired);
        if (merged === live) expect(compareObjects(live, merged)).toEqual([]);
        // What is no difference is not written either, but for defaults that live, which no server made, is without.
        if (compareObjects(live, merged).length === 0) {
          expect(compareObjects(live, mergeThreeWay(null, live, merged))).toEqual([]);
        }
      }),
    );
  });

  it("nothing that another writer set is removed when git never declared it", () => {
    fc.assert(
      fc.property(object, object, (live, desired) => {
        const merged = mergeThreeWay(null, live, desired);
        expect(Object.keys(merged.metadata.labels ?? {})).toEqual(
          expect.arrayContaining(Object.keys(live.metadata.labels ?? {})),
        );
        const names = (from: KubeObject): unknown[] => (pod(from).containers as Fields[]).map((item) => item.name);
        expect(names(merged)).toEqual(expect.arrayContaining(names(live)));
      }),
    );
  });

  it("no argument is changed", () => {
    fc.assert(
      fc.property(object, object, object, (applied, live, desired) => {
        const copies = structuredClone([applied, live, desired]);
        mergeThreeWay(applied, live, desired);
        expect([applied, live, desired]).toEqual(copies);
      }),
    );
  });
});
