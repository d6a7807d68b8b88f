/** Images in a configured directory on disk: `<image path>/<name>/<tag>/`. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, readdir, readlink, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { ContentSink, ImageEntry, ImageSource } from "./content.ts";
import { MAX_ENTRIES } from "./limits.ts";
import type { ImagePlace } from "./place.ts";

const CHUNK_BYTES = 256 * 1024;

/** Images below one image path. */
export class DiskPlace implements ImagePlace {
  readonly #root: string;

  /** @param root Absolute path of a directory of the operator's */
  constructor(root: string) {
    this.#root = root;
  }

  describe(directory: string): string {
    return join(this.#root, directory);
  }

  async tags(name: string): Promise<string[]> {
    const directory = await this.#inside(name);
    if (directory === null) return [];
    const entries = await reading(directory, () => readdir(directory));
    return entries.sort();
  }

  async find(name: string, tag: string): Promise<ImageSource | null> {
    const directory = await this.#inside(join(name, tag));
    if (directory === null) return null;
    const nodes = await scan(directory);
    return new DiskSource(directory, this.describe(join(name, tag)), nodes);
  }

  /** The real directory; null when there is none; an error when it lies outside the image path. */
  async #inside(path: string): Promise<string | null> {
    const root = await realOrNull(this.#root);
    const real = root === null ? null : await realOrNull(join(this.#root, path));
    if (root === null || real === null) return null;
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) {
      throw new TrueupError(
        "invalid",
        `Cannot use the image as it must lie in ${this.#root}: ${path} leads to ${real}.`,
      );
    }
    return (await reading(real, () => lstat(real))).isDirectory() ? real : null;
  }
}

interface Node {
  entry: ImageEntry;
  /** Changes whenever the file does. */
  stamp: string;
}

class DiskSource implements ImageSource {
  readonly key: string;
  readonly place: string;
  readonly #directory: string;
  readonly #nodes: readonly Node[];

  constructor(directory: string, place: string, nodes: readonly Node[]) {
    this.key = keyOf(directory, nodes);
    this.place = place;
    this.#directory = directory;
    this.#nodes = nodes;
  }

  async entries(): Promise<ImageEntry[]> {
    return this.#nodes.map(({ entry }) => entry);
  }

  async read(entry: ImageEntry, sink: ContentSink): Promise<void> {
    const path = join(this.#directory, entry.path);
    if (entry.kind === "symlink") {
      const target = await reading(path, () => readlink(path, "buffer"));
      sink.begin(target.length);
      await sink.chunk(target);
      return;
    }
    const file = await reading(path, () => open(path, constants.O_RDONLY | constants.O_NOFOLLOW));
    try {
      sink.begin((await file.stat()).size);
      const buffer = Buffer.alloc(CHUNK_BYTES);
      for (;;) {
        const { bytesRead } = await reading(path, () => file.read(buffer, 0, CHUNK_BYTES));
        if (bytesRead === 0) return;
        await sink.chunk(buffer.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  }

  async isUnchanged(): Promise<boolean> {
    return keyOf(this.#directory, await scan(this.#directory)) === this.key;
  }
}

function keyOf(directory: string, nodes: readonly Node[]): string {
  const hash = createHash("sha256");
  for (const { entry, stamp } of nodes) hash.update(`${entry.kind} ${stamp} ${entry.path}\0`);
  return `disk:${directory}:${hash.digest("hex")}`;
}

/** All files and links below a directory, in a stable order, without reading them. */
async function scan(root: string): Promise<Node[]> {
  const nodes: Node[] = [];
  const walk = async (prefix: string): Promise<void> => {
    const directory = join(root, prefix);
    const names = (await reading(directory, () => readdir(directory))).sort();
    for (const name of names) {
      const path = prefix === "" ? name : `${prefix}/${name}`;
      const stats = await reading(join(root, path), () => lstat(join(root, path), { bigint: true }));
      if (stats.isDirectory()) {
        await walk(path);
        continue;
      }
      if (nodes.length === MAX_ENTRIES) {
        throw new TrueupError(
          "invalid",
          `Cannot use the image as it must have at most ${MAX_ENTRIES} files: it has more.`,
        );
      }
      const stamp = `${stats.size} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.ino}`;
      if (stats.isSymbolicLink()) nodes.push({ entry: { path, kind: "symlink" }, stamp });
      else if (stats.isFile())
        nodes.push({ entry: { path, kind: (stats.mode & 0o100n) === 0n ? "file" : "executable" }, stamp });
      else
        throw new TrueupError(
          "invalid",
          `Cannot use the image as it must hold only files and symbolic links: ${path} is neither.`,
        );
    }
  };
  await walk("");
  return nodes;
}

async function realOrNull(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw ioError(path, error);
  }
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ioError(path, error);
  }
}

function ioError(path: string, error: unknown): TrueupError {
  return new TrueupError("io", `Cannot read an image at ${path}: ${messageOf(error)}`, { cause: error });
}
