/** Custom kinds: what a schema refuses and where, defaults, rules, scope, kinds without a schema, and broken definitions. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CustomKinds, inScope, validateDeclared } from "../../../src/validation/index.ts";
import { declare, lines } from "../declare.ts";

/** A definition whose spec has these properties. */
function definition(properties: string, { scope = "Namespaced", rules = "" } = {}): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  scope: ${scope}
  names: {plural: things, singular: thing, kind: Thing, listKind: ThingList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties: ${properties}
            x-kubernetes-validations: [${rules}]
`;
}

function kindsOf(text: string): CustomKinds {
  return new CustomKinds(declare(text).map(({ object }) => object));
}

function check(spec: string, text: string, metadata = "name: a"): string[] {
  const thing = `apiVersion: example.org/v1\nkind: Thing\nmetadata: {${metadata}}\nspec: ${spec}\n`;
  const customKinds = kindsOf(text);
  return declare(thing).flatMap((each) => lines(validateDeclared(inScope(each, customKinds), { customKinds })));
}

const REFUSED: readonly [properties: string, spec: string, said: string | null][] = [
  ["{a: {type: string}}", "{a: x}", null],
  [
    "{a: {type: string}}",
    "{a: 1}",
    "4:11 error schema-type: Cannot read spec.a as it must be text: it is 1 (Put the value in quotes.)",
  ],
  [
    "{size: {type: string}}",
    "{sise: x}",
    "4:8 error unknown-field: Cannot read spec.sise as spec has no such field (Did you mean size?)",
  ],
  ["{a: {type: object, x-kubernetes-preserve-unknown-fields: true}}", "{a: {b: 1}}", null],
  ["{a: {x-kubernetes-int-or-string: true}}", "{a: 1}", null],
  [
    "{a: {x-kubernetes-int-or-string: true}}",
    "{a: true}",
    "4:11 error schema-type: Cannot read spec.a as it must be an integer or text: it is true",
  ],
  [
    "{a: {type: integer, minimum: 3}}",
    "{a: 2}",
    "4:11 error schema-limit: Cannot use spec.a as it must be at least 3: it is 2",
  ],
  [
    "{a: {type: integer, maximum: 3, exclusiveMaximum: true}}",
    "{a: 3}",
    "4:11 error schema-limit: Cannot use spec.a as it must be less than 3: it is 3",
  ],
  [
    "{a: {type: string, pattern: '^a+$'}}",
    "{a: ab}",
    '4:11 error schema-limit: Cannot use spec.a as it must match ^a+$: it is "ab"',
  ],
  [
    "{a: {type: string, enum: [v, w]}}",
    "{a: z}",
    '4:11 error unsupported-value: Cannot use spec.a as it must be one of "v", "w": it is "z" (Did you mean v?)',
  ],
  [
    "{a: {type: string, format: ipv4}}",
    "{a: z}",
    '4:11 error schema-format: Cannot use spec.a as it must have the format ipv4: it is "z"',
  ],
  [
    "{a: {type: array, maxItems: 1, items: {type: string}}}",
    "{a: [b, c]}",
    "4:8 error schema-limit: Cannot use spec.a as it must have at most 1 items and has 2",
  ],
  [
    "{a: {type: array, x-kubernetes-list-type: set, items: {type: string}}}",
    "{a: [b, b]}",
    "4:15 error schema-limit: Cannot use spec.a[1] as the value must be unique in the list: item 0 has the same",
  ],
  ["{a: {type: string, nullable: true}}", "{a: null}", null],
  ["{a: {type: string, default: x, enum: [x]}}", "{a: null}", null],
  [
    "{a: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}}",
    "{a: {kind: Pod}}",
    "4:8 error schema-required: Cannot use spec.a as apiVersion must be given: it is missing",
  ],
  [
    "{a: {type: object, properties: {b: {type: string}, c: {type: string}}, oneOf: [{required: [b]}, {required: [c]}]}}",
    "{a: {b: x, c: z}}",
    "4:8 error schema-limit: Cannot use spec.a as it must fit exactly one of (b given; c given), and fits 2",
  ],
  [
    "{a: {type: integer, enum: [1, 2]}}",
    "{a: 3}",
    "4:11 error unsupported-value: Cannot use spec.a as it must be one of 1, 2: it is 3",
  ],
  ["{a: {type: integer, default: 7}}", "{}", null],
];

describe("a custom kind's schema", () => {
  for (const [properties, spec, expected] of REFUSED) {
    it(`${expected === null ? "takes" : "refuses"} ${spec} for ${properties}`, () => {
      expect(check(spec, definition(properties))).toEqual(expected === null ? [] : [expected]);
    });
  }

  it("is checked with its defaults, which are not written into the declared object", () => {
    const text = definition("{a: {type: integer, default: 7}}", { rules: '{rule: "self.a == 7", message: seven}' });
    expect(check("{}", text)).toEqual([]);
    expect(check("{a: 8}", text)).toEqual(["4:7 error cel-rule: Cannot use spec as a rule of Thing forbids it: seven"]);
    const [declared] = declare("apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\nspec: {}\n");
    const before = structuredClone(declared?.object);
    if (declared !== undefined) validateDeclared(declared, { customKinds: kindsOf(text) });
    expect(declared?.object).toEqual(before);
  });

  it("says what a rule's messageExpression says, at its fieldPath", () => {
    const rule = `{rule: "self.a > 1", fieldPath: ".a", messageExpression: "'a is ' + string(self.a)"}`;
    expect(check("{a: 1}", definition("{a: {type: integer}}", { rules: rule }))).toEqual([
      "4:11 error cel-rule: Cannot use spec.a as a rule of Thing forbids it: a is 1",
    ]);
  });

  it("lets pass what it cannot check, and says so", () => {
    const rules = `{rule: "self.frobnicate()"}, {rule: "self == oldSelf"}, {rule: "!oldSelf.hasValue()", optionalOldSelf: true}`;
    expect(check("{}", definition("{}", { rules }))).toEqual([
      "2:7 warning cel-not-checked: 1 rule of Thing cannot be checked: found no matching overload for 'dyn.frobnicate()'",
    ]);
  });

  it("checks metadata as of any object, and warns of a namespace where there is none", () => {
    expect(check("{}", definition("{}"), "name: a, labels: {x: 1}")).toEqual([
      "3:33 error schema-type: Cannot read metadata.labels.x as it must be text: it is 1 (Put the value in quotes.)",
    ]);
    expect(check("{}", definition("{}", { scope: "Cluster" }), "name: a, namespace: b")).toEqual([
      "3:21 warning namespace-scope: metadata.namespace means nothing: a Thing lives in no namespace (Remove the field.)",
    ]);
  });

  it("gives objects that live in no namespace their identity, the same instance each time", () => {
    const kinds = kindsOf(definition("{}", { scope: "Cluster" }));
    const [thing] = declare("apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\nspec: {}\n");
    if (thing === undefined) throw new Error("nothing declared");
    expect(inScope(thing, kinds).id.namespace).toBe("");
    expect(inScope(thing, kinds)).toBe(inScope(thing, kinds));
    expect(inScope(thing, CustomKinds.NONE)).toBe(thing);
  });
});

describe("a kind without a schema", () => {
  const [thing] = declare("apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\n");
  const rules = (allowUnknownKinds: boolean | string[]): string[] =>
    thing === undefined ? ["none"] : validateDeclared(thing, { allowUnknownKinds }).map(({ rule }) => rule);

  it("is an error unless it is allowed", () => {
    expect(rules(false)).toEqual(["schema-missing"]);
    expect(rules(["other.org/*", "example.org/Thin"])).toEqual(["schema-missing"]);
    expect(rules(true)).toEqual([]);
    expect(rules(["example.org/*"])).toEqual([]);
    expect(rules(["*.org/Th*g"])).toEqual([]);
  });

  it("in a version that its definition does not serve is told the one that it does", () => {
    const customKinds = kindsOf(definition("{}"));
    const [other] = declare("apiVersion: example.org/v2\nkind: Thing\nmetadata: {name: a}\n");
    expect(other === undefined ? [] : lines(validateDeclared(other, { customKinds }))).toEqual([
      '1:13 error unknown-kind: Cannot apply Thing as its apiVersion must be example.org/v1: it is "example.org/v2" (Write apiVersion: example.org/v1.)',
    ]);
  });
});

describe("a definition", () => {
  it("is told its own faults", () => {
    const text = definition(
      "{a: {type: array}, b: {}, c: {type: string, default: 1}, d: {type: string, pattern: '('}}",
      {
        rules: '{rule: "self >"}',
      },
    )
      .replace("things.example.org", "thing.example.org")
      .replace("storage: true", "storage: false");
    const faults = declare(text).flatMap((each) => validateDeclared(each).map(({ rule, field }) => `${rule} ${field}`));
    const spec = "spec.versions[0].schema.openAPIV3Schema.properties.spec";
    expect(faults).toEqual([
      "crd-invalid metadata.name",
      "crd-invalid spec.versions",
      `crd-invalid ${spec}.x-kubernetes-validations[0].rule`,
      `crd-invalid ${spec}.properties.a.items`,
      `crd-invalid ${spec}.properties.b.type`,
      `crd-invalid ${spec}.properties.c.default`,
      `crd-invalid ${spec}.properties.d.pattern`,
    ]);
  });

  it("of any shape never makes the check fall over", () => {
    const words = ["type", "properties", "items", "allOf", "not", "required", "enum", "default", "$ref", "pattern"];
    const more = [
      "additionalProperties",
      "x-kubernetes-validations",
      "x-kubernetes-list-map-keys",
      "__proto__",
      "minimum",
    ];
    const schema = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<unknown>(null, 1, "string", "object", true, [null]),
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...words, ...more), tie("node"), { maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(schema, schema, (root, value) => {
        const [crd, thing] = declare(
          `${definition("{}")}---\napiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\n`,
        );
        if (crd === undefined || thing === undefined) throw new Error("nothing declared");
        const versions = [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: root } }];
        const object = { ...crd.object, spec: { ...(crd.object.spec as object), versions } };
        validateDeclared({ ...crd, object, locate: crd.locate.bind(crd), locateValue: crd.locateValue.bind(crd) });
        const customKinds = new CustomKinds([object]);
        const odd = { ...thing.object, spec: value };
        const options = { customKinds };
        validateDeclared(
          { ...thing, object: odd, locate: thing.locate.bind(thing), locateValue: thing.locateValue.bind(thing) },
          options,
        );
      }),
      { numRuns: 300 },
    );
  });
});
