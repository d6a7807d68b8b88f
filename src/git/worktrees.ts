/** Work trees that have a branch checked out: whether a commit may touch some paths there, and bringing them along. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { CommitId, ObjectHash } from "../model/source.ts";
import { type GitResult, lastLine, runGit } from "./command.ts";
import type { Repository } from "./repository.ts";

export interface WorkTree {
  path: string;
  gitDir: string;
}

/** The work trees of a repository that have this branch checked out and are there. */
export async function workTreesOf(repository: Repository, ref: string, signal?: AbortSignal): Promise<WorkTree[]> {
  const output = await repository.git("list work trees", ["worktree", "list", "--porcelain"], { signal });
  const found: WorkTree[] = [];
  for (const block of output.split("\n\n")) {
    const lines = block.split("\n");
    const path = lines.find((line) => line.startsWith("worktree "))?.slice("worktree ".length);
    if (path === undefined || !lines.includes(`branch ${ref}`) || lines.includes("bare")) continue;
    const gitDir = await gitDirOf(repository, path, signal);
    if (gitDir !== null) found.push({ path, gitDir });
  }
  return found;
}

/** null when the work tree's directory is gone, so that nothing there can be overtaken. */
async function gitDirOf(repository: Repository, path: string, signal?: AbortSignal): Promise<string | null> {
  if ((await kindOf(path)) !== "directory") return null;
  const query = ["rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir"];
  const { code, stdout, stderr } = await runGit({ cwd: path, args: query, signal });
  if (code !== 0)
    throw new TrueupError("unavailable", `Cannot read the work tree ${path}: git says: ${lastLine(stderr)}`);
  const [gitDir = "", commonDir = ""] = stdout.split("\n");
  return commonDir === repository.commonDir ? gitDir : null;
}

function runIn(tree: WorkTree, args: readonly string[], signal?: AbortSignal, input?: Buffer): Promise<GitResult> {
  const place = { cwd: tree.path, gitDir: tree.gitDir, workTree: tree.path };
  return runGit({ ...place, args, signal, ...(input !== undefined && { input }) });
}

/**
 * Checks that index and work tree equal HEAD for some paths, so that a commit of these paths loses nobody's work.
 *
 * @param existing Paths that HEAD has
 * @param fresh Paths that HEAD does not have: nothing may lie there
 * @throws {TrueupError} `conflict`, naming each path and why
 */
export async function assertClean(
  tree: WorkTree,
  existing: readonly string[],
  fresh: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const problems = [
    ...(await filterProblems(tree, [...existing, ...fresh], signal)),
    ...(await placeProblems(tree, existing, fresh)),
  ];
  // Only then: looking for changes would run a filter, and nothing of a repository is run.
  if (problems.length === 0) problems.push(...(await statusProblems(tree, [...existing, ...fresh], signal)));
  if (problems.length === 0) return;
  throw new TrueupError(
    "conflict",
    `Cannot commit as the branch is checked out in ${tree.path} and the files to change must be as in the last commit there: ${problems.join("; ")}.`,
    { hint: "Commit, stash or undo these changes, then try again." },
  );
}

async function filterProblems(tree: WorkTree, paths: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const input = Buffer.from(paths.map((path) => `${path}\0`).join(""));
  const { code, stdout, stderr } = await runIn(tree, ["check-attr", "-z", "--stdin", "filter"], signal, input);
  if (code !== 0)
    throw new TrueupError("unavailable", `Cannot read attributes in ${tree.path}: git says: ${lastLine(stderr)}`);
  const fields = stdout.split("\0");
  const problems: string[] = [];
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const filter = fields[at + 2] ?? "";
    if (filter === "unspecified" || filter === "unset") continue;
    problems.push(`${fields[at]} goes through the filter "${filter}", and trueup runs none`);
  }
  return problems;
}

async function placeProblems(tree: WorkTree, existing: readonly string[], fresh: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  for (const path of fresh) {
    if ((await kindOf(join(tree.path, path))) !== "absent") problems.push(`${path} is there, untracked or ignored`);
  }
  const parents = new Set([...existing, ...fresh].flatMap(parentsOf));
  for (const parent of parents) {
    const kind = await kindOf(join(tree.path, parent));
    if (kind !== "directory" && kind !== "absent") problems.push(`${parent} is no directory there`);
  }
  return problems;
}

function parentsOf(path: string): string[] {
  const segments = path.split("/");
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join("/"));
}

async function statusProblems(tree: WorkTree, paths: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const args = ["status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames", "--ignore-submodules=all"];
  const { code, stdout, stderr } = await runIn(tree, [...args, "--", ...paths], signal);
  if (code !== 0)
    throw new TrueupError("unavailable", `Cannot read the state of ${tree.path}: git says: ${lastLine(stderr)}`);
  return stdout
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => `${line.slice(3)} ${statusReason(line.slice(0, 2))}`);
}

/** @see git-status(1), "Short Format" */
function statusReason(state: string): string {
  if (state.includes("U") || state === "AA" || state === "DD") return "is in a merge conflict";
  if (state[0] !== " ") return "has a staged change";
  return state[1] === "D" ? "is deleted" : "has a change that is not committed";
}

/**
 * Moves index and work tree from one commit to the next: only files that differ between the two, as a fast-forward does.
 *
 * @param before Tree-ish that index and work tree stand at
 * @param check Only find out whether it can be done
 * @param paths Files that differ and exist: their index entries are refreshed when only their dates differ
 * @throws {TrueupError} `conflict` with git's reason
 */
export async function moveWorkTree(
  tree: WorkTree,
  before: CommitId | ObjectHash,
  after: CommitId,
  { check, paths, signal }: { check: boolean; paths: readonly string[]; signal?: AbortSignal | undefined },
): Promise<void> {
  const args = ["read-tree", "-m", "-u", ...(check ? ["-n"] : []), before, after];
  let result = await runIn(tree, args, signal);
  if (result.code !== 0 && check && paths.length > 0) {
    // git goes by dates here; a file that was written again with the same content is clean all the same.
    await runIn(
      tree,
      ["update-index", "-z", "--stdin"],
      signal,
      Buffer.from(paths.map((path) => `${path}\0`).join("")),
    );
    result = await runIn(tree, args, signal);
  }
  if (result.code === 0) return;
  const done = check ? "Cannot commit as" : `Commit ${after} is made, but`;
  throw new TrueupError(
    "conflict",
    `${done} the work tree ${tree.path} must follow: git says: ${lastLine(result.stderr)}`,
    {
      hint: check ? "Look at `git status` there." : `Run \`git read-tree -m -u ${before} ${after}\` there.`,
    },
  );
}

async function kindOf(path: string): Promise<"absent" | "directory" | "other"> {
  try {
    return (await lstat(path)).isDirectory() ? "directory" : "other";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "absent";
    throw new TrueupError("io", `Cannot look at ${path}: ${messageOf(error)}`, { cause: error });
  }
}
