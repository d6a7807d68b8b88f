/** Reads Kubernetes' OpenAPI v2 documents: strict definitions without prose, and which kinds each version serves. */
import type { KindEntry, SchemaFile, SchemaNode } from "../../src/validation/schemas/types.ts";

type Part = { [key: string]: unknown };

/** One release's document. */
export interface Release {
  /** As people say it: `1.37`. */
  version: string;
  /** The Go module that it was taken from. */
  module: string;
  swagger: unknown;
}

const QUANTITY = "api.resource.Quantity";
const INT_OR_STRING = "util.intstr.IntOrString";
const GVK = "x-kubernetes-group-version-kind";

function isPart(value: unknown): value is Part {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function part(value: unknown, what: string): Part {
  if (!isPart(value)) throw new Error(`the document has no ${what}`);
  return value;
}

/** The definition's short name in our file: `io.k8s.api.core.v1.PodSpec` → `core.v1.PodSpec`. */
function shortName(name: string): string {
  return name.replace(/^io\.k8s\.(?:[-a-z]+\.pkg\.apis|apimachinery\.pkg|api)\./, "");
}

/** Keywords taken over as they are. Formats that no check reads (`double`, `int-or-string`) are left out. */
const KEPT = ["type", "required", "enum", "default"];
const FORMATS = new Set(["int32", "int64", "byte", "date-time"]);

/** One OpenAPI v2 schema as a strict one. */
function strict(schema: Part): SchemaNode {
  const result: Part = {};
  for (const [key, value] of Object.entries(schema)) {
    if ((key.startsWith("x-kubernetes-") && key !== GVK) || KEPT.includes(key)) result[key] = value;
  }
  if (typeof schema.$ref === "string") result.$ref = shortName(schema.$ref.replace("#/definitions/", ""));
  if (typeof schema.format === "string" && FORMATS.has(schema.format)) result.format = schema.format;
  if (isPart(schema.items)) result.items = strict(schema.items);
  if (isPart(schema.additionalProperties)) result.additionalProperties = strict(schema.additionalProperties);
  if (isPart(schema.properties)) {
    const properties = Object.entries(schema.properties).map(([name, each]) => [name, strict(part(each, name))]);
    result.properties = Object.fromEntries(properties);
    result.additionalProperties ??= false;
  }
  return result;
}

/** A definition, with the few that OpenAPI v2 cannot express put right. */
function definition(name: string, schema: Part): SchemaNode {
  if (name === QUANTITY) return { type: ["string", "number"], format: "quantity" };
  if (name === INT_OR_STRING) return { type: ["integer", "string"], format: "int32" };
  return strict(schema);
}

/** The definition of each kind by `group/version/kind`; what all groups share (DeleteOptions) names more than one. */
function definitionsByKind(definitions: Part): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, schema] of Object.entries(definitions)) {
    const kinds = isPart(schema) && Array.isArray(schema[GVK]) ? schema[GVK] : [];
    if (kinds.length === 1) found.set(gvkText(kinds[0]), shortName(name));
  }
  return found;
}

function gvkText(gvk: unknown): string {
  const { group, version, kind } = part(gvk, GVK);
  return `${String(group)}/${String(version)}/${String(kind)}`;
}

interface Served {
  scope: KindEntry["scope"];
  isStored: boolean;
}

/** Kinds that can be created, by `group/version/kind`. A path with a name in it leads to an object or its subresource. */
function servedKinds(paths: Part): Map<string, Served> {
  const found = new Map<string, Served>();
  for (const [path, item] of Object.entries(paths)) {
    if (!isPart(item) || !isPart(item.post) || path.includes("{name}") || item.post[GVK] === undefined) continue;
    const scope = path.includes("/namespaces/{namespace}/") ? "Namespaced" : "Cluster";
    found.set(gvkText(item.post[GVK]), { scope, isStored: isPart(item.get) });
  }
  return found;
}

function reachable(definitions: ReadonlyMap<string, SchemaNode>, roots: Iterable<string>): Set<string> {
  const seen = new Set<string>();
  const queue = [...roots];
  const visit = (node: SchemaNode): void => {
    if (node.$ref !== undefined) queue.push(node.$ref);
    if (node.items !== undefined) visit(node.items);
    if (typeof node.additionalProperties === "object") visit(node.additionalProperties);
    for (const each of Object.values(node.properties ?? {})) visit(each);
  };
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const node = definitions.get(name);
    if (node === undefined) throw new Error(`the document does not define ${name}`);
    visit(node);
  }
  return seen;
}

/** JSON with sorted keys, so that two definitions that mean the same are the same text. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isPart(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}

/**
 * All releases' definitions in one file, each distinct one once with the versions that have it.
 *
 * @param releases Oldest first
 */
export function schemaFile(releases: readonly Release[]): SchemaFile {
  const byName = new Map<string, Map<string, string[]>>();
  const kinds = new Map<string, KindEntry>();
  for (const { version, swagger } of releases) {
    const document = part(swagger, "content");
    const source = part(document.definitions, "definitions");
    const names = definitionsByKind(source);
    const definitions = new Map<string, SchemaNode>();
    for (const [name, schema] of Object.entries(source)) {
      const short = shortName(name);
      if (definitions.has(short)) throw new Error(`two definitions would be called ${short}`);
      definitions.set(short, definition(short, part(schema, name)));
    }
    const roots = new Set<string>();
    for (const [gvk, { scope, isStored }] of servedKinds(part(document.paths, "paths"))) {
      const root = names.get(gvk);
      if (root === undefined) throw new Error(`the document does not define ${gvk}`);
      roots.add(root);
      const [group = "", groupVersion = "", kind = ""] = gvk.split("/");
      const entry = kinds.get(gvk) ?? { group, version: groupVersion, kind, scope, isStored, root, in: [] };
      kinds.set(gvk, { ...entry, in: [...entry.in, version] });
    }
    for (const name of reachable(definitions, roots)) {
      const text = JSON.stringify(sorted(definitions.get(name)));
      const variants = byName.get(name) ?? new Map<string, string[]>();
      byName.set(name, variants.set(text, [...(variants.get(text) ?? []), version]));
    }
  }
  return {
    $comment:
      "Made by scripts/generate-schemas.ts from the OpenAPI documents of Kubernetes, Apache-2.0; see kubernetes-NOTICE.txt",
    releases: Object.fromEntries(releases.map(({ version, module }) => [version, module])),
    kinds: [...kinds.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry),
    definitions: Object.fromEntries(
      [...byName.entries()]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, variants]) => [
          name,
          [...variants].map(([text, versions]) => ({ in: versions, schema: JSON.parse(text) as SchemaNode })),
        ]),
    ),
  };
}

/** The file's text: a definition a line, so that a new release shows as the lines that it changed. */
export function schemaFileText(file: SchemaFile): string {
  const kinds = file.kinds.map((each) => `    ${JSON.stringify(each)}`);
  const definitions = Object.entries(file.definitions).map(
    ([name, variants]) => `    ${JSON.stringify(name)}: ${JSON.stringify(variants)}`,
  );
  return [
    "{",
    `  "$comment": ${JSON.stringify(file.$comment)},`,
    `  "releases": ${JSON.stringify(file.releases)},`,
    `  "kinds": [\n${kinds.join(",\n")}\n  ],`,
    `  "definitions": {\n${definitions.join(",\n")}\n  }`,
    "}\n",
  ].join("\n");
}
