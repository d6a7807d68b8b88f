/** What an app's directory declares at a commit: read once per blob, checked once per object, compared by what changed. */
import type { Repository } from "../git/repository.ts";
import type { ExcludedEntry } from "../git/types.ts";
import { isManifestPath } from "../manifest/parse.ts";
import { compareDiagnostics, type Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import { type CommitId, type ObjectHash, shortId, type TreeFile } from "../model/source.ts";
import type { ConfigStamper } from "../plan/config-digest.ts";
import { CrossCheck, CustomKinds, inScope, validateDeclared } from "../validation/index.ts";
import { areDefined, type MoreDefinitions } from "./definitions.ts";
import type { ImageUse } from "./images.ts";
import { ManifestFiles, type SourceCounters } from "./manifest-files.ts";
import {
  type CustomObject,
  isSamePlace,
  type ManifestEntry,
  nothing,
  optionsOf,
  placeKey,
  type Snapshot,
  type SourceOptions,
} from "./snapshot.ts";
import type { SourceLimits } from "./types.ts";

export type { SourceCounters } from "./manifest-files.ts";
export { isRejected, type Snapshot, type SourceOptions } from "./snapshot.ts";

export class AppSource {
  readonly #repository: Repository;
  readonly #options: SourceOptions;
  readonly #files: ManifestFiles;
  /** Reads under way, and the last one that succeeded, by commit and place: the app itself and its neighbours ask. */
  readonly #reading = new Map<string, Promise<Snapshot>>();
  #latest: { key: string; snapshot: Snapshot } | null = null;

  #kinds: { definitions: readonly KubeObject[]; kinds: CustomKinds } = { definitions: [], kinds: CustomKinds.NONE };
  readonly #limits: SourceLimits | undefined;
  readonly #stamper: ConfigStamper | null;
  readonly #definitions: MoreDefinitions;
  readonly #together = new CrossCheck();

  /**
   * @param stamper What writes the content of watched configuration into the pod templates that use it; null where nobody
   *   plans or applies what is read
   * @param definitions Of custom kinds, beside those that the app declares and that its `schemas` name
   */
  constructor(
    repository: Repository,
    options: SourceOptions,
    stamper: ConfigStamper | null,
    limits?: SourceLimits,
    definitions: MoreDefinitions = {},
  ) {
    this.#definitions = definitions;
    this.#repository = repository;
    this.#stamper = stamper;
    this.#options = { path: options.path, namespace: options.namespace };
    this.#limits = limits;
    this.#files = new ManifestFiles(repository, limits);
  }

  get counters(): SourceCounters {
    return this.#files.counters;
  }

  /**
   * The app at a commit.
   *
   * @param base A snapshot to start from: only what differs from it is read; the nearer, the cheaper
   * @param place Where the app is at this commit; as given to the constructor when absent
   * @throws {TrueupError} When git cannot be read; never for what the manifests say
   */
  async snapshot(
    commit: CommitId,
    base: Snapshot | null,
    signal: AbortSignal,
    place: SourceOptions = this.#options,
  ): Promise<Snapshot> {
    const key = `${commit}:${placeKey(place)}:${place.path}`;
    if (this.#latest?.key === key) return this.#latest.snapshot;
    const running = this.#reading.get(key);
    if (running !== undefined) {
      const [outcome] = await Promise.allSettled([running]);
      signal.throwIfAborted();
      // Whoever began that read hears why it failed or that it was called off; this one reads for itself.
      return outcome.status === "fulfilled" ? outcome.value : this.snapshot(commit, base, signal, place);
    }
    const reading = this.#snapshot(commit, base, signal, place);
    this.#reading.set(key, reading);
    try {
      const snapshot = await reading;
      this.#latest = { key, snapshot };
      return snapshot;
    } finally {
      this.#reading.delete(key);
    }
  }

  async #snapshot(
    commit: CommitId,
    base: Snapshot | null,
    signal: AbortSignal,
    place: SourceOptions,
  ): Promise<Snapshot> {
    if (base !== null && (base.missing || !isSamePlace(base.place, place))) {
      return this.#snapshot(commit, null, signal, place);
    }
    const { tree } = await this.#repository.commit(commit);
    if (base?.tree === tree) return { ...base, commit };
    const { path } = place;
    if ((await this.#repository.treeAt(commit, path)) === null) return this.#missing(commit, tree, place);
    const changes = await this.#repository.changedFiles(base?.tree ?? null, tree, path);
    const touched = [...changes.added, ...changes.changed].filter((file) => isManifestPath(file.path));
    const removed = changes.removed.filter((file) => isManifestPath(file.path));
    const outside = changes.excluded.added.filter((entry) => isManifestPath(entry.path));
    const inside = changes.excluded.removed.filter((entry) => isManifestPath(entry.path));
    const schemaFiles = await this.#schemaFiles(commit, place);
    const isSameSchemas = base !== null && isSameList(base.schemaFiles, schemaFiles);
    const isUntouched = touched.length + removed.length + outside.length + inside.length === 0;
    const known = base?.elsewhere ?? null;
    const elsewhere = known === null ? null : await this.#elsewhere(commit, signal);
    const isSameElsewhere = known === null || elsewhere === null || isSameList(known, elsewhere);
    if (isSameSchemas && isSameElsewhere && isUntouched) return { ...base, commit, tree };
    const files = new Map(base?.files);
    const excluded = new Map(base?.excluded);
    for (const file of removed) files.delete(file.path);
    for (const entry of inside) excluded.delete(entry.path);
    for (const entry of outside) excluded.set(entry.path, entry);
    const order = touched.some((file) => !files.has(file.path));
    await this.#files.readAll(touched, files, place, signal);
    const read = { commit, tree, place, files: order ? sorted(files) : files, excluded, schemaFiles };
    const isAsked = this.#isUndefined([...files.values()], schemaFiles);
    return this.#assemble({
      ...read,
      elsewhere: isAsked ? (elsewhere ?? (await this.#elsewhere(commit, signal))) : null,
    });
  }

  /** Whether an object is of a kind that nothing defines of what is known so far. */
  #isUndefined(files: readonly ManifestEntry[], schemaFiles: readonly ManifestEntry[]): boolean {
    const { given = [], elsewhere } = this.#definitions;
    if (elsewhere === undefined || files.every(({ customs }) => customs.length === 0)) return false;
    const declared = [...files, ...schemaFiles].flatMap(({ definitions }) => definitions.map(({ object }) => object));
    const ids = files.flatMap(({ customs }) => customs.map((custom) => custom.declared.id));
    return !areDefined(ids, [...declared, ...given]);
  }

  async #elsewhere(commit: CommitId, signal: AbortSignal): Promise<readonly KubeObject[]> {
    const found = (await this.#definitions.elsewhere?.(commit, signal)) ?? [];
    return found.map(({ object }) => object);
  }

  /** The definitions beside the app, in files as they were read before where they did not change. */
  async #schemaFiles(commit: CommitId, place: SourceOptions): Promise<ManifestEntry[]> {
    const { schemas = [] } = place;
    const files: TreeFile[] = [...(await this.#repository.filesAt(commit, schemas)).values()];
    for (const path of schemas) {
      if ((await this.#repository.treeAt(commit, path)) === null) continue;
      files.push(...(await this.#repository.files(commit, path, isManifestPath)));
    }
    return Promise.all(files.map((file) => this.#files.entry(file, place)));
  }

  /** The app at a commit that no longer names it: it declares nothing. */
  async gone(commit: CommitId, place: SourceOptions): Promise<Snapshot> {
    const { tree } = await this.#repository.commit(commit);
    return { ...nothing(commit, tree, place), diagnostics: [], isPartial: false };
  }

  #assemble(
    read: Pick<Snapshot, "commit" | "tree" | "place" | "files" | "excluded" | "schemaFiles" | "elsewhere">,
  ): Snapshot {
    const { place, files, excluded, schemaFiles, elsewhere } = read;
    const kinds = this.#kindsOf([...files.values()], schemaFiles, elsewhere ?? []);
    const declared: Declared[] = [];
    const diagnostics: Diagnostic[] = [...excluded.values()].map(excludedFault);
    const images: ImageUse[] = [];
    for (const entry of files.values()) {
      for (const each of entry.declared) declared.push(entry.customs.length === 0 ? each : inScope(each, kinds));
      for (const each of entry.diagnostics) diagnostics.push(each);
      for (const each of entry.customs) diagnostics.push(...this.#custom(each, kinds, place));
      for (const each of entry.images) images.push(each);
    }
    this.counters.crossChecked++;
    diagnostics.push(
      ...this.#together.check(declared, { defaultNamespace: place.namespace }),
      ...this.#tooMany(files.size, place),
    );
    diagnostics.sort(compareDiagnostics);
    const isPartial = excluded.size > 0 || [...files.values()].some((entry) => entry.isPartial);
    // Only here: whoever plans, applies, compares or watches over this snapshot sees the same desired objects.
    const stamped = this.#stamper?.stamp(declared) ?? declared;
    return { ...read, declared: stamped, diagnostics, images, missing: false, isPartial };
  }

  /** The custom kinds that files define: the same instance, with all that it compiled, as long as they define the same. */
  #kindsOf(
    files: readonly ManifestEntry[],
    schemaFiles: readonly ManifestEntry[],
    elsewhere: readonly KubeObject[],
  ): CustomKinds {
    const definedBy = (entries: readonly ManifestEntry[]): KubeObject[] =>
      entries.flatMap((entry) => entry.definitions.map(({ object }) => object));
    // What the app itself declares is what will be there; what the repository only says of others comes last.
    const { given = [] } = this.#definitions;
    const definitions = [...definedBy(files), ...given, ...definedBy(schemaFiles), ...elsewhere];
    if (!isSameList(definitions, this.#kinds.definitions)) {
      this.#kinds = { definitions, kinds: new CustomKinds(definitions) };
    }
    return this.#kinds.kinds;
  }

  /** What is wrong with an object of a custom kind: found again only when its definition is another one. */
  #custom(custom: CustomObject, kinds: CustomKinds, place: SourceOptions): readonly Diagnostic[] {
    const declared = inScope(custom.declared, kinds);
    const by = kinds.definition(declared.id.group, declared.id.kind);
    const { checked } = custom;
    if (checked !== null && checked.by === by && isSamePlace(checked.place, place)) return checked.diagnostics;
    this.counters.validated++;
    const { allowUnknownKinds = false } = place;
    const diagnostics = validateDeclared(declared, { ...optionsOf(place), allowUnknownKinds, customKinds: kinds });
    custom.checked = { by, place, diagnostics };
    return diagnostics;
  }

  #tooMany(count: number, { path }: SourceOptions): Diagnostic[] {
    const most = this.#limits?.manifests;
    if (most === undefined || count <= most) return [];
    const message = `Cannot read the app as it must have at most ${most} manifests: it has ${count}`;
    const location = { file: path, line: 1, column: 1 };
    return [
      { severity: "error", rule: "manifests-limit", message, location, hint: "Raise limits.manifests, or split it." },
    ];
  }

  /** A directory that is gone declares nothing, but is no reason to delete what came from it: the commit is refused. */
  #missing(commit: CommitId, tree: ObjectHash, place: SourceOptions): Snapshot {
    const { path } = place;
    const fault: Diagnostic = {
      severity: "error",
      rule: "app-path",
      message: `Cannot read the app as "${path}" must be a directory: commit ${shortId(commit)} has none there`,
      location: { file: path, line: 1, column: 1 },
      hint: "Bring the directory back, or change the app's path.",
    };
    return { ...nothing(commit, tree, place), diagnostics: [fault], isPartial: true };
  }
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

function sorted(files: ReadonlyMap<string, ManifestEntry>): Map<string, ManifestEntry> {
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

const EXCLUDED_NAMES: Readonly<Record<ExcludedEntry["kind"], string>> = {
  symlink: "a symbolic link",
  submodule: "a submodule",
  unusable: "an entry with a name or mode that is refused",
};

/** An error, not a note: were the link passed over, what it declares would look removed. */
function excludedFault({ path, kind }: ExcludedEntry): Diagnostic {
  return {
    severity: "error",
    rule: "manifest-not-a-file",
    message: `Cannot read ${path} as a manifest must be a regular file: it is ${EXCLUDED_NAMES[kind]}`,
    location: { file: path, line: 1, column: 1 },
    hint: "Replace it by a file, or give it another ending.",
  };
}
