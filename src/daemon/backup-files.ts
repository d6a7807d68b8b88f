/** Trees of files as a backup keeps them: copied with their modes and links, described by digests, compared. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, copyFile, lstat, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** One file or symbolic link; directories are where they are needed. */
export interface BackupFile {
  /** Relative to the backup, with `/`. */
  path: string;
  /** Octal, as `0600`; absent for links. */
  mode?: string;
  /** `sha256:…` of the content; absent for links. */
  digest?: string;
  /** What a link says. */
  link?: string;
}

/**
 * Copies a file, a link, or a directory with all below it. Directories are writable until they are filled.
 *
 * @param skip Names directly below `from` that stay out
 */
export async function copyTree(from: string, to: string, skip: (name: string) => boolean = () => false): Promise<void> {
  const found = await lstat(from);
  if (found.isSymbolicLink()) {
    await symlink(await readlink(from), to);
  } else if (found.isDirectory()) {
    await mkdir(to, { mode: 0o700 });
    for (const name of await readdir(from)) if (!skip(name)) await copyTree(join(from, name), join(to, name));
    await chmod(to, found.mode & 0o777);
  } else if (found.isFile()) {
    await copyFile(from, to);
    await chmod(to, found.mode & 0o777);
  }
  // Sockets and pipes are of a process, not of the state.
}

/** All files below a directory, sorted by path, without those named. */
export async function describeTree(root: string, without: readonly string[]): Promise<BackupFile[]> {
  const files: BackupFile[] = [];
  const visit = async (path: string): Promise<void> => {
    const full = join(root, path);
    const found = await lstat(full);
    if (found.isSymbolicLink()) files.push({ path, link: await readlink(full) });
    else if (found.isDirectory()) for (const name of await readdir(full)) await visit(join(path, name));
    else if (!without.includes(path)) {
      files.push({ path, mode: `0${(found.mode & 0o777).toString(8)}`, digest: await digestOf(full) });
    }
  };
  await visit("");
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest("hex")}`;
}

/** The first difference in words; `null` when there is none. */
export function differenceOf(wanted: readonly BackupFile[], found: readonly BackupFile[]): string | null {
  const there = new Map(found.map((file) => [file.path, file]));
  for (const { path, digest, link } of wanted) {
    const file = there.get(path);
    if (file === undefined) return `${path} is missing`;
    if (file.digest !== digest || file.link !== link) return `${path} is not what it was`;
    there.delete(path);
  }
  const [added] = there.keys();
  return added === undefined ? null : `${added} was added`;
}
