/** From a field as a plan names it to its place in the manifest: `spec.containers[name=web].image` to file, line, column. Pure. */
import type { Declared, FieldPath } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import type { Change } from "../model/plan.ts";
import type { Location } from "../model/source.ts";

/** One step of a shown path: a key, a quoted key, or what stands in brackets. */
const STEP =
  /\.?(?<key>[A-Za-z_][A-Za-z0-9_-]*)|\["(?<quoted>(?:[^"\\]|\\.)*)"\]|\[(?<item>(?:[^\]"]|"(?:[^"\\]|\\.)*")*)\]/gy;

/**
 * The path that `Declared.locate` takes, as far as the object has it: list items that a plan names by their keys are
 * looked up in the object. As API servers write paths, too: `.spec.containers[name="web"].image`, `data[a.b/c]`.
 */
export function fieldPathOf(object: unknown, shown: string): FieldPath {
  const path: (string | number)[] = [];
  let at: unknown = object;
  for (const { groups = {} } of shown.matchAll(STEP)) {
    const step = stepOf(at, groups);
    if (step === undefined) break;
    path.push(step);
    at = (at as Record<string | number, unknown>)[step];
  }
  return path;
}

/** As `fieldPathOf`, where the manifest has it: what a Secret gives as text stands in another field than where the API keeps it. */
export function writtenPathOf(object: KubeObject, shown: string): FieldPath {
  if (object.kind === "Secret" && /^data\b/.test(shown)) {
    const path = fieldPathOf(object, `stringD${shown.slice(1)}`);
    if (path.length > 1) return path;
  }
  return fieldPathOf(object, shown);
}

function stepOf(at: unknown, { key, quoted, item }: Record<string, string | undefined>): string | number | undefined {
  if (typeof at !== "object" || at === null) return undefined;
  const name = key ?? (quoted === undefined ? undefined : (JSON.parse(`"${quoted}"`) as string));
  if (name !== undefined) return Object.hasOwn(at, name) ? name : undefined;
  if (item === undefined) return undefined;
  // API servers write keys with dots so: `data[a.b/c]`.
  if (!Array.isArray(at)) return Object.hasOwn(at, item) ? item : undefined;
  if (/^\d+$/.test(item)) return Number(item) < at.length ? Number(item) : undefined;
  const index = at.findIndex((each) => isNamed(each, item));
  return index < 0 ? undefined : index;
}

/** Whether a list item is the one that `name=web` or `containerPort=80,protocol=UDP` names. */
function isNamed(item: unknown, name: string): boolean {
  if (typeof item !== "object" || item === null) return String(item) === name;
  const pairs = name.replace(/#\d+$/, "").matchAll(/(?<key>[A-Za-z]+)=(?<value>"(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...pairs].every(({ groups: { key = "", value = "" } = {} }) => {
    const wanted = value.startsWith('"') ? (JSON.parse(value) as string) : value;
    return String((item as Record<string, unknown>)[key] ?? "") === wanted;
  });
}

/** Where a change comes from: the places of its fields in the manifest, or the object's own when it has none. */
export function placesOf({ declared, fields }: Change): { location: Location; path: string }[] {
  if (declared === undefined) return [];
  if (fields.length === 0) return [{ location: declared.locate([]), path: "" }];
  return fields.map(({ path }) => ({ location: placeOf(declared, path), path }));
}

function placeOf(declared: Declared, shown: string): Location {
  const path = writtenPathOf(declared.object, shown);
  return path.length === 0 ? declared.locate([]) : declared.locateValue(path);
}
