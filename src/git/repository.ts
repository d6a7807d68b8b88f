/** One git repository, read: refs, commits, trees and blobs. Nothing that the repository holds is ever run. */
import { resolve } from "node:path";
import { TrueupError } from "../model/errors.ts";
import {
  asCommitId,
  type CommitId,
  type CommitInfo,
  type ObjectHash,
  shortId,
  type TreeFile,
} from "../model/source.ts";
import { type Clock, SystemClock } from "../util/clock.ts";
import { SharedReads } from "../util/shared-reads.ts";
import { CatFile, type ObjectDatabase, type ObjectHeader, type ObjectSink } from "./cat-file.ts";
import { DEFAULT_TIMEOUT_MS, type GitCallOptions, type GitResult, lastLine, runGit } from "./command.ts";
import { firstParentSince, isAncestor, log } from "./history.ts";
import { locate, type RepositoryLocation } from "./locate.ts";
import { parseCommit, parseTree } from "./parse.ts";
import { assertSafePath, assertSafeRefName, normaliseDirectory } from "./paths.ts";
import { assertReadable, headTarget, lookUpRef, unreadable } from "./refs.ts";
import { asTreeFile, compareTrees, directoryAt, entryAt, listTree, TreeReader } from "./trees.ts";
import type { FileChanges, FileListing, Head, LogQuery, TreeEntry } from "./types.ts";

/** A blob that someone reads into memory has at most this many bytes, unless they say otherwise. */
export const DEFAULT_MAX_BLOB_BYTES = 32 * 1024 * 1024;

const FULL_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const COMMITS_KEPT = 2000;
export interface RepositoryOptions {
  /** For the deadline of git's answers; the system's when absent, as git is a real process. */
  clock?: Clock;
  /** Longest wait for git without any output, milliseconds; 30 s when absent. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/**
 * Opens the repository of a work tree, of a directory in one, of a linked work tree, or a bare one. Close it in the end.
 *
 * @throws {TrueupError} `not-found` when the path is no directory or belongs to no repository; `unavailable` with git's
 *   own words when this git cannot read it
 */
export async function openRepository(path: string, options: RepositoryOptions = {}): Promise<Repository> {
  const { clock = new SystemClock(), timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  return new Repository(await locate(resolve(path), timeoutMs, signal), clock, timeoutMs);
}

export class Repository implements RepositoryLocation {
  readonly path: string;
  readonly workTree: string | null;
  readonly gitDir: string;
  readonly commonDir: string;
  readonly objectFormat: "sha1" | "sha256";
  readonly refFormat: "files" | "reftable";
  readonly #catFile: ObjectDatabase;
  readonly #trees: TreeReader;
  readonly #commits = new Map<CommitId, CommitInfo>();
  readonly #timeoutMs: number;
  readonly #refReads = new SharedReads((ref: string) => this.#readRef(ref));

  /**
   * Use `openRepository`.
   *
   * @param objects Where objects are read; git's own child when absent
   */
  constructor(location: RepositoryLocation, clock: Clock, timeoutMs: number, objects?: ObjectDatabase) {
    this.path = location.path;
    this.workTree = location.workTree;
    this.gitDir = location.gitDir;
    this.commonDir = location.commonDir;
    this.objectFormat = location.objectFormat;
    this.refFormat = location.refFormat;
    this.#timeoutMs = timeoutMs;
    // Started in the git directory: reading goes on while the work tree is away.
    this.#catFile =
      objects ?? new CatFile({ cwd: this.gitDir, gitDir: this.gitDir, label: this.path, clock, timeoutMs });
    const hashBytes = this.objectFormat === "sha1" ? 20 : 32;
    this.#trees = new TreeReader(async (hash, like) =>
      parseTree(await this.#read(hash, "tree", DEFAULT_MAX_BLOB_BYTES), hashBytes, like),
    );
  }

  /** How many objects git was asked for so far: what a test of "proportional to the change" counts. */
  get objectReads(): number {
    return this.#catFile.asked;
  }

  /** Process id of the `git cat-file` child; null while none runs. */
  get childPid(): number | null {
    return this.#catFile.pid;
  }

  /**
   * Runs a git command on this repository; the caller judges its exit code.
   *
   * @throws {TrueupError} `unavailable`, `timeout`, `aborted`
   */
  run(args: readonly string[], options: GitCallOptions = {}): Promise<GitResult> {
    // In the git directory a command can start though the work tree is away; and with no work tree named, paths count
    // from the root of the commit.
    const place = { cwd: this.gitDir, gitDir: this.gitDir, timeoutMs: this.#timeoutMs };
    return runGit({ ...place, args, ...options });
  }

  /**
   * As `run`, and gives its output.
   *
   * @param doing What it is for, after "Cannot": `list commits`
   * @throws {TrueupError} Also `unavailable`, with git's last line, when it fails
   */
  async git(doing: string, args: readonly string[], options: GitCallOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code === 0) return stdout;
    throw new TrueupError("unavailable", `Cannot ${doing} in ${this.path}: git says: ${lastLine(stderr)}`);
  }

  /**
   * The commit that a revision names, in any way that git knows: an id, a branch, a tag, `HEAD~2`.
   *
   * @throws {TrueupError} `not-found`, naming revision and repository; `unavailable` when the repository cannot be read
   */
  async resolve(revision: string, signal?: AbortSignal): Promise<CommitId> {
    if (FULL_ID.test(revision)) return (await this.commit(asCommitId(revision))).id;
    const args = ["rev-parse", "--verify", "--end-of-options", `${revision}^{commit}`];
    const usable = revision !== "" && !/[\n\0]/.test(revision);
    const result = usable ? await this.run(args, { signal }) : { code: 128, stdout: "", stderr: "" };
    const id = result.stdout.trim();
    if (result.code === 0 && FULL_ID.test(id)) return asCommitId(id);
    await assertReadable(this, signal);
    throw new TrueupError(
      "not-found",
      `Cannot resolve ${JSON.stringify(revision)} in ${this.path} as it must name a commit: ${lastLine(result.stderr)}.`,
      { hint: "`git log --oneline --all` lists what there is." },
    );
  }

  /** Where HEAD stands; unborn and detached are told apart. */
  async head(): Promise<Head> {
    const ref = await headTarget(this);
    return { ref, commit: await this.readRef(ref ?? "HEAD") };
  }

  /**
   * The commit that a ref stands at. A tag object is followed to its commit.
   *
   * @param ref Full name (`refs/heads/main`) or `HEAD`
   * @returns null when it was looked for and is not there
   * @throws {TrueupError} `invalid` for another name, or a ref to something else than a commit; `unavailable` when the
   *   repository cannot be read, which is never told as null
   */
  async readRef(ref: string): Promise<CommitId | null> {
    assertSafeRefName(ref, `read a ref of ${this.path}`);
    return this.#refReads.read(ref);
  }

  async #readRef(ref: string): Promise<CommitId | null> {
    try {
      return await this.#readCommit(`${ref}^{commit}`);
    } catch (error) {
      if (!(error instanceof TrueupError && error.code === "not-found")) throw error;
    }
    return this.#readRefSlowly(ref);
  }

  /** @throws {TrueupError} `not-found` when the repository has no such commit */
  async commit(id: CommitId): Promise<CommitInfo> {
    const known = this.#commits.get(id);
    if (known !== undefined) return known;
    await this.#readCommit(id);
    const read = this.#commits.get(id);
    if (read !== undefined) return read;
    throw new TrueupError("not-found", `Cannot read commit ${id} of ${this.path} as it must be a commit: it is a tag.`);
  }

  /** Entries of one tree, in git's order. */
  tree(hash: ObjectHash): Promise<readonly TreeEntry[]> {
    return this.#trees.entries(hash);
  }

  /** The tree of a directory ("" is the root); null when the path is no directory of that commit. */
  async treeAt(commit: CommitId, path: string): Promise<ObjectHash | null> {
    const directory = normaliseDirectory(path, `read a directory of ${this.path}`);
    return directoryAt(this.#trees, (await this.commit(commit)).tree, directory);
  }

  /**
   * Files below a directory, in git's order. Symbolic links and submodules are not files; `list` names them.
   *
   * @param filter Asked with each file's path from the root
   * @throws {TrueupError} `not-found` when `path` is no directory of that commit
   */
  async files(commit: CommitId, path: string, filter?: (path: string) => boolean): Promise<TreeFile[]> {
    return (await this.list(commit, path, filter)).files;
  }

  /** As `files`, with what was left out and why. */
  async list(commit: CommitId, path: string, filter?: (path: string) => boolean): Promise<FileListing> {
    const directory = normaliseDirectory(path, `list files of ${this.path}`);
    const tree = await this.treeAt(commit, directory);
    if (tree === null) throw this.#noDirectory(directory, `commit ${shortId(commit)}`);
    return listTree(this.#trees, tree, directory, filter);
  }

  /** Files below a tree, in git's order, with what was left out; paths start at that tree. */
  listTree(tree: ObjectHash): Promise<FileListing> {
    return listTree(this.#trees, tree, "");
  }

  /** The files at exact paths; a path that leads to no regular file is not in the map. */
  async filesAt(commit: CommitId, paths: readonly string[]): Promise<Map<string, TreeFile>> {
    const { tree } = await this.commit(commit);
    const found = new Map<string, TreeFile>();
    const look = async (path: string): Promise<void> => {
      assertSafePath(path, `look for a file of ${this.path}`);
      const entry = await entryAt(this.#trees, tree, path);
      if (entry?.kind === "file" || entry?.kind === "executable") found.set(path, asTreeFile(entry, path));
    };
    await Promise.all(paths.map(look));
    return found;
  }

  /**
   * What differs between two root trees below a directory. Only subtrees that differ are read.
   *
   * @param oldTree null: everything is added
   * @param path Directory to compare, "" for all; paths in the answer start at the root
   * @throws {TrueupError} `not-found` when `path` is no directory of the new tree
   */
  async changedFiles(oldTree: ObjectHash | null, newTree: ObjectHash, path: string): Promise<FileChanges> {
    const directory = normaliseDirectory(path, `compare trees of ${this.path}`);
    const [before, after] = await Promise.all([
      oldTree === null ? null : directoryAt(this.#trees, oldTree, directory),
      directoryAt(this.#trees, newTree, directory),
    ]);
    if (after === null) throw this.#noDirectory(directory, `tree ${newTree.slice(0, 7)}`);
    return compareTrees(this.#trees, before, after, directory);
  }

  /** @throws {TrueupError} `invalid` when it is larger than `maxBytes` (32 MiB), or no blob; `not-found` */
  blob(hash: ObjectHash, { maxBytes = DEFAULT_MAX_BLOB_BYTES }: { maxBytes?: number } = {}): Promise<Buffer> {
    return this.#read(hash, "blob", maxBytes);
  }

  /**
   * A blob as text, without a byte order mark.
   *
   * @throws {TrueupError} As `blob`, and `invalid` when it is not UTF-8
   */
  async text(hash: ObjectHash, limits: { maxBytes?: number } = {}): Promise<string> {
    const bytes = await this.blob(hash, limits);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (error) {
      throw new TrueupError("invalid", `Cannot read blob ${hash.slice(0, 7)} as text as it must be UTF-8: it is not.`, {
        hint: "Save the file as UTF-8.",
        cause: error,
      });
    }
  }

  /** Reads a blob of any size piece by piece, without holding it in memory. */
  streamBlob(hash: ObjectHash, sink: ObjectSink): Promise<ObjectHeader> {
    return this.#catFile.stream(hash, {
      begin: (header) => {
        this.#assertType(hash, header.type, "blob");
        sink.begin(header);
      },
      chunk: (bytes) => sink.chunk(bytes),
    });
  }

  /**
   * Commits after `from` up to `to` along first parents, oldest first.
   *
   * @returns null when `from` is not on the first-parent line of `to`: the ref was rewritten
   */
  firstParentSince(from: CommitId, to: CommitId, signal?: AbortSignal): Promise<CommitId[] | null> {
    return firstParentSince(this, from, to, signal);
  }

  /** Whether `descendant` is, or has among its ancestors, `ancestor`. */
  isAncestor(ancestor: CommitId, descendant: CommitId, signal?: AbortSignal): Promise<boolean> {
    return isAncestor(this, ancestor, descendant, signal);
  }

  /** Commits from one backwards, newest first. */
  log(query: LogQuery, signal?: AbortSignal): Promise<CommitInfo[]> {
    return log(this, query, signal);
  }

  /** Makes the next read start from a new child: for when the repository's directory was replaced. */
  reset(): void {
    this.#catFile.reset();
  }

  /** Ends the child. Reads under way fail with code `aborted`. */
  close(): Promise<void> {
    return this.#catFile.close();
  }

  async #read(hash: ObjectHash, type: "blob" | "tree", maxBytes: number): Promise<Buffer> {
    const object = await this.#catFile.read(hash, maxBytes);
    this.#assertType(hash, object.type, type);
    return object.content;
  }

  #assertType(name: string, type: string, want: string): void {
    if (type === want) return;
    throw new TrueupError("invalid", `Cannot read ${name} of ${this.path} as it must be a ${want}: it is a ${type}.`);
  }

  /** Reads the commit that a name leads to and remembers it. */
  async #readCommit(name: string): Promise<CommitId> {
    const object = await this.#catFile.read(name, DEFAULT_MAX_BLOB_BYTES);
    this.#assertType(name, object.type, "commit");
    const id = asCommitId(object.hash);
    this.#commits.set(id, parseCommit(id, object.content));
    for (const oldest of this.#commits.keys()) {
      if (this.#commits.size <= COMMITS_KEPT) break;
      this.#commits.delete(oldest);
    }
    return id;
  }

  /** The child said "missing", which it also says for a broken ref or a repository that is away: here these differ. */
  async #readRefSlowly(ref: string): Promise<CommitId | null> {
    const target = await lookUpRef(this, ref);
    if (target === null) return null;
    // It is there after all: made since the child was asked, or the child holds on to a directory that was replaced.
    this.reset();
    const { type } = await this.#catFile.read(target, DEFAULT_MAX_BLOB_BYTES).catch((error: unknown) => {
      throw unreadable(this, `${ref} names an object that cannot be read`, error);
    });
    if (type !== "tag") this.#assertType(ref, type, "commit");
    return this.#readCommit(`${target}^{commit}`);
  }

  #noDirectory(path: string, where: string): TrueupError {
    return new TrueupError(
      "not-found",
      `Cannot list files of ${this.path} as "${path}" must be a directory: ${where} has none there.`,
    );
  }
}
