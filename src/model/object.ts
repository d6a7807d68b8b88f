/** Kubernetes objects as trueup handles them: the parts every kind shares, and the identity of an object. */
import { CLUSTER_SCOPED } from "./cluster-scoped.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Times are RFC 3339 in UTC, to the second, as the API server writes them (`2026-11-23T17:42:02Z`). */
export interface ObjectMeta {
  name: string;
  generateName?: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  uid?: string;
  /** Opaque; grows with every write of the store. Compare for equality only. */
  resourceVersion?: string;
  /** Raised by one whenever the spec changes. */
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

/** Any object. Fields beyond the three common ones are plain JSON; `workload.ts` types those that controllers read. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** Which object, independent of the API version it is written in. */
export interface ObjectId {
  /** API group; "" for the core group. */
  group: string;
  kind: string;
  /** "" for objects that live in no namespace. */
  namespace: string;
  name: string;
}

/** `group/kind/namespace/name`: an `ObjectId` as a map key. Names cannot contain a slash, so it is unambiguous. */
export type ObjectKey = string & { readonly __objectKey: unique symbol };

/** The group of an apiVersion: "apps" of `apps/v1`, "" of `v1`. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

/** Groups with a domain that an API server brings: the domain alone does not tell, as `gateway.networking.k8s.io` is anybody's. */
const BUILT_IN_GROUPS: ReadonlySet<string> = new Set(
  ["admissionregistration", "apiextensions", "apiregistration", "authentication", "authorization", "certificates"]
    .concat("coordination", "discovery", "events", "flowcontrol.apiserver", "internal.apiserver", "networking", "node")
    .concat("rbac.authorization", "resource", "scheduling", "storage", "storagemigration")
    .map((name) => `${name}.k8s.io`),
);

/** Whether Kubernetes itself brings the kinds of a group; those of others are custom resources, or an aggregated API's. */
export function isBuiltInGroup(group: string): boolean {
  return !group.includes(".") || BUILT_IN_GROUPS.has(group);
}

const CLUSTER_SCOPED_KINDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(CLUSTER_SCOPED).map(([group, kinds]) => [group, new Set(kinds)]),
);

/** Whether objects of this group and kind live in no namespace, as far as the kind is a built-in one. */
export function isClusterScoped(group: string, kind: string): boolean {
  return CLUSTER_SCOPED_KINDS.get(group)?.has(kind) === true;
}

/** Identity of an object; `defaultNamespace` is where one without a namespace goes. */
export function idOf(object: KubeObject, defaultNamespace = "default"): ObjectId {
  const group = groupOf(object.apiVersion);
  const namespace = isClusterScoped(group, object.kind) ? "" : object.metadata.namespace || defaultNamespace;
  return { group, kind: object.kind, namespace, name: object.metadata.name };
}

/**
 * Identity of an object as a backend has it, which says itself where it lives: one without a namespace lives in none, as
 * those of many custom kinds do. Taken for one in the default namespace, it would be another than the one that git declares,
 * and be deleted as such.
 */
export function idOfLive(object: KubeObject): ObjectId {
  const group = groupOf(object.apiVersion);
  const namespace = isClusterScoped(group, object.kind) ? "" : (object.metadata.namespace ?? "");
  return { group, kind: object.kind, namespace, name: object.metadata.name };
}

export function keyOfId(id: ObjectId): ObjectKey {
  return `${id.group}/${id.kind}/${id.namespace}/${id.name}` as ObjectKey;
}

export function keyOf(object: KubeObject, defaultNamespace = "default"): ObjectKey {
  return keyOfId(idOf(object, defaultNamespace));
}

/** As people write it: `deployment/web`, with the namespace in front where it is not the default one: `shop/deployment/web`. */
export function displayId(id: ObjectId): string {
  const short = `${id.kind.toLowerCase()}/${id.name}`;
  return id.namespace === "" || id.namespace === "default" ? short : `${id.namespace}/${short}`;
}

/** The owner that manages the object, if it has one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** The second that was written last, and its text: most calls in a row are about the same one. */
let written = { second: Number.NaN, text: "" };

/** The given time as the API server writes it: RFC 3339, UTC, whole seconds. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1_000);
  if (second !== written.second) written = { second, text: `${new Date(ms).toISOString().slice(0, 19)}Z` };
  return written.text;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: "In" | "NotIn" | "Exists" | "DoesNotExist"; values?: string[] }[];
}

/** Whether labels satisfy a selector. An empty selector matches all; an absent one is the caller's case to decide. */
export function matchesSelector(selector: LabelSelector, labels: Record<string, string> = {}): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (labels[key] !== value) return false;
  }
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case "In":
        return value !== undefined && values.includes(value);
      case "NotIn":
        return value === undefined || !values.includes(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      default:
        return operator satisfies never;
    }
  });
}
