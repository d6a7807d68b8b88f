/** Finds one object by kind and name, and says what there is instead when it is not there. */
import { TrueupError } from "../model/errors.ts";
import type { KubeObject } from "../model/object.ts";
import type { DaemonClient } from "./client.ts";
import type { Kind, ObjectName } from "./kinds.ts";

/** @throws {TrueupError} `not-found`, with names that are there */
export async function findObject(
  client: DaemonClient,
  { kind, name }: ObjectName,
  namespace: string,
  signal: AbortSignal,
): Promise<KubeObject> {
  const { items } = await client.list(queryFor(kind, namespace, name), signal);
  const [object] = items;
  if (object !== undefined) return object;
  const others = await client.list(queryFor(kind, namespace), signal);
  throw notFound(kind, name, namespace, others.items);
}

/** What to list for a kind; namespaces live in no namespace. */
export function queryFor(
  { group, kind, namespaced }: Kind,
  namespace: string | undefined,
  name?: string,
): { group: string; kind: string; namespace?: string; name?: string } {
  return {
    group,
    kind,
    ...(namespaced && namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
  };
}

export function notFound(kind: Kind, name: string, namespace: string, present: readonly KubeObject[]): TrueupError {
  const names = present.map(({ metadata }) => metadata.name).sort();
  const where = kind.namespaced ? ` in namespace ${namespace}` : "";
  const hint =
    names.length > 0
      ? `There: ${names.slice(0, 10).join(", ")}${names.length > 10 ? ", ..." : ""}.`
      : kind.namespaced
        ? `There are no ${kind.plural}${where}; -A looks in all namespaces.`
        : `There are no ${kind.plural}.`;
  return new TrueupError("not-found", `Cannot find ${kind.singular} "${name}"${where}.`, { hint });
}
