/** What the two configurations say, as typed values: the repository's `trueup.yaml` and the operator's `trueup.config.yaml`. */
import type { IgnoreRule } from "../model/ignore.ts";
import type { Field } from "./field.ts";
import type { OperatorFloor, ValidationSettings } from "./settings.ts";

export type { ParsedConfig } from "./config-reader.ts";

export interface AppConfig {
  name: string;
  /** Directory, relative to the repository's root; "" for the root. */
  path: string;
  namespace: string;
  /** Apps that must be deployed before this one. */
  after: string[];
  /** When a commit fails: stop there (`keep`), or apply the last good commit again (`rollback`). */
  onFailure: "keep" | "rollback";
  /** Fields that stay with whoever else sets them. */
  ignore: IgnoreRule[];
}

export interface ImageRules {
  /** Patterns (`*` within a part, `**` across parts) of image repositories allowed; empty: all. */
  allowedRepositories: string[];
  /** Whether every image must carry a digest. */
  requireDigest: boolean;
}

export interface RepositoryConfig {
  apps: AppConfig[];
  images: ImageRules;
  /** Kubernetes version to check for; absent: the newest. */
  kubernetesVersion?: string;
  /** Files and directories of the repository with definitions of custom kinds. */
  schemas: string[];
  /** Kinds that may go without a schema: all, none, or those whose `group/Kind` fits a pattern. */
  allowUnknownKinds: boolean | string[];
  /** What is asked of the manifests, by the operator and by the repository together. */
  validation: ValidationSettings;
}

export interface RepositoryTracking {
  /** A path on this machine, absolute or relative to the configuration's file. */
  path: string;
  /** A branch or full ref; absent when `commit` is given or HEAD is followed. */
  ref?: string;
  /** A full commit id to stay at. */
  commit?: string;
  /** Apps of this repository to run, by name; absent: all. */
  apps?: string[];
  /** Name of the target; absent: the only one. */
  target?: string;
  /** Apps that take over what is there and no app applied, or all; absent: none. */
  adopt?: boolean | string[];
}

/** Where objects live. */
export type TargetConfig =
  | { kind: "embedded"; name: string }
  | {
      kind: "kubernetes";
      name: string;
      /** A path on this machine, absolute or relative to the configuration's file. */
      kubeconfig?: string;
      context?: string;
      inCluster: boolean;
      /** Of trueup's own objects. */
      namespace?: string;
      /** Only these are read; absent: all. */
      namespaces?: string[];
      /** Where the history is kept. */
      ledger: "local" | "cluster";
      /** Id under which objects are owned. */
      owner?: string;
    };

export interface OperatorConfig {
  repositories: RepositoryTracking[];
  /** Empty: the embedded one. */
  targets: TargetConfig[];
  images: { paths: string[] };
  /** Refs (`*` at the end stands for the rest) whose pods may run as processes; absent: those tracked. */
  trust: { refs?: string[] };
  /** State directory; absent: the XDG one. */
  state?: string;
  limits: { deletions: number; manifestBytes: number; manifests: number };
  /** What the ledger keeps at least; empty: everything. */
  ledger: { keepAttempts?: number; keepDays?: number };
  /** Files and directories of this machine with definitions of custom kinds, as `path` has them. */
  schemas: string[];
  /** What every repository must keep to. */
  floor: OperatorFloor;
}

/** Limits where the operator sets none. */
export const DEFAULT_LIMITS: OperatorConfig["limits"] = {
  deletions: 3,
  manifestBytes: 1024 * 1024,
  manifests: 20_000,
};

/** The Kubernetes version that a configuration names. */
export function versionOf(root: Field): string | undefined {
  const given = root.at("kubernetesVersion");
  // Without quotes YAML makes a number of it.
  return given.isGiven ? String(given.value) : undefined;
}

/** The items of a list that are text. */
export function texts(field: Field): string[] {
  return field.items.flatMap(({ text }) => (text === undefined ? [] : [text]));
}
