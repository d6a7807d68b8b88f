/** Images found in git and on disk, materialised once by content, and looked up by reference. */
import { chmod, mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join, resolve as resolvePath } from "node:path";
import type { Repository } from "../git/repository.ts";
import { type ImageCatalog, type ImageResolution, parseImageReference } from "../model/image.ts";
import type { CommitId } from "../model/source.ts";
import { type Fault, slowEffect } from "../util/fault.ts";
import type { ImageSource } from "./content.ts";
import { DiskPlace } from "./disk-source.ts";
import { findImage, invalidName, type SourceReader, settleProblem } from "./find.ts";
import { GitPlace } from "./git-source.ts";
import {
  emptyIndex,
  type ImageIndex,
  loadIndex,
  type ReferenceOutcome,
  type SourceOutcome,
  saveIndex,
} from "./index-file.ts";
import { directoryName, INCOMING, LEAVING, materialise, type ReadImage, readImage, removeTree } from "./materialise.ts";

export interface ImageUpdate {
  repository: Repository;
  commit: CommitId;
  /** Image references as the manifests write them. */
  references: readonly string[];
  /** Directories on disk, searched after the repository, in order. */
  imagePaths: readonly string[];
  signal?: AbortSignal;
}

const INDEX_FILE = "index.json";
/**
 * Node asks the nearest `package.json` above a `.js` file whether it is a module. Without one here, an image would run
 * otherwise where the state directory happens to lie inside a project that says `"type": "module"`.
 */
const PACKAGE_BARRIER = "package.json";

/**
 * The images that pods may run from.
 *
 * A reference `registry/path/name:tag` means the directory `images/<name>/<tag>/`; without a tag, `latest`; with a digest
 * alone, whichever tag of that name has it. Content is laid down once, under its digest, and never changes afterwards, so
 * a running pod keeps its files whatever git does. Read-only modes guard against mistakes, not against the pod's user.
 */
export class ImageStore implements ImageCatalog {
  readonly #directory: string;
  readonly #fault: Fault | undefined;
  #index: ImageIndex = emptyIndex();
  /** Updates and prunes run one after the other: each sees what the one before laid down. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, fault: Fault | undefined) {
    this.#directory = directory;
    this.#fault = fault;
  }

  /**
   * @param directory `<state>/images`; made when absent. What a crash left half done is removed
   * @param fault Hears of every image that is laid down and every write of the index
   * @throws {TrueupError} `invalid` for an index that is not trueup's, `io`
   */
  static async open(directory: string, fault?: Fault): Promise<ImageStore> {
    const store = new ImageStore(resolvePath(directory), fault);
    await store.#load();
    return store;
  }

  /**
   * Looks references up at a commit and lays down what is new. Earlier references stay known, as older pods use them.
   * With nothing changed it reads nothing but the directories on disk.
   *
   * @throws {TrueupError} When git or a directory cannot be read; the store then knows what it knew before
   */
  update(request: ImageUpdate): Promise<void> {
    return this.#inTurn(() => this.#update(request));
  }

  /** Synchronous and in memory. */
  resolve(reference: string): ImageResolution {
    if (parseImageReference(reference) === null) {
      return { found: false, reference, reason: "InvalidImageName", message: invalidName(reference) };
    }
    const outcome = this.#index.references.get(reference);
    if (outcome === undefined) {
      const message = `image ${reference} is in no manifest that was read so far`;
      return { found: false, reference, reason: "ErrImagePull", message };
    }
    if (!("digest" in outcome)) return { found: false, reference, ...outcome };
    const { digest } = outcome;
    const config = this.#index.images.get(digest) ?? {};
    return { found: true, reference, digest, directory: this.#path(digest), config };
  }

  /** Reference to digest, for those that are found. */
  digests(references: readonly string[]): Record<string, string> {
    const found: Record<string, string> = {};
    for (const reference of references) {
      const resolution = this.resolve(reference);
      if (resolution.found) found[reference] = resolution.digest;
    }
    return found;
  }

  /**
   * Removes every image but these.
   *
   * @param keep Digests, `sha256:…`: those that pods or revisions still use
   * @returns The digests removed
   */
  prune(keep: Iterable<string>): Promise<string[]> {
    const kept = new Set(keep);
    return this.#inTurn(() => this.#prune(kept));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    // The caller hears of a failure; the next in turn does not care.
    this.#queue = done.catch(() => {});
    return done;
  }

  #path(digest: string): string {
    return join(this.#directory, directoryName(digest));
  }

  async #load(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await chmod(this.#directory, 0o700);
    const names = await readdir(this.#directory);
    for (const name of names) {
      if (name.startsWith(INCOMING) || name.startsWith(LEAVING)) await removeTree(join(this.#directory, name));
    }
    if (!names.includes(PACKAGE_BARRIER))
      await writeFile(join(this.#directory, PACKAGE_BARRIER), "{}\n", { mode: 0o400 });
    this.#index = await loadIndex(join(this.#directory, INDEX_FILE));
    const there = new Set(names);
    this.#forget((digest) => !there.has(directoryName(digest)));
  }

  async #save(): Promise<void> {
    const save = (): Promise<void> => saveIndex(join(this.#directory, INDEX_FILE), this.#index);
    await slowEffect(this.#fault, "image index", INDEX_FILE, save);
  }

  /** Drops images and all that leads to them. */
  #forget(isGone: (digest: string) => boolean): void {
    const { sources, images, references } = this.#index;
    for (const digest of [...images.keys()]) if (isGone(digest)) images.delete(digest);
    for (const outcomes of [sources, references]) {
      for (const [key, outcome] of [...outcomes]) {
        if ("digest" in outcome && !images.has(outcome.digest)) outcomes.delete(key);
      }
    }
  }

  async #update({ repository, commit, references, imagePaths, signal }: ImageUpdate): Promise<void> {
    const places = [new GitPlace(repository, commit), ...imagePaths.map((path) => new DiskPlace(resolvePath(path)))];
    const pass = new Pass(this.#directory, this.#index, await this.#laidDown(), this.#fault);
    const outcomes = new Map<string, ReferenceOutcome>();
    for (const reference of new Set(references)) {
      signal?.throwIfAborted();
      outcomes.set(reference, await findImage(reference, places, pass));
    }
    const news = [...outcomes].filter(([reference, outcome]) => {
      const known = this.#index.references.get(reference);
      return JSON.stringify(known) !== JSON.stringify(outcome);
    });
    for (const [reference, outcome] of news) this.#index.references.set(reference, outcome);
    if (news.length > 0 || pass.learned) await this.#save();
  }

  async #laidDown(): Promise<Set<string>> {
    return new Set(await readdir(this.#directory));
  }

  async #prune(keep: ReadonlySet<string>): Promise<string[]> {
    const names = (await readdir(this.#directory)).filter((name) => /^[0-9a-f]{64}$/.test(name));
    const gone = names.map((name) => `sha256:${name}`).filter((digest) => !keep.has(digest));
    if (gone.length === 0) return [];
    this.#forget((digest) => gone.includes(digest));
    await this.#save();
    for (const digest of gone) {
      // Renamed first: half a directory must never stand under a digest.
      const leaving = join(this.#directory, LEAVING + directoryName(digest));
      await chmod(this.#path(digest), 0o700);
      await rename(this.#path(digest), leaving);
      await removeTree(leaving);
    }
    return gone;
  }
}

/** One update's view of the store: what is known of sources and what lies on disk. */
class Pass implements SourceReader {
  readonly #directory: string;
  readonly #index: ImageIndex;
  readonly #laidDown: Set<string>;
  readonly #fault: Fault | undefined;
  /** Whether something was found out that is worth saving. */
  learned = false;

  constructor(directory: string, index: ImageIndex, laidDown: Set<string>, fault: Fault | undefined) {
    this.#directory = directory;
    this.#index = index;
    this.#laidDown = laidDown;
    this.#fault = fault;
  }

  /** What a source holds, laid down when it is an image. A source that is known and laid down is not read. */
  async layDown(source: ImageSource): Promise<SourceOutcome> {
    const known = this.#index.sources.get(source.key);
    if (known !== undefined && ("problem" in known || this.#isLaidDown(known.digest))) return known;
    return this.#learn(source, async () => {
      const image = await materialise(this.#directory, source, this.#fault);
      this.#laidDown.add(directoryName(image.digest));
      this.#index.images.set(image.digest, image.config);
      return image;
    });
  }

  /** What a source holds, without laying it down. */
  async identify(source: ImageSource): Promise<SourceOutcome> {
    return this.#index.sources.get(source.key) ?? (await this.#learn(source, () => readImage(source)));
  }

  #isLaidDown(digest: string): boolean {
    return this.#index.images.has(digest) && this.#laidDown.has(directoryName(digest));
  }

  async #learn(source: ImageSource, read: () => Promise<ReadImage>): Promise<SourceOutcome> {
    const outcome = await settleProblem(async () => ({ digest: (await read()).digest }));
    this.#index.sources.set(source.key, outcome);
    this.learned = true;
    return outcome;
  }
}
