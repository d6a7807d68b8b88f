/** Plans: what is done to each object, in which order, what is held, and what the digest covers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeThreeWay } from "../../src/diff/three-way.ts";
import type { Declared } from "../../src/model/manifest.ts";
import { displayId, idOf, type KubeObject, keyOf } from "../../src/model/object.ts";
import type { Observed, Plan } from "../../src/model/plan.ts";
import { asCommitId } from "../../src/model/source.ts";
import { type PlanInput, planApp } from "../../src/plan/plan.ts";
import { Planner } from "../../src/plan/planner.ts";
import { configMap, declaredOf, deployment, observedOf, plain } from "./declared.ts";

const COMMIT = asCommitId("1".repeat(40));

function plan(declared: KubeObject[], observed: Observed[], rest: Partial<PlanInput> = {}): Plan {
  return planApp({
    app: "shop",
    commit: COMMIT,
    declared: declared.map((object) => declaredOf(object)),
    observed,
    ...rest,
  });
}

interface Line {
  action: string;
  id: string;
  fields: string[];
  restartsPods: boolean;
  held: string | null;
}

function lines({ changes }: Plan): Line[] {
  return changes.map(({ action, id, fields, restartsPods, held }) => ({
    action,
    id: displayId(id),
    fields: fields.map(({ path }) => path),
    restartsPods,
    held: held ?? null,
  }));
}

const line = (action: string, id: string, rest: Partial<Line> = {}): Line => ({
  action,
  id,
  fields: [],
  restartsPods: false,
  held: null,
  ...rest,
});

const IMAGE = "spec.template.spec.containers[name=web].image";

describe("one object", () => {
  const rows: { name: string; declared: KubeObject; observed: Observed[]; lines: Line[]; unchanged: number }[] = [
    {
      name: "is created when it is not there",
      declared: deployment("web"),
      observed: [],
      lines: [line("create", "deployment/web")],
      unchanged: 0,
    },
    {
      name: "is unchanged when it is as declared",
      declared: deployment("web"),
      observed: [observedOf(deployment("web"), "shop")],
      lines: [],
      unchanged: 1,
    },
    {
      name: "is updated, and its pods replaced, when its template differs",
      declared: deployment("web", "web:v2"),
      observed: [observedOf(deployment("web"), "shop")],
      lines: [line("update", "deployment/web", { fields: [IMAGE], restartsPods: true })],
      unchanged: 0,
    },
    {
      name: "is updated without replacing pods when only its size differs",
      declared: deployment("web", "web:v1", { replicas: 5 }),
      observed: [observedOf(deployment("web"), "shop")],
      lines: [line("update", "deployment/web", { fields: ["spec.replicas"] })],
      unchanged: 0,
    },
    {
      name: "cannot be updated when a fixed field differs",
      declared: deployment("web", "web:v1", { selector: { matchLabels: { app: "other" } } }),
      observed: [observedOf(deployment("web"), "shop")],
      lines: [line("replace", "deployment/web", { fields: ["spec.selector.matchLabels.app"] })],
      unchanged: 0,
    },
    {
      name: "is taken over when nobody applied it, though nothing differs",
      declared: deployment("web"),
      observed: [observedOf(deployment("web"), null)],
      lines: [line("update", "deployment/web")],
      unchanged: 0,
    },
    {
      name: "is recorded when git newly declares what somebody set by hand",
      declared: configMap("c", { a: "1", b: "2" }),
      observed: [{ ...observedOf(configMap("c", { a: "1", b: "2" }), "shop"), applied: configMap("c", { a: "1" }) }],
      lines: [line("update", "configmap/c")],
      unchanged: 0,
    },
    {
      name: "is left alone while it is being deleted",
      declared: configMap("c", { a: "2" }),
      observed: [
        {
          ...observedOf(configMap("c", { a: "1" }, { deletionTimestamp: "2026-01-01T00:00:00Z" }), "shop"),
          applied: configMap("c", { a: "1" }),
        },
      ],
      lines: [],
      unchanged: 1,
    },
  ];
  it.each(rows)("$name", ({ declared, observed, lines: expected, unchanged }) => {
    const result = plan([declared], observed);
    expect(lines(result)).toEqual(expected);
    expect(result.unchanged).toBe(unchanged);
  });

  it("shows no value of a Secret", () => {
    const secret = (value: string): KubeObject => plain("Secret", "s", { data: { password: value } });
    const [change] = plan([secret("bmV3")], [observedOf(secret("b2xk"), "shop")]).changes;
    expect(change?.fields).toEqual([
      { path: "data.password", kind: "change", before: "*** (before)", after: "*** (after)" },
    ]);
  });

  it.each([
    { name: "a pod's command", live: pod({ command: ["a"] }), next: pod({ command: ["b"] }), action: "replace" },
    { name: "a pod's image", live: pod({ image: "a:1" }), next: pod({ image: "a:2" }), action: "update" },
    {
      name: "a Secret's type",
      live: plain("Secret", "x", { type: "a" }),
      next: plain("Secret", "x", { type: "b" }),
      action: "replace",
    },
    { name: "fixed data", live: fixed("1"), next: fixed("2"), action: "replace" },
    { name: "free data", live: configMap("x", { a: "1" }), next: configMap("x", { a: "2" }), action: "update" },
  ])("$name needs a $action", ({ live, next, action }) => {
    expect(plan([next], [observedOf(live, "shop")]).changes.map((change) => change.action)).toEqual([action]);
  });
});

function pod(container: object): KubeObject {
  return plain("Pod", "x", { spec: { containers: [{ name: "c", ...container }] } });
}

function fixed(value: string): KubeObject {
  return { ...configMap("x", { a: value }), immutable: true };
}

it("an object of a custom kind that lives in no namespace is the one that git declares, and neither made again nor deleted", () => {
  const site: KubeObject = { apiVersion: "example.org/v1", kind: "Site", metadata: { name: "one" }, spec: { size: 1 } };
  const declared = { ...declaredOf(site), id: { ...idOf(site), namespace: "" } };
  const live = { ...site, metadata: { name: "one", uid: "u", resourceVersion: "1" } };
  const input = {
    app: "shop",
    commit: COMMIT,
    declared: [declared],
    observed: [{ object: live, applied: site, owner: "shop" }],
  };
  for (const made of [planApp(input), new Planner().plan(input)]) {
    expect([lines(made), made.unchanged]).toEqual([[], 1]);
  }
  const [gone] = planApp({ ...input, declared: [] }).changes;
  expect(gone?.id).toEqual(declared.id);
});

describe("an object of a custom kind whose scope nothing in git tells", () => {
  const site = (fields: object = {}): KubeObject => ({
    apiVersion: "k8s.example/v1",
    kind: "Site",
    metadata: { name: "one" },
    ...fields,
  });
  const live = (object: KubeObject, owner: string): Observed => {
    const observed = observedOf(object, owner);
    const { namespace: _none, ...metadata } = observed.object.metadata;
    return { ...observed, object: { ...observed.object, metadata } };
  };
  const more = ["a", "b", "c", "d"].map((name) => configMap(name));
  const there = more.map((object) => observedOf(object, "shop"));

  it("is the one that is there in no namespace: neither made again nor deleted, which would delete what was just applied", () => {
    expect(declaredOf(site()).id.namespace).toBe("default");
    expect(lines(plan([site(), ...more], [live(site(), "shop"), ...there]))).toEqual([]);
    const changed = plan([site({ spec: { size: 2 } }), ...more], [live(site({ spec: { size: 1 } }), "shop"), ...there]);
    expect(lines(changed)).toEqual([line("update", "site/one", { fields: ["spec.size"] })]);
  });

  it("is deleted when git has it no more", () => {
    expect(lines(plan(more, [live(site(), "shop"), ...there]))).toEqual([line("delete", "site/one")]);
  });
});

describe("order", () => {
  it("brings what others need first, and deletes in reverse at the end", () => {
    const old = [configMap("old"), deployment("old"), plain("Service", "old")];
    const kept = Array.from({ length: 10 }, (_, index) => configMap(`kept-${index}`));
    const fresh = [
      deployment("web"),
      plain("Service", "web"),
      plain("Secret", "s"),
      configMap("c"),
      plain("Namespace", "ns"),
    ];
    const result = plan(
      [...kept, ...fresh],
      [...old, ...kept].map((object) => observedOf(object, "shop")),
    );
    expect(lines(result).map(({ action, id }) => `${action} ${id}`)).toEqual([
      "create namespace/ns",
      "create configmap/c",
      "create secret/s",
      "create service/web",
      "create deployment/web",
      "delete deployment/old",
      "delete service/old",
      "delete configmap/old",
    ]);
    expect(result.unchanged).toBe(10);
  });
});

describe("deletions", () => {
  const many = (count: number): KubeObject[] => Array.from({ length: count }, (_, index) => configMap(`c-${index}`));
  const owned = (objects: KubeObject[]): Observed[] => objects.map((object) => observedOf(object, "shop"));

  it("reach only what this app applied", () => {
    const kept = many(10);
    const foreign = [observedOf(configMap("theirs"), "other"), observedOf(configMap("nobodys"), null)];
    expect(plan(kept, [...owned(kept), ...foreign]).changes).toEqual([]);
  });

  it.each([
    { name: "three of ten go ahead", owned: 10, deleted: 3, held: null },
    {
      name: "four of a hundred are too many",
      owned: 100,
      deleted: 4,
      held: "4 deletions are more than the 3 that go ahead without approval",
    },
    {
      name: "one of three is too large a part",
      owned: 3,
      deleted: 1,
      held: "1 of the app's 3 objects are more than the 30 % that may go without approval",
    },
    {
      name: "the last object stays",
      owned: 1,
      deleted: 1,
      held: "it would leave nothing of the app: git declares no object",
    },
  ])("$name", ({ owned: total, deleted, held }) => {
    const all = many(total);
    const result = plan(all.slice(deleted), owned(all));
    expect(lines(result).map((change) => [change.action, change.held])).toEqual(
      Array.from({ length: deleted }, () => ["delete", held]),
    );
  });

  it.each([
    { annotation: { "trueup/prune": "disabled" }, held: "configmap/x is annotated trueup/prune: disabled" },
    {
      annotation: { "argocd.argoproj.io/sync-options": "Validate=false, Prune=false" },
      held: "configmap/x is annotated argocd.argoproj.io/sync-options: Prune=false",
    },
    {
      annotation: { "kustomize.toolkit.fluxcd.io/prune": "disabled" },
      held: "configmap/x is annotated kustomize.toolkit.fluxcd.io/prune: disabled",
    },
    {
      annotation: { "helm.sh/resource-policy": "keep" },
      held: "configmap/x is annotated helm.sh/resource-policy: keep",
    },
    { annotation: { "trueup/prune": "enabled" }, held: null },
  ])("respect $annotation", ({ annotation, held }) => {
    const kept = many(9);
    const annotated = configMap("x", {}, { annotations: annotation });
    expect(lines(plan(kept, owned([...kept, annotated])))).toEqual([line("delete", "configmap/x", { held })]);
  });

  it("hold a Namespace, and only that", () => {
    const kept = many(9);
    const result = plan(kept, owned([...kept, plain("Namespace", "ns"), configMap("gone")]));
    expect(lines(result).map(({ id, held }) => [id, held])).toEqual([
      ["configmap/gone", null],
      ["namespace/ns", "a Namespace takes all that is in it along"],
    ]);
  });

  it("hold a StatefulSet that takes its volume claims along, as it is there", () => {
    const kept = many(9);
    const db = (whenDeleted: string): KubeObject => ({
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: `db-${whenDeleted.toLowerCase()}` },
      spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled: "Retain" } },
    });
    const result = plan(kept, owned([...kept, db("Retain"), db("Delete")]));
    expect(lines(result).map(({ id, held }) => [id, held])).toEqual([
      ["statefulset/db-retain", null],
      ["statefulset/db-delete", "its volume claims go with it (whenDeleted: Delete), and their data with them"],
    ]);
  });

  it("count objects that keep themselves not as deleted", () => {
    const kept = many(9);
    const keepers = Array.from({ length: 4 }, (_, index) =>
      configMap(`keep-${index}`, {}, { annotations: { "trueup/prune": "disabled" } }),
    );
    const result = plan(kept, owned([...kept, ...keepers, configMap("gone")]));
    expect(lines(result).filter(({ held }) => held === null)).toEqual([line("delete", "configmap/gone")]);
  });

  it("leave alone what is already going", () => {
    const kept = many(9);
    const going = configMap("going", {}, { deletionTimestamp: "2026-01-01T00:00:00Z" });
    expect(plan(kept, owned([...kept, going])).changes).toEqual([]);
  });
});

describe("digest", () => {
  const base = {
    declared: [declaredOf(deployment("web", "web:v2")), declaredOf(configMap("new"))],
    observed: [observedOf(deployment("web"), "shop")],
  };
  const digestOf = (input: Partial<PlanInput>): string =>
    planApp({ app: "shop", commit: COMMIT, ...base, ...input }).digest;

  it("is a SHA-256 and the same again", () => {
    expect(digestOf({})).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digestOf({})).toBe(digestOf({}));
  });

  it("does not depend on the order of inputs, nor on values", () => {
    expect(digestOf({ declared: [...base.declared].reverse() })).toBe(digestOf({}));
    expect(
      digestOf({ declared: [declaredOf(deployment("web", "web:v3")), declaredOf(configMap("new", { a: "b" }))] }),
    ).toBe(digestOf({}));
  });

  it.each([
    { name: "commit", input: { commit: asCommitId("2".repeat(40)) } },
    { name: "app", input: { app: "other" } },
    { name: "operations", input: { declared: base.declared.slice(0, 1) } },
    { name: "action", input: { observed: [] } },
    {
      name: "field paths",
      input: { declared: [declaredOf(deployment("web", "web:v2", { replicas: 4 })), declaredOf(configMap("new"))] },
    },
    {
      name: "blob",
      input: { declared: [declaredOf(deployment("web", "web:v2"), "app.yaml", "b"), declaredOf(configMap("new"))] },
    },
    {
      name: "identity",
      input: { declared: [declaredOf(deployment("web", "web:v2")), declaredOf(configMap("newer"))] },
    },
  ])("changes with the $name", ({ input }) => {
    expect(digestOf(input)).not.toBe(digestOf({}));
  });
});

// ---- Properties -----------------------------------------------------------------------------------------------------

const object = fc.oneof(
  fc
    .record({ name: fc.constantFrom("a", "b", "c", "d"), value: fc.constantFrom("1", "2") })
    .map(({ name, value }) => configMap(name, { v: value })),
  fc
    .record({ name: fc.constantFrom("a", "b"), image: fc.constantFrom("w:1", "w:2") })
    .map(({ name, image }) => deployment(name, image)),
);
const objects = fc.uniqueArray(object, { selector: (item) => keyOf(item), maxLength: 5 });
const world = fc.uniqueArray(fc.tuple(object, fc.constantFrom("shop", "other", null)), {
  selector: ([item]) => keyOf(item),
  maxLength: 6,
});

/** What a backend makes of a plan: held deletions wait, what another owns is refused. */
function apply(observed: Observed[], result: Plan): Observed[] {
  const live = new Map(observed.map((item) => [keyOf(item.object), item]));
  for (const { action, id, declared, observed: before, held } of result.changes) {
    const key = before === undefined ? keyOf(declared?.object as KubeObject) : keyOf(before.object);
    if (action === "delete" && held === undefined) live.delete(key);
    if (declared === undefined || action === "replace" || (before && before.owner !== null && before.owner !== "shop"))
      continue;
    const merged = before ? mergeThreeWay(before.applied, before.object, declared.object) : declared.object;
    live.set(key, { ...observedOf(merged, "shop", `after-${id.name}`), applied: declared.object });
  }
  return [...live.values()];
}

describe("for any world", () => {
  const input = fc.tuple(objects, world).map(([wanted, live]) => ({
    declared: wanted.map((item) => declaredOf(item)),
    observed: live.map(([item, owner]) => observedOf(item, owner)),
  }));

  it("planning again after applying yields nothing but what is held or another's", () => {
    fc.assert(
      fc.property(input, ({ declared, observed }) => {
        const first = planApp({ app: "shop", commit: COMMIT, declared, observed });
        const again = planApp({ app: "shop", commit: COMMIT, declared, observed: apply(observed, first) });
        for (const change of again.changes) {
          const isForeign = change.observed?.owner === "other";
          expect(change.held !== undefined || isForeign, `${change.action} ${displayId(change.id)}`).toBe(true);
        }
      }),
    );
  });

  it("nothing is deleted that the app does not own, or that git declares", () => {
    fc.assert(
      fc.property(input, ({ declared, observed }) => {
        const wanted = new Set(declared.map(({ object }) => keyOf(object)));
        for (const change of planApp({ app: "shop", commit: COMMIT, declared, observed }).changes) {
          if (change.action !== "delete") continue;
          expect(change.observed?.owner).toBe("shop");
          expect(wanted.has(keyOf(change.observed?.object as KubeObject))).toBe(false);
        }
      }),
    );
  });

  it("every object is counted once, and the order of inputs does not matter", () => {
    fc.assert(
      fc.property(input, ({ declared, observed }) => {
        const result = planApp({ app: "shop", commit: COMMIT, declared, observed });
        const turned = planApp({
          app: "shop",
          commit: COMMIT,
          declared: [...declared].reverse(),
          observed: [...observed].reverse(),
        });
        expect(turned).toEqual(result);
        const touched = result.changes.filter(({ action }) => action !== "delete").length;
        expect(touched + result.unchanged).toBe(declared.length);
      }),
    );
  });

  it("a planner with a memory plans as one without", () => {
    fc.assert(
      fc.property(fc.array(input, { minLength: 2, maxLength: 4 }), (inputs) => {
        const planner = new Planner();
        let version = 0;
        for (const { declared, observed } of inputs) {
          const fresh = observed.map((item) => {
            const object = structuredClone(item.object);
            object.metadata.resourceVersion = String(version++);
            return { ...item, object };
          });
          for (let turn = 0; turn < 2; turn++) {
            const world = { app: "shop", commit: COMMIT, declared, observed: fresh };
            expect(planner.plan(world)).toEqual(planApp(world));
          }
        }
      }),
    );
  });
});

describe("a planner's memory", () => {
  const wanted: Declared[] = Array.from({ length: 1000 }, (_, index) => declaredOf(configMap(`c-${index}`)));
  const live = wanted.map(({ object }) => observedOf(object, "shop"));
  const input = { app: "shop", commit: COMMIT, declared: wanted, observed: live };

  it("compares only what changed", () => {
    const planner = new Planner();
    planner.plan(input);
    expect(planner.compared).toBe(1000);
    expect(planner.plan(input).unchanged).toBe(1000);
    expect(planner.compared).toBe(1000);

    const drifted = live.with(7, {
      ...observedOf(configMap("c-7", { by: "hand" }), "shop", "2"),
      applied: configMap("c-7"),
    });
    expect(planner.plan({ ...input, observed: drifted }).changes).toEqual([]);
    expect(planner.compared).toBe(1001);

    const edited = wanted.with(8, declaredOf(configMap("c-8", { new: "yes" })));
    const result = planner.plan({ ...input, declared: edited });
    expect(result.changes.map(({ id }) => id.name)).toEqual(["c-8"]);
    expect(planner.compared).toBe(1003);
  });

  it("gives the observed object of this time, not of the time it was compared", () => {
    const planner = new Planner();
    const [first] = wanted;
    if (first === undefined) throw new Error("no object");
    const stale = observedOf(configMap("c-0", { a: "1" }), "shop");
    const fresh = { ...stale };
    const declared = [declaredOf(configMap("c-0", { a: "2" }))];
    planner.plan({ ...input, declared, observed: [stale] });
    expect(planner.plan({ ...input, declared, observed: [fresh] }).changes[0]?.observed).toBe(fresh);
    expect(idOf(fresh.object).name).toBe("c-0");
  });
});

describe("objects of several apps", () => {
  const key = (name: string) => keyOf(configMap(name, {}, { namespace: "default" }));

  it("that another app declares are not deleted, and count for nothing", () => {
    const observed = ["a", "b", "c", "d"].map((name) => observedOf(configMap(name), "shop"));
    const declared = ["a", "b"].map((name) => configMap(name));
    const given = plan(declared, observed, { declaredElsewhere: new Set([key("c")]) });
    // Of three objects that are the app's, one is more than 30 %.
    expect(lines(given)).toEqual([
      line("delete", "configmap/d", {
        held: "1 of the app's 3 objects are more than the 30 % that may go without approval",
      }),
    ]);
  });

  it("that their owner gives up are taken over from that owner only", () => {
    const rows: [string | null, string | undefined, string | undefined][] = [
      ["other", "other", "other"],
      ["other", "third", undefined],
      [null, "other", undefined],
      ["shop", "other", undefined],
    ];
    for (const [owner, giver, from] of rows) {
      const givenUp = giver === undefined ? new Map() : new Map([[key("a"), giver]]);
      const { changes } = plan([configMap("a", { x: "2" })], [observedOf(configMap("a", { x: "1" }), owner)], {
        givenUp,
      });
      expect([owner, giver, changes.map((change) => change.from)]).toEqual([owner, giver, [from]]);
    }
  });

  it("may be in an app that cannot be read: deletions wait, and nothing else does", () => {
    const observed = ["a", "b", "c", "d", "e"].map((name) => observedOf(configMap(name), "shop"));
    const declared = ["a", "b", "c", "d", "new"].map((name) => configMap(name));
    expect(lines(plan(declared, observed))).toEqual([line("create", "configmap/new"), line("delete", "configmap/e")]);
    expect(lines(plan(declared, observed, { unreadable: ["torn"] }))).toEqual([
      line("create", "configmap/new"),
      line("delete", "configmap/e", {
        held: "app torn may declare it: a manifest of that app cannot be read at this commit",
      }),
    ]);
  });

  it("are never deleted when another app declares them or owns them, whatever the budget", () => {
    const names = fc.uniqueArray(fc.constantFrom<string>("a", "b", "c", "d", "e"));
    fc.assert(
      fc.property(names, names, names, names, (own, elsewhere, mine, theirs) => {
        const observed = ["a", "b", "c", "d", "e"]
          .filter((name) => mine.includes(name) || theirs.includes(name))
          .map((name) => observedOf(configMap(name), mine.includes(name) ? "shop" : "other"));
        const given = plan(
          own.map((name) => configMap(name)),
          observed,
          { declaredElsewhere: new Set(elsewhere.map(key)), prune: { maxObjects: 100, maxPercent: 100 } },
        );
        const deleted = given.changes.filter(({ action }) => action === "delete").map(({ id }) => id.name);
        const left = mine.filter((name) => !own.includes(name) && !elsewhere.includes(name));
        expect(deleted.sort()).toEqual(left.sort());
      }),
    );
  });
});
