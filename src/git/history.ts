/** Questions about how commits follow each other. */
import { TrueupError } from "../model/errors.ts";
import { asCommitId, type CommitId, type CommitInfo } from "../model/source.ts";
import type { GitCallOptions } from "./command.ts";
import { normaliseDirectory } from "./paths.ts";
import type { LogQuery } from "./types.ts";

/** What of a repository is needed here. */
export interface CommitSource {
  readonly path: string;
  commit(id: CommitId): Promise<CommitInfo>;
  git(doing: string, args: readonly string[], options?: GitCallOptions): Promise<string>;
}

/** Commits stepped through one by one before git is asked to walk instead. */
const SHORT_WALK = 32;

/** @see Repository.firstParentSince */
export async function firstParentSince(
  source: CommitSource,
  from: CommitId,
  to: CommitId,
  signal?: AbortSignal,
): Promise<CommitId[] | null> {
  const walked: CommitId[] = [];
  let at: CommitId | null = to;
  while (at !== null && at !== from && walked.length < SHORT_WALK) {
    walked.push(at);
    at = await firstParent(source, at);
  }
  if (at === from) return walked.reverse();
  // What git lists here are the commits of the line that `from` does not reach. None of those after `from` is an
  // ancestor of it, so the list is whole exactly when the oldest one's first parent is `from`.
  const args = ["rev-list", "--first-parent", "--parents", `^${from}`, to, "--"];
  const lines = linesOf(await source.git("list commits", args, { signal }));
  if (lines.at(-1)?.split(" ")[1] !== from) return null;
  return lines.map((line) => asCommitId(line.split(" ", 1)[0] ?? "")).reverse();
}

/** null at a root, and where a shallow clone ends: git is asked there. */
async function firstParent(source: CommitSource, id: CommitId): Promise<CommitId | null> {
  const parent = (await source.commit(id)).parents[0];
  if (parent === undefined) return null;
  try {
    return (await source.commit(parent)).id;
  } catch (error) {
    if (error instanceof TrueupError && error.code === "not-found") return null;
    throw error;
  }
}

/** @see Repository.isAncestor */
export async function isAncestor(
  source: CommitSource,
  ancestor: CommitId,
  descendant: CommitId,
  signal?: AbortSignal,
): Promise<boolean> {
  const args = ["rev-list", "--count", "--max-count=1", ancestor, `^${descendant}`, "--"];
  return (await source.git("compare commits", args, { signal })).trim() === "0";
}

/** @see Repository.log */
export async function log(source: CommitSource, query: LogQuery, signal?: AbortSignal): Promise<CommitInfo[]> {
  const directory = normaliseDirectory(query.path ?? "", `list commits of ${source.path}`);
  const args = ["rev-list", `--max-count=${query.limit}`, ...(query.firstParent === true ? ["--first-parent"] : [])];
  args.push(query.from, "--", ...(directory === "" ? [] : [directory]));
  const ids = linesOf(await source.git("list commits", args, { signal }));
  return Promise.all(ids.map((id) => source.commit(asCommitId(id))));
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
