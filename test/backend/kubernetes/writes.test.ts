/** Writing while others write: what is sent in which order, and what a race ends in. Single refusals: `test/real-cluster/`. */
import { beforeEach, describe, expect, it } from "vitest";
import { applySetOf, extentOf, membershipOf, parentIdOf, setIdOf } from "../../../src/backend/kubernetes/applyset.ts";
import { ObjectCache } from "../../../src/backend/kubernetes/cache.ts";
import type { KubeContext } from "../../../src/backend/kubernetes/context.ts";
import { Declarations } from "../../../src/backend/kubernetes/declarations.ts";
import type { Discovery } from "../../../src/backend/kubernetes/discovery.ts";
import { KubeWriter } from "../../../src/backend/kubernetes/writes.ts";
import type { ApplyRequest } from "../../../src/model/backend.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import type { KubeObject } from "../../../src/model/object.ts";
import { VirtualClock } from "../../../src/util/clock.ts";
import { FakeServer } from "./fake-server.ts";

const NO_ABORT = new AbortController().signal;
const OWNER = "daemon-a";
const SCOPE = { app: "shop", ownerId: OWNER, namespace: "trueup-system" };
const PARENTS = "/api/v1/namespaces/trueup-system/configmaps";
const PARENT = `${PARENTS}/${parentIdOf(SCOPE).name}`;
const MAPS = "/api/v1/namespaces/default/configmaps";
const A = `${MAPS}/a`;

function configMap(name: string, data: Record<string, string>): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data };
}

let server: FakeServer;
let cache: ObjectCache;
let declarations: Declarations;
let writer: KubeWriter;
/** Kinds that cannot be read now. */
let unread: Set<string>;

function newCache(): ObjectCache {
  declarations = new Declarations();
  return new ObjectCache({
    startVersion: 1,
    appliedPart: (object) => declarations.of(object),
    membershipOf,
    applySetOf: (object) => applySetOf(object, OWNER),
  });
}

function newWriter(): KubeWriter {
  const resource = (kind: string) => ({
    group: "",
    version: "v1",
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: kind !== "Namespace",
    verbs: [],
  });
  const find = async ({ kind }: { kind: string }) => (kind === "Gone" ? null : resource(kind));
  return new KubeWriter({
    api: server,
    cache,
    declarations,
    clock: new VirtualClock(),
    ownerId: OWNER,
    namespace: SCOPE.namespace,
    discovery: { find } as unknown as Discovery,
    follow: async ({ kind }) => resource(kind),
    isRead: ({ kinds }) => !kinds.some((kind) => unread.has(kind)),
  } as KubeContext);
}

beforeEach(() => {
  server = new FakeServer();
  unread = new Set();
  for (const name of ["default", "trueup-system"]) {
    server.put(`/api/v1/namespaces/${name}`, { apiVersion: "v1", kind: "Namespace", metadata: { name } }, "setup");
  }
  cache = newCache();
  writer = newWriter();
});

const apply = (desired: KubeObject, more: Partial<ApplyRequest> = {}) =>
  writer.apply({ desired, owner: "shop", ...more }, NO_ABORT);

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error instanceof TrueupError ? `${error.code}: ${error.message}` : `no refusal: ${String(error)}`;
}

function parentExtent(): unknown {
  const parent = server.objects.get(PARENT);
  return parent === undefined ? null : extentOf(parent);
}

describe("the parent", () => {
  it("is there before the first object, is not written again, and goes after the last", async () => {
    await apply(configMap("a", { x: "1" }));
    await apply(configMap("b", { x: "1" }));
    expect(server.calls).toEqual([`POST ${PARENTS}`, `PATCH ${A}`, `PATCH ${MAPS}/b`]);
    expect(parentExtent()).toEqual({ kinds: ["ConfigMap"], namespaces: ["default"] });
    for (const name of ["a", "b"]) {
      await writer.delete(
        { id: { group: "", kind: "ConfigMap", namespace: "default", name }, owner: "shop" },
        NO_ABORT,
      );
    }
    expect(server.calls.slice(3)).toEqual([`DELETE ${A}`, `DELETE ${MAPS}/b`, `DELETE ${PARENT}`]);
    expect([parentExtent(), cache.size]).toEqual([null, 0]);
  });

  it("is written once for all objects that were tried, and for those that are applied at once", async () => {
    const secret: KubeObject = { apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "default" } };
    const namespace: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "web" } };
    await writer.dryRun({ desired: configMap("a", {}), owner: "shop" }, NO_ABORT);
    await writer.dryRun({ desired: secret, owner: "shop" }, NO_ABORT);
    expect(server.calls.filter((call) => !call.includes("dry run"))).toEqual([]);
    await Promise.all([apply(namespace), apply(secret), apply(configMap("a", {}))]);
    expect(server.calls.filter((call) => call.includes("trueup-system"))).toEqual([`POST ${PARENTS}`]);
    expect(parentExtent()).toEqual({ kinds: ["ConfigMap", "Namespace", "Secret"], namespaces: ["default"] });
  });

  it("is written once for all that is said to be applied beside the first", async () => {
    const namespace: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "web" } };
    const beside = [
      { group: "", kind: "Namespace", namespace: "", name: "web" },
      { group: "apps", kind: "Deployment", namespace: "web", name: "web" },
      { group: "", kind: "ConfigMap", namespace: "default", name: "a" },
    ];
    await writer.apply({ desired: namespace, owner: "shop", beside }, NO_ABORT);
    await writer.apply({ desired: configMap("a", {}), owner: "shop", beside }, NO_ABORT);
    expect(server.calls.filter((call) => call.includes("trueup-system"))).toEqual([`POST ${PARENTS}`]);
    expect(parentExtent()).toEqual({
      kinds: ["ConfigMap", "Deployment.apps", "Namespace"],
      namespaces: ["default", "web"],
    });
  });

  it("of the first of several apps alone makes the namespace, and when that fails, the next one does", async () => {
    server.objects.delete("/api/v1/namespaces/trueup-system");
    let refusals = 1;
    server.meanwhile = (call, line) => {
      if (line === "POST /api/v1/namespaces" && refusals-- > 0) server.refuse(call, 403, "Forbidden");
    };
    const applied = await Promise.allSettled(
      ["one", "two", "three"].map((owner) => writer.apply({ desired: configMap(owner, {}), owner }, NO_ABORT)),
    );
    expect(applied.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(server.calls.filter((call) => call.startsWith("POST "))).toEqual([
      `POST ${PARENTS}`,
      "POST /api/v1/namespaces",
      `POST ${PARENTS}`,
      "POST /api/v1/namespaces",
      `POST ${PARENTS}`,
      `POST ${PARENTS}`,
    ]);
  });

  it("that another run made keeps what that one put into it", async () => {
    await apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "default" } });
    cache = newCache();
    writer = newWriter();
    server.calls.length = 0;
    await apply(configMap("a", {}));
    expect(server.calls).toEqual([`POST ${PARENTS}`, `GET ${PARENT}`, `PATCH ${PARENT}`, `PATCH ${A}`]);
    expect(parentExtent()).toEqual({ kinds: ["ConfigMap", "Secret"], namespaces: ["default"] });
  });

  it("brings its namespace along", async () => {
    server.objects.delete("/api/v1/namespaces/trueup-system");
    await apply(configMap("a", {}));
    expect(server.calls).toEqual([`POST ${PARENTS}`, "POST /api/v1/namespaces", `POST ${PARENTS}`, `PATCH ${A}`]);
  });

  it("that somebody deleted is made again by the app itself, and its objects are still the app's", async () => {
    const id = { group: "", kind: "ConfigMap", namespace: "default", name: "a" };
    await apply(configMap("a", {}));
    const parent = server.objects.get(PARENT) as KubeObject;
    const lose = (): void => {
      server.objects.delete(PARENT);
      cache.event("deleted", parent);
    };
    lose();
    expect(cache.get(id)?.owner).toBe(setIdOf(SCOPE));
    expect(await refusal(apply(configMap("a", {}), { owner: "bank" }))).toMatch(/^conflict: .*one app only may own it/);
    expect((await apply(configMap("a", {}))).action).toBe("unchanged");
    expect([parentExtent(), cache.get(id)?.owner]).toEqual([{ kinds: ["ConfigMap"], namespaces: ["default"] }, "shop"]);
    lose();
    await writer.delete({ id, owner: "shop" }, NO_ABORT);
    expect(server.objects.has(A)).toBe(false);
  });

  it("of another tool is left alone, and so is the object", async () => {
    const annotations = { "applyset.kubernetes.io/tooling": "kubectl/v1.37" };
    const name = parentIdOf(SCOPE).name;
    server.put(PARENT, { apiVersion: "v1", kind: "ConfigMap", metadata: { name, annotations } }, "kubectl");
    expect(await refusal(apply(configMap("a", {})))).toMatch(
      /^conflict: Cannot record .* must be trueup's: it is kubectl's/,
    );
    expect(server.objects.has(A)).toBe(false);
  });

  it("keeps a kind that cannot be read: that none of its objects is seen does not mean that there is none", async () => {
    await apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "default" } });
    await apply(configMap("a", {}));
    // A daemon that began a moment ago: it has read ConfigMaps, and has no right to Secrets, or not yet an answer.
    const stored = [server.objects.get(PARENT), server.objects.get(A)] as KubeObject[];
    cache = newCache();
    writer = newWriter();
    for (const each of stored) cache.event("added", each);
    unread.add("Secret");
    const bank = { owner: "bank", from: "shop" };
    await apply(configMap("a", {}), bank);
    expect(parentExtent()).toEqual({ kinds: ["ConfigMap", "Secret"], namespaces: ["default"] });
    unread.clear();
    await apply(configMap("a", {}), bank);
    // Read, and none there: now nothing is left of the app.
    expect(parentExtent()).toBeNull();
  });

  it("that cannot be narrowed is no failure of a deletion that was made", async () => {
    await apply(configMap("a", {}));
    server.meanwhile = (call) => {
      if (call.method === "DELETE" && call.path === PARENT) server.refuse(call, 403, "Forbidden");
    };
    await writer.delete(
      { id: { group: "", kind: "ConfigMap", namespace: "default", name: "a" }, owner: "shop" },
      NO_ABORT,
    );
    expect(parentExtent()).toEqual({ kinds: ["ConfigMap"], namespaces: ["default"] });
  });
});

describe("a race", () => {
  it("with somebody who makes the object: theirs stays, and both are told apart", async () => {
    server.meanwhile = (_call, line) => {
      if (line === `PATCH ${A}` && !server.objects.has(A))
        server.put(A, configMap("a", { x: "theirs" }), "kubectl-create");
    };
    expect(await refusal(apply(configMap("a", { x: "ours" })))).toBe(
      "conflict: Cannot apply configmap/a for app shop as it must be new or as declared: it exists, no app applied it, " +
        "and it differs in data.x (set by kubectl-create).",
    );
    expect(server.objects.get(A)?.data).toEqual({ x: "theirs" });
    expect(cache.get({ group: "", kind: "ConfigMap", namespace: "default", name: "a" })?.owner).toBeNull();
  });

  it.each([
    ["a person's, though it differs in nothing", "kubectl-create", "Update", {}, "no refusal", null],
    [
      "another daemon's, which is the same manager",
      "trueup",
      "Apply",
      { labels: { "applyset.kubernetes.io/part-of": "applyset-theirs-v1" } },
      "conflict: Cannot apply configmap/a for app shop as one app only may own it: app applyset-theirs-v1 applied it.",
      "applyset-theirs-v1",
    ],
  ])("to make the object is lost as soon as there is one: %s", async (_what, manager, operation, more, said, owner) => {
    const theirs = configMap("a", { x: "1" });
    Object.assign(theirs.metadata, more);
    server.meanwhile = (_call, line) => {
      if (line === `PATCH ${A}` && !server.objects.has(A)) server.put(A, theirs, manager, operation);
    };
    const result = await refusal(apply(configMap("a", { x: "1" })));
    expect(result).toBe(said === "no refusal" ? "no refusal: null" : said);
    // The first request met it, whatever it is like; what differs in nothing is then taken on by looking at it.
    expect(server.calls.slice(1, 3)).toEqual([`PATCH ${A}`, `GET ${A}`]);
    const observed = cache.get({ group: "", kind: "ConfigMap", namespace: "default", name: "a" });
    expect(observed?.owner ?? null).toBe(said === "no refusal" ? "shop" : owner);
  });

  it("is left to the server where that one wants no version of what is new", async () => {
    server.meanwhile = (call, line) => {
      const { resourceVersion } = (call.body?.metadata ?? {}) as { resourceVersion?: string };
      if (line !== `PATCH ${A}` || resourceVersion === undefined) return;
      const causes = [{ reason: "FieldValueInvalid", message: "must not be set", field: "metadata.resourceVersion" }];
      server.refuse(call, 422, "Invalid", { details: { causes } });
    };
    expect((await apply(configMap("a", { x: "1" }))).action).toBe("create");
    expect(server.calls.slice(1)).toEqual([`PATCH ${A}`, `PATCH ${A}`]);
  });

  it("with somebody who deletes the object: it is made again", async () => {
    const first = await apply(configMap("a", { x: "1" }));
    server.objects.delete(A);
    const second = await apply(configMap("a", { x: "2" }));
    expect([second.action, second.object.data]).toEqual(["create", { x: "2" }]);
    expect(second.object.metadata.uid).not.toBe(first.object.metadata.uid);
    expect(server.calls.slice(2)).toEqual([`PATCH ${A}`, `GET ${A}`, `PATCH ${A}`]);
  });

  it("with somebody who makes it anew: that one is nobody's, and is not overwritten", async () => {
    await apply(configMap("a", { x: "1" }));
    server.objects.delete(A);
    server.put(A, configMap("a", { x: "other" }), "kubectl-create");
    expect(await refusal(apply(configMap("a", { x: "2" })))).toMatch(/^conflict: .*no app applied it/);
    expect(server.objects.get(A)?.data).toEqual({ x: "other" });
  });

  it("that goes on for ever ends as a conflict", async () => {
    server.meanwhile = (call, line) => {
      if (line === `PATCH ${A}`) server.refuse(call, 409, "Conflict");
    };
    expect(await refusal(apply(configMap("a", {})))).toMatch(/^conflict: Cannot apply configmap\/a as the API server/);
    expect(server.calls.filter((line) => line === `PATCH ${A}`)).toHaveLength(4);
  });

  it("between adopting and applying is an adoption that begins anew", async () => {
    cache.put(server.put(A, configMap("a", { keep: "1", drop: "1" }), "helm"));
    let races = 2;
    server.meanwhile = (call) => {
      const live = server.objects.get(A);
      if (call.contentType !== "application/apply-patch+yaml" || call.path !== A || live === undefined) return;
      if (races-- <= 0) return;
      live.metadata.resourceVersion = String(1_000 + races);
    };
    const result = await apply(configMap("a", { keep: "1" }), { adopt: true });
    expect([result.action, result.object.data, races]).toEqual(["update", { keep: "1" }, -1]);
  });

  it("of a deletion with whoever made the object anew: the new one stays", async () => {
    const id = { group: "", kind: "ConfigMap", namespace: "default", name: "a" };
    const { object } = await apply(configMap("a", {}));
    server.objects.delete(A);
    server.put(A, configMap("a", { x: "other" }), "kubectl-create");
    const { uid = "" } = object.metadata;
    expect(await refusal(writer.delete({ id, owner: "shop", uid }, NO_ABORT))).toMatch(/^forbidden: .*no app did/);
    expect(server.objects.has(A)).toBe(true);
  });
});

describe("a deletion", () => {
  const id = { group: "", kind: "ConfigMap", namespace: "default", name: "a" };

  it("of what is not there, or of a kind that is not served, asks for nothing", async () => {
    await writer.delete({ id, owner: "shop" }, NO_ABORT);
    await writer.delete({ id: { ...id, kind: "Gone" }, owner: "shop" }, NO_ABORT);
    expect(server.calls).toEqual([]);
  });

  it("of what went meanwhile is done", async () => {
    await apply(configMap("a", {}));
    server.objects.delete(A);
    await writer.delete({ id, owner: "shop" }, NO_ABORT);
    expect(cache.get(id)).toBeUndefined();
  });

  it("waits for finalizers until the event, or until it is aborted", async () => {
    await apply(configMap("a", {}));
    const live = server.objects.get(A) as KubeObject;
    live.metadata.finalizers = ["example.org/hold"];
    const end = new AbortController();
    const reason = new TrueupError("aborted", "stopped by the test");
    server.meanwhile = (call) => {
      if (call.method === "DELETE") queueMicrotask(() => end.abort(reason));
    };
    await expect(writer.delete({ id, owner: "shop" }, end.signal)).rejects.toBe(reason);
    server.meanwhile = (call) => {
      if (call.method === "DELETE" && call.path === A) setImmediate(() => cache.event("deleted", live));
    };
    await writer.delete({ id, owner: "shop" }, NO_ABORT);
    expect(cache.get(id)).toBeUndefined();
  });

  it("refuses what the app did not apply", async () => {
    await apply(configMap("a", {}));
    expect(await refusal(writer.delete({ id, owner: "bank" }, NO_ABORT))).toMatch(/^forbidden: .*app shop did/);
    const theirs = configMap("t", {});
    theirs.metadata.labels = { "applyset.kubernetes.io/part-of": "applyset-theirs-v1" };
    cache.put(server.put(`${MAPS}/t`, theirs, "trueup", "Apply"));
    for (const owner of ["applyset-theirs-v1", "shop of daemon-b", "shop"]) {
      expect(await refusal(writer.delete({ id: { ...id, name: "t" }, owner }, NO_ABORT))).toMatch(/^forbidden: /);
    }
    cache.put(server.put(`${MAPS}/b`, configMap("b", {}), "kubectl"));
    expect(await refusal(writer.delete({ id: { ...id, name: "b" }, owner: "shop" }, NO_ABORT))).toMatch(
      /^forbidden: .*no app did/,
    );
  });
});

describe("what is sent", () => {
  it("is refused when the manifest says itself to which set it belongs", async () => {
    const object = configMap("a", {});
    object.metadata.labels = { "applyset.kubernetes.io/part-of": "x" };
    expect(await refusal(apply(object))).toMatch(/^invalid: .*must be trueup's to set/);
    expect(server.calls).toEqual([]);
  });

  it("has no nulls, no status and no server metadata", async () => {
    const object = { ...configMap("a", {}), status: {}, spec: { a: null, b: [{ c: null, d: 1 }] } } as KubeObject;
    object.metadata = { ...object.metadata, uid: "u", resourceVersion: "1", annotations: { x: "y" } };
    let body: unknown;
    server.meanwhile = (call) => {
      if (call.path === A) body = call.body;
    };
    await apply(object);
    expect(body).toMatchObject({ metadata: { name: "a", annotations: { x: "y" } }, spec: { b: [{ d: 1 }] } });
    expect(Object.keys(body as object).sort()).toEqual(["apiVersion", "data", "kind", "metadata", "spec"]);
    const { resourceVersion, ...metadata } = (body as KubeObject).metadata;
    expect(Object.keys(metadata).sort()).toEqual(["annotations", "labels", "name", "namespace"]);
    // Of nothing: what is there must not be met.
    expect(resourceVersion).toBe("1");
  });
});
