/** What trueup must be allowed on a cluster, and what of it is missing. */
import type { KubeApi } from "../../model/kube-api.ts";
import type { KubeResource } from "./resource.ts";

export interface Right {
  verb: string;
  group: string;
  /** With its subresource: `pods/log`. */
  resource: string;
  /** "" for the whole cluster, and for what lives in no namespace. */
  namespace: string;
}

export interface RightsQuery {
  /** Of trueup's own objects. */
  own: string;
  /** Those that are read; absent: all. */
  namespaces?: readonly string[] | undefined;
  isLedgerThere: boolean;
  /** Kinds that apps consist of. */
  applied: readonly KubeResource[];
  /** Kinds that tell how they do. */
  read: readonly KubeResource[];
}

const READ = ["get", "list", "watch"];
const CHANGE = ["create", "patch", "delete"];
/** Answers that are waited for at once. */
const AT_ONCE = 16;

/** As `examples/kubernetes/rbac.yaml` has them. Pure. */
export function rightsNeeded({ own, namespaces, isLedgerThere, applied, read }: RightsQuery): Right[] {
  const rights = new Map<string, Right>();
  const add = (group: string, resource: string, places: readonly string[], verbs: readonly string[]): void => {
    for (const namespace of places) {
      for (const verb of verbs) {
        const right = { verb, group, resource, namespace };
        rights.set(JSON.stringify(right), right);
      }
    }
  };
  const places = namespaces ?? [""];
  add("", "configmaps", [own], [...READ, ...CHANGE]);
  if (isLedgerThere) add("", "secrets", [own], ["get", "list", ...CHANGE]);
  for (const { group, plural, namespaced } of applied)
    add(group, plural, namespaced ? places : [""], [...READ, ...CHANGE]);
  for (const { group, plural, namespaced } of read) add(group, plural, namespaced ? places : [""], READ);
  if (read.some(({ group, kind }) => group === "" && kind === "Pod")) add("", "pods/log", places, ["get"]);
  return [...rights.values()];
}

/** Asks the server of each whether it grants it. @throws {TrueupError} What asking fails with */
export async function missingRights(api: KubeApi, rights: readonly Right[], signal: AbortSignal): Promise<Right[]> {
  const missing: Right[] = [];
  for (let from = 0; from < rights.length; from += AT_ONCE) {
    const some = rights.slice(from, from + AT_ONCE);
    const granted = await Promise.all(some.map((right) => isGranted(api, right, signal)));
    missing.push(...some.filter((_right, index) => granted[index] !== true));
  }
  return missing;
}

async function isGranted(
  api: KubeApi,
  { verb, group, resource, namespace }: Right,
  signal: AbortSignal,
): Promise<boolean> {
  const [name = "", subresource = ""] = resource.split("/");
  const resourceAttributes = { verb, group, resource: name, subresource, namespace };
  const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { resourceAttributes } };
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const { status } = await api.request({ method: "POST", path, body }, signal);
  return (status as { allowed?: unknown } | undefined)?.allowed === true;
}

/** Rights in words, those of one kind in one place together: `create, patch deployments.apps in namespace shop`. Pure. */
export function describeRights(rights: readonly Right[]): string[] {
  const verbs = new Map<string, string[]>();
  for (const { verb, group, resource, namespace } of rights) {
    const where = namespace === "" ? "in the whole cluster" : `in namespace ${namespace}`;
    const what = `${resource}${group === "" ? "" : `.${group}`} ${where}`;
    verbs.set(what, [...(verbs.get(what) ?? []), verb]);
  }
  return [...verbs].map(([what, all]) => `${all.join(", ")} ${what}`);
}
