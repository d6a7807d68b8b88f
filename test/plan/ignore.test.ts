/** Fields that stay with others: never compared, never taken from them, and never lost by an apply that leaves them out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeThreeWay } from "../../src/diff/three-way.ts";
import { fits, type IgnoreRule, parseFieldPattern } from "../../src/model/ignore.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { Observed } from "../../src/model/plan.ts";
import { ignoredOf } from "../../src/plan/ignore.ts";
import { planObject } from "../../src/plan/plan.ts";
import { configMap, declaredOf, deployment, observedOf, plain } from "./declared.ts";

function rule(fields: string[], kind = "*", name = "*"): IgnoreRule {
  return { kind, name, fields: fields.map((text) => parseFieldPattern(text)).filter((each) => each !== null) };
}

describe("a path", () => {
  it.each([
    ["spec.replicas", [{ key: "spec" }, { key: "replicas" }]],
    ['metadata.annotations["a.b/c"]', [{ key: "metadata" }, { key: "annotations" }, { key: "a.b/c" }]],
    [
      "spec.containers[name=web].image",
      [{ key: "spec" }, { key: "containers" }, { having: { name: "web" } }, { key: "image" }],
    ],
    [
      "spec.ports[port=80,protocol=TCP]",
      [{ key: "spec" }, { key: "ports" }, { having: { port: "80", protocol: "TCP" } }],
    ],
    [
      "webhooks[*].clientConfig.caBundle",
      [{ key: "webhooks" }, { every: true }, { key: "clientConfig" }, { key: "caBundle" }],
    ],
    ["spec.items[3]", [{ key: "spec" }, { key: "items" }, { index: 3 }]],
  ])("%s", (text, steps) => {
    expect(parseFieldPattern(text)).toEqual({ text, steps });
  });

  it.each(["", ".", "spec..x", "spec.", "spec.a b", "spec[", "spec[a]", 'spec["\\x"]', "/spec/replicas"])(
    "is none: %j",
    (text) => {
      expect(parseFieldPattern(text)).toBeNull();
    },
  );
});

describe("a pattern", () => {
  it.each([
    ["*", "web", true],
    ["web", "web", true],
    ["web", "web-1", false],
    ["web-*", "web-1", true],
    ["*-1", "web-1", true],
    ["w*b*1", "web-1", true],
    ["web*web", "web", false],
    ["", "web", false],
  ])("%s and %s: %s", (pattern, text, expected) => {
    expect(fits(pattern, text)).toBe(expected);
  });

  it("takes no time to speak of, whatever it is", () => {
    expect(fits(`${"a*".repeat(5_000)}b`, "a".repeat(50_000))).toBe(false);
  });
});

/** What planning says of a pair, with rules. */
function planned(declared: KubeObject, observed: Observed, rules: IgnoreRule[], autoscalers: KubeObject[] = []) {
  return planObject(declaredOf(declared), observed, "shop", ignoredOf(rules, autoscalers));
}

const replicas = (count: number): KubeObject => deployment("web", "web:v1", { replicas: count });
const live = (applied: KubeObject, now: KubeObject, managedFields?: object[]): Observed => {
  const observed = { ...observedOf(now, "shop"), applied };
  if (managedFields !== undefined) Object.assign(observed.object.metadata, { managedFields });
  return observed;
};

const HPA: KubeObject = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "web" },
  spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } },
};

describe("an ignored field", () => {
  it("is no difference, whoever set it", () => {
    expect(planned(replicas(3), live(replicas(3), replicas(7)), [])?.fields).toHaveLength(1);
    expect(planned(replicas(3), live(replicas(3), replicas(7)), [rule(["spec.replicas"])])).toBeNull();
    expect(planned(replicas(3), live(replicas(3), replicas(7)), [], [HPA])).toBeNull();
    expect(
      planned(replicas(4), live(replicas(3), replicas(7)), [rule(["spec.replicas"], "Deployment", "w*")]),
    ).toBeNull();
    expect(
      planned(replicas(3), live(replicas(3), replicas(7)), [rule(["spec.replicas"], "apps/Deployment")]),
    ).toBeNull();
    expect(planned(replicas(3), live(replicas(3), replicas(7)), [rule(["spec.replicas"], "Service")])).not.toBeNull();
  });

  it("of what another autoscaler scales is a difference", () => {
    const other = { ...HPA, spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "api" } } };
    expect(planned(replicas(3), live(replicas(3), replicas(7)), [], [other])).not.toBeNull();
    const elsewhere = { ...HPA, metadata: { name: "web", namespace: "other" } };
    expect(planned(replicas(3), live(replicas(3), replicas(7)), [], [elsewhere])).not.toBeNull();
  });

  it("goes along with its live value as long as trueup alone has set it, and is left out once somebody else has", () => {
    const next = deployment("web", "web:v2", { replicas: 3 });
    const sent = (managed?: object[]): unknown => {
      const change = planned(next, live(replicas(3), replicas(7), managed), [], [HPA]);
      expect(change?.fields.map(({ path }) => path)).toEqual(["spec.template.spec.containers[name=web].image"]);
      return (change?.sent?.spec as { replicas?: number } | undefined)?.replicas;
    };
    const fields = { "f:spec": { "f:replicas": {} } };
    expect(sent()).toBe(7);
    expect(sent([{ manager: "trueup", fieldsV1: fields }])).toBe(7);
    expect(
      sent([
        { manager: "trueup", fieldsV1: fields },
        { manager: "kubectl", fieldsV1: { "f:spec": {} } },
      ]),
    ).toBe(7);
    expect(sent([{ manager: "hpa", subresource: "scale", fieldsV1: fields }])).toBeUndefined();
  });

  it("that git gave up is not taken away", () => {
    const { replicas: _replicas, ...spec } = replicas(3).spec as Record<string, unknown>;
    const without = { ...replicas(3), spec };
    const change = planned(without, live(replicas(3), replicas(7)), [], [HPA]);
    expect(change).toBeNull();
    const moved = planned(
      configMap("c", { b: "1" }),
      live(configMap("c", { a: "1", b: "0" }), configMap("c", { a: "9", b: "0" })),
      [rule(["data.a"])],
    );
    expect(moved?.fields.map(({ path }) => path)).toEqual(["data.b"]);
    expect(moved?.sent?.data).toEqual({ a: "9", b: "1" });
  });

  it("is set when the object is made", () => {
    const change = planObject(declaredOf(replicas(3)), undefined, "shop", ignoredOf([rule(["spec.replicas"])], []));
    expect(change).toMatchObject({ action: "create" });
    expect(change?.sent).toBeUndefined();
  });

  it("of a Secret is the same one, however it is written", () => {
    const secret = (part: string, values: Record<string, string>): KubeObject =>
      plain("Secret", "s", { [part]: values });
    const observed = live(secret("data", { a: "MQ==", b: "MQ==" }), secret("data", { a: "OQ==", b: "MQ==" }));
    expect(planned(secret("stringData", { a: "1", b: "1" }), observed, [rule(["data.a"])])).toBeNull();
    const change = planned(secret("stringData", { a: "1", b: "2" }), observed, [rule(["data.a"])]);
    expect(change?.fields.map(({ path }) => path)).toEqual(["data.b"]);
    expect(change?.sent?.data).toEqual({ a: "OQ==", b: "Mg==" });
  });

  it("in a list is found by name", () => {
    const web = (image: string): KubeObject => deployment("web", image);
    const path = "spec.template.spec.containers[name=web].image";
    expect(planned(web("web:v1"), live(web("web:v1"), web("web:patched")), [rule([path])])).toBeNull();
    expect(
      planned(web("web:v1"), live(web("web:v1"), web("web:patched")), [rule([path.replace("name=web", "*")])]),
    ).toBeNull();
    expect(
      planned(web("web:v1"), live(web("web:v1"), web("web:patched")), [rule([path.replace("=web", "=api")])]),
    ).not.toBeNull();
  });

  it("never changes by a three-way merge of what is sent", () => {
    const text = fc.constantFrom("1", "2", "3");
    const data = fc.dictionary(fc.constantFrom("a", "b", "c"), text);
    fc.assert(
      fc.property(data, data, data, (declared, applied, now) => {
        const observed = live(configMap("c", applied), configMap("c", now));
        const change = planned(configMap("c", declared), observed, [rule(["data.a"])]);
        expect(change?.fields.some(({ path }) => path === "data.a") ?? false).toBe(false);
        if (change?.sent === undefined) return;
        const merged = mergeThreeWay(observed.applied, observed.object, change.sent) as {
          data?: Record<string, string>;
        };
        expect(merged.data?.a).toBe(now.a);
      }),
    );
  });
});
