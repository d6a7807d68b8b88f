/** One JSON Schema for every built-in kind, chosen by apiVersion and kind: what editors complete and check by. Pure but for reading the definitions. */
import { definitionsOf, schemaFile } from "./definitions.ts";
import type { SchemaNode } from "./types.ts";

/** JSON Schema's keyword; written out, an object with it would look like a promise. */
const CONSEQUENCE = "then";

/** Properties by which a language server finds the kind, with all values that there are. */
export function editorSchema(version: string): object {
  const kinds = schemaFile().kinds.filter((each) => each.in.includes(version) && each.isStored);
  const names = kinds.map(({ group, version: own, kind, root }) => ({
    apiVersion: group === "" ? own : `${group}/${own}`,
    kind,
    root,
  }));
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: `trueup-kubernetes-${version}`,
    title: `Kubernetes ${version} manifests`,
    $comment: "Made of Kubernetes' OpenAPI document, Apache-2.0, by trueup schema",
    type: "object",
    required: ["apiVersion", "kind"],
    properties: {
      apiVersion: { enum: [...new Set(names.map(({ apiVersion }) => apiVersion))] },
      kind: { enum: [...new Set(names.map(({ kind }) => kind))] },
    },
    allOf: names.map(({ apiVersion, kind, root }) => ({
      if: {
        required: ["apiVersion", "kind"],
        properties: { apiVersion: { const: apiVersion }, kind: { const: kind } },
      },
      [CONSEQUENCE]: { $ref: `#/definitions/${root}` },
    })),
    definitions: Object.fromEntries([...definitionsOf(version)].map(([name, node]) => [name, pointed(node)])),
  };
}

/** References as JSON pointers, which editors follow. */
function pointed(value: SchemaNode): unknown {
  return JSON.parse(JSON.stringify(value), (key, part: unknown) =>
    key === "$ref" && typeof part === "string" ? `#/definitions/${part}` : part,
  );
}
