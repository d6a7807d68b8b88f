import { afterEach, describe, expect, it } from "vitest";
import { parentObject, setIdOf } from "../../../src/backend/kubernetes/applyset.ts";
import { KubernetesBackend } from "../../../src/backend/kubernetes/kubernetes.ts";
import type { ListQuery, WatchEvent } from "../../../src/model/backend.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import type { JsonObject } from "../../../src/model/object.ts";
import { settle, VirtualClock } from "../../../src/util/clock.ts";
import { seededRandom } from "../../../src/util/random.ts";
import {
  aggregated,
  CORE,
  configMap,
  connectionLost,
  GONE,
  listOf,
  refused,
  resource,
  ScriptedApi,
} from "./scripted-api.ts";

const { signal } = new AbortController();
const CONFIG_MAPS = "/api/v1/configmaps";
const APPS = {
  name: "apps",
  versions: { v1: [resource("Deployment", "deployments"), resource("ReplicaSet", "replicasets")] },
};
const SITES = { name: "k8s.example", versions: { v1: [resource("Site", "sites", false)] } };
const SITES_PATH = "/apis/k8s.example/v1/sites";

const backends: KubernetesBackend[] = [];
afterEach(async () => {
  await Promise.all(backends.splice(0).map((backend) => backend.close()));
});

interface World {
  api: ScriptedApi;
  clock: VirtualClock;
  backend: KubernetesBackend;
  names: (query: ListQuery) => Promise<string[]>;
}

/** A cluster with two ConfigMaps, and without objects of other kinds. */
function makeWorld(options: { namespaces?: string[]; before?: (api: ScriptedApi) => void } = {}): World {
  const api = new ScriptedApi();
  api.on("/api", CORE).on("/apis", aggregated(APPS, SITES));
  api.on(CONFIG_MAPS, listOf("ConfigMap", 10, [configMap("a", 3), configMap("b", 7)]));
  for (const [kind, plural] of [
    ["Pod", "pods"],
    ["Event", "events"],
    ["Secret", "secrets"],
    ["Namespace", "namespaces"],
  ] as const) {
    api.on(`/api/v1/${plural}`, listOf(kind, 10, []));
  }
  for (const [kind, plural] of [
    ["Deployment", "deployments"],
    ["ReplicaSet", "replicasets"],
  ] as const) {
    api.on(`/apis/apps/v1/${plural}`, listOf(kind, 10, []));
  }
  api.on(SITES_PATH, listOf("Site", 10, [site("one", 4)]));
  options.before?.(api);
  const clock = new VirtualClock();
  const { namespaces } = options;
  const backend = new KubernetesBackend({
    api,
    clock,
    random: seededRandom(1),
    ownerId: "daemon-1",
    namespace: "trueup-system",
    ...(namespaces !== undefined && { namespaces }),
  });
  backends.push(backend);
  const names = async (query: ListQuery): Promise<string[]> =>
    (await backend.list(query, signal)).items.map(({ object }) => object.metadata.name).sort();
  return { api, clock, backend, names };
}

function site(name: string, version: number): JsonObject {
  return {
    apiVersion: "k8s.example/v1",
    kind: "Site",
    metadata: { name, uid: `uid-${name}`, resourceVersion: String(version) },
  };
}

/** The outcome of a read, with as much time as it takes to try once more. */
async function soon(clock: VirtualClock, work: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.all([codeOf(work), clock.advance(500)]);
  return outcome;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return error instanceof TrueupError ? error.code : `thrown: ${String(error)}`;
  }
}

/** Collects until enough events came, or the watch waits. */
async function watched(backend: KubernetesBackend, query: ListQuery, version: string): Promise<string[]> {
  const seen: string[] = [];
  const end = new AbortController();
  const [ended] = await Promise.all([
    codeOf(
      (async () => {
        for await (const event of backend.watch(query, version, end.signal)) seen.push(summary(event));
      })(),
    ),
    settle().then(() => end.abort(new TrueupError("aborted", "enough"))),
  ]);
  return ended === "aborted" ? seen : [`failed ${ended}`];
}

function summary(event: WatchEvent): string {
  if (event.type === "bookmark") return "bookmark";
  const { owner, object } = event.observed;
  return `${event.type} ${object.kind} ${object.metadata.name}${owner === null ? "" : ` of ${owner}`}`;
}

describe("kinds", () => {
  it("are followed when somebody asks for them, and then cost no request", async () => {
    const { api, names } = makeWorld();
    expect(await names({ group: "", kind: "ConfigMap" })).toEqual(["a", "b"]);
    expect(await names({ group: "k8s.example", kind: "Site" })).toEqual(["one"]);
    const before = api.takeAsked().filter((each) => each.includes("sites"));
    expect(before).toEqual([
      `GET ${SITES_PATH}?limit=250`,
      `GET ${SITES_PATH}?watch=true&allowWatchBookmarks=true&resourceVersion=10`,
    ]);
    for (let pass = 0; pass < 3; pass++) {
      expect(await names({})).toEqual(["a", "b", "one"]);
      expect(await names({ group: "k8s.example", kind: "Site" })).toEqual(["one"]);
      expect(await names({ kind: "ConfigMap", name: "a" })).toEqual(["a"]);
      expect(await names({ owner: "web" })).toEqual([]);
    }
    expect(api.takeAsked()).toEqual([]);
  });

  it("that live in no namespace are found, whatever namespace is asked for", async () => {
    const { names } = makeWorld();
    const id = { group: "k8s.example", kind: "Site", name: "one" };
    for (const namespace of ["", "default"]) expect(await names({ ...id, namespace })).toEqual(["one"]);
  });

  it("of workloads bring those with them that health is read from; of events only warnings", async () => {
    const { api, names } = makeWorld();
    await names({ group: "apps", kind: "Deployment" });
    await names({});
    const lists = api.asked.filter((each) => each.includes("limit=250")).map((each) => each.replace("GET ", ""));
    expect(lists.sort()).toEqual([
      "/api/v1/configmaps?limit=250",
      "/api/v1/events?limit=250&fieldSelector=type=Warning",
      "/api/v1/pods?limit=250",
      // Not read for health, but none of them may show in what is told of it.
      "/api/v1/secrets?limit=250",
      "/apis/apps/v1/deployments?limit=250",
      "/apis/apps/v1/replicasets?limit=250",
    ]);
  });

  it("are read in the namespaces that are given, where others are forbidden", async () => {
    const { api, names } = makeWorld({
      namespaces: ["shop"],
      before: (scripted) => {
        scripted.on(
          "/api/v1/namespaces/shop/configmaps",
          listOf("ConfigMap", 10, [configMap("s", 3, { namespace: "shop" })]),
        );
        scripted.on("/api/v1/namespaces/trueup-system/configmaps", listOf("ConfigMap", 10, []));
      },
    });
    expect(await names({ kind: "ConfigMap" })).toEqual(["s"]);
    expect(await names({ kind: "Site", namespace: "default" })).toEqual(["one"]);
    // What was never looked at is not absent.
    expect(await codeOf(names({ kind: "ConfigMap", namespace: "default" }))).toBe("forbidden");
    expect(api.asked.filter((each) => each.startsWith(`GET ${CONFIG_MAPS}`))).toEqual([]);
  });

  it("are written only in these namespaces: what was never looked at may be anybody's, and is not gone either", async () => {
    const { api, backend } = makeWorld({
      namespaces: ["shop"],
      before: (scripted) => {
        for (const namespace of ["shop", "trueup-system"]) {
          scripted.on(`/api/v1/namespaces/${namespace}/configmaps`, listOf("ConfigMap", 10, []));
        }
      },
    });
    const id = { group: "", kind: "ConfigMap", namespace: "default", name: "a" };
    const desired = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "default" } };
    expect(await codeOf(backend.dryRun({ desired, owner: "web" }, signal))).toBe("forbidden");
    expect(await codeOf(backend.apply({ desired, owner: "web" }, signal))).toBe("forbidden");
    expect(await codeOf(backend.delete({ id, owner: "web" }, signal))).toBe("forbidden");
    expect(api.asked.filter((each) => !each.startsWith("GET "))).toEqual([]);
    // What lives in no namespace is read whole, whatever namespace the caller took for granted.
    const one = { group: "k8s.example", kind: "Site", namespace: "default", name: "other" };
    expect(await codeOf(backend.delete({ id: one, owner: "web" }, signal))).toBe("done");
  });

  it("that the server does not serve have no objects; asked for again, they may", async () => {
    const { api, clock, names } = makeWorld();
    const query = { group: "new.example", kind: "Gadget" };
    expect(await names(query)).toEqual([]);
    api.on(
      "/apis",
      aggregated(APPS, SITES, { name: "new.example", versions: { v1: [resource("Gadget", "gadgets")] } }),
    );
    const gadget = { ...configMap("g", 3), apiVersion: "new.example/v1", kind: "Gadget" };
    api.on("/apis/new.example/v1/gadgets", listOf("Gadget", 10, [gadget]));
    await clock.advance(5_000);
    expect(await names(query)).toEqual(["g"]);
  });

  it("are read anew in the version that somebody writes them in; what was asked for first stays", async () => {
    const scalers = {
      name: "autoscaling",
      versions: { v2: [resource("Scaler", "scalers")], v1: [resource("Scaler", "scalers")] },
    };
    const { api, backend } = makeWorld({
      before: (scripted) => {
        scripted.on("/apis", aggregated(APPS, scalers));
        for (const version of ["v1", "v2"]) {
          const scaler = { ...configMap("s", 4), apiVersion: `autoscaling/${version}`, kind: "Scaler" };
          scripted.on(`/apis/autoscaling/${version}/scalers`, listOf("Scaler", 10, [scaler]));
          scripted.on(`/apis/autoscaling/${version}/namespaces/default/scalers/s`, scaler);
        }
      },
    });
    const query = { group: "autoscaling", kind: "Scaler" };
    const version = async (): Promise<string | undefined> =>
      (await backend.list(query, signal)).items[0]?.object.apiVersion;
    expect(await version()).toBe("autoscaling/v2");
    const dryRun = (apiVersion: string): Promise<string> => {
      const metadata = { name: "s", namespace: "default" };
      return codeOf(backend.dryRun({ desired: { apiVersion, kind: "Scaler", metadata }, owner: "web" }, signal));
    };
    await dryRun("autoscaling/v1");
    expect(await version()).toBe("autoscaling/v1");
    await dryRun("autoscaling/v2");
    expect(await version()).toBe("autoscaling/v1");
    expect(api.watches.filter(({ call, isAborted }) => call.path.includes("scalers") && !isAborted)).toHaveLength(1);
  });

  it("whose definition is deleted end with their objects, and everything else stays", async () => {
    const { api, clock, backend, names } = makeWorld();
    await names({ kind: "Site" });
    const { version } = await backend.list({}, signal);
    api.on("/apis", aggregated(APPS)).on(SITES_PATH, (call) => {
      throw refused(404, "NotFound")(call);
    });
    api.refuseWatch(refused(404, "NotFound"));
    api.watch(SITES_PATH).bookmark("20").end();
    await clock.advance(10_000);
    expect(await watched(backend, { kind: "Site" }, version)).toEqual(["deleted Site one", "bookmark"]);
    expect(await names({})).toEqual(["a", "b"]);
  });
});

describe("a read that fails", () => {
  const forbidden = refused(403, "Forbidden", 'secrets is forbidden: User "t" cannot list resource "secrets"');

  it("is an error of every list that includes the kind, never a shorter answer", async () => {
    const { api, clock, names } = makeWorld();
    api.on("/api/v1/secrets", (call) => {
      throw forbidden(call);
    });
    await names({ kind: "ConfigMap" });
    for (const query of [{ kind: "Secret" }, { group: "", kind: "Secret", namespace: "default", name: "s" }]) {
      expect({ query, code: await codeOf(names(query)) }).toEqual({ query, code: "forbidden" });
    }
    expect(await names({ kind: "ConfigMap" })).toEqual(["a", "b"]);
    // Granted at last: who asks need not wait for the back-off.
    api.on("/api/v1/secrets", listOf("Secret", 11, []));
    await clock.advance(60_000);
    expect(await names({ kind: "Secret" })).toEqual([]);
  });

  it("of a kind that only health is read from is left out of lists of everything; asked for, it is an error", async () => {
    const { api, backend, names } = makeWorld();
    api.on("/api/v1/pods", (call) => {
      throw refused(403, "Forbidden")(call);
    });
    await names({ kind: "Deployment" });
    expect(await names({})).toEqual(["a", "b"]);
    expect([...backend.problems().keys()]).toEqual(["/Pod"]);
    expect(await codeOf(names({ group: "", kind: "Pod" }))).toBe("forbidden");
    // Whoever asks for what is forbidden does not take everything else away from the others.
    expect(await names({})).toEqual(["a", "b"]);
  });

  it("is one as long as the connection is lost, and none after it is back, without a list", async () => {
    const { api, clock, names } = makeWorld();
    await names({ kind: "ConfigMap" });
    for (let times = 0; times < 3; times++) api.refuseWatch(connectionLost);
    api.watch(CONFIG_MAPS).event("ADDED", configMap("c", 11)).fail();
    await settle();
    expect(await soon(clock, names({ kind: "ConfigMap" }))).toBe("unavailable");
    expect(await codeOf(names({ kind: "ConfigMap" }))).toBe("unavailable");
    api.takeAsked();
    await clock.advance(30_000);
    expect(await names({ kind: "ConfigMap" })).toEqual(["a", "b", "c"]);
    expect(api.takeAsked().filter((each) => each.includes("limit"))).toEqual([]);
  });

  it("is none where the server only restarts: the next try is waited for", async () => {
    const { api, clock, names } = makeWorld();
    await names({ kind: "ConfigMap" });
    api.watch(CONFIG_MAPS).event("ADDED", configMap("c", 11)).fail();
    await settle();
    const [found] = await Promise.all([names({ kind: "ConfigMap" }), clock.advance(500)]);
    expect(found).toEqual(["a", "b", "c"]);
  });

  it("is tried again at once when somebody asks a while later", async () => {
    const { api, clock, names } = makeWorld();
    await names({ kind: "ConfigMap" });
    for (let times = 0; times < 8; times++) api.refuseWatch(connectionLost);
    api.watch(CONFIG_MAPS).bookmark("12").fail();
    await clock.runUntil(() => api.asked.length >= 9, 60_000);
    api.takeAsked();
    expect(await codeOf(names({ kind: "ConfigMap" }))).toBe("unavailable");
    expect(api.takeAsked()).toEqual([]);
    await clock.advance(1_500);
    expect(await codeOf(names({ kind: "ConfigMap" }))).toBe("unavailable");
    expect(api.takeAsked()).toHaveLength(1);
  });

  it("of a group whose server is away is an error, not an empty answer", async () => {
    const away = { name: "metrics.k8s.io", versions: { v1beta1: [] }, stale: ["v1beta1"] };
    const { clock, names } = makeWorld({ before: (api) => api.on("/apis", aggregated(APPS, SITES, away)) });
    expect(await soon(clock, names({ group: "metrics.k8s.io", kind: "PodMetrics" }))).toBe("unavailable");
    expect(await soon(clock, names({}))).toBe("unavailable");
    await clock.advance(1_000);
    expect(await names({ kind: "ConfigMap" })).toEqual(["a", "b"]);
  });

  it("ends with the signal's reason while it waits", async () => {
    const { api, backend } = makeWorld();
    api.on("/api/v1/secrets", () => new Promise(() => {}));
    const end = new AbortController();
    const listed = codeOf(backend.list({ kind: "Secret" }, end.signal));
    await settle();
    end.abort(new TrueupError("aborted", "enough"));
    expect(await listed).toBe("aborted");
  });
});

describe("watch", () => {
  it("tells what happened since the list, across a version that was too old", async () => {
    const { api, clock, backend } = makeWorld();
    const { version } = await backend.list({ kind: "ConfigMap" }, signal);
    api.watch(CONFIG_MAPS).event("ADDED", configMap("c", 11)).event("ERROR", GONE);
    api.on(CONFIG_MAPS, listOf("ConfigMap", 30, [configMap("a", 3), configMap("c", 22)]));
    await clock.advance(1_000);
    const seen = await watched(backend, { kind: "ConfigMap" }, version);
    expect(seen).toEqual(["added ConfigMap c", "modified ConfigMap c", "deleted ConfigMap b", "bookmark"]);
  });

  it("cannot go on from a version of an earlier process", async () => {
    const first = makeWorld();
    const { version } = await first.backend.list({}, signal);
    const second = makeWorld();
    await second.clock.advance(1);
    const later = new KubernetesBackend({
      api: second.api,
      clock: second.clock,
      random: seededRandom(1),
      ownerId: "daemon-1",
      namespace: "trueup-system",
    });
    backends.push(later);
    expect(await watched(later, {}, version)).toEqual(["failed not-found"]);
  });
});

describe("apps", () => {
  const scope = { app: "web", ownerId: "daemon-1", namespace: "trueup-system" };
  const parent = parentObject(scope, { kinds: ["Secret", "Site.k8s.example"], namespaces: ["default"] });
  const managedFields = [
    {
      manager: "trueup",
      operation: "Apply",
      apiVersion: "k8s.example/v1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:metadata": { "f:labels": { "f:applyset.kubernetes.io/part-of": {} } } },
    },
  ];
  const member = (): JsonObject => {
    const object = site("one", 4) as { metadata: JsonObject };
    const labels = { "applyset.kubernetes.io/part-of": setIdOf(scope) };
    return { ...object, metadata: { ...object.metadata, labels, managedFields } };
  };

  it("have all their objects listed, of kinds that nobody asked for: their parents name them", async () => {
    const { names } = makeWorld({
      before: (api) => {
        const { metadata, ...rest } = parent;
        const stored = { ...rest, metadata: { ...metadata, uid: "p", resourceVersion: "2" } } as unknown as JsonObject;
        api.on(CONFIG_MAPS, listOf("ConfigMap", 10, [stored]));
        api.on(SITES_PATH, listOf("Site", 10, [member()]));
      },
    });
    expect(await names({ owner: "web" })).toEqual(["one"]);
  });

  it("of another daemon are not read on its behalf: it may have rights that this one has not", async () => {
    const { api, names } = makeWorld({
      before: (scripted) => {
        const { metadata, ...rest } = parentObject(
          { ...scope, ownerId: "daemon-2" },
          { kinds: ["Secret"], namespaces: [] },
        );
        const stored = { ...rest, metadata: { ...metadata, uid: "p", resourceVersion: "2" } } as unknown as JsonObject;
        scripted.on(CONFIG_MAPS, listOf("ConfigMap", 10, [stored]));
      },
    });
    expect(await names({})).toHaveLength(1);
    expect(api.asked.filter((each) => each.includes("secrets"))).toEqual([]);
  });

  it("cannot be listed while one of these kinds cannot, nor can everything; other apps can", async () => {
    const { names } = makeWorld({
      before: (api) => {
        const { metadata, ...rest } = parent;
        const stored = { ...rest, metadata: { ...metadata, uid: "p", resourceVersion: "2" } } as unknown as JsonObject;
        api.on(CONFIG_MAPS, listOf("ConfigMap", 10, [stored]));
        api.on("/api/v1/secrets", (call) => {
          throw refused(403, "Forbidden")(call);
        });
      },
    });
    for (const query of [{ owner: "web" }, {}]) expect(await codeOf(names(query))).toBe("forbidden");
    expect(await names({ owner: "shop" })).toEqual([]);
  });
});

describe("bulky contents", () => {
  const long = { dashboard: "x".repeat(40_000) };
  const path = (name: string): string => `/api/v1/namespaces/default/configmaps/${name}`;

  it("that nobody here applied are not kept, and read when somebody asks for that kind or object", async () => {
    const large = configMap("large", 5, { data: long });
    const { api, backend } = makeWorld({
      before: (scripted) => {
        scripted.on(CONFIG_MAPS, listOf("ConfigMap", 10, [configMap("a", 3, { data: { x: "1" } }), large]));
        scripted.on(path("large"), large);
      },
    });
    const contents = async (query: ListQuery): Promise<unknown[]> =>
      (await backend.list(query, signal)).items.map(({ object }) => object.data);
    expect(await contents({})).toEqual([{ x: "1" }, undefined]);
    expect(await contents({ kind: "ConfigMap" })).toEqual([{ x: "1" }, long]);
    expect(await contents({ group: "", kind: "ConfigMap", namespace: "default", name: "large" })).toEqual([long]);
    expect(api.takeAsked().filter((each) => each === `GET ${path("large")}`)).toHaveLength(2);
    expect(await contents({ kind: "ConfigMap", name: "a" })).toEqual([{ x: "1" }]);
    expect(api.takeAsked()).toEqual([]);
    // Gone meanwhile is gone; unreadable is an error.
    api.on(path("large"), (call) => {
      throw refused(404, "NotFound")(call);
    });
    expect(await contents({ kind: "ConfigMap", name: "large" })).toEqual([]);
    api.on(path("large"), (call) => {
      throw refused(403, "Forbidden")(call);
    });
    expect(await codeOf(contents({ kind: "ConfigMap", name: "large" }))).toBe("forbidden");
  });

  it("of a namespace with more than a few, as Helm leaves them, are read in one list of their type", async () => {
    const release = (name: string, namespace: string): JsonObject => ({
      apiVersion: "v1",
      kind: "Secret",
      type: "helm.sh/release.v1",
      metadata: { name, namespace, uid: `uid-${namespace}-${name}`, resourceVersion: "5" },
      data: { release: `of ${name}` },
    });
    const some = ["r1", "r2", "r3", "r4"].map((name) => release(name, "default"));
    const alone = release("r9", "web");
    const plain: JsonObject = { ...release("plain", "web"), type: "Opaque" };
    const { api, backend } = makeWorld({
      before: (made) => {
        made.on("/api/v1/secrets", listOf("Secret", 10, [...some, alone, plain]));
        made.on("/api/v1/namespaces/web/secrets/r9", alone);
      },
    });
    const path = "/api/v1/namespaces/default/secrets";
    const read = async (): Promise<unknown> =>
      (await backend.list({ group: "", kind: "Secret" }, signal)).items.map(({ object }) => [
        object.kind,
        object.metadata.name,
        object.data,
      ]);
    // One of them went meanwhile.
    api.on(path, listOf("Secret", 10, some.slice(0, 2), "next"), listOf("Secret", 10, some.slice(2, 3)));
    expect(await read()).toEqual(
      [...some.slice(0, 3), alone, plain].map(({ kind, metadata, data }) => [
        kind,
        Reflect.get(metadata as object, "name"),
        data,
      ]),
    );
    expect(api.takeAsked().filter((each) => each.includes("/namespaces/"))).toEqual([
      `GET ${path}?fieldSelector=type=helm.sh/release.v1&limit=50`,
      `GET ${path}?fieldSelector=type=helm.sh/release.v1&limit=50&continue=next`,
      "GET /api/v1/namespaces/web/secrets/r9",
    ]);
    api.on(path, (call) => {
      throw refused(403, "Forbidden")(call);
    });
    expect(await codeOf(read())).toBe("forbidden");
  });

  it("are read without kubectl's copy of the whole object, which of a Secret would be a copy of its values", async () => {
    const copied = "kubectl.kubernetes.io/last-applied-configuration";
    const release = {
      apiVersion: "v1",
      kind: "Secret",
      type: "helm.sh/release.v1",
      metadata: {
        ...{ name: "r", namespace: "default", uid: "r", resourceVersion: "5" },
        annotations: { [copied]: '{"data":{"release":"aHVzaA=="}}', other: "stays" },
      },
      data: { release: "aHVzaA==" },
    };
    const { backend } = makeWorld({
      before: (api) => {
        api.on("/api/v1/secrets", listOf("Secret", 10, [release]));
        api.on("/api/v1/namespaces/default/secrets/r", release);
      },
    });
    const { items } = await backend.list({ group: "", kind: "Secret" }, signal);
    expect(items.map(({ object }) => [object.data, object.metadata.annotations])).toEqual([
      [release.data, { other: "stays" }],
    ]);
  });
});

describe("events", () => {
  it("are listed from the server, all of them, when somebody asks for them", async () => {
    const { api, names } = makeWorld();
    const event = (name: string): JsonObject => ({ ...configMap(name, 3), kind: "Event" });
    api.on(
      "/api/v1/namespaces/default/events",
      listOf("Event", 10, [event("x")], "next"),
      listOf("Event", 10, [event("y")]),
    );
    expect(await names({ group: "", kind: "Event", namespace: "default" })).toEqual(["x", "y"]);
    api.on("/api/v1/namespaces/default/events", listOf("Event", 10, [event("x")], "next"), (call) => {
      throw refused(410, "Expired")(call);
    });
    expect(await codeOf(names({ group: "", kind: "Event", namespace: "default" }))).toBe("not-found");
  });
});
