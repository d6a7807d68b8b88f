import { dump, load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { applyDeclared } from "../../src/backend/apply.ts";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import { TrueupError } from "../../src/model/errors.ts";
import { type KubeObject, keyOf } from "../../src/model/object.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";

/** What an app declares, or, with `somebody`, what another writer stores. */
interface Step {
  app?: string;
  adopt?: true;
  /** YAML of the object; parts that no case is about are left to `complete`. */
  yaml: string;
  /** `create`, `update`, `unchanged`, or the code and text of the refusal. */
  expect?: string;
}

interface Case {
  what: string;
  steps: Step[];
  /** The object at the end, without defaults and the store's own metadata. */
  stored: string;
}

const cases: Case[] = [
  {
    what: "removes what git no longer declares, keeps what others wrote",
    steps: [
      { yaml: "kind: ConfigMap\ndata: {keep: '1', drop: '2'}", expect: "create" },
      { app: "somebody", yaml: "kind: ConfigMap\ndata: {keep: '1', drop: '2', theirs: '3'}" },
      { yaml: "kind: ConfigMap\ndata: {keep: '1'}", expect: "update" },
      { yaml: "kind: ConfigMap\ndata: {keep: '1'}", expect: "unchanged" },
    ],
    stored: "data:\n  keep: '1'\n  theirs: '3'\n",
  },
  {
    what: "corrects drift in what it declares",
    steps: [
      { yaml: "kind: ConfigMap\ndata: {a: '1'}", expect: "create" },
      { app: "somebody", yaml: "kind: ConfigMap\ndata: {a: '2'}" },
      { yaml: "kind: ConfigMap\ndata: {a: '1'}", expect: "update" },
    ],
    stored: "data:\n  a: '1'\n",
  },
  {
    what: "removes a label and an annotation that it set, and no other",
    steps: [
      { yaml: "kind: ConfigMap\nmetadata: {labels: {a: '1', b: '2'}, annotations: {c: '3'}}", expect: "create" },
      {
        app: "somebody",
        yaml: "kind: ConfigMap\nmetadata: {labels: {a: '1', b: '2', x: y}, annotations: {c: '3', z: '0'}}",
      },
      { yaml: "kind: ConfigMap\nmetadata: {labels: {a: '1'}}", expect: "update" },
    ],
    stored: "metadata:\n  labels:\n    a: '1'\n    x: 'y'\n  annotations:\n    z: '0'\n",
  },
  {
    what: "gives back replicas to whoever scales when git stops declaring them, by way of the default",
    steps: [
      { yaml: "kind: Deployment\nspec: {replicas: 3}", expect: "create" },
      { yaml: "kind: Deployment\nspec: {}", expect: "update" },
      { app: "somebody", yaml: "kind: Deployment\nspec: {replicas: 5}" },
      { yaml: "kind: Deployment\nspec: {}", expect: "unchanged" },
    ],
    stored: "spec:\n  replicas: 5\n",
  },
  {
    what: "drops the limits of a rolling update with Recreate",
    steps: [
      { yaml: "kind: Deployment\nspec: {strategy: {rollingUpdate: {maxSurge: 2}}}", expect: "create" },
      { yaml: "kind: Deployment\nspec: {strategy: {type: Recreate}}", expect: "update" },
      { yaml: "kind: Deployment\nspec: {strategy: {type: Recreate}}", expect: "unchanged" },
    ],
    stored: "spec:\n  strategy:\n    type: Recreate\n",
  },
  {
    what: "sees no change in another spelling of a quantity",
    steps: [
      {
        yaml: "kind: Deployment\nspec: {template: {spec: {containers: [{name: web, resources: {limits: {cpu: 1000m}}}]}}}",
        expect: "create",
      },
      {
        yaml: "kind: Deployment\nspec: {template: {spec: {containers: [{name: web, resources: {limits: {cpu: 1}}}]}}}",
        expect: "unchanged",
      },
    ],
    stored:
      "spec:\n  template:\n    spec:\n      containers:\n        - name: web\n          resources:\n            limits:\n              cpu: '1'\n",
  },
  {
    what: "removes a container that git no longer declares",
    steps: [
      {
        yaml: "kind: Deployment\nspec: {template: {spec: {containers: [{name: web}, {name: side}]}}}",
        expect: "create",
      },
      { yaml: "kind: Deployment\nspec: {template: {spec: {containers: [{name: web}]}}}", expect: "update" },
    ],
    stored: "spec:\n  template:\n    spec:\n      containers:\n        - name: web\n",
  },
  {
    what: "removes a key of stringData",
    steps: [
      { yaml: "kind: Secret\nstringData: {a: x, b: y}", expect: "create" },
      { yaml: "kind: Secret\nstringData: {b: y}", expect: "update" },
      { yaml: "kind: Secret\ndata: {b: eQ==}", expect: "unchanged" },
    ],
    stored: "data:\n  b: eQ==\n",
  },
  {
    what: "keeps the local port that a Service got",
    steps: [
      { yaml: "kind: Service\nspec: {type: NodePort, ports: [{port: 80}]}", expect: "create" },
      {
        app: "somebody",
        yaml: "kind: Service\nspec: {type: NodePort, ports: [{port: 80, targetPort: 80, protocol: TCP, nodePort: 30000}]}",
      },
      { yaml: "kind: Service\nspec: {type: NodePort, ports: [{port: 80, targetPort: 8080}]}", expect: "update" },
    ],
    stored: "spec:\n  type: NodePort\n  ports:\n    - port: 80\n      targetPort: 8080\n      nodePort: 30000\n",
  },
  {
    what: "refuses another app's object",
    steps: [
      { yaml: "kind: ConfigMap\ndata: {a: '1'}", expect: "create" },
      {
        app: "other",
        yaml: "kind: ConfigMap\ndata: {a: '1'}",
        expect: "conflict: Cannot apply configmap/x for app other as one app only may own it: app shop applied it.",
      },
    ],
    stored: "data:\n  a: '1'\n",
  },
  {
    what: "refuses to overwrite what nobody applied",
    steps: [
      { app: "somebody", yaml: "kind: ConfigMap\ndata: {a: '1'}" },
      {
        yaml: "kind: ConfigMap\ndata: {a: '2'}",
        expect:
          "conflict: Cannot apply configmap/x for app shop as it must be new or as declared: it exists, differs, and no app applied it.",
      },
    ],
    stored: "data:\n  a: '1'\n",
  },
  {
    what: "adopts what nobody applied and is as declared, and then owns what it declared",
    steps: [
      { app: "somebody", yaml: "kind: ConfigMap\nmetadata: {labels: {theirs: '1'}}\ndata: {a: '1', b: '2'}" },
      { yaml: "kind: ConfigMap\ndata: {a: '1'}", expect: "unchanged" },
      { yaml: "kind: ConfigMap\ndata: {c: '3'}", expect: "update" },
    ],
    stored: "metadata:\n  labels:\n    theirs: '1'\ndata:\n  b: '2'\n  c: '3'\n",
  },
  {
    what: "adopts what nobody applied and differs when it is told to, and leaves what it does not declare",
    steps: [
      { app: "somebody", yaml: "kind: ConfigMap\ndata: {a: '1', b: '2'}" },
      { adopt: true, yaml: "kind: ConfigMap\ndata: {a: '3'}", expect: "update" },
      { adopt: true, yaml: "kind: ConfigMap\ndata: {c: '4'}", expect: "update" },
      {
        app: "other",
        adopt: true,
        yaml: "kind: ConfigMap\ndata: {c: '4'}",
        expect: "conflict: Cannot apply configmap/x for app other as one app only may own it: app shop applied it.",
      },
    ],
    stored: "data:\n  b: '2'\n  c: '4'\n",
  },
  {
    what: "adopts in spite of the annotations that say which commit applied it",
    steps: [
      { app: "somebody", yaml: "kind: ConfigMap\ndata: {a: '1'}" },
      {
        yaml: "kind: ConfigMap\nmetadata: {annotations: {trueup/commit: abc, trueup/source: 'a:1'}}\ndata: {a: '1'}",
        expect: "update",
      },
    ],
    stored: "metadata:\n  annotations:\n    trueup/commit: abc\n    trueup/source: a:1\ndata:\n  a: '1'\n",
  },
  {
    what: "refuses another selector, and leaves everything as it was",
    steps: [
      { yaml: "kind: Deployment\nspec: {replicas: 3}", expect: "create" },
      {
        yaml: "kind: Deployment\nspec: {replicas: 4, selector: {matchLabels: {app: y}}, template: {metadata: {labels: {app: y}}}}",
        expect: "invalid: Cannot change deployment/x as spec.selector must stay as it is.",
      },
    ],
    stored: "spec:\n  replicas: 3\n  selector:\n    matchLabels:\n      app: x\n",
  },
];

/** The object of a case: named x, and valid. */
function complete(yaml: string): KubeObject {
  const given = load(yaml) as Record<string, unknown> & {
    kind: string;
    metadata?: object;
    spec?: Record<string, unknown>;
  };
  const object = { apiVersion: "v1", ...given, metadata: { name: "x", ...given.metadata } };
  if (given.kind !== "Deployment") return object;
  const spec = given.spec ?? {};
  const template = (spec.template ?? {}) as { metadata?: object; spec?: { containers: { image?: string }[] } };
  const containers = (template.spec?.containers ?? [{ name: "web" }]).map((container) => ({
    image: "web:v1",
    ...container,
  }));
  return {
    ...object,
    apiVersion: "apps/v1",
    spec: {
      selector: { matchLabels: { app: "x" } },
      ...spec,
      template: { metadata: { labels: { app: "x" }, ...template.metadata }, spec: { containers } },
    },
  };
}

/** The parts of the object that the expectation names. */
function project(value: unknown, shape: unknown): unknown {
  if (Array.isArray(value))
    return value.map((item, index) => project(item, Array.isArray(shape) ? (shape[index] ?? shape[0]) : undefined));
  if (typeof value !== "object" || value === null || typeof shape !== "object" || shape === null) return value;
  const isOpen = (key: string): boolean => ["labels", "annotations", "data", "strategy", "matchLabels"].includes(key);
  return Object.fromEntries(
    Object.keys(shape).map((key) => {
      const [inner, wanted] = [(value as Record<string, unknown>)[key], (shape as Record<string, unknown>)[key]];
      return [key, isOpen(key) ? inner : project(inner, wanted)];
    }),
  );
}

function apply(store: SqliteObjectStore, desired: KubeObject, owner: string, adopt = false): string {
  try {
    return applyDeclared(store, { desired, owner, adopt }).action;
  } catch (error) {
    if (error instanceof TrueupError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe("applying", () => {
  it.each(cases)("$what", ({ steps, stored }) => {
    const store = new SqliteObjectStore(":memory:", { clock: new VirtualClock(), random: seededRandom(1) });
    let key = keyOf(complete(steps[0]?.yaml ?? ""));
    for (const { app = "shop", yaml, adopt, expect: expected } of steps) {
      const object = complete(yaml);
      key = keyOf(object);
      if (app === "somebody") {
        if (store.get(key) === undefined) store.create(object);
        else store.update(object);
        continue;
      }
      const { version } = store;
      expect({ yaml, outcome: apply(store, object, app, adopt) }).toEqual({ yaml, outcome: expected });
      const isWrite = expected === "create" || expected === "update";
      expect(store.version).toBe(isWrite ? version + 1 : version);
    }
    const shape: unknown = load(stored);
    const sorted = (value: unknown): string => dump(value, { sortKeys: true });
    expect(sorted(project(store.get(key), shape))).toBe(sorted(shape));
    store.close();
  });

  it("remembers what was declared, without status and the server's metadata", () => {
    const store = new SqliteObjectStore(":memory:", { clock: new VirtualClock(), random: seededRandom(1) });
    const desired = {
      ...complete("kind: ConfigMap\ndata: {a: '1'}"),
      status: { x: 1 },
      metadata: { name: "x", uid: "u", resourceVersion: "7", generation: 2 },
    };
    applyDeclared(store, { desired, owner: "shop" });
    expect(store.applied(keyOf(desired))).toEqual({
      owner: "shop",
      object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", namespace: "default" }, data: { a: "1" } },
    });
    store.close();
  });

  it.each(["Endpoints", "Event", "Gadget"])("refuses a %s", (kind) => {
    const store = new SqliteObjectStore(":memory:", { clock: new VirtualClock(), random: seededRandom(1) });
    const outcome = apply(store, { apiVersion: "v1", kind, metadata: { name: "x" } }, "shop");
    expect(outcome).toBe(
      `invalid: Cannot apply ${kind.toLowerCase()}/x as its kind must be a supported one: it is ${kind} of v1.`,
    );
    store.close();
  });
});
