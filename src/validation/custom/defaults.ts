/** Applies a structural schema's defaults, the way the API server does before it checks an object. */
import { fieldNode, isFields, type StructuralNode } from "./node.ts";

/**
 * The value with its defaults; the value itself is never changed. A null where none may be counts as not given: the default
 * takes its place, or it is left out.
 */
export function withDefaults(value: unknown, node: StructuralNode): unknown {
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined ? value : value.map((item) => withDefaults(item, items));
  }
  if (!isFields(value)) return value;
  const filled: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    const inner = fieldNode(node, name);
    if (field === undefined || (field === null && inner !== undefined && inner.nullable !== true)) continue;
    put(filled, name, inner === undefined ? field : withDefaults(field, inner));
  }
  for (const [name, inner] of Object.entries(node.properties ?? {})) {
    if (inner?.default === undefined || inner.default === null || Object.hasOwn(filled, name)) continue;
    put(filled, name, withDefaults(structuredClone(inner.default), inner));
  }
  return filled;
}

/** `__proto__` is a name like any other. */
function put(fields: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
}
