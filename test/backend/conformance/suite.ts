/**
 * What every backend must do, as tests that anybody can run against theirs: only the types of `src/model` are used.
 *
 *     backendConformance("mine", async () => ({ backend, close }));
 *
 * A backend may lack a capability; it says so in its capabilities, and the cases that need it then check that it refuses.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ApplyRequest, Backend, ListQuery, WatchEvent } from "../../../src/model/backend.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import { idOf, type KubeObject, type ObjectId } from "../../../src/model/object.ts";
import type { Observed } from "../../../src/model/plan.ts";

export interface BackendUnderTest {
  backend: Backend;
  /** A Namespace that is there, that no app applied, and that is empty but for what the backend itself keeps in each; `default` when absent. */
  namespace?: string;
  /** Ends it; reads fail afterwards. */
  close: () => Promise<void>;
}

const APP = "conformance";
const OTHER_APP = "conformance-other";
const NO_ABORT = new AbortController().signal;

/** Namespace of the test that runs. */
let home = "default";

function configMap(
  name: string,
  data: Record<string, string>,
  metadata: Partial<KubeObject["metadata"]> = {},
): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: home, ...metadata }, data };
}

function deployment(spec: Record<string, unknown> = {}, container: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "conformance", namespace: home },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "conformance" } },
      template: {
        metadata: { labels: { app: "conformance" } },
        spec: { containers: [{ name: "web", image: "web:v1", ...container }] },
      },
      ...spec,
    },
  };
}

/** Code of the error that work fails with; `done` when it does not fail, a text when it is no error of ours. */
async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "done";
  } catch (error) {
    return error instanceof TrueupError ? error.code : `thrown: ${String(error)}`;
  }
}

async function take<T>(source: AsyncIterable<T>, enough: (item: T) => boolean): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) {
    items.push(item);
    if (enough(item)) break;
  }
  return items;
}

function summary(event: WatchEvent): string {
  return event.type === "bookmark" ? "bookmark" : `${event.type} ${event.observed.object.metadata.name}`;
}

/** Defines the suite. Call it at the top level of a test file. */
export function backendConformance(name: string, makeBackend: () => Promise<BackendUnderTest>): void {
  describe(`backend ${name}`, () => {
    let backend: Backend;
    let close: () => Promise<void>;
    let isClosed: boolean;

    beforeEach(async () => {
      const made = await makeBackend();
      backend = made.backend;
      home = made.namespace ?? "default";
      isClosed = false;
      close = async () => {
        if (!isClosed) await made.close();
        isClosed = true;
      };
    });

    afterEach(() => close());

    const apply = (desired: KubeObject, owner = APP) => backend.apply({ desired, owner }, NO_ABORT);
    const list = (query: ListQuery) => backend.list(query, NO_ABORT);
    const read = async (id: ObjectId): Promise<Observed | undefined> => (await list(id)).items[0];
    const names = async (query: ListQuery): Promise<string[]> =>
      (await list(query)).items.map(({ object }) => object.metadata.name).sort();

    const context: Context = { backend: () => backend, close: () => close(), apply, list, read, names };
    describe("capabilities", () => capabilityCases(context));
    describe("list", () => listCases(context));
    describe("apply", () => applyCases(context));
    describe("ownership", () => ownershipCases(context));
    describe("dry run", () => dryRunCases(context));
    describe("delete", () => deleteCases(context));
    describe("watch", () => watchCases(context));
    describe("abort and failure", () => failureCases(context));
  });
}

interface Context {
  backend: () => Backend;
  close: () => Promise<void>;
  apply: (desired: KubeObject, owner?: string) => ReturnType<Backend["apply"]>;
  list: (query: ListQuery) => ReturnType<Backend["list"]>;
  read: (id: ObjectId) => Promise<Observed | undefined>;
  names: (query: ListQuery) => Promise<string[]>;
}

function capabilityCases({ backend, apply }: Context): void {
  it("have a name, and name the kinds that can be applied as group/Kind", () => {
    const { capabilities } = backend();
    expect(capabilities.name).not.toBe("");
    for (const kind of capabilities.kinds ?? []) expect(kind).toMatch(/^[a-z0-9.-]*\/[A-Z][A-Za-z]*$/);
  });

  it("are honest about kinds: one that is not named is refused, and the ones used here are not", async () => {
    const { kinds } = backend().capabilities;
    if (kinds !== null) {
      const unknown = {
        apiVersion: "conformance.example/v1",
        kind: "Gadget",
        metadata: { name: "g", namespace: home },
      };
      expect(kinds).not.toContain("conformance.example/Gadget");
      expect(await codeOf(() => apply(unknown))).toBe("invalid");
    }
    expect((await apply(configMap("a", {}))).action).toBe("create");
    expect((await apply(deployment())).action).toBe("create");
  });
}

function listCases({ apply, list, names }: Context): void {
  it("says absent only for what is not there", async () => {
    expect((await list({ group: "", kind: "ConfigMap", namespace: home, name: "none" })).items).toEqual([]);
  });

  it("narrows by kind, group, namespace, name and owner, alone and together", async () => {
    const other = `${home}-other`;
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: other } });
    await apply(configMap("a", {}));
    await apply(configMap("b", {}), OTHER_APP);
    await apply(configMap("c", {}, { namespace: other }));
    await apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "a", namespace: home } });
    // What a cluster itself puts into each Namespace is no business of an app.
    const ours = ["a", "b", "c"];
    const rows: [ListQuery, string[]][] = [
      [{ kind: "ConfigMap", owner: APP }, ["a", "c"]],
      [{ kind: "ConfigMap", owner: OTHER_APP }, ["b"]],
      [{ kind: "ConfigMap", owner: "nobody" }, []],
      [{ kind: "ConfigMap", group: "", namespace: other }, ["c"]],
      [{ kind: "ConfigMap", group: "apps" }, []],
      [{ kind: "ConfigMap", name: "a", namespace: home }, ["a"]],
      [{ namespace: home, name: "a", owner: APP }, ["a", "a"]],
      [{ group: "", kind: "ConfigMap", namespace: home, name: "b", owner: APP }, []],
      [{ owner: APP }, ["a", "a", "c", other]],
    ];
    for (const [query, expected] of rows) {
      const found = (await names(query)).filter((name) => ours.includes(name) || query.owner !== undefined);
      expect({ query, found }).toEqual({ query, found: expected });
    }
  });

  it("tells who applied an object and what was applied", async () => {
    await apply(configMap("a", { x: "1" }));
    const { items, version } = await list({ kind: "ConfigMap", namespace: home, name: "a" });
    expect(version).not.toBe("");
    expect(items).toHaveLength(1);
    expect(items[0]?.owner).toBe(APP);
    expect(items[0]?.applied).toMatchObject({ kind: "ConfigMap", metadata: { name: "a" }, data: { x: "1" } });
    const [namespace] = (await list({ kind: "Namespace", name: home })).items;
    expect([namespace?.owner, namespace?.applied]).toEqual([null, null]);
  });
}

function applyCases({ apply, read, names }: Context): void {
  it("creates, then updates, then leaves as it is", async () => {
    const first = await apply(configMap("a", { x: "1" }));
    const second = await apply(configMap("a", { x: "2" }));
    const third = await apply(configMap("a", { x: "2" }));
    expect([first.action, second.action, third.action]).toEqual(["create", "update", "unchanged"]);
    expect(second.object.metadata.uid).toBe(first.object.metadata.uid);
    expect(third.object.metadata.resourceVersion).toBe(second.object.metadata.resourceVersion);
    expect((await read(idOf(third.object)))?.object.data).toEqual({ x: "2" });
  });

  it("fills in defaults, and a removed field gets its default again", async () => {
    const first = await apply(deployment({ revisionHistoryLimit: 3 }));
    expect(first.object.spec).toMatchObject({ revisionHistoryLimit: 3, progressDeadlineSeconds: 600 });
    const second = await apply(deployment());
    expect(second.action).toBe("update");
    expect(second.object.spec).toMatchObject({ revisionHistoryLimit: 10 });
    expect((await apply(deployment({ revisionHistoryLimit: 10 }))).action).toBe("unchanged");
  });

  it("removes what it applied and is no longer declared, in maps and in lists with keys", async () => {
    const env = [
      { name: "KEEP", value: "1" },
      { name: "DROP", value: "2" },
    ];
    await apply(deployment({}, { env }));
    const { object } = await apply(deployment({}, { env: env.slice(0, 1) }));
    expect(object.spec).toMatchObject({
      template: { spec: { containers: [{ name: "web", env: [{ name: "KEEP", value: "1" }] }] } },
    });

    await apply(configMap("a", { keep: "1", drop: "2" }, { labels: { keep: "1", drop: "2" } }));
    const map = await apply(configMap("a", { keep: "1" }, { labels: { keep: "1" } }));
    // A backend may label what an app owns.
    const { keep, drop } = map.object.metadata.labels ?? {};
    expect([map.object.data, keep, drop]).toEqual([{ keep: "1" }, "1", undefined]);
  });

  it("keeps stringData out of what is stored, and removes its keys too", async () => {
    const secret = (stringData: Record<string, string>): KubeObject => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: home },
      stringData,
    });
    const first = await apply(secret({ a: "x", b: "y" }));
    expect(first.object.data).toEqual({ a: "eA==", b: "eQ==" });
    expect(first.object.stringData).toBeUndefined();
    expect((await apply(secret({ a: "x", b: "y" }))).action).toBe("unchanged");
    expect((await apply(secret({ b: "z" }))).object.data).toEqual({ b: "eg==" });
  });

  it("ignores a declared status and server metadata", async () => {
    const { object } = await apply({
      ...configMap(
        "a",
        {},
        { uid: "mine", resourceVersion: "7", generation: 9, creationTimestamp: "2000-01-01T00:00:00Z" },
      ),
      status: { phase: "Mine" },
    });
    expect(object.metadata.uid).not.toBe("mine");
    expect(object.metadata.creationTimestamp).not.toBe("2000-01-01T00:00:00Z");
    expect(object.status).not.toEqual({ phase: "Mine" });
  });

  it("refuses what the API server refuses, and changes nothing then", async () => {
    const { object } = await apply(deployment());
    const selector = { matchLabels: { app: "other" } };
    const template = {
      metadata: { labels: { app: "other" } },
      spec: { containers: [{ name: "web", image: "web:v1" }] },
    };
    expect(await codeOf(() => apply(deployment({ selector, template })))).toBe("invalid");
    expect(await codeOf(() => apply(configMap("a", {}, { namespace: "not-there" })))).toBe("not-found");
    // Controllers may have written its status meanwhile; what was declared is as it was.
    expect((await read(idOf(object)))?.object.spec).toEqual(object.spec);
    expect(await names({ kind: "ConfigMap", owner: APP })).toEqual([]);
  });
}

function ownershipCases({ backend, apply, read, names }: Context): void {
  const request = (object: KubeObject, owner: string): Parameters<Backend["delete"]>[0] => ({
    id: idOf(object),
    owner,
  });

  it("refuses another app's object, naming both apps, and leaves it", async () => {
    const { object } = await apply(configMap("a", { x: "1" }));
    const refused = apply(configMap("a", { x: "2" }), OTHER_APP);
    await expect(refused).rejects.toThrow(new RegExp(`${APP}(.|\\n)*${OTHER_APP}|${OTHER_APP}(.|\\n)*${APP}`));
    expect(await codeOf(() => apply(configMap("a", { x: "1" }), OTHER_APP))).toBe("conflict");
    expect((await read(idOf(object)))?.object).toEqual(object);
  });

  it("refuses to take over an object that nobody applied and that differs, and adopts one that is as declared", async () => {
    const namespace = (labels: Record<string, string>): KubeObject => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: home, labels },
    });
    expect(await codeOf(() => apply(namespace({ mine: "yes" })))).toBe("conflict");
    expect((await read(idOf(namespace({}))))?.owner).toBeNull();
    const adopted = await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: home } });
    expect(adopted.action).toBe("unchanged");
    expect((await read(idOf(namespace({}))))?.owner).toBe(APP);
    expect((await apply(namespace({ mine: "yes" }))).object.metadata.labels).toMatchObject({ mine: "yes" });
  });

  it("takes over an object that nobody applied when it is told to, and none of another app", async () => {
    const desired = { apiVersion: "v1", kind: "Namespace", metadata: { name: home, labels: { mine: "yes" } } };
    const adopt = { desired, owner: APP, adopt: true };
    expect((await backend().dryRun(adopt, NO_ABORT)).object.metadata.labels).toMatchObject({ mine: "yes" });
    expect((await read(idOf(desired)))?.owner).toBeNull();
    const adopted = await backend().apply(adopt, NO_ABORT);
    expect([adopted.action, adopted.object.metadata.labels]).toEqual([
      "update",
      expect.objectContaining({ mine: "yes" }),
    ]);
    expect((await read(idOf(desired)))?.owner).toBe(APP);
    for (const call of ["dryRun", "apply"] as const) {
      expect(await codeOf(() => backend()[call]({ ...adopt, owner: OTHER_APP }, NO_ABORT))).toBe("conflict");
    }
    const { action } = await backend().apply({ desired: configMap("new", {}), owner: APP, adopt: true }, NO_ABORT);
    expect(action).toBe("create");
  });

  it("refuses to delete what another app, or none, applied", async () => {
    const { object } = await apply(configMap("a", {}));
    expect(await codeOf(() => backend().delete(request(object, OTHER_APP), NO_ABORT))).toBe("forbidden");
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: home } };
    expect(await codeOf(() => backend().delete(request(namespace, APP), NO_ABORT))).toBe("forbidden");
    expect(await names({ kind: "ConfigMap", owner: APP })).toEqual(["a"]);
  });

  it("goes over from the app that gives an object up, and from no other; what only that one had applied goes", async () => {
    const { object } = await apply(configMap("a", { kept: "1", dropped: "1" }));
    const desired = configMap("a", { kept: "1", added: "1" });
    for (const from of [undefined, "nobody", OTHER_APP]) {
      const wrong = { desired, owner: OTHER_APP, ...(from !== undefined && { from }) };
      expect(await codeOf(() => backend().dryRun(wrong, NO_ABORT))).toBe("conflict");
      expect(await codeOf(() => backend().apply(wrong, NO_ABORT))).toBe("conflict");
    }
    const right = { desired, owner: OTHER_APP, from: APP };
    const rehearsed = await backend().dryRun(right, NO_ABORT);
    expect([rehearsed.action, rehearsed.object.data]).toEqual(["update", { kept: "1", added: "1" }]);
    expect((await read(idOf(object)))?.owner).toBe(APP);
    const taken = await backend().apply(right, NO_ABORT);
    expect([taken.action, taken.object.data]).toEqual(["update", { kept: "1", added: "1" }]);
    expect(taken.object.metadata.uid).toBe(object.metadata.uid);
    expect((await read(idOf(object)))?.owner).toBe(OTHER_APP);
    // The former owner has no say any more.
    expect(await codeOf(() => apply(configMap("a", {})))).toBe("conflict");
    expect(await codeOf(() => backend().delete(request(object, APP), NO_ABORT))).toBe("forbidden");
  });
}

function dryRunCases({ backend, apply, list }: Context): void {
  const dryRun = (request: ApplyRequest) => backend().dryRun(request, NO_ABORT);

  it("answers as apply would, and changes nothing", async () => {
    await apply(configMap("same", { x: "1" }));
    await apply(configMap("update", { x: "1", y: "1" }));
    const before = await list({ kind: "ConfigMap", owner: APP });
    const rows: [KubeObject, string][] = [
      [configMap("new", { x: "1" }), "create"],
      [configMap("update", { x: "2" }), "update"],
      [configMap("same", { x: "1" }), "unchanged"],
    ];
    for (const [desired, action] of rows) {
      const rehearsed = await dryRun({ desired, owner: APP });
      expect([rehearsed.action, rehearsed.object.data]).toEqual([action, desired.data]);
    }
    expect((await list({ kind: "ConfigMap", owner: APP })).items).toEqual(before.items);
    for (const [desired, action] of rows) expect((await apply(desired)).action).toBe(action);
  });

  it("tries a new object in the place of one that is there, if it can, and leaves that one as it is", async () => {
    await apply({ ...configMap("fixed", { x: "1" }), immutable: true } as KubeObject);
    const before = await list({ kind: "ConfigMap", owner: APP });
    const desired = configMap("fixed", { x: "2" });
    const outcome = await codeOf(() => dryRun({ desired, owner: APP, anew: true }));
    // Who does not know of it says what it would of an update.
    expect(["done", "invalid"]).toContain(outcome);
    expect(await codeOf(() => dryRun({ desired, owner: OTHER_APP, anew: true }))).toBe("conflict");
    expect((await list({ kind: "ConfigMap", owner: APP })).items).toEqual(before.items);
  });

  it("refuses what apply refuses", async () => {
    await apply(configMap("a", {}));
    expect(await codeOf(() => dryRun({ desired: configMap("a", {}), owner: OTHER_APP }))).toBe("conflict");
    expect(await codeOf(() => dryRun({ desired: configMap("b", {}, { namespace: "not-there" }), owner: APP }))).toBe(
      "not-found",
    );
  });
}

function deleteCases({ backend, apply, read, names }: Context): void {
  it("is done when the object is gone from lists, and at once when it is not there", async () => {
    const { object } = await apply(configMap("a", {}));
    await backend().delete({ id: idOf(object), owner: APP }, NO_ABORT);
    expect(await names({ kind: "ConfigMap", owner: APP })).toEqual([]);
    await backend().delete({ id: idOf(object), owner: APP }, NO_ABORT);
  });

  it("refuses an object with another uid", async () => {
    const { object } = await apply(configMap("a", {}));
    const again = { id: idOf(object), uid: "another", owner: APP };
    expect(await codeOf(() => backend().delete(again, NO_ABORT))).toBe("conflict");
    expect((await read(idOf(object)))?.object).toEqual(object);
    await backend().delete({ ...again, uid: object.metadata.uid ?? "" }, NO_ABORT);
    expect(await read(idOf(object))).toBeUndefined();
  });

  it("lets a deleted object be made again, as another one", async () => {
    const first = await apply(configMap("a", { x: "1" }));
    await backend().delete({ id: idOf(first.object) }, NO_ABORT);
    const second = await apply(configMap("a", { x: "1" }));
    expect(second.action).toBe("create");
    expect(second.object.metadata.uid).not.toBe(first.object.metadata.uid);
  });
}

function watchCases({ backend, apply, list }: Context): void {
  const watch = (query: ListQuery, version: string, signal = NO_ABORT) => backend().watch(query, version, signal);
  const isBookmark = (event: WatchEvent): boolean => event.type === "bookmark";

  it("misses nothing after a list, in order, and then says that it has caught up", async () => {
    await apply(configMap("before", {}));
    const { version } = await list({ kind: "ConfigMap" });
    await apply(configMap("a", { x: "1" }));
    await apply(configMap("a", { x: "2" }));
    await backend().delete({ id: idOf(configMap("a", {})) }, NO_ABORT);
    const events = await take(watch({ kind: "ConfigMap", owner: APP }, version), isBookmark);
    expect(events.map(summary)).toEqual(["added a", "modified a", "deleted a", "bookmark"]);
    expect(events[1]).toMatchObject({
      observed: { owner: APP, object: { data: { x: "2" } }, applied: { data: { x: "2" } } },
    });
  });

  it("goes on with what comes later, and can be resumed from any event's version", async () => {
    const { version } = await list({});
    const query = { kind: "ConfigMap", owner: APP };
    const changes = (async () => {
      for (const name of ["a", "b", "c"]) await apply(configMap(name, {}));
    })();
    const seen = await take(watch(query, version), (event) => summary(event) === "added c");
    await changes;
    const added = seen.filter((event) => !isBookmark(event));
    expect(added.map(summary)).toEqual(["added a", "added b", "added c"]);
    const rest = await take(watch(query, added[0]?.version ?? ""), (event) => summary(event) === "added c");
    expect(rest.filter((event) => !isBookmark(event)).map(summary)).toEqual(["added b", "added c"]);
  });

  it("sends only what is asked for", async () => {
    const { version } = await list({});
    await apply(configMap("a", {}));
    await apply(configMap("b", {}), OTHER_APP);
    await apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "c", namespace: home } });
    for (const [query, expected] of [
      [{ kind: "ConfigMap", owner: OTHER_APP }, ["added b", "bookmark"]],
      [{ kind: "ConfigMap", namespace: home, name: "a" }, ["added a", "bookmark"]],
      [{ kind: "Secret", namespace: home, owner: APP }, ["added c", "bookmark"]],
    ] as [ListQuery, string[]][]) {
      expect((await take(watch(query, version), isBookmark)).map(summary)).toEqual(expected);
    }
  });

  it("fails with not-found for a version that it cannot go on from", async () => {
    expect(await codeOf(() => take(watch({}, "no-such-version"), isBookmark))).toBe("not-found");
  });
}

function failureCases({ backend, close, apply, list }: Context): void {
  const reason = new TrueupError("aborted", "stopped by the test");

  it("ends every call with the signal's reason when it is aborted before", async () => {
    const signal = AbortSignal.abort(reason);
    const { version } = await list({});
    const id = idOf(configMap("a", {}));
    const request = { desired: configMap("a", {}), owner: APP };
    const target = backend();
    await expect(target.list({}, signal)).rejects.toBe(reason);
    await expect(target.dryRun(request, signal)).rejects.toBe(reason);
    await expect(target.apply(request, signal)).rejects.toBe(reason);
    await expect(target.delete({ id }, signal)).rejects.toBe(reason);
    await expect(take(target.watch({}, version, signal), () => true)).rejects.toBe(reason);
    await expect(take(target.logs({ namespace: home, pod: "p" }, signal), () => true)).rejects.toBe(reason);
    expect((await list({ kind: "ConfigMap", owner: APP })).items).toEqual([]);
  });

  it("ends a watch that waits with the signal's reason", async () => {
    const { version } = await list({});
    const controller = new AbortController();
    const watching = (async () => {
      for await (const event of backend().watch({ kind: "ConfigMap" }, version, controller.signal)) {
        if (event.type === "bookmark") controller.abort(reason);
      }
    })();
    await expect(watching).rejects.toBe(reason);
  });

  it("says of logs of a pod that is not there that it is not there", async () => {
    const logs = (follow: boolean) => backend().logs({ namespace: home, pod: "none", follow }, NO_ABORT);
    expect(await codeOf(() => take(logs(false), () => false))).toBe("not-found");
    if (backend().capabilities.followLogs) expect(await codeOf(() => take(logs(true), () => false))).toBe("not-found");
  });

  it("fails when it cannot read, and never says that nothing is there", async () => {
    await apply(configMap("a", {}));
    const { version } = await list({});
    const target = backend();
    await close();
    const id = idOf(configMap("a", {}));
    const outcomes = await Promise.all([
      codeOf(() => target.list({ kind: "ConfigMap" }, NO_ABORT)),
      codeOf(() => target.list(id, NO_ABORT)),
      codeOf(() => take(target.watch({}, version, NO_ABORT), () => false)),
      codeOf(() => target.apply({ desired: configMap("a", {}), owner: APP }, NO_ABORT)),
      codeOf(() => target.delete({ id, owner: APP }, NO_ABORT)),
    ]);
    for (const code of outcomes) expect(["unavailable", "io", "timeout"]).toContain(code);
  });
}
