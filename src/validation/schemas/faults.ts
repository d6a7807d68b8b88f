/** Finds everything that a schema refuses in a value, by walking both. For values that a fast check has refused. */
import type { FieldPath } from "../../model/manifest.ts";
import { hasFormat } from "./formats.ts";
import type { SchemaFault, SchemaNode } from "./types.ts";

/** Follows a node's `$ref`. */
export type Resolve = (node: SchemaNode) => SchemaNode;

/** All faults, in the order of the value's fields. A field that is `null` counts as not given, as Kubernetes reads it. */
export function findFaults(value: unknown, node: SchemaNode, resolve: Resolve): SchemaFault[] {
  const faults: SchemaFault[] = [];
  walk({ faults, resolve }, value, node, []);
  return faults;
}

interface Walk {
  readonly faults: SchemaFault[];
  readonly resolve: Resolve;
}

/** JSON Schema's type names of a node; none where anything fits. */
export function typesOf({ type }: SchemaNode): readonly string[] {
  if (type === undefined) return [];
  return typeof type === "string" ? [type] : type;
}

function walk(at: Walk, value: unknown, reference: SchemaNode, path: FieldPath): void {
  const node = at.resolve(reference);
  const types = typesOf(node);
  if (types.length > 0 && !types.some((type) => hasType(value, type))) {
    at.faults.push({ path, keyword: "type", types });
    return;
  }
  // An integer without a format is one of 64 bits: nothing wider exists.
  const format = node.format ?? (types.includes("integer") ? "int64" : undefined);
  if (format !== undefined && !hasFormat(value, format)) at.faults.push({ path, keyword: "format", format });
  if (node.enum !== undefined && !node.enum.includes(value)) {
    at.faults.push({ path, keyword: "enum", values: node.enum });
  }
  if (Array.isArray(value)) {
    const { items } = node;
    if (items !== undefined) for (const [index, item] of value.entries()) walk(at, item, items, [...path, index]);
  } else if (typeof value === "object" && value !== null) {
    walkFields(at, value as Readonly<Record<string, unknown>>, node, path);
  }
}

function walkFields(at: Walk, value: Readonly<Record<string, unknown>>, node: SchemaNode, path: FieldPath): void {
  const { properties = {}, additionalProperties = true } = node;
  for (const [name, field] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known === undefined && additionalProperties === false) {
      at.faults.push({ path: [...path, name], keyword: "unknown" });
      continue;
    }
    const schema = known ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
    if (schema !== undefined && field !== null && field !== undefined) walk(at, field, schema, [...path, name]);
  }
  for (const name of node.required ?? []) {
    const field = Object.hasOwn(value, name) ? value[name] : undefined;
    if (field === undefined || field === null) at.faults.push({ path: [...path, name], keyword: "required" });
  }
}

/** Whether a value has one of JSON Schema's types. */
export function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}
