/** Whose a field is, as the object's own bookkeeping of managers has it. Pure. */
import type { FieldPath } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";

/** trueup's own name among the managers of fields. */
const OWN = "trueup";

type Loose = Readonly<Record<string, unknown>>;

/**
 * The manager, other than trueup, that owns a field; `undefined` where the backend does not tell.
 *
 * @see Kubernetes metadata.managedFields: `f:` a field, `k:` an item by its keys, `v:` an item by its value
 */
export function managerOfField(object: KubeObject, path: FieldPath): string | undefined {
  const entries = (object.metadata as { managedFields?: unknown }).managedFields;
  if (!Array.isArray(entries)) return undefined;
  let latest: { manager: string; time: string } | undefined;
  for (const { manager, time = "", fieldsV1 } of entries as Loose[]) {
    if (typeof manager !== "string" || typeof time !== "string" || manager === OWN) continue;
    if (!owns(fieldsV1, object, path)) continue;
    if (latest === undefined || latest.time <= time) latest = { manager, time };
  }
  return latest?.manager;
}

function owns(fields: unknown, object: unknown, path: FieldPath): boolean {
  let [set, at] = [fields, object];
  for (const step of path) {
    if (!isLoose(set) || typeof at !== "object" || at === null) return false;
    at = (at as Record<string | number, unknown>)[step];
    // A list that is written as a whole is owned as a whole.
    if (typeof step === "number" && Object.keys(set).length === 0) return true;
    set = typeof step === "number" ? itemOf(set, at) : set[`f:${step}`];
    if (set === undefined) return false;
  }
  return true;
}

function itemOf(set: Loose, item: unknown): unknown {
  for (const [name, inner] of Object.entries(set)) {
    if (!name.startsWith("k:")) continue;
    const keys = parsed(name.slice(2));
    const matches = Object.entries(keys).every(
      ([key, value]) => isLoose(item) && (item[key] ?? (key === "protocol" ? "TCP" : undefined)) === value,
    );
    if (matches) return inner;
  }
  return undefined;
}

function parsed(text: string): Loose {
  try {
    const value: unknown = JSON.parse(text);
    return isLoose(value) ? value : {};
  } catch (thrown) {
    // What another tool wrote and nobody can read names no item.
    if (thrown instanceof SyntaxError) return { "": text };
    throw thrown;
  }
}

function isLoose(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
