/** What may be written over what, what exactly is sent, and whether it made a difference. Pure. */
import { isDeepStrictEqual } from "node:util";
import { compareObjects } from "../../diff/compare.ts";
import { rulesOf } from "../../diff/merge-keys.ts";
import { isTree, type Tree, withoutNulls } from "../../diff/tree.ts";
import type { ApplyRequest } from "../../model/backend.ts";
import { TrueupError } from "../../model/errors.ts";
import { displayId, type JsonObject, type KubeObject, type ObjectId } from "../../model/object.ts";
import { ANNOTATION } from "../../model/workload.ts";
import { PART_OF_LABEL } from "./applyset.ts";
import { declarationEntry, FIELD_MANAGER, managedEntries, ownersOf } from "./managed-fields.ts";

/** How many differing fields a message names. */
const MOST_NAMED = 3;

/**
 * The declaration as it is sent: a member of the app's set, without nulls (they ask for nothing), and without a namespace
 * where the kind has none.
 *
 * @throws {TrueupError} `invalid` when it says itself to which set it belongs
 */
export function sentObject(id: ObjectId, declared: KubeObject, setId: string, namespaced: boolean): KubeObject {
  const { namespace, labels, ...metadata } = declared.metadata;
  if (labels?.[PART_OF_LABEL] !== undefined) {
    throw new TrueupError(
      "invalid",
      `Cannot apply ${displayId(id)} as its label ${PART_OF_LABEL} must be trueup's to set: the manifest sets it.`,
      { hint: "Take the label out of the manifest; an object that another tool applied is taken over with --adopt." },
    );
  }
  const place = namespaced && namespace !== undefined ? { namespace } : {};
  const own = { ...metadata, ...place, labels: { ...labels, [PART_OF_LABEL]: setId } };
  return withoutNulls(rulesOf(declared), "", { ...declared, metadata: own }) as KubeObject;
}

export function withMetadata(object: KubeObject, more: { uid?: string; resourceVersion?: string }): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...more } };
}

/** Of a set that no app of this daemon has. */
const ANOTHER_OWNER =
  " Where that is this very app, of a state directory that is lost, name its id as owner of the target.";

/** @throws {TrueupError} `conflict` when an app other than the request's two applied the object */
export function requireOwner(id: ObjectId, present: string | null, { owner, from }: ApplyRequest): void {
  if (present === null || present === owner || present === from) return;
  throw new TrueupError(
    "conflict",
    `Cannot apply ${displayId(id)} for app ${owner} as one app only may own it: app ${present} applied it.`,
    { hint: `Remove it from one of the two apps, ${owner} or ${present}.${isApp(present) ? "" : ANOTHER_OWNER}` },
  );
}

/** @throws {TrueupError} `forbidden` when the app that deletes the object did not apply it */
export function requireApplied(id: ObjectId, present: string | null, owner: string | undefined): void {
  if (owner === undefined || (owner === present && isApp(owner))) return;
  const by = present === null ? "no app" : `app ${present}`;
  throw new TrueupError(
    "forbidden",
    `Cannot delete ${displayId(id)} for app ${owner} as that app must have applied it: ${by} did.`,
  );
}

/** Whether it is an app's name, and not how a set is called whose app is not of this daemon: nobody deletes as that. */
function isApp(owner: string): boolean {
  return !owner.startsWith("applyset-") && !owner.includes(" of ");
}

/**
 * @param live With its managed fields, so that the message can say who set what differs
 * @throws {TrueupError} `conflict` when applying changes an object that nobody applied
 */
export function requireEqual(id: ObjectId, owner: string, live: KubeObject, expected: KubeObject): void {
  const differences = compareObjects(live, expected);
  if (differences.length === 0) return;
  const named = differences.slice(0, MOST_NAMED).map(({ path }) => {
    const [by] = ownersOf(live, path).filter(({ manager }) => manager !== FIELD_MANAGER);
    return by === undefined ? path : `${path} (set by ${by.manager}${by.time === "" ? "" : ` at ${by.time}`})`;
  });
  const more = differences.length - named.length;
  const where = `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  throw new TrueupError(
    "conflict",
    `Cannot apply ${displayId(id)} for app ${owner} as it must be new or as declared: it exists, no app applied it, and ` +
      `it differs in ${where}.`,
    { hint: "Adopt it (--adopt), delete it, or make the manifest equal to it for the first time." },
  );
}

/** @see Kubernetes pkg/apis/autoscaling/annotations.go */
const SCALER_STATUS: ReadonlySet<string> = new Set([
  "autoscaling.alpha.kubernetes.io/conditions",
  "autoscaling.alpha.kubernetes.io/current-metrics",
]);

/** Whether two answers are one object: apart from status, the server's bookkeeping, and to which set it belongs. */
export function isSame(before: KubeObject, after: KubeObject): boolean {
  return isDeepStrictEqual(core(before), core(after));
}

/** Whether trueup owns the same fields of both: else something is yet to be told apart as its own. */
export function hasSameFields(before: KubeObject, after: KubeObject): boolean {
  const fields = (object: KubeObject): unknown => declarationEntry(managedEntries(object), FIELD_MANAGER)?.fields;
  return isDeepStrictEqual(fields(before), fields(after));
}

function core(object: KubeObject): Tree {
  const { status: _status, apiVersion: _version, metadata, ...rest } = object;
  const {
    managedFields: _managed,
    resourceVersion: _resource,
    generation: _generation,
    labels,
    annotations,
    ...others
  } = metadata as KubeObject["metadata"] & { managedFields?: unknown };
  return {
    ...rest,
    metadata: {
      ...others,
      labels: less(labels, PART_OF_LABEL),
      annotations: withoutStatus(less(annotations, ANNOTATION.lastApplied)),
    },
  };
}

/** In its first version an autoscaler's status stands in annotations, which its controller writes whenever it looks. */
function withoutStatus(annotations: Record<string, string>): Record<string, string> {
  const own = Object.entries(annotations).filter(([key]) => !SCALER_STATUS.has(key));
  return Object.fromEntries(own);
}

/** The map without a key; an empty one and none are the same. */
function less(map: Record<string, string> | undefined, key: string): Record<string, string> {
  const { [key]: _gone, ...rest } = map ?? {};
  return rest;
}

/** The JSON merge patch (RFC 7386) that makes `after` of `before`. */
export function mergePatch(before: JsonObject, after: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    const was = Object.hasOwn(before, key) ? before[key] : undefined;
    if (isDeepStrictEqual(was, value)) continue;
    patch[key] = isTree(was) && isTree(value) ? mergePatch(was as JsonObject, value as JsonObject) : value;
  }
  return patch;
}

export function isLeaving(id: ObjectId): TrueupError {
  return new TrueupError("conflict", `Cannot apply ${displayId(id)} as it must stay: it is being deleted.`, {
    hint: "It is applied again once it is gone.",
  });
}

export function anotherObject(id: ObjectId): TrueupError {
  return new TrueupError(
    "conflict",
    `Cannot delete ${displayId(id)} as it must still be the one that was meant: it was made anew since.`,
  );
}

export function unservedVersion(id: ObjectId, declared: string, served: string): TrueupError {
  return new TrueupError(
    "invalid",
    `Cannot apply ${displayId(id)} as the server must serve ${id.kind} in ${declared}: it serves it in ${served}.`,
    { hint: `Write it as ${served}.` },
  );
}

/** An answer that is an object: the server says so by its kind. */
export function asObject(answer: JsonObject): KubeObject {
  return answer as unknown as KubeObject;
}

export function asJson(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}
