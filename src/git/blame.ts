/** Who wrote which line of a file, as of a commit: `git blame`, which reads objects only and runs nothing of the repository. */
import { asCommitId, type CommitId } from "../model/source.ts";
import type { GitCallOptions } from "./command.ts";
import { assertSafePath } from "./paths.ts";

/** What of a repository is needed here. */
export interface BlameSource {
  readonly path: string;
  git(doing: string, args: readonly string[], options?: GitCallOptions): Promise<string>;
}

/** Lines of a file, counted from 1, both ends included. */
export interface LineRange {
  first: number;
  last: number;
}

/** `<id> <line then> <line now> [<lines of this group>]`; all other lines begin with a word or a tab. */
const ENTRY = /^(?<id>[0-9a-f]{40}|[0-9a-f]{64}) \d+ (?<line>\d+)(?: \d+)?$/;

/**
 * The commit that each line was written in, by line number. A renamed file is followed; the work tree does not count.
 *
 * @throws {TrueupError} `unavailable` with git's own words, as when the commit has no such file or line
 */
export async function blame(
  source: BlameSource,
  commit: CommitId,
  file: string,
  { first, last }: LineRange,
  signal?: AbortSignal,
): Promise<Map<number, CommitId>> {
  assertSafePath(file, `ask who wrote a file of ${source.path}`);
  // A text conversion is a program that the repository's attributes choose.
  const args = ["blame", "--porcelain", "--no-textconv", "-L", `${first},${last}`, commit, "--", file];
  const lines = new Map<number, CommitId>();
  for (const text of (await source.git(`ask who wrote ${file}`, args, { signal })).split("\n")) {
    const { id, line } = ENTRY.exec(text)?.groups ?? {};
    if (id !== undefined) lines.set(Number(line), asCommitId(id));
  }
  return lines;
}
