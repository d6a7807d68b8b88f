/** Where each value comes from: one object with a value of each kind, every column asserted. */
import fc from "fast-check";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { applyDefaults } from "../../src/defaulting/defaults.ts";
import { leavesOf } from "../../src/diff/leaves.ts";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { parseFieldPattern } from "../../src/model/ignore.ts";
import type { Declared } from "../../src/model/manifest.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { asObjectHash } from "../../src/model/source.ts";
import { ownFrame, templateFrame } from "../../src/why/frame.ts";
import { nearNames } from "../../src/why/near.ts";
import { type DriftRecord, type Located, originsOf, selectField } from "../../src/why/origins.ts";

function declare(text: string): Declared {
  const input = { file: "web.yaml", blob: asObjectHash("a".repeat(40)), text, defaultNamespace: "default" };
  const [declared] = parseManifestFile(input).declared;
  if (declared === undefined) throw new Error("the text declares an object");
  return declared;
}

function origins(declared: Declared, live: KubeObject, drift: DriftRecord[] = []): Located[] {
  const frame = ownFrame(declared.object, declared);
  return originsOf({ object: live, frame, defaults: applyDefaults, drift });
}

const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: web:v1
          resources: { limits: { cpu: 1000m } }
          command: [a, b]
`;
const declared = declare(MANIFEST);

function liveOf(change: (live: Record<string, unknown>, spec: Record<string, unknown>) => void): KubeObject {
  const live = structuredClone(applyDefaults(declared.object));
  live.metadata = { ...live.metadata, namespace: "default", uid: "u", resourceVersion: "7", annotations: {} };
  change(live as Record<string, unknown>, live.spec as Record<string, unknown>);
  return live;
}

const CONTAINER = "spec.template.spec.containers[name=web]";

describe("the origin of a value", () => {
  const live = liveOf((object, spec) => {
    spec.replicas = 5;
    spec.paused = true;
    (object.metadata as KubeObject["metadata"]).annotations = {
      "trueup/commit": "c",
      "deployment.kubernetes.io/revision": "4",
      "somebody/else": "x",
    };
    object.status = { replicas: 5 };
  });
  const found = new Map(
    origins(declared, live, [{ at: "2026-01-02T00:00:00Z", fields: ["spec.paused"], by: "ann" }]).map((each) => [
      each.origin.path,
      each,
    ]),
  );
  const rows: [path: string, value: unknown, origin: string, by: string, line: number | null, said?: unknown][] = [
    ["apiVersion", "apps/v1", "git", "git", 1],
    ["metadata.name", "web", "git", "git", 4],
    ["metadata.namespace", "default", "trueup", "the app's namespace", null],
    ["metadata.uid", "u", "server", "the API server", null],
    ['metadata.annotations["trueup/commit"]', "c", "trueup", "trueup: the commit that was applied", null],
    ['metadata.annotations["deployment.kubernetes.io/revision"]', "4", "controller", "deployment-controller", null],
    ['metadata.annotations["somebody/else"]', "x", "drift", "somebody who left no name", null],
    ["spec.replicas", 5, "drift", "somebody who left no name", 6, 3],
    ["spec.paused", true, "drift", "ann; repaired before, 2026-01-02T00:00:00Z", null],
    ["spec.revisionHistoryLimit", 10, "default", "default of the API (apps/v1)", null],
    ["spec.strategy.rollingUpdate.maxSurge", "25%", "default", "default of the API (apps/v1)", null],
    [`${CONTAINER}.image`, "web:v1", "git", "git", 13],
    [`${CONTAINER}.resources.limits.cpu`, "1", "git", "git", 14],
    [`${CONTAINER}.command`, ["a", "b"], "git", "git", 15],
    [`${CONTAINER}.imagePullPolicy`, "IfNotPresent", "default", "default of the API (apps/v1)", null],
    ["status.replicas", 5, "controller", "deployment-controller", null],
  ];
  it.each(rows)("%s", (path, value, origin, by, line, said) => {
    const each = found.get(path);
    const expected = { path, value, origin, by, ...(said !== undefined && { declared: said }) };
    expect(each?.origin).toEqual(expected);
    expect(each?.location?.line ?? null).toBe(line);
  });

  it("says what git declares and the object lacks", () => {
    const bare = liveOf((_, spec) => {
      delete spec.replicas;
    });
    expect(origins(declared, bare).filter(({ origin }) => origin.origin === "drift")).toEqual([
      {
        origin: { path: "spec.replicas", origin: "drift", by: "somebody who left no name", declared: 3 },
        location: expect.objectContaining({ line: 6 }),
      },
    ]);
  });

  it("says which fields are left to others, whatever they are", () => {
    const frame = ownFrame(declared.object, declared);
    const ignored = ["spec.replicas", "spec.template.spec.containers[name=web].command"].flatMap(
      (text) => parseFieldPattern(text) ?? [],
    );
    const all = originsOf({ object: liveOf(() => {}), frame, defaults: applyDefaults, drift: [], ignored });
    const others = all.filter(({ origin }) => origin.origin === "other").map(({ origin }) => [origin.path, origin.by]);
    const by = "whoever set it last: left to others, by ignore or an autoscaler";
    expect(others).toEqual([
      ["spec.replicas", by],
      [`${CONTAINER}.command`, by],
    ]);
  });

  it("names the manager of a field that differs", () => {
    const scaled = liveOf((object, spec) => {
      spec.replicas = 9;
      (object.metadata as unknown as Record<string, unknown>).managedFields = [
        { manager: "trueup", time: "3", fieldsV1: { "f:spec": { "f:replicas": {} } } },
        { manager: "kubectl-scale", time: "2", fieldsV1: { "f:spec": { "f:replicas": {} } } },
        { manager: "older", time: "1", fieldsV1: { "f:spec": { "f:replicas": {} } } },
      ];
    });
    const all = origins(declared, scaled);
    expect(all.find(({ origin }) => origin.path === "spec.replicas")?.origin.by).toBe("kubectl-scale");
    expect(all.some(({ origin }) => origin.path.startsWith("metadata.managedFields"))).toBe(false);
  });

  it("is the pod template for a pod, with the place in the Deployment", () => {
    const pod = load(`
apiVersion: v1
kind: Pod
metadata:
  name: web-1-x
  labels: { app: web, pod-template-hash: "1" }
  ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: rs, controller: true }]
spec: { nodeName: local, containers: [{ name: web, image: "web:v1", command: [a, b], resources: { limits: { cpu: "1" } } }] }`) as KubeObject;
    const frame = templateFrame(pod, declared.object, declared);
    const all = originsOf({ object: pod, frame, defaults: applyDefaults, drift: [] });
    const shown = all.map(({ origin, location }) => `${origin.path}: ${origin.origin} ${location?.line ?? origin.by}`);
    expect(shown.filter((line) => !line.includes("ownerReferences"))).toEqual([
      "apiVersion: controller replicaset-controller, which made it",
      "kind: controller replicaset-controller, which made it",
      "metadata.name: controller replicaset-controller, which made it",
      "metadata.labels.app: git 9",
      "metadata.labels.pod-template-hash: controller deployment-controller",
      "spec.nodeName: controller the scheduler",
      "spec.containers[name=web].name: git 12",
      "spec.containers[name=web].image: git 13",
      "spec.containers[name=web].command: git 15",
      "spec.containers[name=web].resources.limits.cpu: git 14",
    ]);
  });

  it("is nobody known for an object that trueup did not apply", () => {
    const object: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "1" } };
    const all = originsOf({ object, frame: null, defaults: applyDefaults, drift: [] });
    expect(new Set(all.map(({ origin }) => `${origin.origin}: ${origin.by}`))).toEqual(
      new Set(["other: whoever made it: trueup did not"]),
    );
  });
});

describe("Secrets", () => {
  const secret = declare(`apiVersion: v1
kind: Secret
metadata: { name: s }
stringData:
  same: hunter2
  other: hunter3
`);

  it("show which value drifted, where it is written, and none of them", () => {
    const live = structuredClone(applyDefaults(secret.object)) as KubeObject & { data: Record<string, string> };
    live.data.other = Buffer.from("changed").toString("base64");
    const all = origins(secret, live).filter(({ origin }) => origin.path.startsWith("data"));
    expect(
      all.map(({ origin, location }) => [origin.path, origin.value, origin.origin, origin.declared, location?.line]),
    ).toEqual([
      ["data.same", "***", "git", undefined, 5],
      ["data.other", "***", "drift", "***", 6],
    ]);
  });

  it("never show a value, whatever is declared and live", () => {
    const key = fc.constantFrom("a", "b", "__proto__", "c.d");
    const value = fc.stringMatching(/^zz[a-z]{8}$/);
    fc.assert(
      fc.property(fc.dictionary(key, value), fc.dictionary(key, value), (before, after) => {
        const base64 = (map: Record<string, string>): Record<string, string> =>
          Object.fromEntries(Object.entries(map).map(([name, text]) => [name, Buffer.from(text).toString("base64")]));
        const object = (data: object): KubeObject => ({
          apiVersion: "v1",
          kind: "Secret",
          metadata: { name: "s" },
          data,
        });
        const frame = ownFrame({ ...object({}), stringData: before }, null);
        const text = JSON.stringify(
          originsOf({ object: object(base64(after)), frame, defaults: applyDefaults, drift: [] }),
        );
        for (const each of [...Object.values(before), ...Object.values(after)]) {
          expect(text).not.toContain(each);
          expect(text).not.toContain(Buffer.from(each).toString("base64"));
        }
      }),
    );
  });
});

it("of what a controller makes for another object are that controller's", () => {
  const endpoints = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "web", namespace: "default" },
    subsets: [{ addresses: [{ ip: "127.0.0.1" }] }],
  };
  const all = originsOf({ object: endpoints, frame: null, defaults: applyDefaults, drift: [] });
  expect(new Set(all.map(({ origin }) => `${origin.origin}: ${origin.by}`))).toEqual(
    new Set(["controller: endpoints-controller, which made it"]),
  );
});

describe("one field", () => {
  const live = liveOf(() => undefined);
  const all = origins(declared, live);
  const rows: [field: string, count: number, first: string][] = [
    ["spec.replicas", 1, "spec.replicas"],
    [`${CONTAINER}.image`, 1, `${CONTAINER}.image`],
    ["spec.template.spec.containers[0].image", 1, `${CONTAINER}.image`],
    ["image", 1, `${CONTAINER}.image`],
    [`${CONTAINER}.command[1]`, 1, `${CONTAINER}.command`],
    ["spec.strategy", 3, "spec.strategy.type"],
    ["spec.strat", 0, ""],
    ["strategy", 3, "spec.strategy.type"],
    ["rollingUpdate", 2, "spec.strategy.rollingUpdate.maxSurge"],
    ["strat", 0, ""],
    ["", 0, ""],
  ];
  it.each(rows)("%j", (field, count, first) => {
    const found = selectField(all, leavesOf(live), field);
    expect([found.length, found[0]?.origin.path ?? ""]).toEqual([count, first]);
  });

  it("has names near to it when it is not there", () => {
    expect(nearNames("spec.replica", ["status.phase", "spec.replicas", "spec.paused"])[0]).toBe("spec.replicas");
    expect(nearNames("x", [])).toEqual([]);
  });
});
