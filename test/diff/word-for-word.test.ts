/** What an earlier process declared of a custom object, and autoscalers in two versions: what the managed fields alone do not tell. */
import { describe, expect, it } from "vitest";
import { asVersion } from "../../src/diff/versions.ts";
import { declaredDigest, wordForWord } from "../../src/diff/word-for-word.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { Observed } from "../../src/model/plan.ts";
import { ANNOTATION } from "../../src/model/workload.ts";
import { planObject } from "../../src/plan/plan.ts";
import { configMap, declaredOf } from "../plan/declared.ts";

function route(rules: unknown, annotations: Record<string, string> = {}): KubeObject {
  const metadata = { name: "web", ...(Object.keys(annotations).length > 0 && { annotations }) };
  return { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata, spec: { rules } };
}

const DECLARED = route([{ to: "web" }]);
const FILLED_IN = [{ to: "web", weight: 1, path: { type: "Prefix" } }];
const MARK: Record<string, string> = { [ANNOTATION.declared]: declaredDigest(DECLARED) ?? "" };

/** As the next process sees it: the whole list counts as applied, as far as trueup owns it still. */
function seen(rules: unknown, { mark = MARK, owned = true } = {}): Observed {
  const live = route(rules, mark);
  Object.assign(live.metadata, { namespace: "default", uid: "u", resourceVersion: "7" });
  const applied = route(rules, mark);
  if (!owned) delete applied.spec;
  return { object: live, applied, owner: "shop" };
}

describe("a list that is one to the server, as an earlier process declared it", () => {
  it.each<[what: string, declared: KubeObject, observed: Observed, fields: string[] | null]>([
    ["is unchanged with what was filled in", DECLARED, seen(FILLED_IN), null],
    [
      "without a digest is not known",
      DECLARED,
      seen(FILLED_IN, { mark: {} }),
      ["spec.rules[0].path", "spec.rules[0].weight"],
    ],
    [
      "that git declares otherwise",
      route([{ to: "db" }]),
      seen(FILLED_IN),
      ["spec.rules[0].path", "spec.rules[0].to", "spec.rules[0].weight"],
    ],
    [
      "of which git drops what it had declared",
      DECLARED,
      seen(FILLED_IN, { mark: { [ANNOTATION.declared]: "other" } }),
      ["spec.rules[0].path", "spec.rules[0].weight"],
    ],
    [
      "that somebody changed, and owns since",
      DECLARED,
      seen([{ ...FILLED_IN[0], to: "evil" }], { owned: false }),
      ["spec.rules[0].path", "spec.rules[0].to", "spec.rules[0].weight"],
    ],
    [
      "that somebody added to, and owns since",
      DECLARED,
      seen([...FILLED_IN, { to: "evil" }], { owned: false }),
      ["spec.rules[1]"],
    ],
  ])("%s", (_what, declared, observed, fields) => {
    const change = planObject(declaredOf(declared), observed, "shop");
    expect(change === null ? null : change.fields.map(({ path }) => path)).toEqual(fields);
  });

  it("is told by the object only where trueup set the digest itself", () => {
    const { object, applied } = seen(FILLED_IN);
    expect(wordForWord(applied, object, DECLARED, DECLARED)).toBe(DECLARED);
    const copied = route(FILLED_IN);
    expect(wordForWord(copied, object, DECLARED, DECLARED)).toBe(copied);
    expect(wordForWord(null, object, DECLARED, DECLARED)).toBeNull();
  });
});

describe("the digest", () => {
  const digest = (rules: unknown) => declaredDigest(route(rules));

  it("is of what is declared, in whatever order of fields, and of custom kinds alone", () => {
    expect(digest([{ a: 1, b: 2 }])).toMatch(/^[0-9a-f]{16}$/);
    expect(digest([{ a: 1, b: 2 }])).toBe(digest([{ b: 2, a: 1 }]));
    expect(declaredDigest(configMap("a"))).toBeNull();
    expect(declaredDigest({ ...configMap("a"), apiVersion: "networking.k8s.io/v1", kind: "Ingress" })).toBeNull();
  });

  it.each([
    ["another value", [{ a: 1 }], [{ a: 2 }]],
    ["another order of items", ["a", "b"], ["b", "a"]],
    ["a list of pairs", { a: 1 }, [["a", 1]]],
    ["a field named as the pairs are", { a: 1 }, { fields: [["a", 1]] }],
    ["text for a number", ["1"], [1]],
    ["__proto__", JSON.parse('{"__proto__": 1}'), {}],
  ])("differs with %s", (_what, one, two) => {
    expect(digest(one)).not.toBe(digest(two));
  });
});

describe("an autoscaler that is declared in version 1 and read in version 2", () => {
  const target = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const old = (spec: object): KubeObject => {
    return {
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "web" },
      spec: { scaleTargetRef: target, ...spec },
    };
  };
  const cpu = (percent: number) => {
    return {
      type: "Resource",
      resource: { name: "cpu", target: { type: "Utilization", averageUtilization: percent } },
    };
  };
  const live = (spec: object): KubeObject => ({
    ...old({ minReplicas: 1, maxReplicas: 3, ...spec }),
    apiVersion: "autoscaling/v2",
    metadata: { name: "web", namespace: "default", uid: "u", resourceVersion: "7" },
  });
  const memory = {
    type: "Resource",
    resource: { name: "memory", target: { type: "Utilization", averageUtilization: 9 } },
  };
  const absolute = { type: "Resource", resource: { name: "cpu", target: { type: "AverageValue", averageValue: "1" } } };

  it.each<[what: string, declared: object, spec: object, fields: string[] | null]>([
    ["is as declared", { maxReplicas: 3, targetCPUUtilizationPercentage: 50 }, { metrics: [cpu(50)] }, null],
    ["with the default", { maxReplicas: 3 }, { metrics: [cpu(80)] }, null],
    [
      "with what others added",
      { maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
      { metrics: [memory, cpu(50)], behavior: {} },
      null,
    ],
    [
      "differs",
      { maxReplicas: 4, targetCPUUtilizationPercentage: 60 },
      { metrics: [cpu(50)] },
      ["spec.maxReplicas", "spec.targetCPUUtilizationPercentage"],
    ],
    [
      "has another measure",
      { maxReplicas: 3, targetCPUUtilizationPercentage: 60 },
      { metrics: [absolute] },
      ["spec.targetCPUUtilizationPercentage"],
    ],
    [
      "has no metrics that can be read",
      { maxReplicas: 3, targetCPUUtilizationPercentage: 60 },
      { metrics: [null, "x"] },
      ["spec.targetCPUUtilizationPercentage"],
    ],
  ])("%s", (_what, spec, observed, fields) => {
    const declared = old(spec);
    const change = planObject(
      declaredOf(declared),
      { object: live(observed), applied: declared, owner: "shop" },
      "shop",
    );
    expect(change === null ? null : change.fields.map(({ path }) => path)).toEqual(fields);
  });

  it("is left as it is in every other version, and so is every other kind", () => {
    const object = live({});
    expect(asVersion(object, "autoscaling/v2")).toBe(object);
    expect(asVersion(object, "autoscaling/v3")).toBe(object);
    const map = configMap("a");
    expect(asVersion(map, "v1")).toBe(map);
  });
});
