import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import { TrueupError } from "../../src/model/errors.ts";
import { controllerOf, idOf, type KubeObject, keyOf, type ObjectKey } from "../../src/model/object.ts";
import type { StoreEvent } from "../../src/model/store.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";

const NAMESPACE_COUNT = 1;
let directory: string;
let clock: VirtualClock;
let open: SqliteObjectStore[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-store-"));
  clock = new VirtualClock();
  open = [];
});

afterEach(() => {
  for (const store of open) store.close();
  rmSync(directory, { recursive: true, force: true });
});

function openStore(path = join(directory, "state", "cluster.db"), seed = 1): SqliteObjectStore {
  const store = new SqliteObjectStore(path, { clock, random: seededRandom(seed) });
  open.push(store);
  return store;
}

function configMap(
  name: string,
  data: Record<string, string> = {},
  more: Partial<KubeObject["metadata"]> = {},
): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...more }, data };
}

function pod(name: string, spec: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "c", image: "i:1" }], ...spec },
  };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof TrueupError) return error.code;
    throw error;
  }
  return "done";
}

describe("creating", () => {
  it("fills in uid, times, versions and defaults, and freezes", () => {
    const store = openStore(":memory:");
    const before = store.version;
    const stored = store.create(pod("a"));
    expect(stored.metadata).toMatchObject({
      name: "a",
      namespace: "default",
      generation: 1,
      resourceVersion: String(before + 1),
      creationTimestamp: "2026-01-01T00:00:00Z",
    });
    expect(stored.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(stored.spec).toMatchObject({ restartPolicy: "Always" });
    expect(() => Object.assign(stored.metadata, { name: "b" })).toThrow(TypeError);
    expect(store.get(keyOf(stored))).toBe(stored);
  });

  it("leaves the given object as it was", () => {
    const given = configMap("a", { x: "1" });
    openStore(":memory:").create(given);
    expect(Object.isFrozen(given)).toBe(false);
    expect(given.metadata).toEqual({ name: "a" });
  });

  it("finds a free name for generateName", () => {
    const store = openStore(":memory:");
    const names = new Set<string>();
    for (let i = 0; i < 100; i++) {
      names.add(store.create({ ...pod(""), metadata: { name: "", generateName: "web-" } }).metadata.name);
    }
    expect(names.size).toBe(100);
    for (const name of names) expect(name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it.each([
    { what: "a name that is taken", object: configMap("taken"), code: "conflict", text: "configmap/taken as its name" },
    {
      what: "a namespace that is not there",
      object: configMap("a", {}, { namespace: "no" }),
      code: "not-found",
      text: "no namespace no",
    },
    {
      what: "an unknown kind",
      object: { apiVersion: "v1", kind: "Gadget", metadata: { name: "g" } },
      code: "invalid",
      text: "Gadget of v1",
    },
    {
      what: "another version",
      object: { ...configMap("a"), apiVersion: "v2" },
      code: "invalid",
      text: "apiVersion must be v1",
    },
    { what: "no name", object: configMap(""), code: "invalid", text: "metadata.name" },
    { what: "a name with a slash", object: configMap("a/b"), code: "invalid", text: "metadata.name" },
    {
      what: "a selector that misses its template",
      object: {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: { name: "r" },
        spec: {
          selector: { matchLabels: { a: "1" } },
          template: { metadata: { labels: { a: "2" } }, spec: { containers: [] } },
        },
      },
      code: "invalid",
      text: "spec.template.metadata.labels must match spec.selector",
    },
  ])("refuses $what with $code", ({ object, code, text }) => {
    const store = openStore(":memory:");
    store.create(configMap("taken"));
    const { version } = store;
    expect(codeOf(() => store.create(object))).toBe(code);
    expect(() => store.create(object)).toThrow(text);
    expect(store.version).toBe(version);
  });
});

describe("updating", () => {
  const selector = { matchLabels: { app: "w" } };
  const template = (image: string) => ({
    metadata: { labels: { app: "w" } },
    spec: { containers: [{ name: "c", image }] },
  });
  const deployment = (spec: object = {}): KubeObject => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "w" },
    spec: { selector, template: template("i:1"), ...spec },
  });

  it("raises the generation only when the spec changes, and writes nothing when nothing does", () => {
    const store = openStore(":memory:");
    const events: StoreEvent[] = [];
    const first = store.create(deployment());
    store.subscribe((event) => events.push(event));
    expect(store.update(deployment())).toBe(first);
    expect(store.update({ ...first, status: { replicas: 7 } })).toBe(first);
    expect(events).toEqual([]);

    const labelled = store.update({ ...first, metadata: { ...first.metadata, labels: { a: "b" } } });
    expect(labelled.metadata).toMatchObject({ generation: 1, labels: { a: "b" } });
    const status = store.updateStatus({ ...first, status: { replicas: 3 } });
    expect(status.metadata).toMatchObject({ generation: 1, labels: { a: "b" } });
    const scaled = store.update({ ...status, spec: { ...(status.spec as object), replicas: 5 } });
    expect(scaled.metadata.generation).toBe(2);
    expect(scaled.status).toEqual({ replicas: 3 });
    expect(events.map(({ type, version, object }) => [type, version, object])).toEqual([
      ["modified", 3, labelled],
      ["modified", 4, status],
      ["modified", 5, scaled],
    ]);
    expect(events.map(({ previous }) => previous)).toEqual([first, labelled, status]);
  });

  it.each([
    {
      what: "a stale resourceVersion",
      change: { metadata: { name: "w", resourceVersion: "1" } },
      code: "conflict",
      text: "resourceVersion must be 1: it is 2",
    },
    {
      what: "another uid",
      change: { metadata: { name: "w", uid: "other" } },
      code: "conflict",
      text: "uid must be other",
    },
    {
      what: "an object that is gone",
      change: { metadata: { name: "gone" } },
      code: "not-found",
      text: "deployment/gone",
    },
    {
      what: "another selector",
      change: { spec: { selector: { matchLabels: { app: "x" } }, template: { metadata: { labels: { app: "x" } } } } },
      code: "invalid",
      text: "spec.selector must stay",
    },
  ])("refuses $what with $code", ({ change, code, text }) => {
    const store = openStore(":memory:");
    store.create(deployment());
    const next = { ...deployment(), ...change };
    expect(codeOf(() => store.update(next))).toBe(code);
    expect(() => store.update(next)).toThrow(text);
  });

  it.each([
    ["spec.containers", { containers: [{ name: "other", image: "i:1" }] }],
    ["spec.restartPolicy", { restartPolicy: "Never" }],
    ["spec.nodeName", { nodeName: "elsewhere" }],
    ["spec.volumes", { volumes: [{ name: "v" }] }],
  ])("refuses to change %s of a pod", (field, change) => {
    const store = openStore(":memory:");
    const stored = store.create(pod("p", { nodeName: "local" }));
    const next = { ...stored, spec: { ...(stored.spec as object), ...change } };
    expect(codeOf(() => store.update(next))).toBe("invalid");
    expect(() => store.update(next)).toThrow(`${field} must stay`);
  });

  it("lets a pod change its image and be bound once", () => {
    const store = openStore(":memory:");
    const stored = store.create(pod("p"));
    const bound = store.write({ ...stored, spec: { ...(stored.spec as object), nodeName: "local" } });
    expect(bound.metadata.generation).toBe(1);
    const [container] = (bound.spec as { containers: object[] }).containers;
    const next = store.update({
      ...bound,
      spec: { ...(bound.spec as object), containers: [{ ...container, image: "i:2" }] },
    });
    expect(next.metadata.generation).toBe(2);
  });

  it("keeps immutable ConfigMaps and the type of Secrets", () => {
    const store = openStore(":memory:");
    store.create({ ...configMap("m", { a: "1" }), immutable: true });
    expect(() => store.update({ ...configMap("m", { a: "2" }), immutable: true })).toThrow("data must stay");
    store.create({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { password: "hunter2" } });
    const changed = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, type: "other" };
    expect(() => store.update(changed)).toThrow("type must stay");
    expect(() => store.update(changed)).not.toThrow("hunter2");
  });
});

describe("deleting", () => {
  interface Row {
    what: string;
    object: KubeObject;
    options: { gracePeriodSeconds?: number };
    /** Grace period while it stays; `null`: gone at once. */
    grace: number | null;
  }
  const rows: Row[] = [
    { what: "a ConfigMap", object: configMap("x"), options: {}, grace: null },
    { what: "an object with finalizers", object: configMap("x", {}, { finalizers: ["a/b"] }), options: {}, grace: 0 },
    { what: "a pod", object: pod("x"), options: {}, grace: 30 },
    {
      what: "a pod with its own grace period",
      object: pod("x", { terminationGracePeriodSeconds: 5 }),
      options: {},
      grace: 5,
    },
    { what: "a pod with a shorter one asked for", object: pod("x"), options: { gracePeriodSeconds: 2 }, grace: 2 },
    {
      what: "an assigned pod without one",
      object: pod("x", { nodeName: "local" }),
      options: { gracePeriodSeconds: 0 },
      grace: 0,
    },
    { what: "a never assigned pod without one", object: pod("x"), options: { gracePeriodSeconds: 0 }, grace: null },
    {
      what: "a Namespace",
      object: { apiVersion: "v1", kind: "Namespace", metadata: { name: "x" } },
      options: {},
      grace: 0,
    },
  ];

  it.each(rows)("leaves $what with grace period $grace", ({ object, options, grace }) => {
    const store = openStore(":memory:");
    const stored = store.create(object);
    store.delete(keyOf(stored), options);
    const left = store.get(keyOf(stored));
    expect(left?.metadata.deletionGracePeriodSeconds ?? null).toBe(grace);
    if (grace === null) expect(left).toBeUndefined();
    else
      expect(left?.metadata.deletionTimestamp).toBe(
        new Date(clock.now() + grace * 1000).toISOString().replace(".000", ""),
      );
  });

  it("does nothing for what is not there, and refuses another uid and the default namespace", () => {
    const store = openStore(":memory:");
    const stored = store.create(configMap("a"));
    const { version } = store;
    store.delete(keyOf(configMap("none")));
    expect(codeOf(() => store.delete(keyOf(stored), { uid: "other" }))).toBe("conflict");
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };
    expect(codeOf(() => store.delete(keyOf(namespace)))).toBe("forbidden");
    store.remove(keyOf(stored), "other");
    expect(store.version).toBe(version);
  });

  it("shortens a grace period and never prolongs it", () => {
    const store = openStore(":memory:");
    const key = keyOf(store.create(pod("p")));
    const graces = [20, 25, 10, 0].map((gracePeriodSeconds) => {
      store.delete(key, { gracePeriodSeconds });
      return store.get(key)?.metadata.deletionGracePeriodSeconds ?? "gone";
    });
    expect(graces).toEqual([20, 20, 10, "gone"]);
  });

  it("lets an object go with its last finalizer", () => {
    const store = openStore(":memory:");
    const stored = store.create(configMap("a", {}, { finalizers: ["x/y", "x/z"] }));
    store.delete(keyOf(stored));
    const deleting = store.get(keyOf(stored)) ?? stored;
    const one = store.update({ ...deleting, metadata: { ...deleting.metadata, finalizers: ["x/z"] } });
    expect(store.get(keyOf(stored))).toBe(one);
    store.update({ ...one, metadata: { ...one.metadata, finalizers: [] } });
    expect(store.get(keyOf(stored))).toBeUndefined();
  });

  it("refuses new objects in a namespace that is being deleted", () => {
    const store = openStore(":memory:");
    const namespace = store.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    store.delete(keyOf(namespace));
    expect(store.get(keyOf(namespace))?.status).toEqual({ phase: "Terminating" });
    expect(codeOf(() => store.create(configMap("a", {}, { namespace: "shop" })))).toBe("forbidden");
  });
});

describe("listeners", () => {
  it("hear of changes in order, after they are visible, and never inside each other", () => {
    const store = openStore(":memory:");
    const heard: string[] = [];
    let depth = 0;
    store.subscribe(({ type, object, version }) => {
      expect(++depth).toBe(1);
      heard.push(`first ${type} ${object.metadata.name} ${version}`);
      if (object.metadata.name === "a") store.create(configMap("b"));
      depth--;
    });
    const stop = store.subscribe(({ object }) => {
      heard.push(`second ${object.metadata.name} ${store.get(keyOf(object)) === object}`);
    });
    store.create(configMap("a"));
    stop();
    store.create(configMap("c"));
    expect(heard).toEqual(["first added a 2", "second a true", "first added b 3", "second b true", "first added c 4"]);
  });

  it("hear of a transaction once it is over, with what was recorded in it", () => {
    const store = openStore(":memory:");
    const heard: unknown[] = [];
    store.subscribe(({ type, record }) => heard.push([type, record?.owner ?? null]));
    store.transaction(() => {
      const stored = store.create(configMap("a"));
      store.setApplied(keyOf(stored), { owner: "app", object: configMap("a") });
      expect(heard).toEqual([]);
    });
    store.delete(keyOf(configMap("a")));
    expect(heard).toEqual([
      ["added", "app"],
      ["deleted", "app"],
    ]);
  });
});

describe("transactions", () => {
  it("take everything back when they fail, those inside too", () => {
    const store = openStore();
    const stored = store.create(configMap("a", { x: "1" }));
    store.setMeta("m", "1");
    const heard: StoreEvent[] = [];
    store.subscribe((event) => heard.push(event));
    const before = { version: store.version, objects: store.list({}) };
    const work = (): void => {
      store.update({ ...stored, data: { x: "2" } });
      store.setMeta("m", "2");
      store.setMeta("n", "1");
      store.setApplied(keyOf(stored), { owner: "app", object: stored });
      store.transaction(() => store.create(configMap("b")));
      store.delete(keyOf(stored));
      store.flush();
      throw new RangeError("stop");
    };
    expect(() => store.transaction(work)).toThrow(RangeError);
    expect({ version: store.version, objects: store.list({}) }).toEqual(before);
    expect([store.meta("m"), store.meta("n"), store.applied(keyOf(stored)), heard]).toEqual(["1", undefined, null, []]);
    store.close();
    expect(openStore().list({})).toEqual(before.objects);
  });

  it("keep the outer part when an inner one fails and is caught", () => {
    const store = openStore(":memory:");
    const names: string[] = [];
    store.subscribe(({ object }) => names.push(object.metadata.name));
    store.transaction(() => {
      store.create(configMap("outer"));
      const inner = (): void => {
        store.create(configMap("inner"));
        store.create(configMap("inner"));
      };
      expect(codeOf(() => store.transaction(inner))).toBe("conflict");
    });
    expect(names).toEqual(["outer"]);
    expect(store.list({ kind: "ConfigMap" }).map(({ metadata }) => metadata.name)).toEqual(["outer"]);
  });

  it("can be rehearsed", () => {
    const store = openStore(":memory:");
    const { version } = store;
    expect(store.rehearse(() => store.create(configMap("a"))).metadata.name).toBe("a");
    expect([store.version, store.list({ kind: "ConfigMap" })]).toEqual([version, []]);
  });
});

describe("the database", () => {
  it("has the mode 0600 in a directory of mode 0700", () => {
    const store = openStore();
    store.create(configMap("a"));
    store.flush();
    const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
    expect(mode(join(directory, "state"))).toBe("700");
    for (const suffix of ["", "-wal", "-shm"]) expect(mode(`${store.path}${suffix}`)).toBe("600");
  });

  it("gets the writes of one turn at its end, all at once", async () => {
    const store = openStore();
    await clock.advance(0);
    const reader = new DatabaseSync(store.path, { readOnly: true });
    const rows = (): number => Number(reader.prepare("SELECT count(*) AS n FROM objects").get()?.n);
    store.create(configMap("a"));
    store.create(configMap("b"));
    expect(rows()).toBe(NAMESPACE_COUNT);
    await clock.advance(0);
    expect(rows()).toBe(NAMESPACE_COUNT + 2);
    store.create(configMap("c"));
    store.flush();
    expect(rows()).toBe(NAMESPACE_COUNT + 3);
    reader.close();
  });

  it("gives back objects, versions, records and small values", () => {
    const store = openStore();
    const stored = store.create(configMap("a", { "": "empty key", __proto__x: "y" }));
    store.setApplied(keyOf(stored), { owner: "app", object: configMap("a") });
    store.setMeta("m", "7");
    store.delete(keyOf(store.create(configMap("gone"))));
    const { version } = store;
    store.close();
    const again = openStore();
    expect(again.version).toBe(version);
    expect(again.get(keyOf(stored))).toEqual(stored);
    expect(again.byUid(stored.metadata.uid ?? "")).toBe(again.get(keyOf(stored)));
    expect(again.applied(keyOf(stored))).toEqual({ owner: "app", object: configMap("a") });
    expect([again.meta("m"), again.meta("n")]).toEqual(["7", undefined]);
    expect(again.list({ kind: "ConfigMap" })).toHaveLength(1);
    expect(again.create(configMap("b")).metadata.resourceVersion).toBe(String(version + 1));
    expect(Object.isFrozen(again.get(keyOf(stored))?.data)).toBe(true);
  });

  it("of a newer trueup is refused and left as it is", () => {
    const store = openStore();
    store.close();
    const db = new DatabaseSync(store.path);
    db.exec("PRAGMA user_version = 99");
    db.close();
    expect(codeOf(() => openStore())).toBe("invalid");
    expect(() => openStore()).toThrow(/version must be at most 1: it is 99/);
  });

  it("that is none is an error that names the file", () => {
    expect(codeOf(() => openStore(directory))).toBe("io");
    expect(() => openStore(directory)).toThrow(directory);
  });

  it("that cannot be written is said, and keeps nothing back once it can be", async () => {
    const path = join(directory, "cluster.db");
    const errors: unknown[] = [];
    const store = new SqliteObjectStore(path, {
      clock,
      random: seededRandom(1),
      onError: (error) => errors.push(error),
    });
    open.push(store);
    store.flush();
    const other = new DatabaseSync(path);
    other.exec("DROP TABLE objects");
    store.create(configMap("a"));
    expect(codeOf(() => store.flush())).toBe("io");
    await clock.advance(0);
    expect(errors).toHaveLength(1);
    other.exec("CREATE TABLE objects (key TEXT PRIMARY KEY NOT NULL, object TEXT NOT NULL)");
    await clock.advance(1_000);
    expect(other.prepare("SELECT key FROM objects").all()).toEqual([{ key: "/ConfigMap/default/a" }]);
    other.close();
  });

  it("refuses writes after it is closed", () => {
    const store = openStore(":memory:");
    store.close();
    expect(codeOf(() => store.create(configMap("a")))).toBe("unavailable");
  });

  it.each([3, 20, 150])("is whole after kill -9 of its process in mid-write, %i groups in", async (groups) => {
    const path = join(directory, "cluster.db");
    const writer = resolve(import.meta.dirname, "../fixtures/cluster/store-writer.ts");
    const child = spawn(process.execPath, [writer, path], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    let told = 0;
    let rest = "";
    try {
      for await (const chunk of child.stdout) {
        const lines = (rest + String(chunk)).split("\n");
        rest = lines.pop() ?? "";
        told = Number(lines.at(-1) ?? told);
        if (told >= groups) break;
      }
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
    const store = openStore(path);
    const left = store.get(keyOf(configMap("left")));
    const round = Number((left?.data as { round: string } | undefined)?.round);
    // What was told to others is there, and each group is there as a whole.
    expect(round).toBeGreaterThanOrEqual(told);
    expect(store.get(keyOf(configMap("right")))?.data).toEqual({ round: String(round) });
    expect(store.meta("round")).toBe(String(round));
    expect(store.applied(keyOf(configMap("left")))?.object.data).toEqual({ round: String(round) });
    const kept = store.list({ kind: "ConfigMap" }).filter(({ metadata }) => metadata.name.startsWith("round-"));
    expect(kept.map(({ metadata }) => metadata.name)).toEqual([`round-${round}`]);
    const versions = store.list({}).map(({ metadata }) => Number(metadata.resourceVersion));
    expect(store.version).toBeGreaterThanOrEqual(Math.max(...versions));
  });
});

// ---- Against a naive model ------------------------------------------------------------------------------------------

type Operation =
  | { do: "create"; name: number; namespace: number; owner: number; kind: number }
  | { do: "update"; pick: number; value: number }
  | { do: "status"; pick: number; value: number }
  | { do: "delete" | "remove" | "apply"; pick: number }
  | { do: "fail" }
  | { do: "flush" };

const small = fc.nat({ max: 7 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("create" as const),
      name: small,
      namespace: small,
      owner: small,
      kind: small,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("update" as const), pick: fc.nat(), value: small }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("status" as const), pick: fc.nat(), value: small }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("delete" as const, "remove" as const, "apply" as const),
      pick: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Operation>({ do: "fail" }, { do: "flush" }) },
);

function perform(store: SqliteObjectStore, operation: Operation): void {
  const objects = store.list({}).filter(({ kind }) => kind !== "Namespace");
  if (operation.do === "flush") {
    store.flush();
    return;
  }
  if (operation.do === "fail") {
    store.transaction((): void => {
      for (const object of objects.slice(0, 3)) store.delete(keyOf(object), { gracePeriodSeconds: 0 });
      store.create(configMap("fail"));
      throw new TrueupError("aborted", "taken back");
    });
    return;
  }
  if (operation.do === "create") {
    const owner = objects[operation.owner];
    const uid = owner?.metadata.uid ?? "";
    const ownerReferences =
      owner === undefined
        ? []
        : [{ apiVersion: "v1", kind: owner.kind, name: owner.metadata.name, uid, controller: true }];
    const base = operation.kind < 4 ? configMap("") : pod("");
    store.create({
      ...base,
      metadata: {
        name: `n${operation.name}`,
        namespace: operation.namespace < 4 ? "default" : "other",
        ownerReferences,
      },
    });
    return;
  }
  const object = objects[operation.pick % Math.max(1, objects.length)];
  if (object === undefined) return;
  const { metadata } = object;
  if (operation.do === "update") {
    const ownerReferences = operation.value === 0 ? [] : metadata.ownerReferences;
    store.update({
      ...object,
      metadata: { ...metadata, labels: { v: String(operation.value) }, ...(ownerReferences && { ownerReferences }) },
    });
  } else if (operation.do === "status") store.updateStatus({ ...object, status: { value: operation.value } });
  else if (operation.do === "delete") store.delete(keyOf(object));
  else if (operation.do === "remove") store.remove(keyOf(object), metadata.uid ?? "");
  else store.setApplied(keyOf(object), { owner: "app", object });
}

/** All that can be asked of a store, answered by looking at every object. */
function naive(objects: readonly KubeObject[]): (store: SqliteObjectStore) => void {
  return (store) => {
    const sort = (list: readonly KubeObject[]): string[] => list.map((object) => keyOf(object)).sort();
    for (const object of objects) {
      expect(store.get(keyOf(object))).toEqual(object);
      expect(store.byUid(object.metadata.uid ?? "")).toEqual(object);
      const dependents = objects.filter((other) => controllerOf(other)?.uid === object.metadata.uid);
      expect(sort(store.controlledBy(object.metadata.uid ?? ""))).toEqual(sort(dependents));
    }
    for (const kind of [undefined, "ConfigMap", "Pod", "Namespace", "None"]) {
      for (const group of [undefined, "", "apps"]) {
        for (const namespace of [undefined, "", "default", "other"]) {
          const query = {
            ...(kind !== undefined && { kind }),
            ...(group !== undefined && { group }),
            ...(namespace !== undefined && { namespace }),
          };
          const expected = objects.filter((object) => {
            const id = idOf(object);
            return (
              (kind ?? id.kind) === id.kind &&
              (group ?? id.group) === id.group &&
              (namespace ?? id.namespace) === id.namespace
            );
          });
          expect(sort(store.list(query))).toEqual(sort(expected));
        }
      }
    }
  };
}

describe("any sequence of operations", () => {
  it("keeps the indexes equal to a naive model, tells listeners just that, and is what a reopened database shows", () => {
    let run = 0;
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const path = join(directory, `property-${run++}.db`);
        const store = openStore(path);
        store.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } });
        const model = new Map<ObjectKey, KubeObject>(store.list({}).map((object) => [keyOf(object), object]));
        let version = store.version;
        store.subscribe((event) => {
          expect(event.version).toBeGreaterThan(version);
          version = event.version;
          expect(event.previous).toEqual(model.get(keyOf(event.object)));
          if (event.type === "deleted") model.delete(keyOf(event.object));
          else model.set(keyOf(event.object), event.object);
        });
        for (const step of operations) codeOf(() => perform(store, step));
        const check = naive([...model.values()]);
        expect(store.list({})).toHaveLength(model.size);
        expect(store.version).toBe(version);
        check(store);
        const records = [...model.keys()].map((key) => store.applied(key));
        store.close();
        const again = openStore(path);
        expect(again.list({})).toHaveLength(model.size);
        expect(again.version).toBe(version);
        check(again);
        expect([...model.keys()].map((key) => again.applied(key))).toEqual(records);
        again.close();
      }),
      { numRuns: 60 },
    );
  });
});
