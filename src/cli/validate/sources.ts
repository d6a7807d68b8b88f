/** Where manifests to check come from: the disk, standard input, or a commit without a checkout. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix, relative, resolve, sep } from "node:path";
import { REPOSITORY_CONFIG } from "../../daemon/apps.ts";
import type { Repository } from "../../git/repository.ts";
import { isManifestPath } from "../../manifest/parse.ts";
import { messageOf, TrueupError } from "../../model/errors.ts";
import { asObjectHash, type CommitId, type ObjectHash, shortId } from "../../model/source.ts";
import type { FileOnDisk } from "../check/app-on-disk.ts";
import type { SourceFile } from "../manifests.ts";

/** What the name of standard input is when none is given. */
export const STDIN = "(stdin)";

/** Paths are relative to the directory that the command stands in; so are the names of what is read. */
export interface ManifestSource {
  /** The `trueup.yaml` of that directory; null when there is none. */
  config(): Promise<SourceFile | null>;
  /** Whether there is a directory at a path; "" for the one that the command stands in. */
  hasDirectory(path: string): Promise<boolean>;
  /**
   * A file as it is, whatever its name; of a directory, what the daemon would read there.
   *
   * @throws {TrueupError} `usage` when it cannot be read or is not there
   */
  read(path: string): Promise<SourceFile[]>;
}

/** The work tree as it is, committed or not. */
export class DiskSource implements ManifestSource {
  readonly #cwd: string;
  readonly #algorithm: "sha1" | "sha256";

  constructor(cwd: string, algorithm: "sha1" | "sha256" = "sha1") {
    this.#cwd = cwd;
    this.#algorithm = algorithm;
  }

  async config(): Promise<SourceFile | null> {
    try {
      return this.file(REPOSITORY_CONFIG, readFileSync(join(this.#cwd, REPOSITORY_CONFIG)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw new TrueupError("usage", `Cannot read ${REPOSITORY_CONFIG}: ${messageOf(error)}`, { cause: error });
    }
  }

  async hasDirectory(path: string): Promise<boolean> {
    return statSync(resolve(this.#cwd, path), { throwIfNoEntry: false })?.isDirectory() === true;
  }

  /** One read after the other, without going through the event loop: of thousands of small files that is a third of the time. */
  async read(path: string): Promise<SourceFile[]> {
    const absolute = resolve(this.#cwd, path);
    const found = readable(path, () => statSync(absolute));
    if (!found.isDirectory()) return [this.#readOne(absolute, this.#shown(absolute))];
    const below = manifestsBelow(absolute, "");
    const shown = relative(this.#cwd, absolute);
    if (shown.startsWith("..") || sep !== "/") {
      return below.map((name) => join(absolute, name)).map((path) => this.#readOne(path, this.#shown(path)));
    }
    // Put together as they are: normalising names one by one takes as long as finding them.
    const prefix = shown === "" ? "" : `${shown}/`;
    return below.map((name) => this.#readOne(`${absolute}/${name}`, prefix + name));
  }

  file(file: string, content: Buffer): SourceFile {
    return { file, blob: blobHash(content, this.#algorithm), text: content.toString("utf8") };
  }

  /** What a path is called: as seen from the directory that the command stands in, unless it is outside of it. */
  #shown(absolute: string): string {
    const shown = relative(this.#cwd, absolute);
    return shown.startsWith("..") ? absolute : shown;
  }

  #readOne(absolute: string, name: string): SourceFile {
    return new LateFile(name, absolute, (content) => this.file(name, content));
  }
}

/** Read when somebody asks for its text: most files are read by whoever checks them. */
export class LateFile implements FileOnDisk {
  readonly file: string;
  readonly path: string;
  readonly #make: (content: Buffer) => SourceFile;
  #read: SourceFile | undefined;

  constructor(file: string, path: string, make: (content: Buffer) => SourceFile) {
    this.file = file;
    this.path = path;
    this.#make = make;
  }

  get text(): string {
    return this.#source.text;
  }

  get blob(): ObjectHash {
    return this.#source.blob;
  }

  get #source(): SourceFile {
    this.#read ??= this.#make(readable(this.file, () => readFileSync(this.path)));
    return this.#read;
  }
}

/** A commit of a repository. */
export class CommitSource implements ManifestSource {
  readonly #repository: Repository;
  readonly #commit: CommitId;
  readonly #prefix: string;

  /** @param prefix Directory of the repository that paths are relative to, "" for its root */
  constructor(repository: Repository, commit: CommitId, prefix: string) {
    this.#repository = repository;
    this.#commit = commit;
    this.#prefix = prefix;
  }

  async config(): Promise<SourceFile | null> {
    const path = posix.join(this.#prefix, REPOSITORY_CONFIG);
    const file = (await this.#repository.filesAt(this.#commit, [path])).get(path);
    return file === undefined ? null : this.#readOne(path, file.blob);
  }

  async hasDirectory(path: string): Promise<boolean> {
    return (await this.#repository.treeAt(this.#commit, posix.join(this.#prefix, path).replace(/^\.$/, ""))) !== null;
  }

  async read(path: string): Promise<SourceFile[]> {
    const whole = posix.normalize(posix.join(this.#prefix, path)).replace(/\/$/, "");
    if (whole.startsWith("..") || path.startsWith("/")) throw this.#absent(path);
    const root = whole === "." ? "" : whole;
    if (root !== "") {
      const file = (await this.#repository.filesAt(this.#commit, [root])).get(root);
      if (file !== undefined) return [await this.#readOne(root, file.blob)];
    }
    if ((await this.#repository.treeAt(this.#commit, root)) === null) throw this.#absent(path);
    const below = root === "" ? 0 : root.length + 1;
    const listed = await this.#repository.files(this.#commit, root, (each) => isManifestPath(each.slice(below)));
    return Promise.all(listed.map(({ path: each, blob }) => this.#readOne(each, blob)));
  }

  async #readOne(path: string, blob: ObjectHash): Promise<SourceFile> {
    const file = this.#prefix === "" ? path : posix.relative(this.#prefix, path);
    // As from disk: bytes that are no UTF-8 are a finding, no reason to stop.
    return { file, blob, text: (await this.#repository.blob(blob)).toString("utf8") };
  }

  #absent(path: string): TrueupError {
    const commit = shortId(this.#commit);
    return new TrueupError("usage", `Cannot read ${path} as commit ${commit} must have it: it has none.`);
  }
}

/** A disk whose one file is, or is replaced by, what comes on standard input. */
export async function readStdin(
  stdin: AsyncIterable<Buffer | string>,
  disk: DiskSource,
  file: string,
): Promise<SourceFile> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return disk.file(file, Buffer.concat(chunks));
}

/** Paths below a directory, relative to it. Symbolic links are passed over, as git's are. */
function manifestsBelow(root: string, below: string): string[] {
  const entries = readable(join(root, below), () => readdirSync(join(root, below), { withFileTypes: true }));
  const found: string[] = [];
  for (const entry of entries) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    // What a file of the directory would be tells whether the directory is read at all.
    if (entry.isDirectory() && isManifestPath(`${path}/any.yaml`)) found.push(...manifestsBelow(root, path));
    else if (entry.isFile() && isManifestPath(path)) found.push(path);
  }
  return found;
}

/** git's id of a blob with this content. */
function blobHash(content: Buffer, algorithm: "sha1" | "sha256"): ObjectHash {
  const hash = createHash(algorithm).update(`blob ${content.length}\0`).update(content);
  return asObjectHash(hash.digest("hex"));
}

/** What cannot be read makes exit code 2, so that a script can tell it from an invalid manifest. */
export function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new TrueupError("usage", `Cannot read ${path} as it must be there: there is no such file or directory.`);
    }
    throw new TrueupError("usage", `Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
