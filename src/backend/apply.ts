/** Applies a declaration to the embedded store: three ways, so that what git no longer declares goes and the rest stays. */

import { APPLIED_KINDS } from "../cluster/admission.ts";
import type { AppliedRecord, SqliteObjectStore } from "../cluster/store.ts";
import { mergeThreeWay } from "../diff/three-way.ts";
import type { ApplyRequest, ApplyResult } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import { displayId, idOf, type KubeObject, keyOfId, type ObjectId } from "../model/object.ts";
import { beside } from "./anew.ts";
import { declaration, withoutBookkeeping } from "./declaration.ts";

/**
 * Creates or updates one object and remembers what was declared.
 *
 * @throws {TrueupError} `conflict` when another app than `from` applied it, when nobody did, it differs and is not to be adopted, or
 *   while it is being deleted; `invalid`, `not-found` (its namespace), `forbidden` as the API server would refuse
 */
export function applyDeclared(
  store: SqliteObjectStore,
  { desired, owner, from, adopt, anew }: ApplyRequest,
): ApplyResult {
  return store.transaction(() => {
    const declared = declaration(desired);
    const id = idOf(declared);
    if (!APPLIED_KINDS.includes(`${id.group}/${id.kind}`)) {
      throw new TrueupError(
        "invalid",
        `Cannot apply ${displayId(id)} as its kind must be a supported one: it is ${id.kind} of ${desired.apiVersion}.`,
      );
    }
    const key = keyOfId(id);
    const live = store.get(key);
    const record = store.applied(key);
    if (live === undefined) {
      const object = store.create(declared);
      store.setApplied(key, { owner, object: declared });
      return { action: "create", object };
    }
    requireOwner(id, record, owner, from);
    if (live.metadata.deletionTimestamp !== undefined) {
      throw new TrueupError("conflict", `Cannot apply ${displayId(id)} as it must stay: it is being deleted.`, {
        hint: "It is applied again once it is gone.",
      });
    }
    if (anew === true) return { action: "create", object: store.create(beside(declared, live)) };
    if (record === null && adopt !== true) requireEqual(store, id, live, declared, owner);
    const object = store.update(mergeThreeWay(record?.object ?? null, live, declared));
    store.setApplied(key, { owner, object: declared });
    return { action: object === live ? "unchanged" : "update", object };
  });
}

function requireOwner(id: ObjectId, record: AppliedRecord | null, owner: string, from: string | undefined): void {
  if (record === null || record.owner === owner || record.owner === from) return;
  throw new TrueupError(
    "conflict",
    `Cannot apply ${displayId(id)} for app ${owner} as one app only may own it: app ${record.owner} applied it.`,
    { hint: `Remove it from one of the two apps, ${owner} or ${record.owner}.` },
  );
}

/** An object that nobody applied is adopted when it already is as declared; otherwise somebody's work would be overwritten. */
function requireEqual(
  store: SqliteObjectStore,
  id: ObjectId,
  live: KubeObject,
  declared: KubeObject,
  owner: string,
): void {
  const merged = mergeThreeWay(null, live, withoutBookkeeping(declared));
  const isSame = store.rehearse(() => store.update(merged)) === live;
  if (isSame) return;
  throw new TrueupError(
    "conflict",
    `Cannot apply ${displayId(id)} for app ${owner} as it must be new or as declared: it exists, differs, and no app applied it.`,
    { hint: "Adopt it (--adopt), delete it, or make the manifest equal to it for the first time." },
  );
}
