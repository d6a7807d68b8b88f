/** What takes a commit back: its files as they were before it, where nobody has changed them since. */
import type { FileChange } from "../../git/commit.ts";
import type { Repository } from "../../git/repository.ts";
import { TrueupError } from "../../model/errors.ts";
import { type CommitId, type CommitInfo, shortId, type TreeFile } from "../../model/source.ts";
import { printableLine } from "../print/escape.ts";

/** A file that the commit changed; `null`: it is not there. */
export interface RevertedFile {
  path: string;
  before: TreeFile | null;
  after: TreeFile | null;
  /** At the head of the branch. */
  now: TreeFile | null;
}

export interface RevertDecision {
  changes: FileChange[];
  /** Neither as the commit left them nor as they were before it. */
  conflicts: string[];
}

/** Decides file by file. Pure. A file that already is as it was before the commit needs nothing. */
export function decideRevert(files: readonly RevertedFile[]): RevertDecision {
  const decision: RevertDecision = { changes: [], conflicts: [] };
  for (const { path, before, after, now } of files) {
    if (isSame(now, before)) continue;
    if (!isSame(now, after)) decision.conflicts.push(path);
    else if (before === null) decision.changes.push({ path, delete: true });
    else decision.changes.push({ path, blob: before.blob, executable: before.executable });
  }
  return decision;
}

function isSame(a: TreeFile | null, b: TreeFile | null): boolean {
  return a === null || b === null ? a === b : a.blob === b.blob && a.executable === b.executable;
}

/**
 * The changes that take a commit back on a branch, as `git revert` would; a merge against its first parent (`-m 1`).
 *
 * @returns No change when all of it was taken back already
 * @throws {TrueupError} `invalid` for a root commit, one that is not in the branch's history, and one that changes what is no
 *   regular file; `conflict` when files have changed since, naming each with the commit that did it last
 */
export async function planRevert(
  repository: Repository,
  commit: CommitInfo,
  head: CommitId,
  signal: AbortSignal,
): Promise<FileChange[]> {
  const name = shortId(commit.id);
  const [parent] = commit.parents;
  if (parent === undefined) {
    throw new TrueupError("invalid", `Cannot revert ${name} as there must be a commit before it: it is the first one.`);
  }
  if (!(await repository.isAncestor(commit.id, head, signal))) {
    throw new TrueupError("invalid", `Cannot revert ${name} as it must be part of the branch: it is not.`, {
      hint: `The branch stands at ${shortId(head)}.`,
    });
  }
  const { changes, conflicts } = decideRevert(await revertedFiles(repository, commit, parent, head));
  if (conflicts.length === 0) return changes;
  const lines: string[] = [];
  for (const path of conflicts) {
    const [last] = await repository.log({ from: head, limit: 1, path }, signal);
    const by = last === undefined ? "a merge" : `${shortId(last.id)} ${last.subject}`;
    lines.push(`\n  ${printableLine(`${path}: by ${by}`)}`);
  }
  throw new TrueupError(
    "conflict",
    `Cannot revert ${name} as its files must be as it left them: changed since are${lines.join("")}`,
    { hint: "Revert those commits first, or edit by hand." },
  );
}

async function revertedFiles(
  repository: Repository,
  commit: CommitInfo,
  parent: CommitId,
  head: CommitId,
): Promise<RevertedFile[]> {
  const { tree } = await repository.commit(parent);
  const { added, changed, removed, excluded } = await repository.changedFiles(tree, commit.tree, "");
  const [odd] = [...excluded.added, ...excluded.removed];
  if (odd !== undefined) {
    throw new TrueupError(
      "invalid",
      `Cannot revert ${shortId(commit.id)} as it must change regular files alone: ${printableLine(odd.path)} is none (${odd.kind}).`,
      { hint: "Use git revert." },
    );
  }
  const left = new Map([...added, ...changed].map((file) => [file.path, file]));
  const paths = [...left.keys(), ...removed.map(({ path }) => path)].sort();
  const before = await repository.filesAt(parent, paths);
  const now = await repository.filesAt(head, paths);
  return paths.map((path) => ({
    path,
    before: before.get(path) ?? null,
    after: left.get(path) ?? null,
    now: now.get(path) ?? null,
  }));
}
