/** Who changed an object last, as far as it says so itself. Pure. */
import type { KubeObject } from "../model/object.ts";

/** trueup's own name among the managers of fields. */
const OWN = "trueup";

/**
 * The manager, other than trueup, that wrote the object's specification last; `undefined` where the backend does not tell.
 *
 * @see Kubernetes metadata.managedFields (server-side apply): manager, operation, time, subresource
 */
export function lastForeignManager(object: KubeObject | undefined): string | undefined {
  const entries = (object?.metadata as { managedFields?: unknown } | undefined)?.managedFields;
  if (!Array.isArray(entries)) return undefined;
  let latest: { manager: string; time: string } | undefined;
  for (const entry of entries as { manager?: unknown; time?: unknown; subresource?: unknown }[]) {
    const { manager, time = "", subresource } = entry;
    if (typeof manager !== "string" || typeof time !== "string" || manager === OWN) continue;
    // A status that changed is no drift.
    if (subresource !== undefined) continue;
    if (latest === undefined || latest.time <= time) latest = { manager, time };
  }
  return latest?.manager;
}
