/** What else of an app changed since a revision's commit: what an undo of the pod template does not bring back. */
import { compareObjects } from "../../diff/compare.ts";
import { redactChanges } from "../../diff/redact.ts";
import type { Declared } from "../../model/manifest.ts";
import { displayId, keyOfId, type ObjectId, type ObjectKey } from "../../model/object.ts";
import type { FieldChange } from "../../model/plan.ts";
import { CONTENT_FIELDS } from "./restore-config.ts";

/** Most fields that a line names. */
const NAMED_FIELDS = 3;

const TEMPLATE = /^spec\.template\b/;
const CONTENT = new RegExp(`^(?:${CONTENT_FIELDS.join("|")})\\b`);

/**
 * One line an object, from then to now; the undone pod template itself is left out. Pure.
 *
 * @param restored Objects whose content goes back, too
 */
export function describeChanges(
  before: readonly Declared[],
  after: readonly Declared[],
  undone: ObjectId,
  restored: readonly ObjectId[] = [],
): string[] {
  const contents = new Set<ObjectKey>(restored.map(keyOfId));
  const byKey = (all: readonly Declared[]): Map<string, Declared> =>
    new Map(all.map((declared) => [keyOfId(declared.id), declared]));
  const [old, next] = [byKey(before), byKey(after)];
  const keys = [...new Set([...old.keys(), ...next.keys()])].sort();
  return keys.flatMap((key) => {
    const [from, to] = [old.get(key), next.get(key)];
    if (from === undefined) return to === undefined ? [] : [`${displayId(to.id)}: is new since then`];
    if (to === undefined)
      return contents.has(keyOfId(from.id)) ? [] : [`${displayId(from.id)}: was removed since then`];
    const goesBack = key === keyOfId(undone) ? TEMPLATE : contents.has(keyOfId(to.id)) ? CONTENT : null;
    const fields = redactChanges(to.object, compareObjects(from.object, to.object)).filter(
      ({ path }) => goesBack?.test(path) !== true,
    );
    return fields.length === 0 ? [] : [`${displayId(to.id)}: ${fieldsText(fields)}`];
  });
}

function fieldsText(fields: readonly FieldChange[]): string {
  const named = fields.slice(0, NAMED_FIELDS).map(({ path, before, after }) => {
    return `${path} was ${valueText(before)}, is ${valueText(after)}`;
  });
  const more = fields.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more fields`] : [])].join("; ");
}

function valueText(value: unknown): string {
  if (value === undefined) return "absent";
  const text = JSON.stringify(value);
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}
