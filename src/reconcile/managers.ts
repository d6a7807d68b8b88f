/** Who changed an object, as far as it says so itself. Pure. */
import { FIELD_MANAGER, managedEntries, ownersOf } from "../diff/managed-fields.ts";
import type { KubeObject } from "../model/object.ts";
import type { Change } from "../model/plan.ts";

/**
 * The manager, other than trueup, that wrote the object's specification last; `undefined` where the backend does not tell.
 *
 * @see Kubernetes metadata.managedFields (server-side apply): manager, operation, time, subresource
 */
export function lastForeignManager(object: KubeObject | undefined): string | undefined {
  let latest: { manager: string; time: string } | undefined;
  for (const { manager, time, subresource } of managedEntries(object)) {
    // A status that changed is no drift; what came by another door (a scale) is.
    if (manager === FIELD_MANAGER || subresource === "status") continue;
    if (latest === undefined || latest.time <= time) latest = { manager, time };
  }
  return latest?.manager;
}

/**
 * Who made a difference: who owns one of its fields now, the latest first; for what was taken away, which nobody owns, who
 * wrote the object last.
 */
export function changedBy({ observed, fields }: Change): string | undefined {
  if (observed === undefined) return undefined;
  const owners = fields
    .flatMap(({ path }) => ownersOf(observed.object, path))
    .filter(({ manager, subresource }) => manager !== FIELD_MANAGER && subresource !== "status");
  const [latest] = owners.sort((a, b) => b.time.localeCompare(a.time));
  return latest?.manager ?? lastForeignManager(observed.object);
}
