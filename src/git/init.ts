/** A new repository with a first commit: what the demo stands on. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { TrueupError } from "../model/errors.ts";
import { lastLine, runGit } from "./command.ts";
import { commitFiles } from "./commit.ts";
import { hasIdentity } from "./identity.ts";
import { openRepository, type Repository } from "./repository.ts";
import type { FileChange, Identity } from "./types.ts";

export interface NewRepository {
  files: readonly Extract<FileChange, { content: string | Uint8Array }>[];
  message: string;
  /** Written into the repository's own configuration, only when git has no identity. */
  fallbackIdentity: Identity;
}

/**
 * Makes a repository with a branch `main`, one commit, and a work tree that shows it.
 *
 * @param dir Absent or empty
 * @returns The open repository; close it in the end
 * @throws {TrueupError} `conflict` when `dir` holds something; what was begun is removed when a later step fails
 */
export async function createRepository(dir: string, content: NewRepository): Promise<Repository> {
  const path = resolve(dir);
  await mkdir(path, { recursive: true });
  if ((await readdir(path)).length > 0) {
    throw new TrueupError(
      "conflict",
      `Cannot create a repository in ${path} as the directory must be empty: it is not.`,
    );
  }
  try {
    // No template: it could bring hooks.
    const { code, stderr } = await runGit({ cwd: path, args: ["init", "-q", "-b", "main", "--template="] });
    if (code !== 0)
      throw new TrueupError("unavailable", `Cannot create a repository in ${path}: git says: ${lastLine(stderr)}`);
    return await fill(path, content);
  } catch (error) {
    for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, force: true });
    throw error;
  }
}

async function fill(path: string, { files, message, fallbackIdentity }: NewRepository): Promise<Repository> {
  const repository = await openRepository(path);
  try {
    if (!(await hasIdentity(repository))) {
      await repository.git("set an identity", ["config", "user.name", fallbackIdentity.name]);
      await repository.git("set an identity", ["config", "user.email", fallbackIdentity.email]);
    }
    await commitFiles(repository, { ref: "refs/heads/main", expectedHead: null, changes: files, message });
    return repository;
  } catch (error) {
    await repository.close();
    throw error;
  }
}
