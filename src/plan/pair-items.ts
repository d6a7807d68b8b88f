/** A list item that is known by what changed in it looks like one that went and one that came: told as the change that it is. Pure. */
import type { FieldChange } from "../model/plan.ts";

type Item = Readonly<Record<string, unknown>>;

/**
 * Ports are told apart by their number, so `spec.ports[port=80]` goes and `spec.ports[port=81]` comes where a person changed the
 * port named `http`: `spec.ports[name=http].port: 80 → 81`. Only where one of that name went from a list and one came into it.
 */
export function pairItems(fields: readonly FieldChange[]): FieldChange[] {
  const came = keyed(fields, "add");
  const went = keyed(fields, "remove");
  return fields.flatMap((field): FieldChange[] => {
    const item = itemOf(field);
    if (item === null) return [field];
    const pair = { before: went.get(item.name), after: came.get(item.name) };
    if (pair.before?.length !== 1 || pair.after?.length !== 1) return [field];
    // Told once, where the item that came stood.
    return field.kind === "remove" ? [] : changesIn(item.name, pair.before[0] ?? {}, pair.after[0] ?? {});
  });
}

/** Items that came or went, by list and name. */
function keyed(fields: readonly FieldChange[], kind: FieldChange["kind"]): Map<string, Item[]> {
  const found = new Map<string, Item[]>();
  for (const field of fields) {
    const item = field.kind === kind ? itemOf(field) : null;
    if (item !== null) found.set(item.name, [...(found.get(item.name) ?? []), item.value]);
  }
  return found;
}

/** A whole list item that has a name; in a path, items are in brackets with an equals sign and keys of maps are in quotes. */
function itemOf({ path, kind, before, after }: FieldChange): { name: string; value: Item } | null {
  const list = /^(.*)\[[^"\]=]+=[^\]]*\]$/.exec(path)?.[1];
  const value = kind === "add" ? after : before;
  if (list === undefined || kind === "change" || typeof value !== "object" || value === null) return null;
  const { name } = value as Item;
  return typeof name === "string" ? { name: `${list}[name=${name}]`, value: value as Item } : null;
}

function changesIn(path: string, before: Item, after: Item): FieldChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((key): FieldChange[] => {
    const [old, next] = [before[key], after[key]];
    if (JSON.stringify(old) === JSON.stringify(next)) return [];
    const at = `${path}.${key}`;
    if (old === undefined) return [{ path: at, kind: "add", after: next }];
    if (next === undefined) return [{ path: at, kind: "remove", before: old }];
    return [{ path: at, kind: "change", before: old, after: next }];
  });
}
