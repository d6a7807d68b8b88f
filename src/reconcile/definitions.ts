/** Definitions of custom kinds anywhere in a repository's apps: read once, then only where a commit changes something. */
import type { Repository } from "../git/repository.ts";
import { isManifestPath, parseManifestFile } from "../manifest/parse.ts";
import { TrueupError } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import type { KubeObject, ObjectId } from "../model/object.ts";
import type { CommitId, ObjectHash, TreeFile } from "../model/source.ts";
import { isDefinition } from "../validation/index.ts";

/** Blobs read at once: enough to keep git busy, few enough to hold in memory. */
const READS_AT_ONCE = 64;
/** What every definition says of itself: a file without it is not parsed. */
const MARK = "CustomResourceDefinition";

/** What other apps of the repository define at a commit. */
export type DefinitionsAt = (commit: CommitId, signal: AbortSignal) => Promise<readonly Declared[]>;

/** Definitions of custom kinds that an app's own files do not have. */
export interface MoreDefinitions {
  /** By the operator: they count before those that the app's settings name. */
  given?: readonly KubeObject[] | undefined;
  /** By the repository's other apps; asked when an object is of a kind that nothing else defines, and counts last. */
  elsewhere?: DefinitionsAt | undefined;
}

/** Definitions by file, of one directory at one root tree. */
interface Known {
  tree: ObjectHash;
  files: ReadonlyMap<string, readonly Declared[]>;
}

/**
 * Asked for only by apps with objects of kinds that they do not define themselves: other repositories pay nothing. Of a
 * directory the last tree is kept, so a commit costs what it changes.
 */
export class RepositoryDefinitions {
  readonly #repository: Repository;
  readonly #maxBytes: number | undefined;
  readonly #known = new Map<string, Known>();
  /** Two that ask at once read one after the other, and the second finds it read. */
  #turn: Promise<unknown> = Promise.resolve();
  #blobsRead = 0;

  constructor(repository: Repository, limits: { manifestBytes?: number } = {}) {
    this.#repository = repository;
    this.#maxBytes = limits.manifestBytes;
  }

  /** How many blobs were read so far: what a test of "proportional to the change" counts. */
  get blobsRead(): number {
    return this.#blobsRead;
  }

  /**
   * What the manifests below some directories define at a commit, in order of path. Files that cannot be parsed define
   * nothing here: their own app says what is wrong with them.
   *
   * @param paths Directories of the repository; "" is all of it, and those that are not there hold nothing
   * @throws {TrueupError} When git cannot be read
   */
  at(commit: CommitId, paths: readonly string[], signal: AbortSignal): Promise<Declared[]> {
    const found = this.#turn.then(() => this.#at(commit, outermost(paths), signal));
    // Whoever comes next waits for the end of this one, not for its luck.
    this.#turn = Promise.allSettled([found]);
    return found;
  }

  async #at(commit: CommitId, paths: readonly string[], signal: AbortSignal): Promise<Declared[]> {
    const { tree } = await this.#repository.commit(commit);
    const definitions: Declared[] = [];
    for (const path of paths) {
      const { files } = await this.#below(path, commit, tree, signal);
      for (const file of [...files.keys()].sort()) definitions.push(...(files.get(file) ?? []));
    }
    for (const path of this.#known.keys()) if (!paths.includes(path)) this.#known.delete(path);
    return definitions;
  }

  async #below(path: string, commit: CommitId, tree: ObjectHash, signal: AbortSignal): Promise<Known> {
    const before = this.#known.get(path);
    if (before?.tree === tree) return before;
    const isThere = (await this.#repository.treeAt(commit, path)) !== null;
    if (!isThere) return { tree, files: new Map() };
    const { added, changed, removed } = await this.#repository.changedFiles(before?.tree ?? null, tree, path);
    const files = new Map(before?.files);
    for (const file of removed) files.delete(file.path);
    const touched = [...added, ...changed].filter((file) => isManifestPath(file.path));
    for (let start = 0; start < touched.length; start += READS_AT_ONCE) {
      signal.throwIfAborted();
      const group = touched.slice(start, start + READS_AT_ONCE);
      const read = await Promise.all(group.map((file) => this.#read(file)));
      for (const [index, file] of group.entries()) {
        const definitions = read[index] ?? [];
        if (definitions.length > 0) files.set(file.path, definitions);
        else files.delete(file.path);
      }
    }
    const known = { tree, files };
    this.#known.set(path, known);
    return known;
  }

  async #read({ path, blob }: TreeFile): Promise<readonly Declared[]> {
    this.#blobsRead++;
    let text: string;
    try {
      text = await this.#repository.text(blob, { maxBytes: this.#maxBytes });
    } catch (error) {
      // Too large or no text: a fault of the file, which its app is told of.
      if (error instanceof TrueupError && error.code === "invalid") return [];
      throw error;
    }
    if (!text.includes(MARK)) return [];
    const { declared } = parseManifestFile({ file: path, blob, text, defaultNamespace: "default" });
    return declared.filter(({ object }) => isDefinition(object));
  }
}

/** Whether each object is of a kind that one of the definitions is of, in whichever version. */
export function areDefined(ids: readonly ObjectId[], definitions: readonly KubeObject[]): boolean {
  const kinds = new Set(definitions.map(kindDefinedBy));
  return ids.every(({ group, kind }) => kinds.has(`${group}/${kind}`));
}

/** As `group/Kind`; of a definition that does not say it, nothing's. */
function kindDefinedBy({ spec }: KubeObject): string {
  const { group, names } = (spec ?? {}) as { group?: unknown; names?: { kind?: unknown } };
  return `${String(group)}/${String(names?.kind)}`;
}

/** Without directories that lie in others of the list. */
function outermost(paths: readonly string[]): string[] {
  const all = [...new Set(paths)].sort();
  return all.filter((path) => !all.some((other) => other !== path && (other === "" || path.startsWith(`${other}/`))));
}
