import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ObjectCache } from "../../../src/backend/kubernetes/cache.ts";
import { isShortened } from "../../../src/backend/kubernetes/trim.ts";
import { isNewer } from "../../../src/backend/kubernetes/versions.ts";
import type { LoggedChange } from "../../../src/backend/watch-log.ts";
import type { KubeObject, ObjectId } from "../../../src/model/object.ts";
import { configMap as shape } from "./scripted-api.ts";

const SCOPE = { group: "", kind: "ConfigMap", namespace: "" };

function configMap(...args: Parameters<typeof shape>): KubeObject {
  return shape(...args) as unknown as KubeObject;
}

function idOf(name: string, namespace = "default"): ObjectId {
  return { group: "", kind: "ConfigMap", namespace, name };
}

/** A member says its set in a label; a parent is a ConfigMap with the data `set` and `app`. What managedFields prove is others' business. */
function makeCache(): { cache: ObjectCache; changes: string[] } {
  const cache = new ObjectCache({
    startVersion: 100,
    appliedPart: ({
      metadata: { managedFields },
      ...object
    }: KubeObject & { metadata: { managedFields?: unknown } }) =>
      managedFields === undefined ? null : ({ ...object, metadata: {} } as unknown as KubeObject),
    membershipOf: (object) => object.metadata.labels?.set,
    applySetOf: ({ data }) => {
      const { set, app } = (data ?? {}) as { set?: string; app?: string };
      return set === undefined || app === undefined ? null : { id: set, app };
    },
  });
  const changes: string[] = [];
  cache.subscribe(({ type, observed }) => {
    const { name, resourceVersion } = observed.object.metadata;
    changes.push(`${type} ${name}@${resourceVersion}${observed.owner === null ? "" : ` of ${observed.owner}`}`);
  });
  return { cache, changes };
}

function replace(cache: ObjectCache, objects: KubeObject[], version: string | null, namespace = ""): void {
  const kept = objects.map((object) => cache.keep(object));
  cache.replace({ ...SCOPE, namespace }, kept, version);
}

describe("versions", () => {
  it.each([
    ["10", "9", true],
    ["9", "10", false],
    ["10", "10", false],
    ["100000000000000000001", "100000000000000000000", true],
    ["0010", "9", true],
    ["abc", "9", false],
    ["9", "abc", false],
    ["", "", false],
  ])("%s is newer than %s: %s", (a, b, expected) => {
    expect(isNewer(a, b)).toBe(expected);
  });
});

describe("what is kept", () => {
  it("is the object without kubectl's copy of it; who set which field is told to who asks", () => {
    const { cache } = makeCache();
    const managedFields = [{ manager: "trueup", operation: "Apply", fieldsV1: { "f:data": {} } }];
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}", mine: "1" };
    cache.put(configMap("a", 5, { metadata: { managedFields, annotations } }));
    const observed = cache.get(idOf("a"));
    expect(observed?.object.metadata).toEqual({
      name: "a",
      namespace: "default",
      uid: "uid-a",
      resourceVersion: "5",
      annotations: { mine: "1" },
    });
    expect(observed?.applied).not.toBeNull();
    const metadata = observed?.object.metadata as { managedFields?: unknown };
    expect([metadata.managedFields, JSON.stringify(metadata)]).toEqual([
      managedFields,
      expect.not.stringContaining("f:"),
    ]);
  });

  it("of contents is what is ours, small, or a Secret's that may have to be masked", () => {
    const { cache } = makeCache();
    const long = { x: "x".repeat(40_000) };
    const managedFields: never[] = [];
    const rows: [string, Partial<KubeObject>, boolean][] = [
      ["small", { data: { x: "1" } }, true],
      ["large", { data: long }, false],
      ["binary", { binaryData: long }, false],
      ["ours", { data: long, metadata: { ...configMap("ours", 1).metadata, managedFields } as never }, true],
      ["secret", { kind: "Secret", type: "Opaque", data: long }, true],
      ["release", { kind: "Secret", type: "helm.sh/release.v1", data: { release: "H4sI" } }, false],
      ["ledger", { kind: "Secret", type: "trueup/ledger", data: { e1: "H4sI" } }, false],
      ["other", { apiVersion: "k8s.example/v1", data: long }, true],
    ];
    for (const [name, more, expected] of rows) {
      const { object } = cache.put({ ...configMap(name, 1, { uid: name }), ...more });
      const isWhole = "data" in object || "binaryData" in object;
      expect({ name, isWhole, isShortened: isShortened(object) }).toEqual({
        name,
        isWhole: expected,
        isShortened: !expected,
      });
    }
  });

  it("is found by kind, namespace, name and owner, alone and together", () => {
    const { cache } = makeCache();
    const labels = { set: "s1" };
    cache.put(configMap("parent", 1, { data: { set: "s1", app: "web" } }));
    cache.put(configMap("a", 2, { metadata: { labels } }));
    cache.put(configMap("a", 3, { uid: "other", namespace: "other", metadata: { labels } }));
    cache.put({ ...configMap("a", 4, { uid: "uid-s" }), kind: "Secret" });
    const found = (query: Parameters<ObjectCache["select"]>[0]): string[] =>
      cache.select(query).map(({ object: { kind, metadata } }) => `${kind} ${metadata.namespace}/${metadata.name}`);
    const rows: [Parameters<ObjectCache["select"]>[0], string[]][] = [
      [{}, ["ConfigMap default/parent", "ConfigMap default/a", "ConfigMap other/a", "Secret default/a"]],
      [{ kind: "Secret" }, ["Secret default/a"]],
      [{ group: "apps" }, []],
      [{ group: "", kind: "ConfigMap", namespace: "other" }, ["ConfigMap other/a"]],
      [{ name: "a", namespace: "default" }, ["ConfigMap default/a", "Secret default/a"]],
      [{ owner: "web" }, ["ConfigMap default/a", "ConfigMap other/a"]],
      [{ ...idOf("a"), owner: "web" }, ["ConfigMap default/a"]],
      [{ ...idOf("a"), owner: "nobody" }, []],
      [{ ...idOf("none") }, []],
      [{ owner: "nobody" }, []],
    ];
    for (const [query, expected] of rows) expect({ query, found: found(query) }).toEqual({ query, found: expected });
  });
});

describe("writes and events", () => {
  it("reads its own writes: an older event changes nothing, the write's own event neither, a newer one does", () => {
    const { cache, changes } = makeCache();
    replace(cache, [configMap("a", 5)], "10");
    cache.put(configMap("a", 12, { data: { x: "mine" } }));
    const written = cache.get(idOf("a"));
    cache.event("modified", configMap("a", 11, { data: { x: "older" } }));
    cache.event("modified", configMap("a", 12, { data: { x: "mine" } }));
    expect(cache.get(idOf("a"))).toBe(written);
    cache.event("modified", configMap("a", 13, { data: { x: "newer" } }));
    expect(cache.get(idOf("a"))?.object.data).toEqual({ x: "newer" });
    expect(changes).toEqual(["added a@5", "modified a@12", "modified a@13"]);
  });

  it("keeps what a watch told, when the answer of an older write comes later", () => {
    const { cache } = makeCache();
    cache.event("added", configMap("a", 13, { data: { x: "newer" } }));
    expect(cache.put(configMap("a", 12, { data: { x: "mine" } })).object.data).toEqual({ x: "newer" });
  });

  it("keeps an object that was made again under its name, when the end of the former one is told late", () => {
    const { cache, changes } = makeCache();
    cache.event("added", configMap("a", 5, { uid: "first" }));
    cache.put(configMap("a", 12, { uid: "second" }));
    cache.event("deleted", configMap("a", 11, { uid: "first" }));
    expect(cache.get(idOf("a"))?.object.metadata.uid).toBe("second");
    expect(changes).toEqual(["added a@5", "deleted a@5", "added a@12"]);
  });

  it("does not bring back what a write ended: by an older event, or by a list that was taken before", () => {
    const { cache, changes } = makeCache();
    replace(cache, [configMap("a", 5)], "10");
    cache.remove(idOf("a"), "uid-a");
    cache.event("modified", configMap("a", 11));
    replace(cache, [configMap("a", 11)], "11");
    expect(cache.select({})).toEqual([]);
    expect(changes).toEqual(["added a@5", "deleted a@5"]);
    // Told by the watch at last; another object of the name is welcome before and after.
    cache.event("deleted", configMap("a", 12));
    cache.event("added", configMap("a", 14, { uid: "second" }));
    expect(cache.get(idOf("a"))?.object.metadata.uid).toBe("second");
  });

  it("does not bring back what was made and ended before the answer to its making came", () => {
    const { cache } = makeCache();
    replace(cache, [], "10");
    cache.event("added", configMap("a", 12));
    cache.event("deleted", configMap("a", 13));
    expect(cache.put(configMap("a", 12)).object.metadata.name).toBe("a");
    replace(cache, [], "20");
    cache.put(configMap("b", 15));
    expect(cache.select({})).toEqual([]);
    cache.put(configMap("b", 21));
    expect(cache.select({})).toHaveLength(1);
  });

  it("takes nothing out when the object of the name is another one", () => {
    const { cache } = makeCache();
    cache.put(configMap("a", 5, { uid: "second" }));
    cache.remove(idOf("a"), "first");
    cache.event("deleted", configMap("a", 9, { uid: "first" }));
    expect(cache.get(idOf("a"))?.object.metadata.uid).toBe("second");
  });
});

describe("a list", () => {
  it("ends what is not in it, but not what was written after it was taken, nor other namespaces and kinds", () => {
    const { cache, changes } = makeCache();
    replace(cache, [configMap("a", 5), configMap("b", 6)], "10");
    cache.put(configMap("later", 12));
    cache.put({ ...configMap("secret", 3), kind: "Secret" });
    replace(cache, [configMap("b", 6)], "11");
    expect(changes.splice(0)).toEqual(["added a@5", "added b@6", "added later@12", "added secret@3", "deleted a@5"]);
    replace(cache, [], "20", "other");
    expect(changes).toEqual([]);
    replace(cache, [], "20", "default");
    expect(changes).toEqual(["deleted b@6", "deleted later@12"]);
  });

  it("says nothing of what it finds as it was, and gives the very same answer", () => {
    const { cache, changes } = makeCache();
    replace(cache, [configMap("a", 5)], "10");
    const before = cache.get(idOf("a"));
    replace(cache, [configMap("a", 5)], "20");
    expect([cache.get(idOf("a")) === before, changes]).toEqual([true, ["added a@5"]]);
  });

  it("does not undo a write that was answered while its pages came", () => {
    const { cache } = makeCache();
    replace(cache, [configMap("a", 5)], "10");
    const kept = [cache.keep(configMap("a", 5))];
    cache.put(configMap("a", 12, { data: { x: "mine" } }));
    cache.replace(SCOPE, kept, "11");
    expect(cache.get(idOf("a"))?.object.data).toEqual({ x: "mine" });
  });

  it("counts, whatever its versions are, when the server's history began anew", () => {
    const { cache } = makeCache();
    replace(cache, [configMap("a", 500), configMap("b", 600)], "1000");
    replace(cache, [configMap("a", 5, { data: { x: "restored" } })], null);
    expect(cache.select({}).map(({ object }) => [object.metadata.name, object.data])).toEqual([
      ["a", { x: "restored" }],
    ]);
  });

  it("puts one version of the API in the place of another, though the object was not written", () => {
    const { cache } = makeCache();
    const scaler = (version: string): KubeObject => ({
      ...configMap("a", 5),
      apiVersion: `autoscaling/${version}`,
      kind: "HorizontalPodAutoscaler",
    });
    cache.put(scaler("v1"));
    cache.event("modified", scaler("v2"));
    expect(cache.select({ group: "autoscaling" }).map(({ object }) => object.apiVersion)).toEqual(["autoscaling/v2"]);
  });
});

describe("owners", () => {
  const member = (version: number, set = "s1"): KubeObject =>
    configMap("a", version, { metadata: { labels: { set } } });
  const parent = (version: number, app: string): KubeObject =>
    configMap("parent", version, { data: { set: "s1", app } });

  it("follow the parent of the set, whichever comes first; a set without a known parent is somebody's all the same", () => {
    const { cache, changes } = makeCache();
    cache.event("added", member(1));
    cache.event("added", parent(2, "web"));
    cache.event("modified", parent(3, "shop"));
    cache.event("deleted", parent(4, "shop"));
    expect(changes).toEqual([
      "added a@1 of s1",
      "added parent@2",
      "modified a@1 of web",
      "modified parent@3",
      "modified a@1 of shop",
      "deleted parent@3",
      "modified a@1 of s1",
    ]);
    expect(cache.select({ owner: "shop" })).toEqual([]);
    expect(cache.select({ owner: "s1" })).toHaveLength(1);
  });

  it("change with the object's label, and end with the object", () => {
    const { cache } = makeCache();
    cache.put(parent(1, "web"));
    cache.put(member(2));
    expect(cache.select({ owner: "web" })).toHaveLength(1);
    cache.event("modified", configMap("a", 3));
    expect(cache.select({ owner: "web" })).toEqual([]);
    expect(cache.get(idOf("a"))?.owner).toBeNull();
    cache.event("modified", member(4));
    cache.remove(idOf("a"), "uid-a");
    expect(cache.select({ owner: "web" })).toEqual([]);
  });
});

describe("any history", () => {
  /** One thing that happens: a write by somebody else or by us, the next event, a list, or a list whose pages take a while. */
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant("write"), name: fc.constantFrom("a", "b", "c"), ours: fc.boolean() }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("delete"), name: fc.constantFrom("a", "b", "c"), ours: fc.boolean() }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("event") }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("answer") }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("list") }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("end list") }) },
  ) as fc.Arbitrary<{
    do: "write" | "delete" | "event" | "answer" | "list" | "end list";
    name?: string;
    ours?: boolean;
  }>;

  it("never goes back behind what a write answered, and ends as the server is", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const server = new ModelServer();
        const { cache } = makeCache();
        const log = replayOf(cache);
        for (const each of steps) {
          server.play(cache, each);
          // What we wrote is what we read, or something newer.
          for (const [name, version] of server.ours) {
            const seen = cache.get(idOf(name))?.object.metadata.resourceVersion;
            if (version === "gone")
              expect(server.deletedUids.has(cache.get(idOf(name))?.object.metadata.uid ?? "")).toBe(false);
            else if (seen !== undefined) expect(Number(seen)).toBeGreaterThanOrEqual(Number(version));
            else expect(Number(server.lastDeletion(name))).toBeGreaterThan(Number(version));
          }
        }
        server.finish(cache);
        const found = cache
          .select({})
          .map(({ object: { metadata } }) => `${metadata.name}@${metadata.resourceVersion}`);
        expect(found.sort()).toEqual(server.contents());
        expect(log.contents()).toEqual(server.contents());
      }),
    );
  });
});

/** What a watcher of the cache knows, by its events alone. */
function replayOf(cache: ObjectCache): { contents: () => string[] } {
  const known = new Map<string, LoggedChange>();
  cache.subscribe((change) => {
    const { name } = change.observed.object.metadata;
    if ((change.type === "added") === known.has(name)) throw new Error(`${change.type} ${name} out of turn`);
    if (change.type === "deleted") known.delete(name);
    else known.set(name, change);
  });
  const contents = (): string[] =>
    [...known.values()]
      .map(({ observed: { object } }) => `${object.metadata.name}@${object.metadata.resourceVersion}`)
      .sort();
  return { contents };
}

/** A server with its history: events come in order, later than the answers of our own writes; lists are of one moment. */
class ModelServer {
  readonly #objects = new Map<string, KubeObject>();
  #events: { type: "added" | "modified" | "deleted"; object: KubeObject; version: number }[] = [];
  #answers: (() => void)[] = [];
  #version = 10;
  #uids = 0;
  #list: { kept: ReturnType<ObjectCache["keep"]>[]; version: number } | null = null;
  readonly #deletions = new Map<string, number>();
  readonly deletedUids = new Set<string>();
  /** Name to the version of our last write, or `gone` after our last deletion. */
  readonly ours = new Map<string, string>();

  play(cache: ObjectCache, step: { do: string; name?: string; ours?: boolean }): void {
    const { name = "", ours = false } = step;
    if (step.do === "write") this.#write(cache, name, ours);
    else if (step.do === "delete") this.#delete(cache, name, ours);
    else if (step.do === "event") this.#event(cache);
    else if (step.do === "answer") this.#answer();
    else if (step.do === "list") this.#beginList(cache);
    else this.#endList(cache);
  }

  finish(cache: ObjectCache): void {
    this.#endList(cache);
    while (this.#events.length > 0) this.#event(cache);
    while (this.#answers.length > 0) this.#answer();
  }

  contents(): string[] {
    return [...this.#objects.values()].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
  }

  lastDeletion(name: string): number {
    return this.#deletions.get(name) ?? 0;
  }

  #write(cache: ObjectCache, name: string, ours: boolean): void {
    const before = this.#objects.get(name);
    const object = configMap(name, ++this.#version, { uid: before?.metadata.uid ?? `uid-${++this.#uids}` });
    this.#objects.set(name, object);
    this.#events.push({ type: before === undefined ? "added" : "modified", object, version: this.#version });
    const version = String(this.#version);
    if (ours) this.#answers.push(() => this.#hear(name, version, () => cache.put(object)));
  }

  /** Our writes are answered in order, at any time after they were made. */
  #answer(): void {
    this.#answers.shift()?.();
  }

  #hear(name: string, result: string, take: () => void): void {
    take();
    this.ours.set(name, result);
  }

  #delete(cache: ObjectCache, name: string, ours: boolean): void {
    const before = this.#objects.get(name);
    if (before === undefined) return;
    this.#objects.delete(name);
    const uid = before.metadata.uid ?? "";
    const object = configMap(name, ++this.#version, { uid });
    this.#events.push({ type: "deleted", object, version: this.#version });
    this.#deletions.set(name, this.#version);
    // One deletes what one knows.
    if (!ours || cache.get(idOf(name))?.object.metadata.uid !== uid) return;
    this.#answers.push(() => {
      this.deletedUids.add(uid);
      this.#hear(name, "gone", () => cache.remove(idOf(name), uid));
    });
  }

  /** No event comes while a list is under way: the watch begins after it. */
  #event(cache: ObjectCache): void {
    const next = this.#list === null ? this.#events.shift() : undefined;
    if (next !== undefined) cache.event(next.type, next.object);
  }

  #beginList(cache: ObjectCache): void {
    this.#list ??= { kept: [...this.#objects.values()].map((object) => cache.keep(object)), version: this.#version };
  }

  #endList(cache: ObjectCache): void {
    if (this.#list === null) return;
    const { kept, version } = this.#list;
    this.#list = null;
    cache.replace(SCOPE, kept, String(version));
    this.#events = this.#events.filter((event) => event.version > version);
  }
}
