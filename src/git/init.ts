/** A new repository with a first commit: what the demo stands on. */
import type { FileChange } from "./commit.ts";
import type { Repository } from "./repository.ts";
import type { Identity } from "./types.ts";

export interface NewRepository {
  files: readonly Extract<FileChange, { content: string | Uint8Array }>[];
  message: string;
  /** Written into the repository's own configuration, only when git has no identity. */
  fallbackIdentity: Identity;
}

/** Branch `main`; `dir` must be absent or empty. Close what it returns. */
export function createRepository(_dir: string, _content: NewRepository): Promise<Repository> {
  throw new Error("stub");
}
