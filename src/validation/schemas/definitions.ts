/** The vendored definitions, read when something needs more of a schema than its check: what is wrong, or what a list's keys are. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SchemaFile, SchemaNode } from "./types.ts";

const FILE = "schemas/kubernetes.json";

let file: SchemaFile | undefined;

/** Reads the file once. It lies beside `src/` in a checkout, beside `dist/` in the package. */
export function schemaFile(): SchemaFile {
  file ??= JSON.parse(readFileSync(findFile(), "utf8")) as SchemaFile;
  return file;
}

function findFile(): string {
  for (let dir = import.meta.dirname; dirname(dir) !== dir; dir = dirname(dir)) {
    const path = join(dir, FILE);
    if (existsSync(path)) return path;
  }
  throw new Error(`Cannot find ${FILE} as it must lie above ${import.meta.dirname}: this installation is incomplete`);
}

const byVersion = new Map<string, ReadonlyMap<string, SchemaNode>>();

/** The definitions of a Kubernetes version by name (`core.v1.PodSpec`). */
export function definitionsOf(version: string): ReadonlyMap<string, SchemaNode> {
  const known = byVersion.get(version);
  if (known !== undefined) return known;
  const found = new Map<string, SchemaNode>();
  for (const [name, variants] of Object.entries(schemaFile().definitions)) {
    const variant = variants.find((each) => each.in.includes(version));
    if (variant !== undefined) found.set(name, variant.schema);
  }
  byVersion.set(version, found);
  return found;
}

/** The node with its `$ref`, if any, followed; what stands beside the `$ref` (how a list merges) is kept. */
export function resolveIn(definitions: ReadonlyMap<string, SchemaNode>, node: SchemaNode): SchemaNode {
  if (node.$ref === undefined) return node;
  const { $ref, ...beside } = node;
  const target = definitions.get($ref);
  if (target === undefined) throw new Error(`the schemas have no definition ${$ref}`);
  return Object.keys(beside).length === 0 ? target : { ...target, ...beside };
}
