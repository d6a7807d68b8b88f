/** The changes of a plan as the ledger keeps them: what and where, bounded in number, and never a value. */
import type { JsonObject } from "../model/object.ts";
import { displayId } from "../model/object.ts";
import type { Change } from "../model/plan.ts";

/** A first apply may create 10,000 objects: the ledger names so many, and counts the rest. */
const MOST_CHANGES = 200;
/** A ConfigMap may lose 1,000 keys at once. */
const MOST_FIELDS = 20;
/** Keys of a map are part of a path, and may be as long as their author likes. */
const LONGEST_PATH = 200;

/** @returns `list`, and `more`: how many changes it leaves out, absent when none */
export function listChanges(changes: readonly Change[]): { list: JsonObject[]; more?: number } {
  const more = changes.length - MOST_CHANGES;
  return { list: changes.slice(0, MOST_CHANGES).map(entryOf), ...(more > 0 && { more }) };
}

function entryOf({ action, id, fields, declared, held }: Change): JsonObject {
  const more = fields.length - MOST_FIELDS;
  return {
    action,
    object: displayId(id),
    fields: fields.slice(0, MOST_FIELDS).map(({ path }) => shortened(path)),
    ...(more > 0 && { moreFields: more }),
    ...(declared !== undefined && { source: `${declared.file}:${declared.locate([]).line}` }),
    ...(held !== undefined && { held }),
  };
}

function shortened(path: string): string {
  return path.length <= LONGEST_PATH ? path : `${path.slice(0, LONGEST_PATH - 1)}…`;
}
