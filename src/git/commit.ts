/** Commits made without a work tree; work trees that have the branch checked out are brought along, or nothing happens. */
import { TrueupError } from "../model/errors.ts";
import { asCommitId, asObjectHash, type CommitId, type ObjectHash, shortId } from "../model/source.ts";
import { lastLine } from "./command.ts";
import { identityEnvironment, isIdentityError, missingIdentity } from "./identity.ts";
import { assertSafePath, isSafeRefName } from "./paths.ts";
import type { Repository } from "./repository.ts";
import type { FileChange, Identity } from "./types.ts";
import { assertClean, moveWorkTree, type WorkTree, workTreesOf } from "./worktrees.ts";
import { checkChanges, writeTree } from "./write-tree.ts";

export type { FileChange } from "./types.ts";

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

/**
 * Makes one commit on a branch and moves the branch to it, if it still stands where it is expected. No hook runs.
 *
 * A work tree that has the branch checked out must be clean for the paths that change; index and files are then updated
 * there, and everything else in it stays as it was. All that is refused is refused before the branch moves.
 *
 * @returns The new commit
 * @throws {TrueupError} `conflict` when the branch stands elsewhere, or a work tree is in the way (which paths, and why);
 *   `invalid` for unsafe paths, an empty message, changes that change nothing, or no identity; `not-found` for a file to
 *   delete that is not there
 */
export async function commitFiles(
  repository: Repository,
  request: CommitRequest,
  signal?: AbortSignal,
): Promise<CommitId> {
  assertRequest(request);
  const { ref, expectedHead, changes } = request;
  await assertStandsAt(repository, ref, expectedHead);
  const base = expectedHead === null ? null : (await repository.commit(expectedHead)).tree;
  await checkChanges(repository, base, changes);
  const paths = changes.map(({ path }) => path);
  const existing = expectedHead === null ? new Map() : await repository.filesAt(expectedHead, paths);
  const kept = paths.filter((path) => existing.has(path));
  const trees = await workTreesOf(repository, ref, signal);
  for (const tree of trees) {
    await assertClean(
      tree,
      kept,
      paths.filter((path) => !existing.has(path)),
      signal,
    );
  }

  const tree = await writeTree(repository, base, changes, signal);
  if (tree === base) {
    throw new TrueupError(
      "invalid",
      `Cannot commit ${paths.join(", ")} as there must be a change: the content is as it was.`,
    );
  }
  const commit = await writeCommit(repository, request, tree, signal);
  const before = expectedHead ?? (await emptyTree(repository, signal));
  for (const workTree of trees) await moveWorkTree(workTree, before, commit, { check: true, paths: kept, signal });
  await moveRef(repository, request, commit, signal);
  await follow(trees, before, commit);
  return commit;
}

/** Not cancelled any more: the branch has moved, and its work trees must not stay behind. */
async function follow(trees: readonly WorkTree[], before: CommitId | ObjectHash, commit: CommitId): Promise<void> {
  for (const tree of trees) await moveWorkTree(tree, before, commit, { check: false, paths: [] });
}

function assertRequest({ ref, changes, message }: CommitRequest): void {
  if (!isSafeRefName(ref) || !ref.startsWith("refs/heads/")) {
    throw new TrueupError(
      "invalid",
      `Cannot commit as the ref must be a branch's full name: it is ${JSON.stringify(ref)}.`,
    );
  }
  if (changes.length === 0) throw new TrueupError("invalid", "Cannot commit as there must be a change: there is none.");
  for (const { path } of changes) assertSafePath(path, "commit a file");
  if (message.trim() === "" || message.includes("\0")) {
    throw new TrueupError("invalid", "Cannot commit as there must be a message: it is empty, or holds a NUL.");
  }
}

async function assertStandsAt(repository: Repository, ref: string, expected: CommitId | null): Promise<void> {
  const stands = await repository.readRef(ref);
  if (stands === expected) return;
  const name = (commit: CommitId | null): string => (commit === null ? "no commit" : shortId(commit));
  throw new TrueupError(
    "conflict",
    `Cannot commit to ${ref} of ${repository.path} as it must stand at ${name(expected)}: it stands at ${name(stands)}.`,
    { hint: "Someone else has committed: look at it, and try again." },
  );
}

async function writeCommit(
  repository: Repository,
  request: CommitRequest,
  tree: ObjectHash,
  signal?: AbortSignal,
): Promise<CommitId> {
  const { expectedHead, message, author, fallbackIdentity } = request;
  const parent = expectedHead === null ? [] : ["-p", expectedHead];
  // Without this, git makes up an address from the machine's name.
  const args = ["-c", "user.useConfigOnly=true", "commit-tree", tree, ...parent, "-F", "-"];
  const input = Buffer.from(message.endsWith("\n") ? message : `${message}\n`);
  let result = await repository.run(args, { input, signal, env: identityEnvironment({ author }) });
  if (result.code !== 0 && isIdentityError(result.stderr)) {
    if (fallbackIdentity === undefined) throw missingIdentity(repository.path);
    const env = identityEnvironment({ author: author ?? fallbackIdentity, committer: fallbackIdentity });
    result = await repository.run(args, { input, signal, env });
  }
  if (result.code === 0) return asCommitId(result.stdout.trim());
  throw new TrueupError(
    "unavailable",
    `Cannot write a commit in ${repository.path}: git says: ${lastLine(result.stderr)}`,
  );
}

async function moveRef(
  repository: Repository,
  { ref, expectedHead, message }: CommitRequest,
  commit: CommitId,
  signal?: AbortSignal,
): Promise<void> {
  const update = expectedHead === null ? `create ${ref} ${commit}` : `update ${ref} ${commit} ${expectedHead}`;
  const input = Buffer.from(`start\n${update}\nprepare\ncommit\n`);
  const reason = `commit (trueup): ${message.split("\n", 1)[0]}`;
  const { code, stderr } = await repository.run(["update-ref", "-m", reason, "--stdin"], { input, signal });
  if (code === 0) return;
  await assertStandsAt(repository, ref, expectedHead);
  throw new TrueupError("unavailable", `Cannot move ${ref} of ${repository.path}: git says: ${lastLine(stderr)}`);
}

async function emptyTree(repository: Repository, signal?: AbortSignal): Promise<ObjectHash> {
  return asObjectHash((await repository.git("write a tree", ["mktree"], { input: Buffer.alloc(0), signal })).trim());
}
