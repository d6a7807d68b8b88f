/** One git repository, read: refs, commits, trees and blobs. Nothing that the repository holds is ever run. */
import type { CommitId, CommitInfo, ObjectHash, TreeFile } from "../model/source.ts";
import type { Clock } from "../util/clock.ts";
import type { FileChanges, FileListing, Head, LogQuery, TreeEntry } from "./types.ts";

export interface RepositoryOptions {
  /** For the deadline of git's answers; the system's when absent, as git is a real process. */
  clock?: Clock;
  /** Longest wait for git without any output, milliseconds; 30 s when absent. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export function openRepository(_path: string, _options: RepositoryOptions = {}): Promise<Repository> {
  throw new Error("stub");
}

export class Repository {
  /** Absolute: the top of the work tree, or the git directory when there is none. */
  readonly path: string = "";
  readonly workTree: string | null = null;
  /** This work tree's own git directory. */
  readonly gitDir: string = "";
  /** The git directory that all work trees share. */
  readonly commonDir: string = "";
  readonly objectFormat: "sha1" | "sha256" = "sha1";

  resolve(_revision: string, _signal?: AbortSignal): Promise<CommitId> {
    throw new Error("stub");
  }
  head(): Promise<Head> {
    throw new Error("stub");
  }
  /** `ref` is a full name (`refs/heads/main`) or `HEAD`; null: looked for, and not there. */
  readRef(_ref: string): Promise<CommitId | null> {
    throw new Error("stub");
  }
  commit(_id: CommitId): Promise<CommitInfo> {
    throw new Error("stub");
  }
  tree(_hash: ObjectHash): Promise<readonly TreeEntry[]> {
    throw new Error("stub");
  }
  /** The tree of a directory ("" is the root); null when there is no such directory. */
  treeAt(_commit: CommitId, _path: string): Promise<ObjectHash | null> {
    throw new Error("stub");
  }
  /** `not-found` when `path` is no directory of that commit. */
  files(_commit: CommitId, _path: string, _filter?: (path: string) => boolean): Promise<TreeFile[]> {
    throw new Error("stub");
  }
  /** As `files`, with the symbolic links and submodules that were left out. */
  list(_commit: CommitId, _path: string, _filter?: (path: string) => boolean): Promise<FileListing> {
    throw new Error("stub");
  }
  /** Exact paths; those that are no regular file there are not in the map. */
  filesAt(_commit: CommitId, _paths: readonly string[]): Promise<Map<string, TreeFile>> {
    throw new Error("stub");
  }
  /** Both are root trees; `path` narrows to a directory; paths in the answer start at the root. */
  changedFiles(_oldTree: ObjectHash | null, _newTree: ObjectHash, _path: string): Promise<FileChanges> {
    throw new Error("stub");
  }
  blob(_hash: ObjectHash, _limits?: { maxBytes?: number }): Promise<Buffer> {
    throw new Error("stub");
  }
  text(_hash: ObjectHash, _limits?: { maxBytes?: number }): Promise<string> {
    throw new Error("stub");
  }
  /** Oldest first, without `from`, with `to`; null when `from` is not on the first-parent line of `to`. */
  firstParentSince(_from: CommitId, _to: CommitId, _signal?: AbortSignal): Promise<CommitId[] | null> {
    throw new Error("stub");
  }
  isAncestor(_ancestor: CommitId, _descendant: CommitId, _signal?: AbortSignal): Promise<boolean> {
    throw new Error("stub");
  }
  /** Newest first. */
  log(_query: LogQuery, _signal?: AbortSignal): Promise<CommitInfo[]> {
    throw new Error("stub");
  }
  close(): Promise<void> {
    throw new Error("stub");
  }
}
