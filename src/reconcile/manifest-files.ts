/** Reads manifests from git: each blob once, as long as it is used, and each object of a built-in kind checked once. */
import type { Repository } from "../git/repository.ts";
import { parseManifestFile } from "../manifest/parse.ts";
import { type Diagnostic, isError } from "../model/diagnostic.ts";
import { TrueupError } from "../model/errors.ts";
import type { KubeObject } from "../model/object.ts";
import type { ObjectHash, TreeFile } from "../model/source.ts";
import { DEFAULT_KUBERNETES_VERSION, isDefinition, kindSchema, validateDeclared } from "../validation/index.ts";
import { imageUses } from "./images.ts";
import { type ManifestEntry, optionsOf, placeKey, type SourceOptions } from "./snapshot.ts";
import type { SourceLimits } from "./types.ts";

/** How much work was done so far: what tests of "proportional to the change" count. */
export interface SourceCounters {
  blobsRead: number;
  parsed: number;
  validated: number;
  crossChecked: number;
}

/** Blobs read at once: enough to keep git busy, few enough to hold in memory. */
const READS_AT_ONCE = 64;
/** Files kept beyond those of the last snapshots, so that going back and forth reads nothing again. */
const SPARE_ENTRIES = 1_000;

export class ManifestFiles {
  readonly counters: SourceCounters = { blobsRead: 0, parsed: 0, validated: 0, crossChecked: 0 };
  readonly #repository: Repository;
  readonly #limits: SourceLimits | undefined;
  /** Blob and path to what was read; the least recently used first. */
  readonly #entries = new Map<string, ManifestEntry>();

  constructor(repository: Repository, limits: SourceLimits | undefined) {
    this.#repository = repository;
    this.#limits = limits;
  }

  /**
   * Reads files into `files`, by path, and forgets what has not been used for long.
   *
   * @throws {TrueupError} When git cannot be read; never for what a file holds
   */
  async readAll(
    touched: readonly TreeFile[],
    files: Map<string, ManifestEntry>,
    place: SourceOptions,
    signal: AbortSignal,
  ): Promise<void> {
    for (let start = 0; start < touched.length; start += READS_AT_ONCE) {
      signal.throwIfAborted();
      const group = touched.slice(start, start + READS_AT_ONCE);
      const entries = await Promise.all(group.map((file) => this.entry(file, place)));
      group.forEach((file, index) => {
        const entry = entries[index];
        if (entry !== undefined) files.set(file.path, entry);
      });
    }
    this.#forget(files.size);
  }

  /** @throws {TrueupError} As `readAll` */
  async entry({ path, blob }: TreeFile, place: SourceOptions): Promise<ManifestEntry> {
    const key = `${blob}:${placeKey(place)}:${path}`;
    const known = this.#entries.get(key);
    const entry = known ?? (await this.#read(path, blob, place));
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  async #read(file: string, blob: ObjectHash, place: SourceOptions): Promise<ManifestEntry> {
    this.counters.blobsRead++;
    let text: string;
    try {
      text = await this.#repository.text(blob, { maxBytes: this.#limits?.manifestBytes });
    } catch (error) {
      // Too large or no text: a fault of the file. Whatever else keeps it from being read is a fault of the reading.
      if (!(error instanceof TrueupError && error.code === "invalid")) throw error;
      const { message, hint } = error;
      const location = { file, line: 1, column: 1 };
      const fault: Diagnostic = { severity: "error", rule: "manifest-unreadable", message, location };
      const diagnostics = [hint === undefined ? fault : { ...fault, hint }];
      return { blob, declared: [], diagnostics, images: [], definitions: [], customs: [], isPartial: true };
    }
    this.counters.parsed++;
    const parsed = parseManifestFile({ file, blob, text, defaultNamespace: place.namespace });
    const options = optionsOf(place);
    const customs = parsed.declared.filter(({ object }) => mayBeCustom(object));
    const builtIn = customs.length === 0 ? parsed.declared : parsed.declared.filter((each) => !customs.includes(each));
    this.counters.validated += builtIn.length;
    const own = builtIn.flatMap((declared) => validateDeclared(declared, options));
    return {
      blob,
      declared: parsed.declared,
      diagnostics: [...parsed.diagnostics, ...own],
      images: parsed.declared.flatMap(imageUses),
      definitions: parsed.declared.filter(({ object }) => isDefinition(object)),
      customs: customs.map((declared) => ({ declared, checked: null })),
      isPartial: parsed.diagnostics.some(isError),
    };
  }

  #forget(inUse: number): void {
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= 2 * inUse + SPARE_ENTRIES) return;
      this.#entries.delete(oldest);
    }
  }
}

/** Whether an object's kind is none that Kubernetes brings, in the newest version that is known. */
function mayBeCustom({ apiVersion, kind }: KubeObject): boolean {
  return kindSchema({ version: DEFAULT_KUBERNETES_VERSION, apiVersion, kind }) === undefined;
}
