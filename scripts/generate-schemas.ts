/**
 * Maintainer's script: makes strict schemas of all built-in kinds from Kubernetes' OpenAPI documents, and compiles all
 * checks ahead of time, so that nothing is compiled when trueup starts.
 *
 *     node scripts/generate-schemas.ts
 *
 * The documents are fetched with Go's module client (`go mod download k8s.io/kubernetes@…`). With `--checks-only` the
 * vendored schemas are taken as they are and only the checks are compiled.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type Options } from "ajv";
import standaloneModule from "ajv/dist/standalone/index.js";
import type { SchemaFile } from "../src/validation/schemas/types.ts";
import { checkModule, clusterScopedSource, kindModule } from "./schemas/checks.ts";
import { schemaFile, schemaFileText } from "./schemas/openapi.ts";

/** Kubernetes versions, oldest first, and the releases that stand for them. */
const RELEASES: Readonly<Record<string, string>> = {
  "1.34": "k8s.io/kubernetes@v1.34.0",
  "1.35": "k8s.io/kubernetes@v1.35.0",
  "1.36": "k8s.io/kubernetes@v1.36.0",
  "1.37": "k8s.io/kubernetes@v1.37.2",
};

const root = join(import.meta.dirname, "..");
const vendored = join(root, "schemas", "kubernetes.json");
const GENERATED = "src/validation/generated";

type Schema = { [key: string]: unknown };

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function swaggerOf(module: string): unknown {
  const report: unknown = JSON.parse(execFileSync("go", ["mod", "download", "-json", module], { encoding: "utf8" }));
  if (!isSchema(report) || typeof report.Dir !== "string") {
    throw new Error(`go mod download gave no folder of ${module}`);
  }
  return JSON.parse(readFileSync(join(report.Dir, "api/openapi-spec/swagger.json"), "utf8"));
}

const OPTIONS: Options = {
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  inlineRefs: false,
  code: { source: true, esm: true, lines: false },
};

/** Of each mapping that allows no other settings: its place in the schema as ajv reports it, and the settings' names. */
function settingsOf(schema: Schema, at: string): [string, string[]][] {
  const { properties, additionalProperties, items, definitions } = schema;
  const own: [string, string[]][] =
    isSchema(properties) && additionalProperties === false
      ? [[`${at}/additionalProperties`, Object.keys(properties)]]
      : [];
  const below = Object.entries({ properties, definitions }).flatMap(([part, schemas]) =>
    Object.entries(isSchema(schemas) ? schemas : {}).map(([name, each]) => [`${at}/${part}/${name}`, each] as const),
  );
  const all = [...below, [`${at}/items`, items] as const];
  return [...own, ...all.flatMap(([place, each]) => (isSchema(each) ? settingsOf(each, place) : []))];
}

/** A module with the check of one of our configurations, compiled by ajv, and its types. */
function configModule(name: string, file: string): [string, string][] {
  const schema: unknown = JSON.parse(readFileSync(join(root, "schemas", file), "utf8"));
  if (!isSchema(schema) || typeof schema.$id !== "string") throw new Error(`schemas/${file} has no $id`);
  const ajv = new Ajv({ ...OPTIONS, schemas: [schema] });
  const standalone = standaloneModule.default;
  const code = standalone(ajv, { checkConfig: schema.$id });
  if (/\brequire\(|\bimport\b/.test(code)) {
    throw new Error(`the checks of ${name} need ajv at run time: avoid the keyword`);
  }
  const settings = JSON.stringify(Object.fromEntries(settingsOf(schema, "#")), null, 2);
  const header = "// Made by scripts/generate-schemas.ts: do not edit. Check functions compiled by ajv (MIT).\n";
  const about = "/** Types of the checks beside this file, made by scripts/generate-schemas.ts. */";
  return [
    [`${name}.js`, `${header}${code.replace(/^"use strict";/, "")}\nexport const settings = ${settings};\n`],
    [
      `${name}.d.ts`,
      `${about}\nimport type { CheckFunction } from "../check.ts";\n\nexport declare const checkConfig: CheckFunction;\n/** Names of settings by the place in the schema that allows no others. */\nexport declare const settings: Readonly<Record<string, readonly string[]>>;\n`,
    ],
  ];
}

/** Every generated file by its path in the repository, as the vendored schemas give it. */
export function generatedFiles(): Map<string, string> {
  const file = JSON.parse(readFileSync(vendored, "utf8")) as SchemaFile;
  const modules = [
    ...checkModule(file),
    ...kindModule(file),
    ...configModule("repository-config", "trueup.schema.json"),
    ...configModule("operator-config", "trueup.config.schema.json"),
  ];
  return new Map([
    ...modules.map(([name, text]): [string, string] => [`${GENERATED}/${name}`, text]),
    ["src/model/cluster-scoped.ts", clusterScopedSource(file)],
  ]);
}

function main(args: readonly string[]): void {
  if (!args.includes("--checks-only")) {
    const releases = Object.entries(RELEASES).map(([version, module]) => ({
      version,
      module,
      swagger: swaggerOf(module),
    }));
    writeFileSync(vendored, schemaFileText(schemaFile(releases)));
  }
  for (const [path, text] of generatedFiles()) writeFileSync(join(root, path), text);
}

if (import.meta.main) main(process.argv.slice(2));
