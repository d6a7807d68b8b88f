/** Reads a manifest file into declared objects and the diagnostics that keep it from being applied. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import type { ObjectHash } from "../model/source.ts";

export interface ManifestFile {
  /** Relative to the repository's root, with `/`. */
  file: string;
  blob: ObjectHash;
  text: string;
  /** Namespace of objects that name none; "default" when absent. */
  defaultNamespace?: string;
}

export interface ParsedManifest {
  declared: Declared[];
  diagnostics: Diagnostic[];
}

/** Whether a file of a repository is read as a manifest, by its path alone. */
export function isManifestPath(path: string): boolean {
  return /\.(ya?ml|json)$/.test(path);
}

/** Parses one file. Never throws for what the text holds: every fault becomes a diagnostic. */
export function parseManifestFile(_input: ManifestFile): ParsedManifest {
  return { declared: [], diagnostics: [] };
}
