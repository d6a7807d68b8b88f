/** Images in a repository: `images/<name>/<tag>/` at a commit, out of the object store. */
import type { Repository } from "../git/repository.ts";
import type { TreeEntry } from "../git/types.ts";
import { TrueupError } from "../model/errors.ts";
import { type CommitId, type ObjectHash, shortId } from "../model/source.ts";
import type { ContentSink, ImageEntry, ImageSource } from "./content.ts";
import type { ImagePlace } from "./place.ts";

/** Images of one commit. */
export class GitPlace implements ImagePlace {
  readonly #repository: Repository;
  readonly #commit: CommitId;

  constructor(repository: Repository, commit: CommitId) {
    this.#repository = repository;
    this.#commit = commit;
  }

  describe(directory: string): string {
    return `images/${directory} in commit ${shortId(this.#commit)}`;
  }

  async tags(name: string): Promise<string[]> {
    const tree = await this.#repository.treeAt(this.#commit, `images/${name}`);
    if (tree === null) return [];
    const entries = await this.#repository.tree(tree);
    return entries.filter(({ kind }) => kind === "tree").map((entry) => entry.name);
  }

  async find(name: string, tag: string): Promise<ImageSource | null> {
    const tree = await this.#repository.treeAt(this.#commit, `images/${name}/${tag}`);
    return tree === null ? null : new GitSource(this.#repository, tree, this.describe(`${name}/${tag}`));
  }
}

class GitSource implements ImageSource {
  readonly key: string;
  readonly place: string;
  readonly #repository: Repository;
  readonly #tree: ObjectHash;
  readonly #blobs = new Map<string, ObjectHash>();

  constructor(repository: Repository, tree: ObjectHash, place: string) {
    this.key = `git:${tree}`;
    this.place = place;
    this.#repository = repository;
    this.#tree = tree;
  }

  async entries(): Promise<ImageEntry[]> {
    const listing = await this.#repository.listTree(this.#tree);
    for (const { path, blob } of listing.files) this.#blobs.set(path, blob);
    const files = listing.files.map(
      ({ path, executable }): ImageEntry => ({ path, kind: executable ? "executable" : "file" }),
    );
    const links = listing.excluded.map(({ path, kind, hash }): ImageEntry => {
      if (kind !== "symlink") throw refusal(path, kind);
      this.#blobs.set(path, hash);
      return { path, kind };
    });
    return [...files, ...links];
  }

  async read(entry: ImageEntry, sink: ContentSink): Promise<void> {
    const blob = this.#blobs.get(entry.path);
    if (blob === undefined) throw new TrueupError("internal", `Cannot read ${entry.path} as it must be listed first.`);
    await this.#repository.streamBlob(blob, {
      begin: ({ size }) => sink.begin(size),
      chunk: (bytes) => sink.chunk(bytes),
    });
  }

  /** A tree's hash fixes its content. */
  isUnchanged(): Promise<boolean> {
    return Promise.resolve(true);
  }
}

function refusal(path: string, kind: Exclude<TreeEntry["kind"], "symlink">): TrueupError {
  const what = kind === "submodule" ? "a submodule" : "an entry with an unusable name or mode";
  return new TrueupError(
    "invalid",
    `Cannot use the image as it must hold only files and symbolic links: ${path} is ${what}.`,
  );
}
