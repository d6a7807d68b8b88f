/** Reads an image once, to know its digest or to lay it down: in a temporary directory first, then renamed as a whole. */
import { createHash } from "node:crypto";
import { chmod, type FileHandle, mkdir, mkdtemp, open, readdir, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { ImageConfig } from "../model/image.ts";
import { type Fault, slowEffect } from "../util/fault.ts";
import { CONFIG_FILE, MAX_CONFIG_BYTES, parseImageConfig } from "./config.ts";
import {
  assertLinksInside,
  type ContentSink,
  ImageDigest,
  type ImageEntry,
  type ImageSource,
  sortEntries,
} from "./content.ts";
import { MAX_ENTRIES, MAX_IMAGE_BYTES } from "./limits.ts";

/** Names of directories that are on their way in or out; what a crash leaves of them is removed at the next start. */
export const INCOMING = ".incoming-";
export const LEAVING = ".leaving-";

export interface ReadImage {
  /** `sha256:…` */
  digest: string;
  config: ImageConfig;
}

/** @param digest `sha256:…` @returns Name of its directory */
export function directoryName(digest: string): string {
  return digest.slice("sha256:".length);
}

/**
 * Reads an image without keeping its content.
 *
 * @throws {TrueupError} `invalid` when it may not be used; another code when it cannot be read
 */
export function readImage(source: ImageSource): Promise<ReadImage> {
  return copyImage(source, null);
}

/**
 * Lays an image down as `<root>/<digest>/`: files 0444, executables 0555, directories 0555. It is either there as a whole
 * or not at all. One that is there already is kept.
 *
 * @throws {TrueupError} As `readImage`; `io` when it cannot be written
 */
export async function materialise(root: string, source: ImageSource, fault?: Fault): Promise<ReadImage> {
  const incoming = await mkdtemp(join(root, INCOMING));
  try {
    const image = await copyImage(source, incoming);
    await sealDirectories(incoming);
    const target = join(root, directoryName(image.digest));
    await slowEffect(fault, "image laid down", source.place, () => renameUnlessThere(incoming, target));
    // Last, as a directory that cannot be written to cannot be renamed everywhere.
    await chmod(target, 0o555);
    return image;
  } finally {
    await removeTree(incoming);
  }
}

async function copyImage(source: ImageSource, into: string | null): Promise<ReadImage> {
  const entries = sortEntries(await source.entries());
  if (entries.length > MAX_ENTRIES) {
    throw new TrueupError(
      "invalid",
      `Cannot use the image as it must have at most ${MAX_ENTRIES} files: it has ${entries.length}.`,
    );
  }
  const digest = new ImageDigest();
  const links = new Map<string, string>();
  let config: Buffer | null = null;
  let total = 0;
  for (const entry of entries) {
    const keep = entry.kind === "symlink" || entry.path === CONFIG_FILE;
    const { sha256, size, content } = await copyEntry(source, entry, into, keep, MAX_IMAGE_BYTES - total);
    total += size;
    digest.add(entry, sha256);
    if (entry.kind === "symlink") links.set(entry.path, linkTarget(entry, content));
    else if (entry.path === CONFIG_FILE) config = content;
  }
  assertLinksInside(entries, links);
  const parsed = parseImageConfig(config);
  if (into !== null) await writeLinks(into, links);
  if (!(await source.isUnchanged())) {
    throw new TrueupError("unavailable", `Cannot use ${source.place} as it must not change while it is read: it did.`, {
      hint: "It is read again at the next pass.",
    });
  }
  return { digest: digest.finish(), config: parsed };
}

interface Copied {
  sha256: string;
  size: number;
  /** Only when it was asked for. */
  content: Buffer;
}

async function copyEntry(
  source: ImageSource,
  entry: ImageEntry,
  into: string | null,
  keep: boolean,
  maxBytes: number,
): Promise<Copied> {
  let hash = createHash("sha256");
  let kept: Buffer[] = [];
  let size = 0;
  const file = into === null || entry.kind === "symlink" ? null : await create(into, entry);
  const limit = keep ? Math.min(maxBytes, MAX_CONFIG_BYTES) : maxBytes;
  const sink: ContentSink = {
    begin: (announced) => {
      assertSize(entry, announced, limit);
      hash = createHash("sha256");
      kept = [];
      size = 0;
    },
    chunk: async (bytes) => {
      assertSize(entry, size + bytes.length, limit);
      hash.update(bytes);
      if (keep) kept.push(Buffer.from(bytes));
      if (file !== null) await writeAt(file, bytes, size);
      size += bytes.length;
    },
  };
  try {
    await source.read(entry, sink);
  } finally {
    await file?.close();
  }
  return { sha256: hash.digest("hex"), size, content: Buffer.concat(kept) };
}

function assertSize(entry: ImageEntry, size: number, limit: number): void {
  if (size <= limit) return;
  throw new TrueupError(
    "invalid",
    `Cannot use the image as ${entry.path} must have at most ${limit} bytes: it has more.`,
  );
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

function linkTarget(entry: ImageEntry, content: Buffer): string {
  const target = content.toString("utf8");
  if (Buffer.from(target).equals(content)) return target;
  throw new TrueupError("invalid", `Cannot use the image as the target of ${entry.path} must be UTF-8: it is not.`);
}

/** Creates a file with its final mode: the handle stays writable, nobody else gets one. */
async function create(into: string, entry: ImageEntry): Promise<FileHandle> {
  const path = join(into, entry.path);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(path, "wx", 0o400);
    await file.chmod(entry.kind === "executable" ? 0o555 : 0o444);
    return file;
  } catch (error) {
    throw writeError(path, error);
  }
}

/**
 * All directories before the first link: where names fold, one could else be made through a link that stands for it, and
 * a link inside it would then lead elsewhere than was checked.
 */
async function writeLinks(into: string, links: ReadonlyMap<string, string>): Promise<void> {
  for (const path of links.keys()) await mkdir(dirname(join(into, path)), { recursive: true, mode: 0o700 });
  for (const [path, target] of links) {
    const place = join(into, path);
    await symlink(target, place).catch((error: unknown) => {
      throw writeError(place, error);
    });
  }
}

function writeError(path: string, error: unknown): TrueupError {
  if ((error as NodeJS.ErrnoException).code === "EEXIST") {
    // File systems that fold case or accents take two names of the image for one.
    return new TrueupError(
      "invalid",
      `Cannot use the image as its names must differ on this file system: ${path} is there twice.`,
    );
  }
  return new TrueupError("io", `Cannot write an image file ${path}: ${messageOf(error)}`, { cause: error });
}

/** Makes every directory below (not the top one) read-only. */
async function sealDirectories(root: string): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(root, entry.name);
    await sealDirectories(path);
    await chmod(path, 0o555);
  }
}

async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "EACCES" || code === "EPERM") {
      // The name is the content's digest: what stands there is the same, unless it is not there at all.
      if ((await readdir(dirname(to))).includes(basename(to))) return;
    }
    throw new TrueupError("io", `Cannot put an image at ${to}: ${messageOf(error)}`, { cause: error });
  }
}

/** Removes a directory whose content is read-only; nothing happens when it is not there. */
export async function removeTree(path: string): Promise<void> {
  await makeWritable(path);
  await rm(path, { recursive: true, force: true });
}

async function makeWritable(path: string): Promise<void> {
  try {
    await chmod(path, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(path, entry.name));
  }
}
