/** Field by field, what differs between two versions of an object. Pure; no noise from spelling or bookkeeping. */
import type { KubeObject } from "../model/object.ts";
import type { FieldChange } from "../model/plan.ts";

/**
 * What changes from `live` to `merged`, ordered by path; status, server bookkeeping and trueup's own annotations left out.
 * Values are as they are: pass the result through `redactChanges` before anybody sees it.
 */
export function compareObjects(_live: KubeObject, _merged: KubeObject): FieldChange[] {
  return [];
}
