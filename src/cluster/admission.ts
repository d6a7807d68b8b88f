/** What the API server refuses beyond schemas: unknown kinds, and changes of fields that cannot change. */
import { TrueupError } from "../model/errors.ts";
import { displayId, groupOf, idOf, isClusterScoped, type KubeObject, matchesSelector } from "../model/object.ts";
import type { Container, Deployment, Pod, ReplicaSet } from "../model/workload.ts";
import { sameJson } from "./json.ts";

/** Kinds that people may apply, as `group/Kind`. */
export const APPLIED_KINDS: readonly string[] = [
  "/ConfigMap",
  "/Namespace",
  "/Pod",
  "/Secret",
  "/Service",
  "apps/Deployment",
  "apps/ReplicaSet",
];

/** The one version in which each kind is stored; Endpoints and Events are written by controllers only. */
const STORED_VERSION: ReadonlyMap<string, string> = new Map([
  ...[...APPLIED_KINDS, "/Endpoints", "/Event"].map((kind): [string, string] => [
    kind,
    kind.startsWith("apps/") ? "apps/v1" : "v1",
  ]),
]);

/**
 * Checks an object that is about to be stored for the first time.
 *
 * @throws {TrueupError} `invalid`, naming the field
 */
export function admitCreate(object: KubeObject): void {
  const group = groupOf(object.apiVersion);
  const version = STORED_VERSION.get(`${group}/${object.kind}`);
  if (version === undefined) {
    throw new TrueupError(
      "invalid",
      `Cannot store a ${object.kind} as its kind must be a supported one: it is ${object.kind} of ${object.apiVersion}.`,
      { hint: `Supported are ${APPLIED_KINDS.map((kind) => kind.slice(kind.indexOf("/") + 1)).join(", ")}.` },
    );
  }
  if (object.apiVersion !== version) {
    throw new TrueupError(
      "invalid",
      `Cannot store a ${object.kind} as apiVersion must be ${version}: it is ${object.apiVersion}.`,
    );
  }
  const { name } = object.metadata;
  if (typeof name !== "string" || name === "" || name.includes("/")) {
    throw new TrueupError(
      "invalid",
      `Cannot store a ${object.kind} as metadata.name must be a name: it is ${JSON.stringify(name)}.`,
    );
  }
  if (isWorkload(object)) admitSelector(object);
}

/**
 * Checks a change of a stored object.
 *
 * @throws {TrueupError} `invalid`, naming the field
 */
export function admitUpdate(before: KubeObject, after: KubeObject): void {
  if (before.apiVersion !== after.apiVersion) refuse(after, "apiVersion", after.apiVersion, before.apiVersion);
  if (isWorkload(before) && isWorkload(after)) {
    if (!sameJson(before.spec.selector, after.spec.selector)) refuse(after, "spec.selector");
    admitSelector(after);
  } else if (before.kind === "Pod") admitPodUpdate(before as Pod, after as Pod);
  else if (before.kind === "ConfigMap" || before.kind === "Secret") admitDataUpdate(before, after);
}

/**
 * Checks that a change is meant for what is stored.
 *
 * @throws {TrueupError} `conflict` when it was made from another object or another version of it
 */
export function admitVersion(stored: KubeObject, change: KubeObject): void {
  for (const field of ["uid", "resourceVersion"] as const) {
    const wanted = change.metadata[field];
    const is = stored.metadata[field];
    if (wanted === undefined || wanted === is) continue;
    throw new TrueupError(
      "conflict",
      `Cannot change ${displayId(idOf(stored))} as its ${field} must be ${wanted}: it is ${is}.`,
    );
  }
}

/**
 * Checks a deletion.
 *
 * @param uid The object that is meant, when the caller knows
 * @throws {TrueupError} `forbidden` for what must stay, `conflict` when another object is meant
 */
export function admitDelete(object: KubeObject, uid?: string): void {
  if (uid !== undefined && uid !== object.metadata.uid) {
    throw new TrueupError(
      "conflict",
      `Cannot delete ${displayId(idOf(object))} as its uid must be ${uid}: it is ${object.metadata.uid}.`,
    );
  }
  if (isClusterScoped(groupOf(object.apiVersion), object.kind) && object.metadata.name === "default") {
    throw new TrueupError("forbidden", "Cannot delete namespace/default as it must always exist.");
  }
}

/**
 * Checks that a new object's namespace can take it.
 *
 * @throws {TrueupError} `not-found` when there is no such namespace, `forbidden` when it is being deleted
 */
export function admitNamespace(object: KubeObject, name: string, namespace: KubeObject | undefined): void {
  const doing = `Cannot create ${displayId(idOf(object))}`;
  if (namespace === undefined) {
    throw new TrueupError("not-found", `${doing} as its namespace must exist: there is no namespace ${name}.`, {
      hint: `Declare a Namespace named ${name}.`,
    });
  }
  if (namespace.metadata.deletionTimestamp === undefined) return;
  throw new TrueupError("forbidden", `${doing} as its namespace must stay: namespace ${name} is being deleted.`);
}

function isWorkload(object: KubeObject): object is Deployment | ReplicaSet {
  return object.apiVersion === "apps/v1" && (object.kind === "Deployment" || object.kind === "ReplicaSet");
}

/** A selector that misses its own template would make pods without end. */
function admitSelector(workload: Deployment | ReplicaSet): void {
  const { selector, template } = workload.spec;
  if (selector === undefined) {
    throw new TrueupError("invalid", `Cannot store ${displayId(idOf(workload))} as spec.selector must be set.`);
  }
  if (matchesSelector(selector, template.metadata?.labels)) return;
  throw new TrueupError(
    "invalid",
    `Cannot store ${displayId(idOf(workload))} as spec.template.metadata.labels must match spec.selector: they do not.`,
  );
}

/** The path of the first field of a pod's spec that changed and may not. */
function admitPodUpdate(before: Pod, after: Pod): void {
  for (const field of new Set([...Object.keys(before.spec), ...Object.keys(after.spec)])) {
    const was = before.spec[field];
    const is = after.spec[field];
    if (sameJson(was, is)) continue;
    if (field === "containers" || field === "initContainers") {
      if (sameJson(withoutImages(was), withoutImages(is))) continue;
    } else if (field === "activeDeadlineSeconds" || field === "tolerations") continue;
    else if (field === "nodeName" && was === undefined) continue;
    refuse(after, `spec.${field}`);
  }
}

function withoutImages(containers: unknown): unknown {
  if (!Array.isArray(containers)) return containers;
  return (containers as Container[]).map(({ image: _image, ...rest }) => rest);
}

function admitDataUpdate(before: KubeObject, after: KubeObject): void {
  if (before.kind === "Secret" && before.type !== after.type) refuse(after, "type");
  if (before.immutable !== true) return;
  for (const field of ["data", "binaryData", "immutable"]) {
    if (!sameJson(before[field], after[field])) refuse(after, field);
  }
}

/** Values are shown for plain fields only: others may hold secrets, or a page of text. */
function refuse(object: KubeObject, field: string, is?: string, was?: string): never {
  const change = is === undefined ? "" : `: it was ${was} and would become ${is}`;
  throw new TrueupError(
    "invalid",
    `Cannot change ${displayId(idOf(object))} as ${field} must stay as it is${change}.`,
    { hint: "Delete the object and create it again, or give it another name." },
  );
}
