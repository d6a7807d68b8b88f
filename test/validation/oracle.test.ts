/** The compiled checks and the walk that finds faults, against ajv on the very same schemas: three ways, one verdict. */
import { Ajv, type AnySchema, type ValidateFunction } from "ajv";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withoutNulls } from "../../src/validation/field.ts";
import { type KindSchema, KUBERNETES_VERSIONS, kindSchema, type SchemaNode } from "../../src/validation/index.ts";
import { definitionsOf } from "../../src/validation/schemas/definitions.ts";
import { hasFormat } from "../../src/validation/schemas/formats.ts";
import { knownKinds } from "../../src/validation/schemas/index.ts";

const ajvs = new Map<string, Ajv>();

/** ajv over all definitions of a version, with references as JSON Schema writes them. */
function ajvOf(version: string): Ajv {
  const known = ajvs.get(version);
  if (known !== undefined) return known;
  const ajv = new Ajv({ strict: false, allErrors: true, inlineRefs: false });
  for (const format of ["int32", "int64"]) {
    ajv.addFormat(format, { type: "number", validate: (value: number) => hasFormat(value, format) });
  }
  for (const format of ["byte", "date-time", "quantity"]) {
    ajv.addFormat(format, { type: "string", validate: (value: string) => hasFormat(value, format) });
  }
  const definitions = Object.fromEntries([...definitionsOf(version)].map(([name, node]) => [name, standard(node)]));
  ajv.addSchema({ $id: version, definitions });
  ajvs.set(version, ajv);
  return ajv;
}

function standard(node: SchemaNode): AnySchema {
  const { $ref, items, properties, additionalProperties, ...rest } = node;
  return {
    ...rest,
    ...($ref !== undefined && { $ref: `#/definitions/${$ref}` }),
    ...(items !== undefined && { items: standard(items) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === "object" ? standard(additionalProperties) : additionalProperties,
    }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, standard(part)])),
    }),
  };
}

function oracle({ version, apiVersion, kind }: KindSchema, definition: string): ValidateFunction {
  const check = ajvOf(version).getSchema(`${version}#/definitions/${definition}`);
  if (check === undefined) throw new Error(`ajv has no schema of ${apiVersion} ${kind}`);
  return check;
}

/** The definition of a kind, found by its node: names are no part of what `kindSchema` shows. */
function definitionOf(schema: KindSchema): string {
  const found = [...definitionsOf(schema.version)].find(([, node]) => node === schema.root);
  if (found === undefined) throw new Error(`no definition of ${schema.kind}`);
  return found[0];
}

const ODD = fc.constantFrom<unknown>(
  1,
  1.5,
  2 ** 31,
  -(2 ** 63),
  2 ** 64,
  "",
  "a",
  "1Gi",
  "QQ==",
  true,
  null,
  [],
  {},
  [null],
  "2026-01-02T03:04:05Z",
);

/** A value that mostly fits a node: every so often something else. */
function likely(schema: KindSchema, reference: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  const node = schema.resolve(reference);
  const fits = fitting(schema, node, depth);
  return fc.oneof({ weight: 60, arbitrary: fits }, { weight: 1, arbitrary: ODD });
}

function fitting(schema: KindSchema, node: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  const type = Array.isArray(node.type) ? node.type[0] : node.type;
  switch (type) {
    case "string":
      if (node.format === "byte") return fc.constantFrom("QQ==", "");
      if (node.format === "date-time") return fc.constant("2026-01-02T03:04:05Z");
      return node.format === "quantity" ? fc.constantFrom<unknown>("1Gi", "500m", 2) : fc.constant("a");
    case "integer":
    case "number":
      return fc.constantFrom(0, 1, 80);
    case "boolean":
      return fc.boolean();
    case "array":
      if (node.items === undefined || depth === 0) return fc.constant([]);
      return fc.array(likely(schema, node.items, depth - 1), { maxLength: 2 });
    case "object":
      return objectOf(schema, node, depth);
    default:
      return ODD;
  }
}

function objectOf(schema: KindSchema, node: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  const required = new Set(node.required);
  const names = Object.keys(node.properties ?? {});
  const values = typeof node.additionalProperties === "object" ? node.additionalProperties : undefined;
  if (names.length === 0) {
    return values === undefined || depth === 0
      ? fc.constant({})
      : fc.dictionary(fc.constantFrom("a", "b/c"), likely(schema, values, depth - 1));
  }
  const picked = depth === 0 ? fc.constant([]) : fc.subarray(names, { maxLength: Math.min(4, names.length) });
  return picked.chain((chosen) => {
    const fields = [...new Set([...required, ...chosen])];
    const record = Object.fromEntries(
      fields.map((name) => [name, likely(schema, node.properties?.[name] ?? {}, Math.max(0, depth - 1))]),
    );
    const extra = fc.oneof(
      { weight: 40, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.constantFrom({ noSuchField: 1 }, { noSuchField: null }) },
    );
    return fc.tuple(fc.record(record), extra).map(([value, more]) => ({ ...value, ...more }));
  });
}

function schemasOf(version: string): KindSchema[] {
  return knownKinds().flatMap(({ apiVersion, kind }) => kindSchema({ version, apiVersion, kind }) ?? []);
}

/** ajv knows no `null` that means "not given"; an unknown field stays one whatever it holds. */
function comparable(value: unknown): unknown {
  return withoutNulls(JSON.parse(JSON.stringify(value).replaceAll('"noSuchField":null', '"noSuchField":0')));
}

describe.each(KUBERNETES_VERSIONS)("the schemas of Kubernetes %s", (version) => {
  it("give one verdict, however they are read", () => {
    let valid = 0;
    let invalid = 0;
    for (const schema of schemasOf(version)) {
      const check = oracle(schema, definitionOf(schema));
      fc.assert(
        fc.property(likely(schema, schema.root, 7), (value) => {
          const verdict = schema.check(value);
          expect(schema.faults(value).length === 0).toBe(verdict);
          expect(check(comparable(value))).toBe(verdict);
          if (verdict) valid++;
          else invalid++;
        }),
        { numRuns: 15 },
      );
    }
    expect(valid).toBeGreaterThan(100);
    expect(invalid).toBeGreaterThan(100);
  });
});

describe("a list of truths", () => {
  it("is checked like any other list", () => {
    const attributes = (bools: unknown): object => ({
      apiVersion: "resource.k8s.io/v1",
      kind: "ResourceSlice",
      metadata: { name: "a" },
      spec: {
        driver: "a",
        pool: { name: "a", generation: 0, resourceSliceCount: 1 },
        devices: [{ name: "a", attributes: { a: { bools } } }],
      },
    });
    const schema = kindSchema({ version: "1.37", apiVersion: "resource.k8s.io/v1", kind: "ResourceSlice" });
    expect([[true, false], ["yes"], []].map((bools) => schema?.check(attributes(bools)))).toEqual([true, false, true]);
  });
});
