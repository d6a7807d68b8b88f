/** What of a manifest a live object was made from: the object itself, or the pod template of the Deployment above it. Pure. */
import { declarationOf } from "../diff/three-way.ts";
import type { Declared, FieldPath } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import type { Location } from "../model/source.ts";
import type { Deployment } from "../model/workload.ts";

/** A declaration in the shape of the live object, and how its paths lead back to the manifest. */
export interface Frame {
  /** As it was declared, in the shape of the live object. */
  tree: KubeObject;
  declared: Declared | null;
  /** Whether the live object itself was declared, and not what it was made from. */
  isOwn: boolean;
  /** Put before a path of `tree` to have the manifest's. */
  prefix: FieldPath;
}

/** The frame of an object that was itself applied. */
export function ownFrame(applied: KubeObject, declared: Declared | null): Frame {
  const metadata = applied.metadata.namespace === undefined ? {} : { namespace: applied.metadata.namespace };
  const tree = declarationOf(applied) as unknown as KubeObject;
  return { tree: { ...tree, metadata: { ...metadata, ...tree.metadata } }, declared, isOwn: true, prefix: [] };
}

/** The frame of a ReplicaSet or pod below a Deployment; null for other kinds. */
export function templateFrame(live: KubeObject, deployment: KubeObject, declared: Declared | null): Frame | null {
  const { template, selector, minReadySeconds } = (deployment as Deployment).spec;
  const { apiVersion, kind, metadata } = live;
  const { labels, annotations } = template.metadata ?? {};
  const named = { name: metadata.name };
  if (kind === "Pod") {
    const own = {
      ...named,
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    };
    return {
      tree: { apiVersion, kind, metadata: own, spec: template.spec },
      declared,
      isOwn: false,
      prefix: ["spec", "template"],
    };
  }
  if (kind !== "ReplicaSet") return null;
  const spec = { selector, template, ...(minReadySeconds !== undefined && { minReadySeconds }) };
  return {
    tree: { apiVersion, kind, metadata: { ...named, ...(labels !== undefined && { labels }) }, spec },
    declared,
    isOwn: false,
    prefix: [],
  };
}

/** Where the manifest says it; `undefined` when it does not say it itself, or is not known. */
export function locateIn({ declared, isOwn, prefix }: Frame, path: FieldPath): Location | undefined {
  if (declared === null) return undefined;
  // `stringData` is how people write a Secret; it is stored as `data`.
  const written = path[0] === "data" && has(declared.object, ["stringData", ...path.slice(1)]);
  // A ReplicaSet is labelled as its pods are.
  const within = !isOwn && path[0] === "metadata" ? ["spec", "template"] : prefix;
  const full = written ? ["stringData", ...path.slice(1)] : [...within, ...path];
  return has(declared.object, full) ? declared.locateValue(full) : undefined;
}

function has(object: unknown, path: FieldPath): boolean {
  let at = object;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return false;
    at = (at as Record<string | number, unknown>)[step];
  }
  return at !== undefined;
}
