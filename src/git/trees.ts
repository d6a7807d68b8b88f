/** Walks and compares trees; a tree that was read once is not read again, so equal subtrees cost nothing. */
import { TrueupError } from "../model/errors.ts";
import type { ObjectHash, TreeFile } from "../model/source.ts";
import type { ParsedTree } from "./parse.ts";
import type { ExcludedEntry, FileChanges, FileListing, TreeEntry } from "./types.ts";

/** Far above any manifest repository; a small hostile one could unfold to billions of files without it. */
const MAX_ENTRIES = 500_000;
const MAX_DEPTH = 200;

/** Of a directory with more entries, names are looked up in an index: a thousand apps are looked for one by one. */
const LINEAR = 32;
/** Indexes that are kept: those of the directories that are looked into now. */
const INDEXES = 8;

/** Reads one tree; `like` is another version of the same directory, when one is at hand. */
export type ReadTree = (hash: ObjectHash, like: ParsedTree | undefined) => Promise<ParsedTree>;

/** Reads trees through a cache bounded by its entries (about 250 bytes each), least recently used out first. */
export class TreeReader {
  readonly #read: ReadTree;
  readonly #maxEntries: number;
  readonly #cached = new Map<ObjectHash, ParsedTree>();
  readonly #reading = new Map<ObjectHash, Promise<ParsedTree>>();
  readonly #indexes = new Map<ObjectHash, ReadonlyMap<string, TreeEntry>>();
  #entries = 0;

  constructor(read: ReadTree, maxEntries = 100_000) {
    this.#read = read;
    this.#maxEntries = maxEntries;
  }

  /**
   * The entries of a tree, in git's order.
   *
   * @param like Hash of another version of the same directory: when it was read before, this one is read faster
   */
  async entries(hash: ObjectHash, like?: ObjectHash): Promise<readonly TreeEntry[]> {
    const cached = this.#cached.get(hash);
    if (cached !== undefined) {
      this.#cached.delete(hash);
      this.#cached.set(hash, cached);
      return cached.entries;
    }
    const reading = this.#reading.get(hash) ?? this.#start(hash, like);
    return (await reading).entries;
  }

  /** The entry of a tree that has this name. */
  async named(hash: ObjectHash, name: string): Promise<TreeEntry | undefined> {
    const entries = await this.entries(hash);
    if (entries.length <= LINEAR) return entries.find((entry) => entry.name === name);
    let index = this.#indexes.get(hash);
    if (index === undefined) {
      // From the end: of a name that a broken tree has twice, the first one counts.
      index = new Map(entries.map((entry): [string, TreeEntry] => [entry.name, entry]).reverse());
      this.#indexes.set(hash, index);
      for (const oldest of this.#indexes.keys()) {
        if (this.#indexes.size <= INDEXES) break;
        this.#indexes.delete(oldest);
      }
    }
    return index.get(name);
  }

  #start(hash: ObjectHash, like: ObjectHash | undefined): Promise<ParsedTree> {
    const other = like === undefined ? undefined : this.#cached.get(like);
    const started = this.#read(hash, other)
      .then((tree) => {
        this.#keep(hash, tree);
        return tree;
      })
      .finally(() => this.#reading.delete(hash));
    this.#reading.set(hash, started);
    return started;
  }

  #keep(hash: ObjectHash, tree: ParsedTree): void {
    this.#cached.set(hash, tree);
    this.#entries += tree.entries.length + 1;
    for (const [oldest, old] of this.#cached) {
      if (this.#entries <= this.#maxEntries || oldest === hash) return;
      this.#cached.delete(oldest);
      this.#entries -= old.entries.length + 1;
    }
  }
}

/** What a path leads to, from a root tree; null when there is nothing. The empty path is no entry. */
export async function entryAt(reader: TreeReader, root: ObjectHash, path: string): Promise<TreeEntry | null> {
  let tree: ObjectHash = root;
  const segments = path.split("/");
  for (const [index, segment] of segments.entries()) {
    const entry = await reader.named(tree, segment);
    if (entry === undefined) return null;
    if (index === segments.length - 1) return entry;
    if (entry.kind !== "tree") return null;
    tree = entry.hash;
  }
  return null;
}

/** The tree of a directory, `""` for the root itself; null when the path is no directory. */
export async function directoryAt(reader: TreeReader, root: ObjectHash, path: string): Promise<ObjectHash | null> {
  if (path === "") return root;
  const entry = await entryAt(reader, root, path);
  return entry?.kind === "tree" ? entry.hash : null;
}

export function asTreeFile(entry: TreeEntry, path: string): TreeFile {
  return { path, blob: entry.hash, executable: entry.kind === "executable" };
}

interface Walk {
  reader: TreeReader;
  filter: ((path: string) => boolean) | undefined;
  seen: number;
}

/** All files below a tree, in git's order. `prefix` is the tree's own path. */
export async function listTree(
  reader: TreeReader,
  tree: ObjectHash,
  prefix: string,
  filter?: (path: string) => boolean,
): Promise<FileListing> {
  const listing: FileListing = { files: [], excluded: [] };
  collect(await unfold({ reader, filter, seen: 0 }, tree, prefix, 0), listing);
  return listing;
}

type Unfolded = { file: TreeFile } | { excluded: ExcludedEntry } | { below: Unfolded[] };

async function unfold(walk: Walk, tree: ObjectHash, prefix: string, depth: number): Promise<Unfolded[]> {
  assertDepth(prefix, depth);
  const entries = await walk.reader.entries(tree);
  // Before anything is started for them: what is started and then not waited for could fail with nobody to tell.
  count(walk, entries.length);
  const parts: (Unfolded | Promise<Unfolded>)[] = [];
  for (const entry of entries) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.kind === "tree") {
      // Asked before any of them is awaited, so that git gets the whole level at once.
      parts.push(unfold(walk, entry.hash, path, depth + 1).then((below) => ({ below })));
      continue;
    }
    if (entry.kind === "file" || entry.kind === "executable") {
      if (walk.filter?.(path) ?? true) parts.push({ file: asTreeFile(entry, path) });
    } else {
      parts.push({ excluded: { path, kind: entry.kind, hash: entry.hash } });
    }
  }
  return parts.some((part) => part instanceof Promise) ? Promise.all(parts) : (parts as Unfolded[]);
}

function assertDepth(prefix: string, depth: number): void {
  if (depth <= MAX_DEPTH) return;
  throw new TrueupError(
    "invalid",
    `Cannot list "${prefix}" as directories must nest at most ${MAX_DEPTH} deep: they nest deeper.`,
  );
}

/** Counts entries of the whole walk, of however many subtrees it is made. */
function count(walk: Walk, entries: number): void {
  walk.seen += entries;
  if (walk.seen <= MAX_ENTRIES) return;
  throw new TrueupError(
    "invalid",
    `Cannot list a commit as it must have at most ${MAX_ENTRIES} files and directories: it has more.`,
  );
}

function collect(unfolded: readonly Unfolded[], into: FileListing): void {
  for (const part of unfolded) {
    if ("file" in part) into.files.push(part.file);
    else if ("excluded" in part) into.excluded.push(part.excluded);
    else collect(part.below, into);
  }
}

export function noChanges(): FileChanges {
  return { added: [], removed: [], changed: [], excluded: { added: [], removed: [] } };
}

/** What differs between two trees of the same directory; null stands for none. Equal subtrees are not read. */
export async function compareTrees(
  reader: TreeReader,
  before: ObjectHash | null,
  after: ObjectHash | null,
  prefix: string,
): Promise<FileChanges> {
  const changes = noChanges();
  await compareLevel({ reader, filter: undefined, seen: 0 }, before, after, prefix, 0, changes);
  const byPath = (a: { path: string }, b: { path: string }): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
  for (const list of [changes.added, changes.removed, changes.changed]) list.sort(byPath);
  for (const list of [changes.excluded.added, changes.excluded.removed]) list.sort(byPath);
  return changes;
}

async function compareLevel(
  walk: Walk,
  before: ObjectHash | null,
  after: ObjectHash | null,
  prefix: string,
  depth: number,
  changes: FileChanges,
): Promise<void> {
  if (before === after) return;
  assertDepth(prefix, depth);
  if (before === null || after === null) {
    const listing: FileListing = { files: [], excluded: [] };
    collect(await unfold(walk, before ?? after ?? throwNever(), prefix, depth), listing);
    const side = before === null ? "added" : "removed";
    // One by one: as arguments of one call, so many would overflow the stack.
    for (const file of listing.files) changes[side].push(file);
    for (const entry of listing.excluded) changes.excluded[side].push(entry);
    return;
  }
  const old = await walk.reader.entries(before);
  const next = await walk.reader.entries(after, before);
  const pairs = differing(old, next);
  count(walk, pairs.length);
  const below: Promise<void>[] = [];
  for (const [a, b] of pairs) {
    const name = b?.name ?? a?.name ?? "";
    const path = prefix === "" ? name : `${prefix}/${name}`;
    below.push(comparePair(walk, a, b, path, depth, changes));
  }
  await Promise.all(below);
}

function throwNever(): never {
  throw new TrueupError("internal", "Cannot compare trees as one of them must be given: neither is.");
}

async function comparePair(
  walk: Walk,
  a: TreeEntry | undefined,
  b: TreeEntry | undefined,
  path: string,
  depth: number,
  changes: FileChanges,
): Promise<void> {
  if (a !== undefined && b !== undefined && isFile(a) && isFile(b)) {
    changes.changed.push(asTreeFile(b, path));
    return;
  }
  if (a !== undefined && a.kind !== "tree") note(a, path, "removed", changes);
  if (b !== undefined && b.kind !== "tree") note(b, path, "added", changes);
  const before = a?.kind === "tree" ? a.hash : null;
  const after = b?.kind === "tree" ? b.hash : null;
  await compareLevel(walk, before, after, path, depth + 1, changes);
}

function isFile({ kind }: TreeEntry): boolean {
  return kind === "file" || kind === "executable";
}

function note(entry: TreeEntry, path: string, side: "added" | "removed", changes: FileChanges): void {
  if (entry.kind === "file" || entry.kind === "executable") changes[side].push(asTreeFile(entry, path));
  else if (entry.kind !== "tree") changes.excluded[side].push({ path, kind: entry.kind, hash: entry.hash });
}

function same(a: TreeEntry | undefined, b: TreeEntry | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && a.hash === b.hash && a.name === b.name && a.kind === b.kind;
}

/** Pairs of entries of one name that differ. Equal beginnings and ends are skipped first: most commits change one file. */
function differing(
  old: readonly TreeEntry[],
  next: readonly TreeEntry[],
): [TreeEntry | undefined, TreeEntry | undefined][] {
  let start = 0;
  while (start < old.length && start < next.length && same(old[start], next[start])) start++;
  let oldEnd = old.length;
  let nextEnd = next.length;
  while (oldEnd > start && nextEnd > start && same(old[oldEnd - 1], next[nextEnd - 1])) {
    oldEnd--;
    nextEnd--;
  }
  const before = new Map(old.slice(start, oldEnd).map((entry) => [entry.name, entry]));
  const pairs: [TreeEntry | undefined, TreeEntry | undefined][] = [];
  for (const entry of next.slice(start, nextEnd)) {
    const other = before.get(entry.name);
    before.delete(entry.name);
    if (!same(other, entry)) pairs.push([other, entry]);
  }
  for (const entry of before.values()) pairs.push([entry, undefined]);
  return pairs;
}
