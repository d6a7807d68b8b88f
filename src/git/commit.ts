/** Commits made without a work tree; work trees that have the branch checked out are brought along, or nothing happens. */
import type { CommitId } from "../model/source.ts";
import type { Repository } from "./repository.ts";
import type { Identity } from "./types.ts";

export type FileChange =
  | { path: string; content: string | Uint8Array; executable?: boolean }
  | { path: string; delete: true };

export interface CommitRequest {
  /** Full name of the branch, `refs/heads/main`. */
  ref: string;
  /** Where the ref must stand, else code `conflict`; null: the ref must not exist yet. */
  expectedHead: CommitId | null;
  changes: readonly FileChange[];
  message: string;
  /** git's own identity when absent. */
  author?: Identity;
  /** Used only when git has no identity. */
  fallbackIdentity?: Identity;
}

export function commitFiles(
  _repository: Repository,
  _request: CommitRequest,
  _signal?: AbortSignal,
): Promise<CommitId> {
  throw new Error("stub");
}
