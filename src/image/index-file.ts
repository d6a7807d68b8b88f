/** What the image store knows, kept in one file so that it is known again after a restart. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { ImageConfig } from "../model/image.ts";

/** What a source (a tree, a directory on disk) turned out to hold: an image, or something that is none, and why. */
export type SourceOutcome = { digest: string } | { problem: string };

/** Where a reference leads. */
export type ReferenceOutcome = { digest: string } | { reason: "ErrImagePull" | "InvalidImageName"; message: string };

export interface ImageIndex {
  /** By source key. */
  sources: Map<string, SourceOutcome>;
  /** Config of each image that is laid down, by digest. */
  images: Map<string, ImageConfig>;
  /** By reference as written. */
  references: Map<string, ReferenceOutcome>;
}

const VERSION = 1;

export function emptyIndex(): ImageIndex {
  return { sources: new Map(), images: new Map(), references: new Map() };
}

/** @throws {TrueupError} `invalid` when the file is none of ours, `io` when it cannot be read */
export async function loadIndex(file: string): Promise<ImageIndex> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return emptyIndex();
    throw new TrueupError("io", `Cannot read the image index ${file}: ${messageOf(error)}`, { cause: error });
  }
  try {
    const { version, sources, images, references } = JSON.parse(text);
    if (version !== VERSION) throw new RangeError(`its version is ${version}`);
    return {
      sources: new Map(Object.entries<SourceOutcome>(sources)),
      images: new Map(Object.entries<ImageConfig>(images)),
      references: new Map(Object.entries<ReferenceOutcome>(references)),
    };
  } catch (error) {
    throw new TrueupError(
      "invalid",
      `Cannot read the image index ${file} as trueup must have written it: ${messageOf(error)}.`,
      {
        hint: "Remove the file; images are then found again from git.",
        cause: error,
      },
    );
  }
}

/** Replaces the file as a whole, readable by its owner only. */
export async function saveIndex(file: string, index: ImageIndex): Promise<void> {
  const text = JSON.stringify({
    version: VERSION,
    sources: Object.fromEntries(index.sources),
    images: Object.fromEntries(index.images),
    references: Object.fromEntries(index.references),
  });
  const fresh = `${file}.new`;
  try {
    await writeFile(fresh, text, { mode: 0o600, flush: true });
    await rename(fresh, file);
  } catch (error) {
    throw new TrueupError("io", `Cannot write the image index ${file}: ${messageOf(error)}`, { cause: error });
  }
}
