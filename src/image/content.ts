/** What an image is made of, its digest, and which of its symbolic links stay inside. Pure. */
import { createHash } from "node:crypto";
import { TrueupError } from "../model/errors.ts";

export type ImageEntryKind = "file" | "executable" | "symlink";

/** One file or symbolic link. Directories are what the paths name; empty ones do not count, as git has none. */
export interface ImageEntry {
  /** Relative to the image, with `/`. */
  path: string;
  kind: ImageEntryKind;
}

/** An image's files, wherever they lie. */
export interface ImageSource {
  /** Equal keys mean equal content: what was found out for one holds for the other. */
  readonly key: string;
  /** For messages: `images/web/v1 in commit 3f2c1aa`. */
  readonly place: string;
  /** @throws {TrueupError} `invalid` for content that no image may have; another code when it cannot be read */
  entries(): Promise<ImageEntry[]>;
  /** Gives an entry's bytes, a symbolic link's target included, to the sink; each chunk is awaited. */
  read(entry: ImageEntry, sink: ContentSink): Promise<void>;
  /** Whether the content still is what the key says, for sources that can change while they are read. */
  isUnchanged(): Promise<boolean>;
}

export interface ContentSink {
  /** Called before the first byte, and again when reading starts over. @throws To refuse the entry */
  begin(size: number): void;
  chunk(bytes: Buffer): Promise<void>;
}

/** Mode as it counts in the digest and as git writes it. */
const MODES: Readonly<Record<ImageEntryKind, string>> = { file: "100644", executable: "100755", symlink: "120000" };

/** Most links that are followed for one path, as in Linux. */
const MAX_HOPS = 40;
const MAX_TARGET_LENGTH = 4096;

/** In the byte order of their paths, in which they are read and counted. */
export function sortEntries(entries: readonly ImageEntry[]): ImageEntry[] {
  return entries
    .map((entry) => ({ entry, bytes: Buffer.from(entry.path) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry }) => entry);
}

/**
 * The digest of an image: SHA-256 over one record per entry, in the byte order of the paths. A record is
 * `<mode> <SHA-256 of the content, hex> <path>` and a NUL; mode is 100644, 100755, or 120000 for a symbolic link, whose
 * content is its target. Owners, dates and empty directories do not count, so git and disk give the same digest.
 */
export class ImageDigest {
  readonly #hash = createHash("sha256");

  /** @param contentSha256 Hexadecimal */
  add(entry: ImageEntry, contentSha256: string): void {
    this.#hash.update(`${MODES[entry.kind]} ${contentSha256} ${entry.path}\0`);
  }

  /** `sha256:…`; call once. */
  finish(): string {
    return `sha256:${this.#hash.digest("hex")}`;
  }
}

/**
 * Refuses an image in which a symbolic link leads outside, be it as written or by way of other links.
 *
 * @param links Target by path
 * @throws {TrueupError} `invalid`, naming the link and its target
 */
export function assertLinksInside(entries: readonly ImageEntry[], links: ReadonlyMap<string, string>): void {
  const directories = new Set<string>([""]);
  for (const { path } of entries) {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      directories.add(path.slice(0, slash));
    }
  }
  for (const [path, target] of links) {
    if (isUsableTarget(target) && !leavesAsWritten(path, target) && !leavesWhenFollowed(path, links, directories))
      continue;
    throw new TrueupError(
      "invalid",
      `Cannot use the image as its symbolic links must stay inside: ${path} points to ${JSON.stringify(target)}.`,
    );
  }
}

function isUsableTarget(target: string): boolean {
  return target !== "" && !target.startsWith("/") && !target.includes("\0") && target.length <= MAX_TARGET_LENGTH;
}

/** Programs that shorten `a/../b` before they ask the system must stay inside too. */
function leavesAsWritten(path: string, target: string): boolean {
  let depth = path.split("/").length - 1;
  for (const segment of target.split("/")) {
    if (segment === "" || segment === ".") continue;
    depth += segment === ".." ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

/** Follows a link as the system does, link by link. */
function leavesWhenFollowed(
  path: string,
  links: ReadonlyMap<string, string>,
  directories: ReadonlySet<string>,
): boolean {
  const at = path.split("/").slice(0, -1);
  const ahead = (links.get(path) ?? "").split("/");
  for (let hops = 0; ahead.length > 0; ) {
    const segment = ahead.shift();
    if (segment === undefined || segment === "" || segment === ".") continue;
    if (segment === "..") {
      if (at.length === 0) return true;
      at.pop();
      continue;
    }
    const next = [...at, segment].join("/");
    const target = links.get(next);
    if (target !== undefined) {
      if (!isUsableTarget(target)) return true;
      // A circle leads nowhere, and so not outside.
      if (++hops > MAX_HOPS) return false;
      ahead.unshift(...target.split("/"));
      continue;
    }
    // A file, or nothing: the way ends here.
    if (!directories.has(next)) return false;
    at.push(segment);
  }
  return false;
}
