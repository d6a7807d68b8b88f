/** What was read of an app at a commit, and as what it was read. */
import { createHash } from "node:crypto";
import type { ExcludedEntry } from "../git/types.ts";
import { type Diagnostic, isError } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import type { CommitId, ObjectHash } from "../model/source.ts";
import type { Checks, ValidateOptions } from "../validation/index.ts";
import type { ImageUse } from "./images.ts";

/** One file as it was read; kept as long as its blob and path are used. */
export interface ManifestEntry {
  blob: ObjectHash;
  declared: readonly Declared[];
  diagnostics: readonly Diagnostic[];
  images: readonly ImageUse[];
  /** Of those declared, what defines custom kinds. */
  definitions: readonly Declared[];
  /** Of those declared, objects of no built-in kind: what is wrong with them depends on definitions in other files. */
  customs: readonly CustomObject[];
  /** Not all that it declares is known: it cannot be read, or is no well-formed YAML or JSON. */
  isPartial: boolean;
}

/** An object of a custom kind, and what its definition said of it last. */
export interface CustomObject {
  declared: Declared;
  checked: { by: KubeObject | undefined; place: SourceOptions; diagnostics: readonly Diagnostic[] } | null;
}

/** An app at a commit. `declared` is the same array, and its objects the same instances, while no manifest changes. */
export interface Snapshot {
  commit: CommitId;
  tree: ObjectHash;
  /** By path, sorted. */
  files: ReadonlyMap<string, ManifestEntry>;
  /** Links and submodules that would be manifests. */
  excluded: ReadonlyMap<string, ExcludedEntry>;
  declared: readonly Declared[];
  /** All that is wrong, in order of place. */
  diagnostics: readonly Diagnostic[];
  images: readonly ImageUse[];
  /** The app's directory is not there, or not the app's any more: nothing to start the next snapshot from. */
  missing: boolean;
  /** Not all that it declares is known. */
  isPartial: boolean;
  /** Where it was read, and as what. */
  place: SourceOptions;
  /** What was read at the place's `schemas`. */
  schemaFiles: readonly ManifestEntry[];
  /** What the repository's other apps define; null where nothing of the app asks for it. */
  elsewhere: readonly KubeObject[] | null;
}

export interface SourceOptions {
  /** Directory of the repository that is the app; "" for all of it. */
  path: string;
  /** Where objects without a namespace go. */
  namespace: string;
  /** Kubernetes version to check for; absent: the newest. */
  kubernetesVersion?: string;
  /** Files and directories of the repository with definitions of custom kinds that the app does not declare. */
  schemas?: readonly string[];
  /** Kinds that may go without a schema; none when absent. */
  allowUnknownKinds?: boolean | readonly string[];
  /** Policies and rules that a configuration asks for. */
  checks?: Checks;
}

/** The app at a commit where nothing of it is. */
export function nothing(
  commit: CommitId,
  tree: ObjectHash,
  place: SourceOptions,
): Omit<Snapshot, "diagnostics" | "isPartial"> {
  return {
    commit,
    tree,
    files: new Map(),
    excluded: new Map(),
    declared: [],
    images: [],
    missing: true,
    place,
    schemaFiles: [],
    elsewhere: null,
  };
}

/** Whether an app is read in the same directory, and as the same. */
export function isSamePlace(a: SourceOptions, b: SourceOptions): boolean {
  return a.path === b.path && placeKey(a) === placeKey(b);
}

const placeKeys = new WeakMap<SourceOptions, string>();

/** What decides, beside the path, what is read in a file and said of it. Asked for every file of a place. */
export function placeKey(place: SourceOptions): string {
  const known = placeKeys.get(place);
  if (known !== undefined) return known;
  const { namespace, kubernetesVersion = "", schemas = [], allowUnknownKinds = false, checks } = place;
  const asked = checks === undefined ? "" : createHash("sha256").update(JSON.stringify(checks)).digest("hex");
  const key = JSON.stringify([namespace, kubernetesVersion, schemas, allowUnknownKinds, asked]);
  placeKeys.set(place, key);
  return key;
}

/** How each object is checked by itself. */
export function optionsOf({ kubernetesVersion, checks }: SourceOptions): ValidateOptions {
  return { ...(kubernetesVersion !== undefined && { kubernetesVersion }), ...checks };
}

/** Whether nothing of the snapshot may be applied. */
export function isRejected(snapshot: Pick<Snapshot, "diagnostics">): boolean {
  return snapshot.diagnostics.some(isError);
}
