/** Reads refs where certainty matters more than speed: "not there" is told apart from "cannot be read". */
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import { type GitCallOptions, type GitResult, lastLine } from "./command.ts";
import type { RepositoryLocation } from "./locate.ts";

/** What of a repository is needed here. */
export interface RefSource extends Readonly<RepositoryLocation> {
  run(args: readonly string[], options?: GitCallOptions): Promise<GitResult>;
}

const FULL_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The error for a repository that is away or broken: never taken for an empty one. */
export function unreadable(source: RefSource, why: string, cause?: unknown): TrueupError {
  return new TrueupError("unavailable", `Cannot read ${source.path} as it must be a git repository in order: ${why}.`, {
    ...(cause !== undefined && { cause }),
  });
}

/** @throws {TrueupError} `unavailable`, when git does not take the directory for a repository any more */
export async function assertReadable(source: RefSource, signal?: AbortSignal): Promise<void> {
  const { code, stderr } = await source.run(["rev-parse", "--git-dir"], { signal });
  if (code !== 0) throw unreadable(source, lastLine(stderr));
}

/** Full name of the branch that HEAD names, whether or not it has commits; null when HEAD is detached. */
export async function headTarget(source: RefSource): Promise<string | null> {
  // Reading the file is what makes following HEAD cost no process; git documents its two forms (gitrepository-layout).
  const file = join(source.gitDir, "HEAD");
  try {
    if (source.refFormat === "files" && !(await lstat(file)).isSymbolicLink()) {
      const text = await readFile(file, "utf8");
      const target = /^ref:\s*(?<target>\S+)\s*$/.exec(text)?.groups?.target;
      if (target !== undefined) return target;
      if (FULL_ID.test(text.trim())) return null;
    }
  } catch (error) {
    throw unreadable(source, messageOf(error), error);
  }
  const { code, stdout, stderr } = await source.run(["symbolic-ref", "--quiet", "HEAD"]);
  if (code === 0) return stdout.trim();
  if (code === 1) return null;
  throw unreadable(source, lastLine(stderr));
}

/**
 * The object that a ref names, as git itself lists it.
 *
 * @param ref `HEAD` or a full name, checked by the caller
 * @returns Object id, or null when the repository is in order and has no such ref
 */
export async function lookUpRef(source: RefSource, ref: string): Promise<string | null> {
  await assertReadable(source);
  const name = ref === "HEAD" ? await headTarget(source) : ref;
  if (name === null) throw unreadable(source, "HEAD is detached at a commit that is not there");
  const args = ["for-each-ref", "--format=%(refname) %(objectname)", name];
  const { code, stdout, stderr } = await source.run(args);
  // git warns of a broken ref and leaves it out; left out by git is not "not there".
  if (code !== 0 || stderr !== "") throw unreadable(source, `${ref}: ${lastLine(stderr)}`);
  const line = stdout.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? null : line.slice(name.length + 1);
}
