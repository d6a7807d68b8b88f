/** Where objects of one kind are on a Kubernetes API server. */
import type { ObjectId } from "../../model/object.ts";

/** A kind as the server serves it, in one version. */
export interface KubeResource {
  group: string;
  version: string;
  kind: string;
  /** As in paths: `deployments`. */
  plural: string;
  namespaced: boolean;
  verbs: readonly string[];
}

export interface KindQuery {
  group: string;
  kind: string;
  /** The one that the server prefers when absent, or when it does not serve this one. */
  version?: string;
}

/** `group/Kind`, as `BackendCapabilities.kinds` and ApplySets' parents spell kinds. */
export function kindKey({ group, kind }: { group: string; kind: string }): string {
  return `${group}/${kind}`;
}

export function apiVersionOf({ group, version }: KubeResource): string {
  return group === "" ? version : `${group}/${version}`;
}

/**
 * Path of a collection, or of one object of it.
 *
 * @param namespace "" for all namespaces, and for kinds that live in none
 * @param name Absent for the collection
 */
export function pathOf(resource: KubeResource, namespace: string, name?: string): string {
  const { group, version, plural, namespaced } = resource;
  const root = group === "" ? ["api", version] : ["apis", group, version];
  const scope = namespaced && namespace !== "" ? ["namespaces", namespace] : [];
  const rest = name === undefined ? [] : [name];
  return [...root, ...scope, plural, ...rest].map((segment) => `/${encodeURIComponent(segment)}`).join("");
}

/** The identity as the server has it: what lives in no namespace has none, whatever the caller took for granted. */
export function idIn(resource: KubeResource, id: ObjectId): ObjectId {
  return resource.namespaced || id.namespace === "" ? id : { ...id, namespace: "" };
}
