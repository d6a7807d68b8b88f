/** The repository of `src/git/` over a `MemoryGit`: all of its own code runs, only git itself is answered from memory. */
import type { GitResult } from "../../src/git/command.ts";
import { DEFAULT_TIMEOUT_MS } from "../../src/git/command.ts";
import { Repository } from "../../src/git/repository.ts";
import type { Clock } from "../../src/util/clock.ts";
import type { MemoryGit } from "./memory-git.ts";

export class MemoryRepository extends Repository {
  readonly #git: MemoryGit;

  /** @param path Where it says to be; there is nothing there */
  constructor(git: MemoryGit, path: string, clock: Clock) {
    // With "reftable", HEAD is asked for by a command instead of read from a file.
    const kind = { objectFormat: "sha1", refFormat: "reftable" } as const;
    const location = { path, workTree: null, gitDir: path, commonDir: path, ...kind };
    super(location, clock, DEFAULT_TIMEOUT_MS, git.database());
    this.#git = git;
  }

  override async run(args: readonly string[]): Promise<GitResult> {
    return this.#git.run(args);
  }
}
