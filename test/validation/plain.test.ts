/** The plain JSON Schemas: valid draft-07, and of one mind with the compiled checks about every kind. */
import { Ajv, type ValidateFunction } from "ajv";
import { describe, expect, it } from "vitest";
import {
  type KindSchema,
  KUBERNETES_VERSIONS,
  kindSchema,
  plainFileName,
  plainKinds,
  plainSchemaOf,
  plainSchemaOfAll,
  type SchemaNode,
} from "../../src/validation/index.ts";

function compile(schema: object): ValidateFunction {
  const ajv = new Ajv({ allErrors: false, inlineRefs: false, allowUnionTypes: true, strictTypes: false });
  ajv.addFormat("date-time", (text) => !Number.isNaN(Date.parse(text)));
  return ajv.compile(schema);
}

/** A value with every field that there is, to a depth. */
function fullest(schema: KindSchema, reference: SchemaNode, depth: number): unknown {
  const node = schema.resolve(reference);
  const [type] = Array.isArray(node.type) ? node.type : [node.type];
  switch (type) {
    case "string":
      return { quantity: "1Gi", byte: "QQ==", "date-time": "2026-01-02T03:04:05Z" }[node.format ?? ""] ?? "a";
    case "integer":
    case "number":
      return 1;
    case "boolean":
      return true;
    case "array":
      return node.items === undefined || depth === 0 ? [] : [fullest(schema, node.items, depth - 1)];
    case "object": {
      const needed = new Set(node.required);
      const names = Object.keys(node.properties ?? {}).filter((name) => depth > 0 || needed.has(name));
      return Object.fromEntries(names.map((name) => [name, fullest(schema, node.properties?.[name] ?? {}, depth - 1)]));
    }
    default:
      return {};
  }
}

/** The object with one thing changed, by what was changed. */
function spoiled(valid: Record<string, unknown>): [string, unknown][] {
  return [
    ["an unknown field", { ...valid, nonesuch: 1 }],
    ["an unknown field of metadata", { ...valid, metadata: { name: "a", nonesuch: 1 } }],
    ["labels as a list", { ...valid, metadata: { name: "a", labels: ["a"] } }],
    ["a number as a label", { ...valid, metadata: { name: "a", labels: { a: 1 } } }],
    ["a time that is none", { ...valid, metadata: { name: "a", creationTimestamp: "soon" } }],
  ];
}

describe.each(KUBERNETES_VERSIONS)("plain schemas of Kubernetes %s", (version) => {
  const all = compile(plainSchemaOfAll(version));

  it("take and refuse what the checks do, of every kind", () => {
    for (const { apiVersion, kind } of plainKinds(version)) {
      const schema = kindSchema({ version, apiVersion, kind });
      if (schema === undefined) throw new Error(`no schema of ${kind}`);
      const valid = { ...(fullest(schema, schema.root, 7) as object), apiVersion, kind };
      const objects: [string, unknown][] = [["everything", valid]];
      // `metadata` is no field of a few that are only posted.
      if ("metadata" in valid) objects.push(...spoiled(valid));
      for (const [what, object] of objects) {
        const expected = what === "everything";
        expect([apiVersion, kind, what, schema.check(object)]).toEqual([apiVersion, kind, what, expected]);
        expect([apiVersion, kind, what, all(object)]).toEqual([apiVersion, kind, what, expected]);
      }
    }
  });

  it("refuse kinds and API versions that are not served", () => {
    expect(all({ apiVersion: "v1", kind: "Pood", metadata: {} })).toBe(false);
    expect(all({ apiVersion: "apps/v2", kind: "Deployment", metadata: {} })).toBe(false);
    expect(all({ kind: "Pod" })).toBe(false);
    expect(() => plainSchemaOf(version, { apiVersion: "v1", kind: "Pood" })).toThrow(/has no Pood/);
  });

  it("have a file name each", () => {
    const names = plainKinds(version).map(plainFileName);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(["deployment-apps-v1.json", "service-v1.json"]));
  });
});

describe("the plain schema of one kind", () => {
  const check = compile(plainSchemaOf("1.37", { apiVersion: "apps/v1", kind: "Deployment" }));
  const deployment = (spec: object, rest: object = {}): object => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "a", creationTimestamp: null },
    spec: { selector: {}, template: {}, ...spec },
    ...rest,
  });

  it.each<[string, object, boolean]>([
    ["as it should be", deployment({}), true],
    ["a field that is null", deployment({ replicas: null }), true],
    ["a required field that is null", deployment({ selector: null }), false],
    ["a number of 33 bits", deployment({ replicas: 2 ** 32 }), false],
    ["surge as a share", deployment({ strategy: { rollingUpdate: { maxSurge: "25%" } } }), true],
    ["surge as a truth", deployment({ strategy: { rollingUpdate: { maxSurge: true } } }), false],
    [
      "a quantity",
      deployment({ template: { spec: { containers: [{ name: "a", resources: { limits: { cpu: "500m" } } }] } } }),
      true,
    ],
    [
      "no quantity",
      deployment({ template: { spec: { containers: [{ name: "a", resources: { limits: { cpu: "half" } } }] } } }),
      false,
    ],
    ["another kind", deployment({}, { kind: "Pod" }), false],
  ])("%s", (_, object, expected) => {
    expect(check(object)).toBe(expected);
  });
});
