/** Reads from `managedFields` what a manager declared: the "applied" of a three-way merge, for test data that has no other. */
import type { KubeObject } from "../../src/model/object.ts";

type Fields = { [key: string]: Fields };

interface ManagedFields {
  manager: string;
  subresource?: string;
  fieldsV1: Fields;
}

/** The part of a live object that the manager owns, `null` when it owns nothing. */
export function appliedFromManagedFields(live: KubeObject, manager: string): KubeObject | null {
  const all = (live.metadata as { managedFields?: ManagedFields[] }).managedFields ?? [];
  const entry = all.find((fields) => fields.manager === manager && fields.subresource === undefined);
  if (entry === undefined) return null;
  const owned = pick(live, entry.fieldsV1) as Partial<KubeObject>;
  return {
    ...owned,
    apiVersion: live.apiVersion,
    kind: live.kind,
    metadata: { ...owned.metadata, name: live.metadata.name },
  };
}

function pick(value: unknown, fields: Fields): unknown {
  const names = Object.keys(fields).filter((name) => name !== ".");
  if (names.length === 0) return structuredClone(value);
  if (Array.isArray(value)) {
    return names.flatMap((name) => {
      const keys = JSON.parse(name.slice(2)) as Record<string, unknown>;
      const item = value.find((candidate: Record<string, unknown>) =>
        Object.entries(keys).every(
          ([key, wanted]) => (candidate[key] ?? (key === "protocol" ? "TCP" : undefined)) === wanted,
        ),
      );
      return item === undefined ? [] : [{ ...keys, ...(pick(item, fields[name] ?? {}) as object) }];
    });
  }
  const owned: Record<string, unknown> = {};
  for (const name of names) {
    const key = name.slice(2);
    const child = (value as Record<string, unknown>)[key];
    if (child !== undefined) owned[key] = pick(child, fields[name] ?? {});
  }
  return owned;
}
