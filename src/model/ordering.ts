/** What an object says of when it is applied: waves and hooks as Argo CD (and Helm) spell them, `depends-on` as cli-utils does. */
import { type KubeObject, keyOfId, type ObjectId, type ObjectKey } from "./object.ts";

export const ORDER_ANNOTATION = {
  wave: "argocd.argoproj.io/sync-wave",
  hook: "argocd.argoproj.io/hook",
  deletePolicy: "argocd.argoproj.io/hook-delete-policy",
  helmHook: "helm.sh/hook",
  helmWeight: "helm.sh/hook-weight",
  helmDeletePolicy: "helm.sh/hook-delete-policy",
  dependsOn: "config.kubernetes.io/depends-on",
} as const;

/** In the order in which they come; SyncFail only when something has failed. */
export const SYNC_PHASES = ["PreSync", "Sync", "PostSync", "SyncFail"] as const;
export type SyncPhase = (typeof SYNC_PHASES)[number];

/** When the object of a hook is deleted again. */
export const DELETE_POLICIES = ["BeforeHookCreation", "HookSucceeded", "HookFailed"] as const;
export type DeletePolicy = (typeof DELETE_POLICIES)[number];

/** An object that is no part of what is kept, but is made anew at each attempt that changes something. */
export interface Hook {
  /** Each once, in their order; none when it names no phase that is known here: it is never run then. */
  phases: readonly SyncPhase[];
  policies: readonly DeletePolicy[];
}

/** Whether an object is to be left out altogether: neither applied, nor deleted when it is there. */
export const SKIP = "Skip";

const HELM_PHASES: ReadonlyMap<string, SyncPhase> = new Map([
  ["pre-install", "PreSync"],
  ["pre-upgrade", "PreSync"],
  ["post-install", "PostSync"],
  ["post-upgrade", "PostSync"],
]);

const HELM_POLICIES: ReadonlyMap<string, DeletePolicy> = new Map([
  ["before-hook-creation", "BeforeHookCreation"],
  ["hook-succeeded", "HookSucceeded"],
  ["hook-failed", "HookFailed"],
]);

/** The text of an annotation. Read with care, as manifests come here before they are known to be valid. */
function annotation(object: KubeObject, name: string): string | undefined {
  const annotations = object.metadata?.annotations;
  if (typeof annotations !== "object" || annotations === null) return undefined;
  const text: unknown = annotations[name];
  return typeof text === "string" ? text : undefined;
}

/** The words of a list that is parted by commas. */
export function wordsOf(object: KubeObject, name: string): string[] {
  const text = annotation(object, name) ?? "";
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/**
 * The hook that an object is; `null` for one that is part of the app.
 *
 * @see Argo CD gitops-engine pkg/sync/hook: a Helm hook counts only where no hook of Argo CD's is named, and Helm's
 *   `crd-install` is none
 */
export function hookOf(object: KubeObject): Hook | null {
  if (isSkipped(object)) return null;
  const own = annotation(object, ORDER_ANNOTATION.hook);
  const helm = annotation(object, ORDER_ANNOTATION.helmHook);
  if (own === undefined && (helm === undefined || helm === "crd-install")) return null;
  const named = new Set<SyncPhase>(
    SYNC_PHASES.filter((phase) => wordsOf(object, ORDER_ANNOTATION.hook).includes(phase)),
  );
  if (named.size === 0) {
    for (const word of wordsOf(object, ORDER_ANNOTATION.helmHook)) {
      const phase = HELM_PHASES.get(word);
      if (phase !== undefined) named.add(phase);
    }
  }
  return { phases: SYNC_PHASES.filter((phase) => named.has(phase)), policies: policiesOf(object) };
}

export function isSkipped(object: KubeObject): boolean {
  const words = wordsOf(object, ORDER_ANNOTATION.hook);
  return words.length > 0 && words.every((word) => word === SKIP);
}

function policiesOf(object: KubeObject): readonly DeletePolicy[] {
  const own = wordsOf(object, ORDER_ANNOTATION.deletePolicy);
  const helm = wordsOf(object, ORDER_ANNOTATION.helmDeletePolicy).map((word) => HELM_POLICIES.get(word));
  const named = DELETE_POLICIES.filter((policy) => own.includes(policy) || helm.includes(policy));
  return named.length === 0 ? ["BeforeHookCreation"] : named;
}

/** Which wave an object belongs to: lower ones come first. 0 where none is named, or what is named is no whole number. */
export function waveOf(object: KubeObject): number {
  return (
    wholeNumber(annotation(object, ORDER_ANNOTATION.wave)) ??
    wholeNumber(annotation(object, ORDER_ANNOTATION.helmWeight)) ??
    0
  );
}

/** `undefined` for what is no whole number of at most 32 bits. */
export function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return Math.abs(number) <= 2_147_483_647 ? number : undefined;
}

export interface DependsOn {
  /** As it is written. */
  text: string;
  /** `null` when it is not written as `group/namespaces/namespace/Kind/name` or `group/Kind/name`. */
  id: ObjectId | null;
}

/**
 * What an object says must be there, and well, before it is applied. The core group is written as nothing:
 * `/namespaces/shop/ConfigMap/settings`.
 *
 * @see sigs.k8s.io/cli-utils pkg/object/dependson
 */
export function dependsOn(object: KubeObject): DependsOn[] {
  return wordsOf(object, ORDER_ANNOTATION.dependsOn).map((text) => ({ text, id: referencedId(text) }));
}

function referencedId(text: string): ObjectId | null {
  const parts = text.split("/");
  const [group = ""] = parts;
  if (parts.slice(1).some((part) => part === "")) return null;
  if (parts.length === 3) return { group, kind: parts[1] ?? "", namespace: "", name: parts[2] ?? "" };
  if (parts.length !== 5 || parts[1] !== "namespaces") return null;
  return { group, namespace: parts[2] ?? "", kind: parts[3] ?? "", name: parts[4] ?? "" };
}

/** The kinds that a CustomResourceDefinition brings, as `group/Kind`; `null` for anything else. */
export function definedKind(object: KubeObject): string | null {
  if (object.kind !== "CustomResourceDefinition") return null;
  const spec = object.spec as { group?: unknown; names?: { kind?: unknown } } | null | undefined;
  return `${String(spec?.group)}/${String(spec?.names?.kind)}`;
}

/** The key of a Namespace. */
export function namespaceKey(name: string): ObjectKey {
  return keyOfId({ group: "", kind: "Namespace", namespace: "", name });
}
