/**
 * What a Kubernetes 1.37 API server fills in when it stores an object of a supported kind: defaults, canonical values, the
 * first status. Pure; an object that needs nothing is handed back as it is.
 */
import type { KubeObject } from "../model/object.ts";
import { type Fields, isFields, textForNull, within } from "./fill.ts";
import { KINDS } from "./kinds.ts";

/**
 * The object as the API server would store it, but for what needs the store (uid, versions, times, namespace).
 * Objects of other kinds only lose their nulls, which mean "absent".
 */
export function applyDefaults(object: KubeObject): KubeObject {
  const defaults = KINDS.get(`${object.apiVersion}/${object.kind}`);
  const named = within(within(object, "metadata", labelText), "metadata", annotationText);
  // Values of ConfigMaps are text, and null text is empty: that has to be seen before nulls go.
  const prepared = object.kind === "ConfigMap" || object.kind === "Secret" ? (defaults?.(named) ?? named) : named;
  const present = withoutNulls(prepared);
  return (defaults?.(present) ?? present) as KubeObject;
}

/** Whether the API server fills in fields of this kind, as far as it is a supported one. */
export function hasDefaults({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">): boolean {
  return KINDS.has(`${apiVersion}/${kind}`);
}

const labelText = (metadata: Fields): Fields => textForNull(metadata, "labels");
const annotationText = (metadata: Fields): Fields => textForNull(metadata, "annotations");

/** Without fields that are null; null items of lists stay, as dropping them would move the others. */
function withoutNulls(object: Fields): Fields {
  let changed: Record<string, unknown> | undefined;
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === null) {
      changed ??= { ...object };
      delete changed[key];
    } else if (typeof value === "object") {
      const next = Array.isArray(value) ? listWithoutNulls(value) : withoutNulls(value as Fields);
      if (next === value) continue;
      changed ??= { ...object };
      changed[key] = next;
    }
  }
  return changed ?? object;
}

function listWithoutNulls(list: readonly unknown[]): readonly unknown[] {
  const next = list.map((item) =>
    Array.isArray(item) ? listWithoutNulls(item) : isFields(item) ? withoutNulls(item) : item,
  );
  return next.every((item, index) => item === list[index]) ? list : next;
}
