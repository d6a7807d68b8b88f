/** Goes from a reference to an image: which places are asked, in which order, and what is said when none has it. */
import { isSafeSegment } from "../git/paths.ts";
import { messageOf, TrueupError } from "../model/errors.ts";
import { type ImageReference, parseImageReference } from "../model/image.ts";
import type { ImageSource } from "./content.ts";
import type { ReferenceOutcome, SourceOutcome } from "./index-file.ts";
import type { ImagePlace } from "./place.ts";

/** Finds out what a source holds. */
export interface SourceReader {
  /** Lays the image down too. */
  layDown(source: ImageSource): Promise<SourceOutcome>;
  /** Only its digest. */
  identify(source: ImageSource): Promise<SourceOutcome>;
}

export function invalidName(reference: string): string {
  return `${JSON.stringify(reference)} is no image reference: it must be name:tag or name@sha256:…`;
}

/** Content that no image may have is an answer; what cannot be read is an error. */
export async function settleProblem<T>(work: () => Promise<T>): Promise<T | { problem: string }> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TrueupError && error.code === "invalid") return { problem: messageOf(error) };
    throw error;
  }
}

/**
 * Asks the places in order for the image that a reference names, and lays it down.
 *
 * @returns Its digest, or why there is none, with every directory that was looked at
 * @throws {TrueupError} When a place cannot be read
 */
export async function findImage(
  text: string,
  places: readonly ImagePlace[],
  reader: SourceReader,
): Promise<ReferenceOutcome> {
  const reference = parseImageReference(text);
  if (reference === null || !isSafeSegment(reference.name)) {
    return { reason: "InvalidImageName", message: invalidName(text) };
  }
  const looked: string[] = [];
  for (const place of places) {
    const isByDigest = reference.tag === undefined && reference.digest !== undefined;
    const found = await (isByDigest ? findByDigest(place, reference, reader) : findByTag(place, reference, reader));
    if ("digest" in found) return found;
    looked.push(...found.looked);
    // The directory that the tag names is there and bad: one further on must not stand in for it.
    if (found.isBad) break;
  }
  return { reason: "ErrImagePull", message: looked.join("; ") };
}

interface NotFound {
  looked: string[];
  isBad: boolean;
}

type Found = { digest: string } | NotFound;

async function findByDigest(place: ImagePlace, reference: ImageReference, reader: SourceReader): Promise<Found> {
  const tags = await place.tags(reference.name);
  const looked: string[] = tags.length === 0 ? [`no directory ${place.describe(reference.name)}`] : [];
  for (const tag of tags) {
    const found = await findByTag(place, { ...reference, tag }, reader);
    if ("digest" in found) return found;
    looked.push(...found.looked);
  }
  return { looked, isBad: false };
}

async function findByTag(
  place: ImagePlace,
  { name, tag = "latest", digest }: ImageReference,
  reader: SourceReader,
): Promise<Found> {
  const where = place.describe(`${name}/${tag}`);
  const source = await settleProblem(() => place.find(name, tag));
  if (source === null) return { looked: [`no directory ${where}`], isBad: false };
  if (!isSource(source)) return { looked: [`${where}: ${source.problem}`], isBad: true };
  // With a digest asked for, another image of that tag is not laid down.
  const known = digest === undefined ? null : await reader.identify(source);
  if (known !== null && "digest" in known && known.digest !== digest) {
    return { looked: [`${where} has digest ${known.digest}, not ${digest}`], isBad: false };
  }
  const outcome = await reader.layDown(source);
  return "digest" in outcome ? outcome : { looked: [`${where}: ${outcome.problem}`], isBad: true };
}

function isSource(found: ImageSource | { problem: string }): found is ImageSource {
  return !("problem" in found);
}
