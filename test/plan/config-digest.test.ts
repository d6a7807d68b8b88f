/** The stamp of watched configuration: content counts, spelling does not, nothing is hashed twice, no secret can be guessed. */
import { createHash, createHmac } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { Declared } from "../../src/model/manifest.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { asCommitId, asObjectHash } from "../../src/model/source.ts";
import { ConfigStamper, contentOf, keyedDigest, numberedDigest, stampOf } from "../../src/plan/config-digest.ts";
import { describePlan } from "../../src/plan/describe.ts";
import { planApp } from "../../src/plan/plan.ts";
import { Planner } from "../../src/plan/planner.ts";
import { configMap, declaredOf, deployment, observedOf } from "./declared.ts";

const COMMIT = asCommitId("1".repeat(40));
const KEY = new Uint8Array(32).fill(7);

function watcher(uses: object, words = "configmap,secret"): KubeObject {
  const object = deployment("web");
  const { template } = object.spec as { template: { spec: { containers: object[] } } };
  template.spec = { containers: [{ name: "web", image: "web:v1", ...uses }] };
  return { ...object, metadata: { name: "web", annotations: { "trueup/restart-on": words } } };
}

const uses = (name: string): object => ({ envFrom: [{ configMapRef: { name } }] });
const secret = (fields: object, name = "db"): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name },
  ...fields,
});

/** The stamp, with numbers for contents, of a first and then other versions of the same app. */
function stamps(...versions: KubeObject[][]): unknown[] {
  const stamper = new ConfigStamper(numberedDigest());
  return versions.map((objects) => {
    const [first] = stamper.stamp(objects.map((object) => declaredOf(object)));
    return first === undefined ? undefined : stampOf(first.object);
  });
}

describe("what is watched", () => {
  const everything = {
    env: [
      { name: "A", valueFrom: { configMapKeyRef: { name: "a", key: "k" } } },
      { name: "B", valueFrom: { secretKeyRef: { name: "b", key: "k", optional: true } } },
    ],
    envFrom: [{ configMapRef: { name: "c", optional: true } }, { secretRef: { name: "d" } }],
  };
  const volumes = [
    { name: "e", configMap: { name: "e" } },
    { name: "f", secret: { secretName: "f" } },
    { name: "g", projected: { sources: [{ configMap: { name: "g" } }, { secret: { name: "h" } }] } },
  ];
  const init = [{ name: "i", image: "i:v1", envFrom: [{ configMapRef: { name: "i" } }] }];

  function app(words: string): KubeObject[] {
    const object = watcher(everything, words);
    const { template } = object.spec as { template: { spec: object } };
    template.spec = { ...template.spec, volumes, initContainers: init };
    const maps = ["a", "c", "e", "g", "i", "unused"].map((name) => configMap(name, { k: name }));
    return [object, ...maps, ...["b", "d", "f", "h"].map((name) => secret({ stringData: { k: name } }, name))];
  }
  const one = (kind: string, names: string[]): string => names.map((name) => `${kind}/${name}=content-1`).join(",");

  it.each([
    ["configmap", one("configmap", ["a", "c", "e", "g", "i"])],
    ["secret", one("secret", ["b", "d", "f", "h"])],
    [" secret , configmap", `${one("configmap", ["a", "c", "e", "g", "i"])},${one("secret", ["b", "d", "f", "h"])}`],
    ["nonsense", undefined],
  ])("with %s", (words, stamp) => {
    expect(stamps(app(words))).toEqual([stamp]);
  });

  it("is what the app declares in the workload's namespace, and only for Deployments that ask", () => {
    const elsewhere = configMap("a", { k: "1" }, { namespace: "other" });
    expect(stamps([watcher(uses("a")), elsewhere], [watcher(uses("b"))], [deployment("web"), configMap("a")])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const plainApp = [declaredOf(deployment("web"))];
    expect(new ConfigStamper(numberedDigest()).stamp(plainApp)).toBe(plainApp);
  });

  it("passes over whatever has the wrong shape", () => {
    const junk = fc.dictionary(
      fc.constantFrom("spec", "template", "containers", "env", "volumes", "data"),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(junk, fc.jsonValue(), (fields, spec) => {
        const broken = { ...watcher({}), spec: fields, ...fields } as KubeObject;
        const other = { ...watcher({}), spec: { template: { spec } } } as KubeObject;
        const map = { ...configMap("a"), data: spec } as unknown as KubeObject;
        for (const object of [broken, other])
          new ConfigStamper(numberedDigest()).stamp([declaredOf(object), declaredOf(map)]);
      }),
    );
  });
});

describe("content", () => {
  const text = (value: string): string => Buffer.from(value).toString("base64");
  const same: [string, KubeObject, KubeObject][] = [
    ["the order of keys", configMap("a", { x: "1", y: "2" }), configMap("a", { y: "2", x: "1" })],
    [
      "labels and annotations",
      configMap("a", { x: "1" }),
      configMap("a", { x: "1" }, { labels: { l: "1" }, annotations: { n: "1" } }),
    ],
    ["a Secret written as text or base64", secret({ stringData: { p: "pw" } }), secret({ data: { p: text("pw") } })],
    ["text over base64", secret({ data: { p: "AAAA" }, stringData: { p: "pw" } }), secret({ data: { p: text("pw") } })],
    ["line breaks in base64", secret({ data: { p: "YWJj\nZGVm" } }), secret({ data: { p: "YWJjZGVm" } })],
    ["an absent value", configMap("a", { x: "1", y: null as unknown as string }), configMap("a", { x: "1" })],
    ["the type", secret({ type: "Opaque", stringData: { p: "pw" } }), secret({ stringData: { p: "pw" } })],
  ];
  it.each(same)("is the same whatever is %s", (_what, a, b) => {
    expect(contentOf(declaredOf(a))).toBe(contentOf(declaredOf(b)));
  });

  const other: [string, KubeObject, KubeObject][] = [
    ["a value", configMap("a", { x: "1" }), configMap("a", { x: "2" })],
    ["a key", configMap("a", { x: "1" }), configMap("a", { y: "1" })],
    ["a key more", configMap("a", { x: "1" }), configMap("a", { x: "1", y: "" })],
    ["the kind of data", configMap("a", { x: "AAAA" }), { ...configMap("a"), binaryData: { x: "AAAA" } } as KubeObject],
    ["binary data", { ...configMap("a"), binaryData: { x: "AAAA" } }, { ...configMap("a"), binaryData: { x: "AAAB" } }],
    ["what runs together", configMap("a", { x: "1", y: "2" }), configMap("a", { x: '1"],["y","2' })],
  ];
  it.each(other)("is another with %s", (_what, a, b) => {
    expect(contentOf(declaredOf(a))).not.toBe(contentOf(declaredOf(b)));
  });

  it("is the same exactly when the data is", () => {
    const data = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("", "1", "AAAA", "AAAB", '"],["'), {
      noNullPrototype: true,
    });
    const parts = fc.record({
      data,
      binaryData: fc.dictionary(fc.constantFrom("d", "e"), fc.constantFrom("AAAA", "AAAB"), { noNullPrototype: true }),
    });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const [one, other] = [a, b].map((each) => contentOf(declaredOf({ ...configMap("m"), ...each })));
        expect(one === other).toBe(isDeepStrictEqual({ ...a }, { ...b }));
      }),
    );
  });

  it("does not depend on YAML's spelling, and old content has its old stamp", () => {
    const parse = (data: string): Declared[] => {
      const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n${data}`;
      return parseManifestFile({ file: "a.yaml", blob: asObjectHash("0".repeat(40)), text }).declared;
    };
    const stamper = new ConfigStamper(keyedDigest(KEY));
    const stampWith = (data: string): unknown => {
      const [first] = stamper.stamp([declaredOf(watcher(uses("a"))), ...parse(data)]);
      return first === undefined ? undefined : stampOf(first.object);
    };
    const before = stampWith("data: {x: one, z: two}\n");
    expect(stampWith("# why\ndata:\n  \"z\": 'two'\n  x: one # here\n")).toBe(before);
    expect(stampWith("data: {x: one, z: three}\n")).not.toBe(before);
    expect(stampWith("data: {x: one, z: two}\n")).toBe(before);
  });
});

describe("the digest", () => {
  it("is keyed: it is no plain hash of anything in the object, and another key gives another", () => {
    const object = secret({ stringData: { p: "1234" } });
    const value = keyedDigest(KEY)("/Secret/default/db", contentOf(declaredOf(object)));
    expect(value).toMatch(/^[0-9a-f]{32}$/);
    expect(value).not.toBe(keyedDigest(new Uint8Array(32))("/Secret/default/db", contentOf(declaredOf(object))));
    expect(value).not.toBe(keyedDigest(KEY)("/Secret/default/other", contentOf(declaredOf(object))));
    for (const guess of ["1234", "MTIzNA==", contentOf(declaredOf(object))]) {
      expect(createHash("sha256").update(guess).digest("hex")).not.toContain(value);
      expect(createHmac("sha256", "").update(guess).digest("hex")).not.toContain(value);
    }
  });

  it("without a key is a number that says only what is equal", () => {
    const digest = numberedDigest();
    expect([digest("a", "x"), digest("a", "y"), digest("b", "z"), digest("a", "x")]).toEqual([
      "content-1",
      "content-2",
      "content-1",
      "content-1",
    ]);
  });
});

describe("what a change costs", () => {
  it("nothing where nothing changed: the same instance, not digested nor compared again", () => {
    const stamper = new ConfigStamper(keyedDigest(KEY));
    const planner = new Planner();
    const [web, a, b] = [
      declaredOf(watcher(uses("a"))),
      declaredOf(configMap("a", { x: "1" })),
      declaredOf(configMap("b")),
    ];
    const first = stamper.stamp([web, a, b]);
    const observed = first.map(({ object }) => observedOf(object, "shop"));
    planner.plan({ app: "shop", commit: COMMIT, declared: first, observed });
    const { compared } = planner;
    const again = stamper.stamp([web, a, declaredOf(configMap("b", { other: "1" }))]);
    expect(again[0]).toBe(first[0]);
    expect(again[1]).toBe(a);
    expect(stamper.digested).toBe(1);
    planner.plan({ app: "shop", commit: COMMIT, declared: again, observed });
    expect(planner.compared).toBe(compared + 1);
    // Written again with the same content: digested, and the workload is still the same.
    expect(stamper.stamp([web, declaredOf(configMap("a", { x: "1" }), "moved.yaml")])[0]).toBe(first[0]);
    expect(stamper.digested).toBe(2);
  });

  it("nothing of the object that git has is changed, and the stamp's place is the annotation's", () => {
    const text = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    trueup/restart-on: configmap
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "web:v1", envFrom: [{ configMapRef: { name: a } }] }] }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: a }, data: { x: "1" } }
`;
    const { declared } = parseManifestFile({ file: "a.yaml", blob: asObjectHash("0".repeat(40)), text });
    const before = structuredClone(declared.map(({ object }) => object));
    const [stamped] = new ConfigStamper(keyedDigest(KEY)).stamp(declared);
    expect(declared.map(({ object }) => object)).toEqual(before);
    const path = ["spec", "template", "metadata", "annotations", "trueup/config-digest"];
    expect(stamped?.locate(path)).toMatchObject({ file: "a.yaml", line: 6, column: 5 });
    expect(stamped?.locateValue(path)).toMatchObject({ line: 6, column: 24 });
    expect(stamped?.locate(["spec", "selector"])).toMatchObject({ line: 8, column: 3 });
    expect(stamped?.locate([])).toMatchObject({ line: 1 });
  });
});

describe("a plan", () => {
  const web = watcher(uses("web-config"));
  const was = (objects: KubeObject[]): ReturnType<typeof observedOf>[] =>
    new ConfigStamper(keyedDigest(KEY))
      .stamp(objects.map((o) => declaredOf(o)))
      .map(({ object }) => observedOf(object, "shop"));
  const plan = (before: KubeObject[], after: KubeObject[]): string => {
    const declared = new ConfigStamper(keyedDigest(KEY)).stamp(after.map((object) => declaredOf(object)));
    return describePlan(planApp({ app: "shop", commit: COMMIT, declared, observed: was(before) }));
  };
  const masked = (text: string): string => text.replace(/[0-9a-f]{32}/g, "…");

  it("says which object restarts the pods, the configuration first", () => {
    expect(masked(plan([web, configMap("web-config", { x: "1" })], [web, configMap("web-config", { x: "2" })]))).toBe(
      "shop at 1111111: 2 to update, 0 unchanged\n" +
        "  ~ configmap/web-config (app.yaml:1)\n      data.x: 1 → 2\n" +
        "  ~ deployment/web (app.yaml:1): restarts pods: configmap/web-config changed\n" +
        '      spec.template.metadata.annotations["trueup/config-digest"]: configmap/web-config=… → configmap/web-config=…',
    );
  });

  it.each([
    [
      "a template that changes too",
      [web, configMap("web-config", { x: "1" })],
      [
        {
          ...web,
          spec: {
            ...(web.spec as object),
            template: {
              metadata: { labels: { app: "web" } },
              spec: { containers: [{ name: "web", image: "web:v2", ...uses("web-config") }] },
            },
          },
        },
        configMap("web-config", { x: "2" }),
      ],
      ": replaces its pods; configmap/web-config changed\n",
    ],
    [
      "the annotation as it comes",
      [{ ...web, metadata: { name: "web" } }, configMap("web-config")],
      [web, configMap("web-config")],
      ": restarts pods: configmap/web-config is watched from now on\n",
    ],
    [
      "the annotation as it goes",
      [web, configMap("web-config")],
      [{ ...web, metadata: { name: "web" } }, configMap("web-config")],
      ": restarts pods: configmap/web-config is watched no more\n",
    ],
  ])("says so of %s", (_what, before, after, note) => {
    expect(plan(before as KubeObject[], after as KubeObject[])).toContain(note);
  });

  it("is empty when only spelling, labels or unused objects change nothing of the content", () => {
    expect(
      plan([web, configMap("web-config", { x: "1", y: "2" })], [web, configMap("web-config", { y: "2", x: "1" })]),
    ).toBe("shop at 1111111: nothing to do, 2 unchanged");
    expect(
      plan(
        [web, configMap("web-config", { x: "1" })],
        [web, configMap("web-config", { x: "1" }, { labels: { l: "1" } })],
      ),
    ).not.toContain("deployment/web");
  });
});
