/** What an app's directory declares at a commit: read once per blob, checked once per object, compared by what changed. */
import { createHash } from "node:crypto";
import type { Repository } from "../git/repository.ts";
import type { ExcludedEntry } from "../git/types.ts";
import { isManifestPath, parseManifestFile } from "../manifest/parse.ts";
import { compareDiagnostics, type Diagnostic, isError } from "../model/diagnostic.ts";
import { TrueupError } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import { type CommitId, type ObjectHash, shortId, type TreeFile } from "../model/source.ts";
import type { ConfigStamper } from "../plan/config-digest.ts";
import {
  type Checks,
  CrossCheck,
  CustomKinds,
  DEFAULT_KUBERNETES_VERSION,
  inScope,
  isDefinition,
  kindSchema,
  type ValidateOptions,
  validateDeclared,
} from "../validation/index.ts";
import { areDefined, type MoreDefinitions } from "./definitions.ts";
import { type ImageUse, imageUses } from "./images.ts";
import type { SourceLimits } from "./types.ts";

/** One file as it was read; kept as long as its blob and path are used. */
interface ManifestEntry {
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
interface CustomObject {
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

export class AppSource {
  readonly counters: SourceCounters = { blobsRead: 0, parsed: 0, validated: 0, crossChecked: 0 };
  readonly #repository: Repository;
  readonly #options: SourceOptions;
  /** Blob and path to what was read; the least recently used first. */
  readonly #entries = new Map<string, ManifestEntry>();
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
    await this.#readAll(touched, files, place, signal);
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
    return Promise.all(files.map((file) => this.#entry(file, place)));
  }

  /** The app at a commit that no longer names it: it declares nothing. */
  async gone(commit: CommitId, place: SourceOptions): Promise<Snapshot> {
    const { tree } = await this.#repository.commit(commit);
    return { ...nothing(commit, tree, place), diagnostics: [], isPartial: false };
  }

  async #readAll(
    touched: readonly TreeFile[],
    files: Map<string, ManifestEntry>,
    place: SourceOptions,
    signal: AbortSignal,
  ): Promise<void> {
    for (let start = 0; start < touched.length; start += READS_AT_ONCE) {
      signal.throwIfAborted();
      const group = touched.slice(start, start + READS_AT_ONCE);
      const entries = await Promise.all(group.map((file) => this.#entry(file, place)));
      group.forEach((file, index) => {
        const entry = entries[index];
        if (entry !== undefined) files.set(file.path, entry);
      });
    }
    this.#forget(files.size);
  }

  async #entry({ path, blob }: TreeFile, place: SourceOptions): Promise<ManifestEntry> {
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

  #forget(inUse: number): void {
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= 2 * inUse + SPARE_ENTRIES) return;
      this.#entries.delete(oldest);
    }
  }
}

function nothing(
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

function isSamePlace(a: SourceOptions, b: SourceOptions): boolean {
  return a.path === b.path && placeKey(a) === placeKey(b);
}

const placeKeys = new WeakMap<SourceOptions, string>();

/** What decides, beside the path, what is read in a file and said of it. Asked for every file of a place. */
function placeKey(place: SourceOptions): string {
  const known = placeKeys.get(place);
  if (known !== undefined) return known;
  const { namespace, kubernetesVersion = "", schemas = [], allowUnknownKinds = false, checks } = place;
  const asked = checks === undefined ? "" : createHash("sha256").update(JSON.stringify(checks)).digest("hex");
  const key = JSON.stringify([namespace, kubernetesVersion, schemas, allowUnknownKinds, asked]);
  placeKeys.set(place, key);
  return key;
}

/** How each object is checked by itself. */
function optionsOf({ kubernetesVersion, checks }: SourceOptions): ValidateOptions {
  return { ...(kubernetesVersion !== undefined && { kubernetesVersion }), ...checks };
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

/** Whether an object's kind is none that Kubernetes brings, in the newest version that is known. */
function mayBeCustom({ apiVersion, kind }: KubeObject): boolean {
  return kindSchema({ version: DEFAULT_KUBERNETES_VERSION, apiVersion, kind }) === undefined;
}

/** Whether nothing of the snapshot may be applied. */
export function isRejected(snapshot: Pick<Snapshot, "diagnostics">): boolean {
  return snapshot.diagnostics.some(isError);
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
