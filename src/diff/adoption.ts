/**
 * What other tools set of an object, and how it becomes trueup's: their fields go over to trueup's declaration, so that
 * the next apply removes what they set and git does not declare. Pure.
 *
 * @see Kubernetes client-go/util/csaupgrade, which does the same for one manager's way from kubectl apply
 */
import type { JsonObject, KubeObject } from "../model/object.ts";
import { ANNOTATION } from "../model/workload.ts";
import { below, type FieldSet, union, without } from "./field-set.ts";
import { declarationEntry, FIELD_MANAGER, type ManagedEntry, managedEntries, partOf } from "./managed-fields.ts";

/**
 * Managers that apply what some file says: kubectl (client-side, server-side, and what a first apply finds that nobody
 * owned), Helm, Flux, Argo CD. What people and controllers change by themselves stays theirs.
 */
const APPLIERS: ReadonlySet<string> = new Set([
  "kubectl-client-side-apply",
  "kubectl-last-applied",
  "kubectl-create",
  "kubectl",
  "before-first-apply",
  "helm",
  "Helm",
  "kustomize-controller",
  "helm-controller",
  "argocd-controller",
  "argocd-application-controller",
]);

const LAST_APPLIED_FIELD = ["f:metadata", "f:annotations", `f:${ANNOTATION.lastApplied}`] as const;
const REPLICAS_FIELD = ["f:spec", "f:replicas"] as const;

/** What `adoption` makes of an object's managed fields. */
export interface Adoption {
  /** Managers whose fields go over, as they stand in the object. */
  managers: string[];
  /** The object's managed fields afterwards. */
  managedFields: JsonObject[];
  /** The part of the object that trueup owns then: what it declares less of is removed. */
  part: KubeObject;
}

/**
 * The object's managed fields with those of other tools as trueup's; `null` when none are.
 *
 * Entries in another API version than the one that stays are dropped: their paths may mean something else, and what
 * nobody owns stays as it is. So does a replica count that git does not declare: whoever scales would find one pod.
 */
export function adoptionOf(live: KubeObject, declared: KubeObject): Adoption | null {
  const entries = managedEntries(live);
  const taken = entries.filter(({ manager, subresource }) => subresource === "" && APPLIERS.has(manager));
  const own = declarationEntry(entries, FIELD_MANAGER);
  const target = own ?? taken.toSorted((a, b) => b.time.localeCompare(a.time))[0];
  if (taken.length === 0 || target === undefined) return null;
  const fields = taken
    .filter(({ apiVersion }) => apiVersion === target.apiVersion)
    .map((entry) => movable(entry.fields, declared))
    .reduce(union, own?.fields ?? {});
  const others = entries.filter((entry) => entry !== own && !taken.includes(entry));
  const ours: ManagedEntry = { ...target, manager: FIELD_MANAGER, operation: "Apply", fields };
  return {
    managers: [...new Set(taken.map(({ manager }) => manager))].sort(),
    managedFields: [ours, ...others].map(entryJson),
    part: partOf(
      live,
      fields,
      others.map((entry) => entry.fields),
    ),
  };
}

/** What of another tool's fields goes over: neither status, nor its record of itself, nor replicas that git leaves open. */
function movable(fields: FieldSet, declared: KubeObject): FieldSet {
  let left = without(without(fields, ["f:status"]), LAST_APPLIED_FIELD);
  const spec = declared.spec as { replicas?: unknown } | undefined | null;
  const leavesReplicas = spec?.replicas === undefined || spec.replicas === null;
  if (leavesReplicas && below(fields, "f:spec") !== undefined) left = without(left, REPLICAS_FIELD);
  return left;
}

function entryJson({ manager, operation, subresource, apiVersion, time, fields }: ManagedEntry): JsonObject {
  return {
    manager,
    operation,
    apiVersion,
    ...(time !== "" && { time }),
    fieldsType: "FieldsV1",
    fieldsV1: fields as JsonObject,
    ...(subresource !== "" && { subresource }),
  };
}

/** Labels and annotations by which a tool finds what it deploys again. */
const MARKS: readonly { what: string; in: "labels" | "annotations"; name: string; namespace?: string }[] = [
  {
    what: "Helm release",
    in: "annotations",
    name: "meta.helm.sh/release-name",
    namespace: "meta.helm.sh/release-namespace",
  },
  {
    what: "Flux Kustomization",
    in: "labels",
    name: "kustomize.toolkit.fluxcd.io/name",
    namespace: "kustomize.toolkit.fluxcd.io/namespace",
  },
  {
    what: "Flux HelmRelease",
    in: "labels",
    name: "helm.toolkit.fluxcd.io/name",
    namespace: "helm.toolkit.fluxcd.io/namespace",
  },
  { what: "Argo CD application", in: "annotations", name: "argocd.argoproj.io/tracking-id" },
  { what: "Argo CD application", in: "labels", name: "argocd.argoproj.io/instance" },
];

/** What else says that the object is its own, for people: `Helm release shop/web`. It must give it up, or both keep changing it. */
export function claimsOn(object: KubeObject): string[] {
  const claims = MARKS.flatMap((mark) => {
    const marks = object.metadata[mark.in] ?? {};
    const name = marks[mark.name];
    if (name === undefined) return [];
    const namespace = mark.namespace === undefined ? undefined : marks[mark.namespace];
    return [`${mark.what} ${namespace === undefined ? "" : `${namespace}/`}${name.split(":", 1)[0] ?? name}`];
  });
  return [...new Set(claims)];
}
