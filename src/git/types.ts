/** What git answers with: heads, tree entries, file lists and differences, in trueup's words. */
import type { CommitId, ObjectHash, TreeFile } from "../model/source.ts";

/** Where HEAD stands. `ref` is null when it is detached, `commit` is null when the branch has no commit yet (unborn). */
export interface Head {
  ref: string | null;
  commit: CommitId | null;
}

/**
 * - `file`, `executable`: a blob. `tree`: a directory.
 * - `symlink`, `submodule`: never followed. `unusable`: a name that is no UTF-8, or one that could leave the directory
 *   (`..`, `.git`, one with a slash), or a mode that git does not define.
 */
export type EntryKind = "file" | "executable" | "tree" | "symlink" | "submodule" | "unusable";

export interface TreeEntry {
  /** One path segment. Bytes that are no UTF-8 show as U+FFFD, and the kind is then `unusable`. */
  name: string;
  kind: EntryKind;
  hash: ObjectHash;
}

/** An entry that is no file for trueup; validation names it. */
export interface ExcludedEntry {
  path: string;
  kind: "symlink" | "submodule" | "unusable";
  hash: ObjectHash;
}

export interface FileListing {
  /** In git's order, which is the byte order of the whole paths. */
  files: TreeFile[];
  excluded: ExcludedEntry[];
}

export interface FileChanges {
  added: TreeFile[];
  /** As they were in the old tree. */
  removed: TreeFile[];
  /** Content or executable bit differ; as they are in the new tree. */
  changed: TreeFile[];
  /** The same for the entries that are no files; one that changed is in both. */
  excluded: { added: ExcludedEntry[]; removed: ExcludedEntry[] };
}

export interface LogQuery {
  /** Newest commit to list. */
  from: CommitId;
  /** At most so many. */
  limit: number;
  /** Only commits that changed something under this path; all when absent or "". */
  path?: string;
  /** Follow only first parents. */
  firstParent?: boolean;
}

export interface Identity {
  name: string;
  email: string;
}

/** A file to write or to delete in a commit. */
export type FileChange =
  /** `executable`: as it was when absent; a new file is not. */
  | { path: string; content: string | Uint8Array; executable?: boolean }
  /** A blob that the repository has already. */
  | { path: string; blob: ObjectHash; executable: boolean }
  | { path: string; delete: true };
