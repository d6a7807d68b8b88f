/**
 * Maintainer's script: makes strict schemas of the supported kinds from Kubernetes' OpenAPI document, and compiles all
 * checks ahead of time, so that nothing is compiled when trueup starts.
 *
 *     node scripts/generate-schemas.ts [swagger.json]
 *
 * Without a path the document is fetched with Go's module client (`go mod download k8s.io/kubernetes@…`). With
 * `--checks-only` the schemas are taken as they are and only the checks are compiled.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type Options } from "ajv";
import standaloneModule from "ajv/dist/standalone/index.js";

const VERSION = "1.37";
const MODULE = "k8s.io/kubernetes@v1.37.2";
const KINDS: Readonly<Record<string, string>> = {
  Deployment: "io.k8s.api.apps.v1.Deployment",
  ReplicaSet: "io.k8s.api.apps.v1.ReplicaSet",
  Pod: "io.k8s.api.core.v1.Pod",
  Service: "io.k8s.api.core.v1.Service",
  ConfigMap: "io.k8s.api.core.v1.ConfigMap",
  Secret: "io.k8s.api.core.v1.Secret",
  Namespace: "io.k8s.api.core.v1.Namespace",
};
const QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
/** `resource.ParseQuantity`: a decimal number with a binary, decimal or exponent suffix. */
const QUANTITY_PATTERN = "^[+-]?(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$";

const root = join(import.meta.dirname, "..");
const schemaFile = join(root, "schemas", `kubernetes-${VERSION}.json`);
const generated = join(root, "src/validation/generated");

type Schema = { [key: string]: unknown };

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function swaggerPath(argument: string | undefined): string {
  if (argument !== undefined) return argument;
  const report: unknown = JSON.parse(execFileSync("go", ["mod", "download", "-json", MODULE], { encoding: "utf8" }));
  if (!isSchema(report) || typeof report.Dir !== "string")
    throw new Error(`go mod download gave no folder of ${MODULE}`);
  return join(report.Dir, "api/openapi-spec/swagger.json");
}

/** The definition's short name in our file: `io.k8s.api.core.v1.PodSpec` → `core.v1.PodSpec`. */
function shortName(name: string): string {
  return name.replace(/^io\.k8s\.(?:api|apimachinery\.pkg\.apis|apimachinery\.pkg)\./, "");
}

/** Turns one OpenAPI v2 schema into a strict JSON Schema; collects the definitions it refers to. */
function strict(schema: Schema, refer: (name: string) => void): Schema {
  const result: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith("x-kubernetes-")) result[key] = value;
  }
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.replace("#/definitions/", "");
    refer(name);
    return { ...result, $ref: `#/definitions/${shortName(name)}` };
  }
  if (schema.format === "int32") Object.assign(result, { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 });
  for (const key of ["type", "required", "enum", "default"]) if (schema[key] !== undefined) result[key] = schema[key];
  if (isSchema(schema.items)) result.items = strict(schema.items, refer);
  if (isSchema(schema.additionalProperties)) result.additionalProperties = strict(schema.additionalProperties, refer);
  if (isSchema(schema.properties)) {
    result.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, part]) => [name, isSchema(part) ? strict(part, refer) : part]),
    );
    result.additionalProperties ??= false;
  }
  return result;
}

/** A definition, with the few that OpenAPI v2 cannot express put right. */
function definition(name: string, schema: Schema, refer: (name: string) => void): Schema {
  if (name === QUANTITY) return { type: ["string", "number"], pattern: QUANTITY_PATTERN };
  if (name === INT_OR_STRING) return { type: ["integer", "string"], minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
  return strict(schema, refer);
}

function generate(swagger: unknown): Schema {
  if (!isSchema(swagger) || !isSchema(swagger.definitions)) throw new Error("the document has no definitions");
  const source = swagger.definitions;
  const definitions: Schema = {};
  const queue = Object.values(KINDS);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (definitions[shortName(name)] !== undefined) continue;
    const schema = source[name];
    if (!isSchema(schema)) throw new Error(`the document does not define ${name}`);
    definitions[shortName(name)] = definition(name, schema, (found) => queue.push(found));
  }
  const sorted = Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: `kubernetes-${VERSION}`,
    $comment: `Made by scripts/generate-schemas.ts from the OpenAPI document of ${MODULE}, Apache-2.0; see kubernetes-NOTICE.txt`,
    kinds: Object.fromEntries(Object.entries(KINDS).map(([kind, name]) => [kind, `#/definitions/${shortName(name)}`])),
    definitions: sorted,
  };
}

/** OpenAPI keywords that carry meaning for the differ, not for the check. */
function forChecking(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forChecking);
  if (!isSchema(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !key.startsWith("x-kubernetes-") && key !== "default" && key !== "kinds")
      .map(([key, value]) => [key, key === "properties" && isSchema(value) ? mapValues(value) : forChecking(value)]),
  );
}

function mapValues(properties: Schema): Schema {
  return Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, forChecking(part)]));
}

const OPTIONS: Options = {
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  inlineRefs: false,
  code: { source: true, esm: true, lines: false },
};

/** A module of check functions, and its types. */
function checkModule(name: string, schema: Schema, exports: Record<string, string>): [string, string][] {
  const ajv = new Ajv({ ...OPTIONS, schemas: [schema] });
  const standalone = standaloneModule.default;
  const code = standalone(ajv, exports);
  if (/\brequire\(|\bimport\b/.test(code))
    throw new Error(`the checks of ${name} need ajv at run time: avoid the keyword`);
  const header = "// Made by scripts/generate-schemas.ts: do not edit. Check functions compiled by ajv (MIT).\n";
  const types = Object.keys(exports).map((each) => `export declare const ${each}: CheckFunction;`);
  const about = "/** Types of the checks beside this file, made by scripts/generate-schemas.ts. */";
  return [
    [`${name}.js`, `${header}${code.replace(/^"use strict";/, "")}\n`],
    [`${name}.d.ts`, `${about}\nimport type { CheckFunction } from "../check.ts";\n\n${types.join("\n")}\n`],
  ];
}

/** The definition that a property's values have, through lists and maps; "" when they are plain. */
function typeOf(property: unknown): string {
  if (!isSchema(property)) return "";
  if (typeof property.$ref === "string") return property.$ref.replace("#/definitions/", "");
  return typeOf(property.items ?? property.additionalProperties);
}

/** A module with the names of all fields by definition, for "did you mean". */
function fieldModule(schema: Schema): [string, string][] {
  const types = Object.entries(isSchema(schema.definitions) ? schema.definitions : {}).flatMap(([name, type]) =>
    isSchema(type) && isSchema(type.properties)
      ? [[name, Object.fromEntries(Object.entries(type.properties).map(([field, part]) => [field, typeOf(part)]))]]
      : [],
  );
  const kinds = Object.fromEntries(Object.entries(KINDS).map(([kind, name]) => [kind, shortName(name)]));
  const header = "// Made by scripts/generate-schemas.ts: do not edit.\n";
  const body = `export const KIND_TYPES = ${JSON.stringify(kinds)};\nexport const FIELDS = ${JSON.stringify(Object.fromEntries(types))};\n`;
  const declarations =
    "/** Types of the field names beside this file, made by scripts/generate-schemas.ts. */\n" +
    "/** Kind to its definition. */\nexport declare const KIND_TYPES: Readonly<Record<string, string>>;\n" +
    '/** Definition to its fields, and each field to the definition of its values ("" when they are plain). */\n' +
    "export declare const FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>>;\n";
  return [
    ["fields.js", header + body],
    ["fields.d.ts", declarations],
  ];
}

function readSchema(file: string): Schema & { $id: string } {
  const schema: unknown = JSON.parse(readFileSync(join(root, "schemas", file), "utf8"));
  if (!isSchema(schema) || typeof schema.$id !== "string") throw new Error(`schemas/${file} has no $id`);
  return { ...schema, $id: schema.$id };
}

/** Every generated module, by file name, as the vendored schemas give it. */
export function generatedModules(): Map<string, string> {
  const kubernetes = readSchema(`kubernetes-${VERSION}.json`);
  const checks = Object.fromEntries(
    Object.entries(KINDS).map(([kind, name]) => [`check${kind}`, `${kubernetes.$id}#/definitions/${shortName(name)}`]),
  );
  const repository = readSchema("trueup.schema.json");
  const operator = readSchema("trueup.config.schema.json");
  const bare = forChecking(kubernetes);
  return new Map([
    ...fieldModule(kubernetes),
    ...checkModule("kubernetes", isSchema(bare) ? bare : {}, checks),
    ...checkModule("repository-config", repository, { checkConfig: repository.$id }),
    ...checkModule("operator-config", operator, { checkConfig: operator.$id }),
  ]);
}

function main(args: readonly string[]): void {
  mkdirSync(generated, { recursive: true });
  if (!args.includes("--checks-only")) {
    const schema = generate(JSON.parse(readFileSync(swaggerPath(args[0]), "utf8")));
    writeFileSync(schemaFile, `${JSON.stringify(schema)}\n`);
    execFileSync(join(root, "node_modules/.bin/biome"), ["format", "--write", schemaFile], { stdio: "inherit" });
  }
  for (const [file, text] of generatedModules()) writeFileSync(join(generated, file), text);
}

if (import.meta.main) main(process.argv.slice(2));
