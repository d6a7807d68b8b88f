/** What is asked before anything is applied: replacements, adoptions, what the server alone can tell, and what cannot be asked yet. */
import { afterEach, describe, expect, it } from "vitest";
import type { ApplyRequest, ApplyResult, Backend } from "../../src/model/backend.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { Observed } from "../../src/model/plan.ts";
import { asCommitId, asObjectHash, type CommitInfo } from "../../src/model/source.ts";
import { planApp } from "../../src/plan/plan.ts";
import { NO_CLAIMS } from "../../src/reconcile/claims.ts";
import type { Neighbours } from "../../src/reconcile/homes.ts";
import { type Settled, tryPlan } from "../../src/reconcile/trial.ts";
import { declaredOf, observedOf } from "../plan/declared.ts";
import { configMap, deployment, image, NO_ABORT, until, World } from "./world.ts";

let world: World;

afterEach(() => world.close());

function noted(manifest: string, annotations: Record<string, string>): string {
  const object = JSON.parse(manifest) as { metadata: Record<string, unknown> };
  object.metadata.annotations = annotations;
  return `${JSON.stringify(object)}\n`;
}

const fixed = (value: string, annotations: Record<string, string> = {}): string => {
  const object = JSON.parse(noted(configMap("c", { a: value }), annotations)) as Record<string, unknown>;
  return `${JSON.stringify({ ...object, immutable: true })}\n`;
};
const ALLOWED = { "trueup/replace": "allowed" };

const errorsOf = (status: { diagnostics: { severity: string; rule: string; message: string; hint?: string }[] }) =>
  status.diagnostics
    .filter(({ severity }) => severity === "error")
    .map(({ rule, message, hint }) => ({ rule, message, hint }));

describe("what cannot be changed in place", () => {
  it("is refused before anything is applied, unless git allows it", async () => {
    world = await World.create({ "c.json": fixed("1"), "d.json": configMap("d") });
    const reconciler = await world.settledReconciler();
    const before = world.backend.writes.length;
    const status = await world.push(
      reconciler,
      { "c.json": fixed("2"), "d.json": configMap("d", { a: "2" }) },
      "second",
    );
    expect(status.phase).toBe("Rejected");
    expect(errorsOf(status)).toEqual([
      {
        rule: "immutable-field",
        message:
          "Cannot change configmap/c in place as these fields are fixed once it exists: data.a; nor replace it, as its manifest must allow it with trueup/replace: allowed",
        hint: "Annotate it trueup/replace: allowed, give it another name, or delete it first.",
      },
    ]);
    expect(world.backend.writes).toHaveLength(before);
  });

  it("is deleted and made anew where git allows it, by the uid that was planned", async () => {
    world = await World.create({ "c.json": fixed("1"), "d.json": configMap("d") });
    const reconciler = await world.settledReconciler();
    const old = await world.object("ConfigMap", "c");
    const status = await world.push(reconciler, { "c.json": fixed("2", ALLOWED) }, "second");
    expect(status).toMatchObject({ phase: "Synced", diagnostics: [] });
    expect(world.backend.writes.slice(-2)).toEqual(["delete ConfigMap c", "apply ConfigMap c"]);
    expect((await world.object("ConfigMap", "c"))?.metadata.uid).not.toBe(old?.metadata.uid);
    expect(await world.data("c")).toEqual({ a: "2" });
    expect((await world.newest()).ending).toMatchObject({ outcome: "deployed", changes: { replace: 1, unchanged: 1 } });
  });

  it("is made by whoever comes next, when the daemon is killed between the two", async () => {
    world = await World.create({ "c.json": fixed("1"), "d.json": configMap("d") });
    const reconciler = await world.settledReconciler();
    let isDown = true;
    world.backend.failure = (call, about) =>
      isDown && call === "apply" && about.endsWith(" c")
        ? new TrueupError("unavailable", "Cannot apply: away.")
        : undefined;
    world.commit({ "c.json": fixed("2", ALLOWED) }, "second");
    reconciler.refChanged();
    await until(async () => (await world.object("ConfigMap", "c")) === undefined);
    await reconciler.close();
    isDown = false;
    await world.settledReconciler();
    expect(await world.data("c")).toEqual({ a: "2" });
    expect(await world.outcomes()).toEqual(["first #1: deployed", "second #1: deployed"]);
  });

  it("is not deleted where the new one would be refused, be it by what the very commit makes", async () => {
    world = await World.create({ "c.json": fixed("1"), "d.json": configMap("d") });
    const tries: boolean[] = [];
    let refusesAt = 1;
    const backend = dear(world.backend, ({ desired, anew }) => {
      if (desired.metadata.name !== "c") return undefined;
      tries.push(anew === true);
      const isRefused = anew === true && tries.filter(Boolean).length >= refusesAt;
      return isRefused ? new TrueupError("invalid", "Cannot apply configmap/c: a policy says no.") : undefined;
    });
    const reconciler = await world.settledReconciler({ backend });
    tries.length = 0;
    const before = world.backend.writes.length;
    const first = await world.push(reconciler, { "c.json": fixed("2", ALLOWED) }, "second");
    expect([first.phase, errorsOf(first).map(({ rule }) => rule), tries]).toEqual([
      "Rejected",
      ["refused-by-backend"],
      [true],
    ]);
    refusesAt = tries.length + 2;
    world.commit({ "c.json": fixed("3", ALLOWED) }, "third");
    reconciler.refChanged();
    await until(async () => tries.length >= refusesAt);
    await reconciler.close();
    expect(world.backend.writes.slice(before).filter((write) => write.startsWith("delete"))).toEqual([]);
    expect(await world.data("c")).toEqual({ a: "1" });
  });

  it("is known by the backend's own words, too", async () => {
    world = await World.create({ "c.json": configMap("c"), "d.json": configMap("d") });
    const reconciler = await world.settledReconciler();
    world.backend.failure = (call, about) =>
      call === "dryRun" && about === "ConfigMap c"
        ? new TrueupError(
            "invalid",
            "Cannot apply configmap/c: data: Forbidden: field is immutable when `immutable` is set",
          )
        : undefined;
    const refused = await world.push(reconciler, { "c.json": configMap("c", { a: "2" }) }, "second");
    expect(errorsOf(refused).map(({ rule }) => rule)).toEqual(["immutable-field"]);
    const replaced = await world.push(reconciler, { "c.json": noted(configMap("c", { a: "2" }), ALLOWED) }, "third");
    expect(replaced.phase).toBe("Synced");
    expect(world.backend.writes.slice(-2)).toEqual(["delete ConfigMap c", "apply ConfigMap c"]);
  });

  it("is not deleted where something else is wrong as well: the new one would be refused, and nothing be left", async () => {
    world = await World.create({ "c.json": configMap("c"), "d.json": configMap("d") });
    const reconciler = await world.settledReconciler();
    world.backend.failure = (call, about) =>
      call === "dryRun" && about === "ConfigMap c"
        ? new TrueupError("invalid", "Cannot apply configmap/c: data: field is immutable; metadata.labels: bad value", {
            fields: [
              { path: "data", message: "field is immutable" },
              { path: "metadata.labels", message: "bad value" },
            ],
          })
        : undefined;
    const before = world.backend.writes.length;
    const status = await world.push(reconciler, { "c.json": noted(configMap("c", { a: "2" }), ALLOWED) }, "second");
    expect(errorsOf(status).map(({ rule }) => rule)).toEqual(["refused-by-backend", "refused-by-backend"]);
    expect(world.backend.writes.slice(before)).toEqual([]);
  });
});

describe("what is there and no app applied", () => {
  const theirs = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "c", namespace: "default" },
    data: { a: "theirs" },
  };

  it("is refused when it differs, and taken over where the operator says so, visibly", async () => {
    world = await World.create({ "c.json": configMap("c"), "d.json": configMap("d") });
    world.cluster.store.create(theirs);
    const reconciler = await world.settledReconciler();
    expect(reconciler.status().phase).toBe("Rejected");
    expect(errorsOf(reconciler.status())).toEqual([
      {
        rule: "refused-by-backend",
        message:
          "Cannot apply configmap/c for app shop as it must be new or as declared: it exists, differs, and no app applied it",
        hint: "Adopt it (--adopt), delete it, or make the manifest equal to it for the first time.",
      },
    ]);
    expect(world.backend.writes).toEqual([]);
    const outcome = await reconciler.plan(undefined, NO_ABORT, true);
    if (outcome.kind !== "planned") throw new Error("rejected");
    expect(outcome.diagnostics).toEqual([]);
    expect(
      outcome.plan.changes.map(({ action, adopts, fields }) => [action, adopts, fields.map(({ path }) => path)]),
    ).toEqual([
      ["update", true, ["data.a"]],
      ["create", undefined, []],
    ]);
    const plain = await reconciler.plan(undefined, NO_ABORT, false);
    expect(plain.kind === "planned" && plain.plan.digest).not.toBe(outcome.plan.digest);
    await reconciler.close();
    const adopting = await world.settledReconciler({ adopt: true });
    await until(async () => JSON.stringify(await world.data("c")) === '{"a":"1"}');
    await adopting.settled();
    expect((await world.backend.inner.list({ owner: "shop" }, NO_ABORT)).items).toHaveLength(2);
  });

  it("shows what goes with the tool that set it, as the dry run tells", async () => {
    world = await World.create({ "c.json": configMap("c") });
    world.cluster.store.create({ ...theirs, data: { a: "theirs", extra: "1" } });
    const adopted = { managers: ["helm"], claims: ["Helm release shop/c"] };
    const backend = dear(world.backend, ({ desired, adopt }) => {
      if (adopt !== true) return undefined;
      return { action: "update", object: { ...theirs, data: desired.data }, adopted };
    });
    const reconciler = await world.settledReconciler({ backend });
    const outcome = await reconciler.plan(undefined, NO_ABORT, true);
    if (outcome.kind !== "planned") throw new Error("rejected");
    const [change] = outcome.plan.changes;
    expect([change?.adopted, change?.fields.map(({ path, kind }) => [path, kind])]).toEqual([
      adopted,
      [
        ["data.a", "change"],
        ["data.extra", "remove"],
      ],
    ]);
  });

  it("is never taken from another app", async () => {
    world = await World.create({ "c.json": configMap("c") });
    await world.backend.inner.apply({ desired: theirs, owner: "theirs" }, NO_ABORT);
    const reconciler = await world.settledReconciler({ adopt: true });
    expect(reconciler.status().phase).toBe("Rejected");
    expect(await world.data("c")).toEqual({ a: "theirs" });
  });
});

/** A backend of which each dry run is a round trip, and that has answers of its own. */
function dear(inner: Backend, answer: (request: ApplyRequest) => ApplyResult | Error | undefined): Backend {
  return {
    capabilities: { ...inner.capabilities, cheapDryRun: false },
    list: (query, signal) => inner.list(query, signal),
    watch: (query, version, signal) => inner.watch(query, version, signal),
    async dryRun(request, signal) {
      const own = answer(request);
      if (own instanceof Error) throw own;
      return own ?? inner.dryRun(request, signal);
    },
    apply: (request, signal) => inner.apply(request, signal),
    delete: (request, signal) => inner.delete(request, signal),
    logs: (query, signal) => inner.logs(query, signal),
  };
}

describe("every change", () => {
  it("is tried before the first write, also where that is a round trip, and all refusals are told at once", async () => {
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`c${at}.json`, configMap(`c${at}`)]));
    world = await World.create(files);
    let atOnce = 0;
    let most = 0;
    const tried: string[] = [];
    const inner = world.backend;
    const backend: Backend = {
      ...dear(inner, () => undefined),
      async dryRun(request, signal) {
        const { name } = request.desired.metadata;
        tried.push(name);
        most = Math.max(most, ++atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        atOnce--;
        if (name === "c7" || name === "c9")
          throw new TrueupError("forbidden", `Cannot apply ${name} as policy says no.`);
        return inner.dryRun(request, signal);
      },
    };
    const reconciler = await world.settledReconciler({ backend });
    expect(reconciler.status().phase).toBe("Rejected");
    expect(errorsOf(reconciler.status()).map(({ message }) => message)).toEqual([
      "Cannot apply c7 as policy says no",
      "Cannot apply c9 as policy says no",
    ]);
    expect(new Set(tried).size).toBe(40);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(16);
    expect(world.backend.writes).toEqual([]);
  });

  it("in a Namespace of the same commit is tried as soon as that is there, before the others are made", async () => {
    const namespace = '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}\n';
    const inShop = (name: string): string =>
      configMap(name).replace(`"name":"${name}"`, `"name":"${name}","namespace":"shop"`);
    world = await World.create({ "ns.json": namespace, "a.json": inShop("a"), "b.json": inShop("b") });
    const asked: string[] = [];
    const backend = dear(world.backend, ({ desired }) => {
      asked.push(desired.metadata.name);
      return desired.metadata.name === "b"
        ? new TrueupError("invalid", "Cannot apply b as it must be good: it is bad.")
        : undefined;
    });
    const reconciler = await world.settledReconciler({ backend });
    // Rejected by a later pass, which finds the Namespace: then all refusals are told, with their places.
    expect(["Failed", "Rejected"]).toContain(reconciler.status().phase);
    expect((await world.newest()).ending).toMatchObject({
      outcome: "failed",
      reason: "b.json:1: Cannot apply b as it must be good: it is bad.",
    });
    // The first of them asks by being made, after the others were asked about.
    expect(asked.slice(0, 2)).toEqual(["shop", "b"]);
    expect(world.backend.writes).toEqual(["apply Namespace shop"]);
  });

  it("in a Namespace of the same commit is tried before anything but that is made, though others come first in order", async () => {
    const namespace = '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}\n';
    const inShop = configMap("b").replace('"name":"b"', '"name":"b","namespace":"shop"');
    world = await World.create({ "ns.json": namespace, "a.json": configMap("a"), "b.json": inShop });
    const backend = dear(world.backend, ({ desired }) =>
      desired.metadata.name === "b"
        ? new TrueupError("invalid", "Cannot apply b as it must be good: it is bad.")
        : undefined,
    );
    await world.settledReconciler({ backend });
    expect(world.backend.writes).toEqual(["apply Namespace shop"]);
  });
});

describe("a difference that the server says is none", () => {
  it.each([true, undefined])("is none to record either where the backend says so (%s)", async (isRecorded) => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1") });
    const backend = dear(world.backend, ({ desired }) => {
      // A default, as it is written now: nothing differs, and only the declaration does.
      const { revisionHistoryLimit } = desired.spec as { revisionHistoryLimit?: number };
      if (desired.kind !== "Deployment" || revisionHistoryLimit !== 10) return undefined;
      return { action: "unchanged", object: desired, ...(isRecorded !== undefined && { isRecorded }) };
    });
    const reconciler = await world.settledReconciler({ backend });
    const writes = world.backend.writes.length;
    await world.push(reconciler, { "web.json": deployment("web", "v1", { revisionHistoryLimit: 10 }) }, "second");
    expect(world.backend.writes.slice(writes)).toEqual(isRecorded === true ? [] : ["apply Deployment web"]);
  });

  it("is counted as unchanged, and asked about once for each version of the object", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1") });
    const asked: string[] = [];
    const backend = dear(world.backend, ({ desired }) => {
      if (desired.kind !== "Deployment" || Reflect.get(desired.spec as object, "minReadySeconds") !== 7)
        return undefined;
      asked.push(desired.metadata.annotations?.["trueup/commit"] ?? "");
      return { action: "unchanged", object: desired };
    });
    const reconciler = await world.settledReconciler({ backend });
    const first = reconciler.status().head?.commit ?? "";
    const writes = world.backend.writes.length;
    const status = await world.push(
      reconciler,
      { "web.json": deployment("web", "v1", { minReadySeconds: 7 }) },
      "second",
    );
    expect(status).toMatchObject({ phase: "Synced", reason: "" });
    expect(await world.outcomes()).toEqual(["first #1: deployed", "second #1: no-op"]);
    expect((await world.newest()).ending?.changes).toEqual({ unchanged: 1 });
    const count = asked.length;
    await world.push(reconciler, { "README.md": "words" }, "third");
    await reconciler.plan(undefined, NO_ABORT);
    expect(asked).toHaveLength(count);
    // As the live object is marked, or every one would differ.
    expect(new Set(asked)).toEqual(new Set([first]));
    expect(world.backend.writes).toHaveLength(writes);
  });
});

const NOBODY: Neighbours = { claims: NO_CLAIMS, definitions: async () => [] };
const COMMIT: CommitInfo = {
  ...{ id: asCommitId("1".repeat(40)), tree: asObjectHash("2".repeat(40)), parents: [], subject: "s" },
  ...{ authorName: "", authorEmail: "", authoredAt: "", committerName: "", committerEmail: "", committedAt: "" },
};

describe("what the server settled", () => {
  it.each<[what: string, live: { uid?: string; status?: object; data?: object }, observed: object, asked: number]>([
    ["holds while controllers write what they see", { status: { seen: 2 } }, {}, 1],
    ["is asked again when the object changes", { data: { a: "3" } }, {}, 2],
    ["is asked again when somebody else owns it", {}, { applied: null }, 2],
    ["is asked again of another object of its name", { uid: "another" }, {}, 2],
  ])("%s", async (_what, { uid = "uid-c", ...more }, observedMore, asked) => {
    let count = 0;
    const backend = dear({} as Backend, ({ desired }) => {
      count++;
      return { action: "unchanged", object: desired };
    });
    const declared = [declaredOf({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "1" } })];
    const at = (version: string, fields: object, id = "uid-c"): Observed => {
      const observed = observedOf(
        { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "2" }, ...fields } as KubeObject,
        "shop",
        version,
      );
      observed.object.metadata.uid = id;
      return { ...observed, applied };
    };
    const applied = declared[0]?.object ?? null;
    const settled: Settled = new WeakMap();
    for (const observed of [at("1", { status: { seen: 1 } }), { ...at("2", more, uid), ...observedMore }]) {
      const plan = planApp({ app: "shop", commit: COMMIT.id, declared, observed: [observed] });
      expect(plan.changes).toHaveLength(1);
      const { plan: left } = await tryPlan(plan, COMMIT, backend, settled, new Map(), NOBODY, NO_ABORT);
      expect([left.changes.length, left.unchanged]).toEqual([0, 1]);
    }
    expect(count).toBe(asked);
  });
});

describe("an object that is as declared, some of it by chance", () => {
  it("is applied all the same, so that what git drops later goes", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1") });
    const backend = dear(world.backend, ({ desired }) => {
      if (desired.kind !== "Deployment" || Reflect.get(desired.spec as object, "minReadySeconds") !== 7)
        return undefined;
      return { action: "unchanged", object: desired, isRecorded: false };
    });
    const reconciler = await world.settledReconciler({ backend });
    const writes = world.backend.writes.length;
    await world.push(reconciler, { "web.json": deployment("web", "v1", { minReadySeconds: 7 }) }, "second");
    expect(world.backend.writes.slice(writes)).toEqual(["apply Deployment web"]);
  });
});

describe("a refusal", () => {
  it("is told where git has the fields that it is about", async () => {
    world = await World.create({ "c.json": JSON.stringify(JSON.parse(configMap("c", { a: "1", b: "2" })), null, 1) });
    const fields = [
      { path: "data[a]", message: "bad" },
      { path: "data.b", message: "worse" },
    ];
    const backend = dear(world.backend, () => new TrueupError("invalid", "Cannot apply configmap/c.", { fields }));
    const reconciler = await world.settledReconciler({ backend });
    const { diagnostics } = reconciler.status();
    expect(diagnostics.map(({ message, location }) => [location.file, location.line, message])).toEqual([
      ["c.json", 8, "Cannot apply configmap/c as data[a] is refused: bad"],
      ["c.json", 9, "Cannot apply configmap/c as data.b is refused: worse"],
    ]);
  });
});

describe("ignored fields", () => {
  it("stay as others set them, through commits and repairs", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1"), ...image("v2") });
    const settings = {
      path: "",
      namespace: "default",
      images: { allowedRepositories: [], requireDigest: false },
      isGone: false,
    };
    const fields = [{ text: "spec.replicas", steps: [{ key: "spec" }, { key: "replicas" }] }];
    const ignore = [{ kind: "Deployment", name: "*", fields }];
    const reconciler = await world.settledReconciler({
      settingsAt: async () => ({ ...settings, onFailure: "keep", ignore, diagnostics: [] }),
    });
    const web = async () =>
      (await world.object("Deployment", "web"))?.spec as {
        replicas: number;
        template: { spec: { containers: { image: string }[] } };
      };
    const live = await world.object("Deployment", "web");
    if (live === undefined) throw new Error("it is not there");
    world.cluster.store.update({ ...live, spec: { ...(live.spec as object), replicas: 5 } });
    await until(async () => (await world.objects("Pod")).length === 5);
    await reconciler.settled();
    expect((await web()).replicas).toBe(5);
    await world.push(reconciler, { "web.json": deployment("web", "v2", { replicas: 3 }) }, "second");
    expect(await web()).toMatchObject({
      replicas: 5,
      template: { spec: { containers: [{ image: "hello-server:v2" }] } },
    });
    expect((await world.newest()).events.map(({ type }) => type)).toEqual(["planned", "applied"]);
    await world.push(reconciler, { "README.md": "words" }, "third");
    expect(await world.outcomes()).toEqual(["first #1: deployed", "second #1: deployed", "third #1: no-op"]);
  });
});

describe("an object of a kind that the app defines itself", () => {
  const definition: KubeObject = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.com" },
    spec: { group: "example.com", names: { kind: "Widget" } },
  };
  const widget: KubeObject = { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "w" } };
  const UNSERVED =
    "Cannot handle Widget objects as the API server must serve the kind: it serves no example.com/Widget.";
  const commit = COMMIT;

  /** What is asked about, and what comes of it, while the server does not serve the kind. */
  async function tried(live: KubeObject[], defined: [string, boolean][]): Promise<{ asked: string[]; comes: string }> {
    const asked: string[] = [];
    const dryRun: Backend["dryRun"] = async ({ desired }) => {
      asked.push(desired.kind);
      if (desired.kind === "Widget") throw new TrueupError("invalid", UNSERVED);
      return { action: "create", object: desired };
    };
    const backend = { capabilities: { cheapDryRun: false }, dryRun } as unknown as Backend;
    const declared = [definition, widget].map((object) => declaredOf(object));
    const observed = live.map((object) => observedOf(object, "shop"));
    const plan = planApp({ app: "shop", commit: commit.id, declared, observed });
    const trial = tryPlan(plan, commit, backend, new WeakMap(), new Map(defined), NOBODY, NO_ABORT);
    const comes = await trial.then(
      ({ diagnostics }) => diagnostics.map(({ rule }) => rule).join() || "accepted",
      (error: TrueupError) => error.code,
    );
    return { asked, comes };
  }

  const KIND = "example.com/Widget";
  const DEFINITION = "CustomResourceDefinition";
  it.each([
    { name: "comes after its definition", live: [], defined: [[KIND, false]], asked: [DEFINITION], comes: "accepted" },
    {
      name: "waits until that is established",
      live: [definition],
      defined: [[KIND, false]],
      asked: [],
      comes: "accepted",
    },
    {
      name: "is tried again until it is served",
      live: [definition],
      defined: [[KIND, true]],
      asked: ["Widget"],
      comes: "unavailable",
    },
    {
      name: "of somebody else's definition is refused",
      live: [definition],
      defined: [],
      asked: ["Widget"],
      comes: "refused-by-backend",
    },
  ] satisfies { name: string; live: KubeObject[]; defined: [string, boolean][]; asked: string[]; comes: string }[])(
    "$name",
    async ({ live, defined, asked, comes }) => {
      // So that there is one to close.
      world = await World.create({});
      expect(await tried(live, defined)).toEqual({ asked, comes });
    },
  );
});
