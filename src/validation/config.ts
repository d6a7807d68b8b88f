/** Reads the two configurations, the repository's `trueup.yaml` and the operator's `trueup.config.yaml`, into typed values. */
import type { Diagnostic } from "../model/diagnostic.ts";

export interface AppConfig {
  name: string;
  /** Directory, relative to the repository's root; "" for the root. */
  path: string;
  namespace: string;
  /** Apps that must be deployed before this one. */
  after: string[];
}

export interface ImageRules {
  /** Glob patterns (`*` within a part, `**` across parts) of image repositories allowed; empty: all. */
  allowedRepositories: string[];
  /** Whether every image must carry a digest. */
  requireDigest: boolean;
}

export interface RepositoryConfig {
  apps: AppConfig[];
  images: ImageRules;
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
}

export interface OperatorConfig {
  repositories: RepositoryTracking[];
  images: { paths: string[] };
  /** Full ref names (`*` at the end) whose pods may run as processes; absent: those tracked. */
  trust: { refs: string[] };
  /** State directory; absent: the XDG one. */
  state?: string;
  limits: { deletions: number; manifestBytes: number; manifests: number };
}

export interface ParsedConfig<T> {
  /** Absent when there is an error among the diagnostics. */
  config?: T;
  diagnostics: Diagnostic[];
}

/** Reads `trueup.yaml`. */
export function parseRepositoryConfig(_text: string, _file: string): ParsedConfig<RepositoryConfig> {
  return { diagnostics: [] };
}

/** Reads `trueup.config.yaml`. */
export function parseOperatorConfig(_text: string, _file: string): ParsedConfig<OperatorConfig> {
  return { diagnostics: [] };
}
