/** A plan in words: the whole text, so that a reader checks it by eye. */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import { asCommitId } from "../../src/model/source.ts";
import { describePlan, summarizePlan } from "../../src/plan/describe.ts";
import { planDigest } from "../../src/plan/digest.ts";
import { planApp } from "../../src/plan/plan.ts";
import { configMap, declaredOf, deployment, observedOf, plain } from "./declared.ts";

const COMMIT = asCommitId("3f2c1aa".padEnd(40, "0"));

describe("a plan in words", () => {
  it("names every change, its place and its fields", () => {
    const plan = planApp({
      app: "shop",
      commit: COMMIT,
      declared: [
        declaredOf(deployment("web", "web:v2", { replicas: 4 }), "web.yaml"),
        declaredOf(plain("Secret", "db", { data: { password: "bmV3" } }), "db.yaml"),
        declaredOf(configMap("same"), "c.yaml"),
        declaredOf(configMap("fresh"), "c.yaml"),
        declaredOf(configMap("found"), "c.yaml"),
        declaredOf(deployment("api", "api:v1", { selector: { matchLabels: { app: "x" } } }), "api.yaml"),
      ],
      observed: [
        observedOf(deployment("web", "web:v1"), "shop"),
        observedOf(plain("Secret", "db", { data: { password: "b2xk", old: "eA==" } }), "shop"),
        observedOf(configMap("same"), "shop"),
        observedOf(configMap("found"), null),
        observedOf(deployment("api", "api:v1"), "shop"),
        observedOf(plain("Namespace", "stage"), "shop"),
        observedOf(configMap("gone"), "shop"),
      ],
    });
    expect(describePlan(plan)).toBe(
      [
        "shop at 3f2c1aa: 1 to create, 3 to update, 1 to replace, 2 to delete (1 of them held), 1 unchanged",
        "  ~ configmap/found (c.yaml:1): is there already, trueup takes it over",
        "  + configmap/fresh (c.yaml:1)",
        "  ~ secret/db (db.yaml:1)",
        "      data.old: *** (removed)",
        "      data.password: *** (before) → *** (after)",
        "  ! deployment/api (api.yaml:1): cannot be changed in place; annotate it trueup/replace: allowed, give it another name, or delete it first",
        "      spec.selector.matchLabels.app: api → x",
        "  ~ deployment/web (web.yaml:1): replaces its pods",
        "      spec.replicas: 3 → 4",
        "      spec.template.spec.containers[name=web].image: web:v1 → web:v2",
        "  - configmap/gone",
        "  - namespace/stage: held, a Namespace takes all that is in it along",
      ].join("\n"),
    );
  });

  it("says when there is nothing to do", () => {
    const plan = planApp({ app: "shop", commit: COMMIT, declared: [], observed: [] });
    expect(summarizePlan(plan)).toBe("nothing to do");
  });

  it("says of each field who set what git overrides or takes away, and since when", () => {
    const entry = (manager: string, fieldsV1: object, more: object = {}): object => ({
      manager,
      operation: "Update",
      time: "2026-11-20T00:00:00Z",
      fieldsV1,
      ...more,
    });
    const managedFields = [
      entry("trueup", { "f:data": { "f:kept": {}, "f:gone": {} } }, { operation: "Apply" }),
      entry("kubectl-edit", { "f:data": { "f:a": {} } }),
      entry("kubectl", { "f:data": { "f:gone": {} } }, { time: undefined }),
      entry("a-controller", { "f:data": { "f:kept": {} } }, { subresource: "status" }),
    ];
    const observed = observedOf(configMap("c", { a: "theirs", kept: "1", gone: "1" }), "shop");
    observed.object.metadata = { ...observed.object.metadata, managedFields } as KubeObject["metadata"];
    const declared = [declaredOf(configMap("c", { a: "ours", kept: "2", fresh: "1" }))];
    const plan = planApp({ app: "shop", commit: COMMIT, declared, observed: [observed] });
    expect(describePlan(plan).split("\n").slice(2)).toEqual([
      "      data.a: theirs → ours (set by kubectl-edit at 2026-11-20T00:00:00Z)",
      '      data.fresh: "1" (new)'.replaceAll('"', ""),
      "      data.gone: 1 (removed) (set by kubectl)",
      "      data.kept: 1 → 2",
    ]);
  });

  it("says whose an object was that is adopted, and who still claims it", () => {
    const observed = observedOf(configMap("c", { a: "theirs" }), null);
    const declared = [declaredOf(configMap("c", { a: "ours" }))];
    const plan = planApp({ app: "shop", commit: COMMIT, declared, observed: [observed], adopt: true });
    const lineWith = (adopted?: { managers: string[]; claims: string[] }): string | undefined => {
      const changes = plan.changes.map((change) => ({ ...change, ...(adopted !== undefined && { adopted }) }));
      return describePlan({ ...plan, changes }).split("\n")[1];
    };
    const title = "  ~ configmap/c (app.yaml:1): is there already";
    expect(lineWith()).toBe(`${title}, adopted as the operator asks`);
    expect(lineWith({ managers: ["helm", "kubectl"], claims: [] })).toBe(
      `${title}, applied by helm, kubectl, adopted as the operator asks`,
    );
    expect(lineWith({ managers: [], claims: ["Helm release shop/web"] })).toBe(
      `${title}, adopted as the operator asks; still claimed by Helm release shop/web, which must give it up`,
    );
  });

  it("shows no escape sequence of a value", () => {
    const plan = planApp({
      app: "shop",
      commit: COMMIT,
      declared: [declaredOf(configMap("c", { a: "\u001b[31mred\u009b" }))],
      observed: [observedOf(configMap("c", { a: "" }), "shop")],
    });
    expect(describePlan(plan)).toContain('data.a: "" → "\\u001b[31mred\ufffd"');
  });
});

describe("a plan of several stages in words", () => {
  it("names each stage, its hooks, and what they wait for", () => {
    const noted = (object: KubeObject, annotations: Record<string, string>): KubeObject => {
      return { ...object, metadata: { ...object.metadata, annotations } };
    };
    const plan = planApp({
      app: "shop",
      commit: COMMIT,
      declared: [
        declaredOf(noted(plain("Pod", "migrate"), { "argocd.argoproj.io/hook": "PreSync" }), "migrate.yaml"),
        declaredOf(noted(plain("Pod", "notify"), { "argocd.argoproj.io/hook": "PostSync,SyncFail" }), "notify.yaml"),
        declaredOf(configMap("c"), "c.yaml"),
        declaredOf(noted(configMap("d"), { "argocd.argoproj.io/sync-wave": "2" }), "d.yaml"),
        ...Array.from({ length: 9 }, (_, at) => declaredOf(configMap(`same-${at}`))),
      ],
      observed: [
        observedOf(plain("Pod", "migrate"), "shop"),
        observedOf(configMap("gone"), "shop"),
        ...Array.from({ length: 9 }, (_, at) => observedOf(configMap(`same-${at}`), "shop")),
      ],
      hooks: { attempt: "a.1", isBegun: false, isFailing: false, begun: new Set() },
    });
    expect(describePlan(plan)).toBe(
      [
        "shop at 3f2c1aa: 2 to create, 1 to delete, 2 hooks to run, 9 unchanged",
        "  stage 1 of 4 (PreSync)",
        "  ! pod/migrate (migrate.yaml:1): PreSync hook, made anew, waited for until it has ended",
        "  stage 2 of 4 (wave 0), when all before it is well",
        "  + configmap/c (c.yaml:1)",
        "  stage 3 of 4 (wave 2), when all before it is well",
        "  + configmap/d (d.yaml:1)",
        "  - configmap/gone",
        "  stage 4 of 4 (PostSync), when all before it is well",
        "  + pod/notify (notify.yaml:1): PostSync hook, waited for until it has ended",
      ].join("\n"),
    );
    const plainPlan = { ...plan, stages: undefined };
    expect(planDigest(plan)).toBe(plan.digest);
    expect(planDigest(plainPlan)).not.toBe(plan.digest);
  });
});
