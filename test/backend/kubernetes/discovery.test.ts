import { describe, expect, it } from "vitest";
import { Discovery } from "../../../src/backend/kubernetes/discovery.ts";
import { apiVersionOf, idIn, type KubeResource, pathOf } from "../../../src/backend/kubernetes/resource.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import type { JsonObject } from "../../../src/model/object.ts";
import { settle, VirtualClock } from "../../../src/util/clock.ts";
import { aggregated, CORE, refused, resource, ScriptedApi } from "./scripted-api.ts";

const { signal } = new AbortController();

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return error instanceof TrueupError ? error.code : `thrown: ${String(error)}`;
  }
}

/** `apps/v1 deployments namespaced`, `none`. */
function summary(found: KubeResource | null): string {
  if (found === null) return "none";
  return `${apiVersionOf(found)} ${found.plural}${found.namespaced ? " namespaced" : ""}`;
}

function world(apis: Parameters<typeof aggregated> | JsonObject): {
  api: ScriptedApi;
  clock: VirtualClock;
  discovery: Discovery;
} {
  const api = new ScriptedApi();
  api.on("/api", CORE).on("/apis", Array.isArray(apis) ? aggregated(...apis) : apis);
  const clock = new VirtualClock();
  return { api, clock, discovery: new Discovery(api, clock) };
}

const APPS = { name: "apps", versions: { v1: [resource("Deployment", "deployments")] } };
const SCALING = {
  name: "autoscaling",
  versions: {
    v2: [resource("HorizontalPodAutoscaler", "horizontalpodautoscalers")],
    v1: [resource("HorizontalPodAutoscaler", "horizontalpodautoscalers")],
  },
};

describe("aggregated discovery", () => {
  it("finds a kind in the version asked for, else in the one that the server prefers; one reading does for all", async () => {
    const { api, discovery } = world([
      APPS,
      SCALING,
      { name: "k8s.example", versions: { v1: [resource("Site", "sites", false)] } },
    ]);
    const rows: [Parameters<Discovery["find"]>[0], string][] = [
      [{ group: "", kind: "ConfigMap" }, "v1 configmaps namespaced"],
      [{ group: "", kind: "Namespace" }, "v1 namespaces"],
      [{ group: "apps", kind: "Deployment", version: "v1" }, "apps/v1 deployments namespaced"],
      [{ group: "autoscaling", kind: "HorizontalPodAutoscaler" }, "autoscaling/v2 horizontalpodautoscalers namespaced"],
      [
        { group: "autoscaling", kind: "HorizontalPodAutoscaler", version: "v1" },
        "autoscaling/v1 horizontalpodautoscalers namespaced",
      ],
      [{ group: "apps", kind: "Deployment", version: "v1beta1" }, "apps/v1 deployments namespaced"],
      [{ group: "k8s.example", kind: "Site" }, "k8s.example/v1 sites"],
    ];
    for (const [query, expected] of rows) {
      expect({ query, found: summary(await discovery.find(query, signal)) }).toEqual({ query, found: expected });
    }
    expect(api.asked).toEqual(["GET /api", "GET /apis"]);
    expect(await discovery.groupsWith("Deployment", signal)).toEqual(["apps"]);
  });

  it("looks again for a kind that is not there, though not at once: it may come with a definition", async () => {
    const { api, clock, discovery } = world([APPS]);
    const query = { group: "k8s.example", kind: "Site" };
    for (let times = 0; times < 5; times++) expect(await discovery.find(query, signal)).toBeNull();
    expect(api.takeAsked()).toHaveLength(2);
    api.on("/apis", aggregated(APPS, { name: "k8s.example", versions: { v1: [resource("Site", "sites", false)] } }));
    expect(await discovery.find(query, signal)).toBeNull();
    await clock.advance(5_000);
    expect(summary(await discovery.find(query, signal))).toBe("k8s.example/v1 sites");
    discovery.invalidate();
    api.on("/apis", aggregated(APPS));
    expect(await discovery.find(query, signal)).toBeNull();
  });

  it("does not call a kind absent when what serves its group is away; other groups are as they are", async () => {
    const metrics = { name: "metrics.k8s.io", versions: { v1beta1: [] }, stale: ["v1beta1"] };
    const { discovery } = world([APPS, metrics]);
    expect(await codeOf(discovery.find({ group: "metrics.k8s.io", kind: "PodMetrics" }, signal))).toBe("unavailable");
    expect(summary(await discovery.find({ group: "apps", kind: "Deployment" }, signal))).toBe(
      "apps/v1 deployments namespaced",
    );
    expect(await discovery.find({ group: "apps", kind: "Gadget" }, signal)).toBeNull();
  });

  it("leaves out what cannot be listed and watched, as reviews", async () => {
    const review = { ...resource("TokenReview", "tokenreviews", false), verbs: ["create"] };
    const { discovery } = world([{ name: "authentication.k8s.io", versions: { v1: [review] } }]);
    expect(await discovery.find({ group: "authentication.k8s.io", kind: "TokenReview" }, signal)).toBeNull();
  });

  it("is an error while the server does not answer, and asks once for all who wait", async () => {
    const { api, discovery } = world([APPS]);
    api.on("/apis", (call) => {
      throw refused(503, "ServiceUnavailable")(call);
    });
    const query = { group: "apps", kind: "Deployment" };
    const outcomes = await Promise.all([codeOf(discovery.find(query, signal)), codeOf(discovery.find(query, signal))]);
    expect(outcomes).toEqual(["unavailable", "unavailable"]);
    expect(api.takeAsked()).toEqual(["GET /api", "GET /apis"]);
    api.on("/apis", aggregated(APPS));
    expect(summary(await discovery.find(query, signal))).toBe("apps/v1 deployments namespaced");
  });

  it("ends with the signal's reason, and the reading goes on for others", async () => {
    const { api, discovery } = world([APPS]);
    const answer = Promise.withResolvers<JsonObject>();
    api.on("/apis", () => answer.promise);
    const own = new AbortController();
    const query = { group: "apps", kind: "Deployment" };
    const [left, stayed] = [discovery.find(query, own.signal), discovery.find(query, signal)];
    own.abort(new TrueupError("aborted", "enough"));
    expect(await codeOf(left)).toBe("aborted");
    answer.resolve(aggregated(APPS));
    expect(summary(await stayed)).toBe("apps/v1 deployments namespaced");
  });
});

describe("older servers", () => {
  /** As Kubernetes before 1.26 answers, and others that never learnt more: names first, then each version. */
  const groups: JsonObject = {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: [
      {
        name: "autoscaling",
        versions: [
          { groupVersion: "autoscaling/v1", version: "v1" },
          { groupVersion: "autoscaling/v2", version: "v2" },
        ],
        preferredVersion: { groupVersion: "autoscaling/v2", version: "v2" },
      },
      { name: "metrics.k8s.io", versions: [{ groupVersion: "metrics.k8s.io/v1beta1", version: "v1beta1" }] },
    ],
  };
  const scalers = (version: string): JsonObject => ({
    kind: "APIResourceList",
    groupVersion: `autoscaling/${version}`,
    resources: [
      {
        name: "horizontalpodautoscalers",
        kind: "HorizontalPodAutoscaler",
        namespaced: true,
        verbs: ["list", "watch"],
      },
      { name: "horizontalpodautoscalers/status", kind: "HorizontalPodAutoscaler", namespaced: true, verbs: ["get"] },
    ],
  });

  it("are asked version by version; a group that does not answer is away", async () => {
    const { api, discovery } = world(groups);
    api.on("/api", { kind: "APIVersions", versions: ["v1"] });
    api.on("/api/v1", {
      kind: "APIResourceList",
      groupVersion: "v1",
      resources: [{ name: "pods", kind: "Pod", namespaced: true, verbs: ["list", "watch"] }],
    });
    api.on("/apis/autoscaling/v1", scalers("v1")).on("/apis/autoscaling/v2", scalers("v2"));
    api.on("/apis/metrics.k8s.io/v1beta1", (call) => {
      throw refused(503, "ServiceUnavailable")(call);
    });
    const rows: [string, string, string][] = [
      ["", "Pod", "v1 pods namespaced"],
      ["autoscaling", "HorizontalPodAutoscaler", "autoscaling/v2 horizontalpodautoscalers namespaced"],
    ];
    for (const [group, kind, expected] of rows) {
      expect(summary(await discovery.find({ group, kind }, signal))).toBe(expected);
    }
    expect(await codeOf(discovery.find({ group: "metrics.k8s.io", kind: "PodMetrics" }, signal))).toBe("unavailable");
  });
});

describe("paths", () => {
  const config = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap", namespaced: true, verbs: [] };
  const site = { group: "k8s.example", version: "v1", plural: "sites", kind: "Site", namespaced: false, verbs: [] };
  it.each([
    [config, "", undefined, "/api/v1/configmaps"],
    [config, "shop", undefined, "/api/v1/namespaces/shop/configmaps"],
    [config, "shop", "a", "/api/v1/namespaces/shop/configmaps/a"],
    [site, "shop", "a", "/apis/k8s.example/v1/sites/a"],
    [site, "", "system:a/b", "/apis/k8s.example/v1/sites/system%3Aa%2Fb"],
  ])("of %o in %j, %s", (of, namespace, name, expected) => {
    expect(pathOf(of, namespace, name)).toBe(expected);
  });

  it("know that an object of a kind without namespaces is in none, whatever was said", () => {
    const id = { group: "k8s.example", kind: "Site", namespace: "default", name: "a" };
    expect([idIn(site, id).namespace, idIn(config, id).namespace]).toEqual(["", "default"]);
  });
});

it("takes no answer for now that was asked for before a definition changed", async () => {
  const before = Promise.withResolvers<JsonObject>();
  const { api, discovery } = world([APPS]);
  const sites = { name: "k8s.example", versions: { v1: [resource("Site", "sites", false)] } };
  api.on("/apis", () => before.promise, aggregated(APPS, sites));
  const site = { group: "k8s.example", kind: "Site" };
  const early = discovery.find({ group: "apps", kind: "Deployment" }, signal);
  await settle();
  discovery.invalidate();
  const late = discovery.find(site, signal);
  before.resolve(aggregated(APPS));
  expect([summary(await early), summary(await late)]).toEqual([
    "apps/v1 deployments namespaced",
    "k8s.example/v1 sites",
  ]);
  expect(summary(await discovery.find(site, signal))).toBe("k8s.example/v1 sites");
});

it("asks again at once for what a definition brings that changed a moment ago: it is served some moments later", async () => {
  const { api, clock, discovery } = world([APPS]);
  const site = { group: "k8s.example", kind: "Site" };
  discovery.invalidate();
  expect(await discovery.find(site, signal)).toBeNull();
  api.on("/apis", aggregated(APPS, { name: "k8s.example", versions: { v1: [resource("Site", "sites", false)] } }));
  expect(summary(await discovery.find(site, signal))).toBe("k8s.example/v1 sites");
  await clock.advance(5_000);
  const other = { group: "k8s.example", kind: "Other" };
  expect(await discovery.find(other, signal)).toBeNull();
  api.takeAsked();
  expect(await discovery.find(other, signal)).toBeNull();
  expect(api.takeAsked()).toEqual([]);
});
