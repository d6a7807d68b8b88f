/**
 * What was declared of objects, word for word, for as long as the server says that it stands.
 *
 * The server tells which fields trueup owns, but of a list or map that is one to it (a StatefulSet's claim templates, a
 * reference to a field) not which of the values in it were declared and which it filled in. What this process applied, or had
 * confirmed by a dry run, it knows; of what an earlier one applied, such values look declared until a dry run says otherwise.
 */
import type { KubeObject } from "../../model/object.ts";
import { appliedPart, declarationEntry, FIELD_MANAGER, managedEntries, PART_OF_LABEL } from "./managed-fields.ts";

interface Known {
  /** The server's record of the declaration: when, and which fields. */
  record: string;
  declared: KubeObject;
}

export class Declarations {
  readonly #known = new Map<string, Known>();

  /** @param answer What the server made of the declaration, with its managedFields */
  remember(answer: KubeObject, sent: KubeObject): void {
    const record = recordOf(answer);
    const { uid } = answer.metadata;
    if (record === null || uid === undefined) return;
    const { labels, ...metadata } = sent.metadata;
    const { [PART_OF_LABEL]: _set, ...others } = labels ?? {};
    const own = { ...metadata, ...(Object.keys(others).length > 0 && { labels: others }) };
    this.#known.set(uid, { record, declared: { ...sent, metadata: own } });
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }

  /**
   * The part of the object that trueup applied; `null` when none.
   *
   * @param object With its managedFields
   */
  of(object: KubeObject): KubeObject | null {
    const known = this.#known.get(object.metadata.uid ?? "");
    // Whoever took a field over, or made another declaration since, changed the record.
    const stands = known !== undefined && known.record === recordOf(object);
    return stands ? known.declared : appliedPart(object, FIELD_MANAGER);
  }
}

function recordOf(object: KubeObject): string | null {
  const entry = declarationEntry(managedEntries(object), FIELD_MANAGER);
  return entry === undefined ? null : JSON.stringify([entry.apiVersion, entry.time, entry.fields]);
}
