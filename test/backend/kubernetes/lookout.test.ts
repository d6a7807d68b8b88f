/** Kinds of an app that the server did not serve are seen soon after it does, and cost nothing until then. */
import { afterEach, describe, expect, it } from "vitest";
import { parentObject, setIdOf } from "../../../src/backend/kubernetes/applyset.ts";
import { KubernetesBackend } from "../../../src/backend/kubernetes/kubernetes.ts";
import type { JsonObject } from "../../../src/model/object.ts";
import { VirtualClock } from "../../../src/util/clock.ts";
import { seededRandom } from "../../../src/util/random.ts";
import { aggregated, CORE, configMap, connectionLost, listOf, refused, resource, ScriptedApi } from "./scripted-api.ts";

const { signal } = new AbortController();
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices";
const SITES = "/apis/k8s.example/v1/sites";
const SCOPE = { app: "web", ownerId: "daemon-1", namespace: "trueup-system" };
const DAY = 86_400_000;

let backend: KubernetesBackend | null = null;
afterEach(async () => {
  await backend?.close();
  backend = null;
});

interface World {
  api: ScriptedApi;
  clock: VirtualClock;
  names: () => Promise<string[]>;
  /** The server serves the kind from now on. */
  serve: () => void;
  /** Requests that were sent since the last call, but for those that hold a watch open. */
  asked: () => string[];
}

/** An app with an object of a kind that is not served. @param definitions How the server answers who asks for definitions */
async function begin(definitions: (api: ScriptedApi) => void): Promise<World> {
  const api = new ScriptedApi();
  const { metadata, ...rest } = parentObject(SCOPE, { kinds: ["Site.k8s.example"], namespaces: [] });
  const parent = { ...rest, metadata: { ...metadata, uid: "p", resourceVersion: "2" } } as unknown as JsonObject;
  api.on("/api", CORE).on("/apis", aggregated());
  api.on("/api/v1/configmaps", listOf("ConfigMap", 10, [parent, configMap("a", 3)]));
  definitions(api);
  const clock = new VirtualClock();
  const own = new KubernetesBackend({
    api,
    clock,
    random: seededRandom(1),
    ownerId: "daemon-1",
    namespace: "trueup-system",
  });
  backend = own;
  const names = async (): Promise<string[]> =>
    (await own.list({ owner: "web" }, signal)).items.map(({ object }) => object.metadata.name);
  expect(await names()).toEqual([]);
  await clock.advance(10_000);
  api.takeAsked();
  const serve = (): void => {
    const managedFields = [
      {
        ...{ manager: "trueup", operation: "Apply", apiVersion: "k8s.example/v1", fieldsType: "FieldsV1" },
        fieldsV1: { "f:metadata": { "f:labels": { "f:applyset.kubernetes.io/part-of": {} } } },
      },
    ];
    const labels = { "applyset.kubernetes.io/part-of": setIdOf(SCOPE) };
    const one = {
      apiVersion: "k8s.example/v1",
      kind: "Site",
      metadata: { name: "one", uid: "u", resourceVersion: "4", labels, managedFields },
    };
    api.on("/apis", aggregated({ name: "k8s.example", versions: { v1: [resource("Site", "sites", false)] } }));
    api.on(SITES, listOf("Site", 30, [one]));
  };
  const asked = (): string[] => api.takeAsked().filter((each) => !each.includes("watch=true"));
  return { api, clock, names, serve, asked };
}

const allowed = (api: ScriptedApi): void => {
  api.on(DEFINITIONS, listOf("PartialObjectMetadata", 10, [])).on(SERVICES, listOf("PartialObjectMetadata", 10, []));
};
const forbidden = (api: ScriptedApi): void => {
  for (const path of [DEFINITIONS, SERVICES]) {
    api.on(path, (call) => {
      throw refused(403, "Forbidden")(call);
    });
  }
};
const defined = {
  apiVersion: "meta.k8s.io/v1",
  kind: "PartialObjectMetadata",
  metadata: { name: "x", resourceVersion: "20" },
};

describe("a kind that an app has objects of and that is not served", () => {
  it.each([DEFINITIONS, SERVICES])(
    "is seen when something changes in %s, and nothing is asked for until then",
    async (path) => {
      const { api, clock, names, serve, asked } = await begin(allowed);
      expect(await names()).toEqual([]);
      await clock.advance(200_000);
      expect(asked()).toEqual([]);
      expect(api.watch(path).call.accept).toContain("as=PartialObjectMetadata;");
      api.watch(path).event("ADDED", defined);
      await clock.advance(2_000);
      expect(await names()).toEqual([]);
      // Established, it is served a moment later.
      serve();
      await clock.advance(4_000);
      expect(await names()).toEqual(["one"]);
      asked();
      api.watch(path).event("MODIFIED", { ...defined, metadata: { name: "x", resourceVersion: "21" } });
      await clock.advance(20_000);
      expect(asked()).toEqual([]);
    },
  );

  it("is seen when it came between the look for it and the first list of definitions", async () => {
    const { api } = await begin((api) => {
      allowed(api);
      api.on(
        "/apis",
        aggregated(),
        aggregated({ name: "k8s.example", versions: { v1: [resource("Site", "sites", false)] } }),
      );
      api.on(SITES, listOf("Site", 30, []));
    });
    expect(api.watch(SITES).isAborted).toBe(false);
  });

  it("is looked for now and then, ever less often, where one has no right to hear of definitions", async () => {
    const { clock, names, serve, asked } = await begin(forbidden);
    await clock.advance(DAY);
    const looks = asked();
    expect(looks.filter((each) => each.startsWith(`GET ${DEFINITIONS}`))).toEqual([]);
    expect(looks.length).toBeGreaterThan(100);
    // Twice in ten minutes.
    expect(looks.length).toBeLessThan(2 * (DAY / 600_000) + 20);
    serve();
    await clock.advance(600_000);
    expect(await names()).toEqual(["one"]);
  });

  it("is found after the connection was lost for a while", async () => {
    const { api, clock, names, serve } = await begin(allowed);
    for (let times = 0; times < 20; times++) api.refuseWatch(connectionLost);
    api.watch(DEFINITIONS).fail();
    await clock.advance(60_000);
    serve();
    await clock.advance(600_000);
    // What came meanwhile is told by the watch that goes on.
    api.watch(DEFINITIONS).event("ADDED", defined);
    await clock.advance(10_000);
    expect(await names()).toEqual(["one"]);
  });
});

describe("a kind that nobody has objects of", () => {
  it("costs no watch of definitions", async () => {
    const api = new ScriptedApi();
    api.on("/api", CORE).on("/apis", aggregated());
    api.on("/api/v1/configmaps", listOf("ConfigMap", 10, []));
    const clock = new VirtualClock();
    backend = new KubernetesBackend({
      api,
      clock,
      random: seededRandom(1),
      ownerId: "daemon-1",
      namespace: "trueup-system",
    });
    expect((await backend.list({ group: "k8s.example", kind: "Site" }, signal)).items).toEqual([]);
    await clock.advance(DAY);
    expect(api.watches.map(({ call }) => call.path)).not.toContain(DEFINITIONS);
  });
});
