/** Finds the repository that a path belongs to. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import { lastLine, runGit } from "./command.ts";

/** Where a repository lies. */
export interface RepositoryLocation {
  /** Absolute: the top of the work tree, or the git directory when there is none. */
  path: string;
  workTree: string | null;
  /** This work tree's own git directory. */
  gitDir: string;
  /** The git directory that all work trees share. */
  commonDir: string;
  objectFormat: "sha1" | "sha256";
  refFormat: "files" | "reftable";
}

/**
 * Asks git for the repository of a work tree, of a directory in one, of a linked work tree, or of a bare one.
 *
 * @param path Absolute
 * @throws {TrueupError} `not-found` when the path is no directory or belongs to no repository; `unavailable` with git's
 *   own words when this git cannot read it
 */
export async function locate(path: string, timeoutMs: number, signal?: AbortSignal): Promise<RepositoryLocation> {
  await assertDirectory(path);
  const query = ["rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir", "--show-object-format"];
  const place = { cwd: path, timeoutMs, signal };
  const { code, stdout, stderr } = await runGit({ ...place, args: [...query, "--is-inside-work-tree"] });
  if (code !== 0) throw openError(path, lastLine(stderr));
  const [gitDir = "", commonDir = "", objectFormat = "", inside = ""] = stdout.split("\n");
  if (objectFormat !== "sha1" && objectFormat !== "sha256") {
    throw openError(path, `unknown object format "${objectFormat}"`);
  }
  const top = inside === "true" ? await runGit({ ...place, args: ["rev-parse", "--show-toplevel"] }) : null;
  if (top !== null && top.code !== 0) throw openError(path, lastLine(top.stderr));
  const workTree = top === null ? null : top.stdout.replace(/\n$/, "");
  const refFormat = (await isDirectory(join(commonDir, "reftable"))) ? "reftable" : "files";
  return { path: workTree ?? gitDir, workTree, gitDir, commonDir, objectFormat, refFormat };
}

function openError(path: string, why: string): TrueupError {
  const code = why.startsWith("not a git repository") ? "not-found" : "unavailable";
  return new TrueupError(code, `Cannot open ${path} as it must be a git repository: git says: ${why}`, {
    ...(code === "not-found" && { hint: "Give a directory of a repository, or run `git init` there." }),
  });
}

async function assertDirectory(path: string): Promise<void> {
  if (await isDirectory(path)) return;
  throw new TrueupError("not-found", `Cannot open ${path} as it must be a directory: it is not.`);
}

/** @throws {TrueupError} `io` when that cannot be told */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw new TrueupError("io", `Cannot look at ${path}: ${messageOf(error)}`, { cause: error });
  }
}
