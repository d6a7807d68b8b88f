/** Writes blobs and the trees above them into the object store, touching only the directories that change. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TrueupError } from "../model/errors.ts";
import { asObjectHash, type ObjectHash } from "../model/source.ts";
import type { Repository } from "./repository.ts";
import type { EntryKind, FileChange, TreeEntry } from "./types.ts";

const MODES: Readonly<Record<EntryKind, string>> = {
  file: "100644 blob",
  executable: "100755 blob",
  tree: "040000 tree",
  symlink: "120000 blob",
  submodule: "160000 commit",
  unusable: "",
};

/** Changes below one directory: of its own entries, and of directories in it. */
interface Level {
  leaves: Map<string, FileChange>;
  below: Map<string, Level>;
}

/**
 * Writes a tree that is another tree with some files written or deleted. Modes of existing files are kept.
 *
 * @param base Root tree to start from; null: an empty one
 * @param changes Paths already checked to be safe
 * @returns Hash of the new root tree
 * @throws {TrueupError} `invalid` when a path runs through a file or a link, or would replace something that is no file;
 *   `not-found` when a file to delete is not there
 */
export async function writeTree(
  repository: Repository,
  base: ObjectHash | null,
  changes: readonly FileChange[],
  signal?: AbortSignal,
): Promise<ObjectHash> {
  const blobs = await writeBlobs(repository, changes, signal);
  const make = (entries: readonly TreeEntry[]): Promise<ObjectHash> => makeTree(repository, entries, signal);
  return writeRoot({ repository, blobs, make }, base, changes);
}

/** Throws what `writeTree` would throw for these changes, and writes nothing. */
export async function checkChanges(
  repository: Repository,
  base: ObjectHash | null,
  changes: readonly FileChange[],
): Promise<void> {
  const nothing = asObjectHash("0".repeat(40));
  const blobs = new Map(changes.map(({ path }) => [path, nothing]));
  await writeRoot({ repository, blobs, make: async () => nothing }, base, changes);
}

async function writeRoot(writer: Writer, base: ObjectHash | null, changes: readonly FileChange[]): Promise<ObjectHash> {
  const root: Level = { leaves: new Map(), below: new Map() };
  for (const change of changes) place(root, change);
  return (await writeLevel(writer, base, root, "")) ?? writer.make([]);
}

function place(root: Level, change: FileChange): void {
  const segments = change.path.split("/");
  const name = segments.pop() ?? "";
  let level = root;
  for (const segment of segments) {
    const next = level.below.get(segment) ?? { leaves: new Map(), below: new Map() };
    level.below.set(segment, next);
    level = next;
  }
  if (level.leaves.has(name)) throw refusal(change.path, "it must be changed once: it is named twice");
  level.leaves.set(name, change);
}

const TO_BE_BOTH = "it must be a file or a directory: it is to be both";

interface Writer {
  repository: Repository;
  /** By path. */
  blobs: ReadonlyMap<string, ObjectHash>;
  make: (entries: readonly TreeEntry[]) => Promise<ObjectHash>;
}

/** Contents are handed to git in private temporary files, so that many need one process. Their names never reach git. */
async function writeBlobs(
  repository: Repository,
  changes: readonly FileChange[],
  signal?: AbortSignal,
): Promise<Map<string, ObjectHash>> {
  const blobs = new Map(changes.flatMap((change) => ("blob" in change ? [[change.path, change.blob] as const] : [])));
  const contents = changes.flatMap((change) => ("content" in change ? [change] : []));
  if (contents.length === 0) return blobs;
  const folder = await mkdtemp(join(tmpdir(), "trueup-commit-"));
  try {
    const files = contents.map((_, index) => join(folder, String(index)));
    for (const [index, file] of files.entries()) {
      await writeFile(file, contents[index]?.content ?? "", { mode: 0o600, flag: "wx" });
    }
    const input = Buffer.from(files.map((file) => `${file}\n`).join(""));
    const args = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
    const hashes = (await repository.git("write blobs", args, { input, signal })).trim().split("\n");
    for (const [index, { path }] of contents.entries()) blobs.set(path, asObjectHash(hashes[index] ?? ""));
    return blobs;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeLevel(
  writer: Writer,
  base: ObjectHash | null,
  level: Level,
  prefix: string,
): Promise<ObjectHash | null> {
  const existing = base === null ? [] : await writer.repository.tree(base);
  const entries = new Map(existing.map((entry) => [entry.name, entry]));
  for (const { name, kind } of existing) {
    if (kind === "unusable")
      throw refusal(prefix + name, "its directory must hold only names that git can write: it does not");
  }
  // A file makes room for a directory of its name first, and a directory that empties for a file last.
  for (const [name, change] of level.leaves) {
    const isRefused = level.below.has(name) && !("delete" in change) && entries.get(name)?.kind !== "tree";
    if (isRefused) throw refusal(prefix + name, TO_BE_BOTH);
    if (!("delete" in change)) continue;
    assertDeletable(prefix + name, entries.get(name));
    entries.delete(name);
  }
  for (const [name, below] of level.below) {
    const old = entries.get(name);
    if (old !== undefined && old.kind !== "tree")
      throw refusal(prefix + name, `it must be a directory: it is a ${old.kind}`);
    const tree = await writeLevel(writer, old?.hash ?? null, below, `${prefix}${name}/`);
    // git has no empty directories.
    if (tree === null) entries.delete(name);
    else entries.set(name, { name, kind: "tree", hash: tree });
  }
  for (const [name, change] of level.leaves) {
    if ("delete" in change) continue;
    const old = entries.get(name);
    if (level.below.has(name) && old !== undefined) throw refusal(prefix + name, TO_BE_BOTH);
    entries.set(name, fileEntry(writer, prefix + name, name, change, old));
  }
  return entries.size === 0 ? null : writer.make([...entries.values()]);
}

function assertDeletable(path: string, old: TreeEntry | undefined): void {
  if (old === undefined) throw new TrueupError("not-found", `Cannot delete ${path} as it must be there: it is not.`);
  if (old.kind === "tree" || old.kind === "submodule") throw refusal(path, `it must be a file: it is a ${old.kind}`);
}

function fileEntry(
  { blobs }: Writer,
  path: string,
  name: string,
  change: Exclude<FileChange, { delete: true }>,
  old: TreeEntry | undefined,
): TreeEntry {
  if (old !== undefined && old.kind !== "file" && old.kind !== "executable") {
    throw refusal(path, `it must be a regular file: it is a ${old.kind}`);
  }
  const hash = blobs.get(path);
  if (hash === undefined)
    throw new TrueupError("internal", `Cannot commit ${path} as its blob must be written: it is not.`);
  const executable = change.executable ?? old?.kind === "executable";
  return { name, kind: executable ? "executable" : "file", hash };
}

async function makeTree(
  repository: Repository,
  entries: readonly TreeEntry[],
  signal?: AbortSignal,
): Promise<ObjectHash> {
  const lines = entries.map(({ name, kind, hash }) => `${MODES[kind]} ${hash}\t${name}\0`);
  // `--missing`: what was not touched stands in the old tree already, and need not be looked up again.
  const output = await repository.git("write a tree", ["mktree", "-z", "--missing"], {
    input: Buffer.from(lines.join("")),
    signal,
  });
  return asObjectHash(output.trim());
}

function refusal(path: string, why: string): TrueupError {
  return new TrueupError("invalid", `Cannot commit ${path} as ${why}.`);
}
