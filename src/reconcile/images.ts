/** Which images an app's manifests name, and whether a tag was used again for other content. */
import type { Diagnostic } from "../model/diagnostic.ts";
import { parseImageReference } from "../model/image.ts";
import type { Ledger } from "../model/ledger.ts";
import { type Declared, type FieldPath, formatFieldPath } from "../model/manifest.ts";
import { shortId } from "../model/source.ts";
import type { PodSpec } from "../model/workload.ts";
import { imagePlaces } from "../validation/index.ts";

/** One place in a manifest that names an image. */
export interface ImageUse {
  reference: string;
  declared: Declared;
  path: FieldPath;
}

/** The images of an object's pod template, or of a pod. Looks only at what is there: the object need not be valid. */
export function imageUses(declared: Declared): ImageUse[] {
  return imagePlaces(declared.object).map((place) => ({ ...place, declared }));
}

/** The references of a pod template, each once. */
export function referencesOf(spec: PodSpec): string[] {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  return [...new Set(containers.flatMap(({ image }) => (image === undefined ? [] : [image])))];
}

/**
 * An error for each use of a tag whose content is another than when a revision of this app used it last: what ran under
 * that name could not be brought back, and pods of one revision would differ. References by digest cannot change.
 *
 * @param digests Reference to digest, as the images are now
 */
export async function reusedTags(
  uses: readonly ImageUse[],
  digests: Readonly<Record<string, string>>,
  ledger: Ledger,
  { app, target }: { app: string; target: string },
): Promise<Diagnostic[]> {
  const found: Diagnostic[] = [];
  const before = new Map<string, Awaited<ReturnType<Ledger["imageDigest"]>>>();
  for (const { reference, declared, path } of uses) {
    const digest = digests[reference];
    if (digest === undefined || parseImageReference(reference)?.digest !== undefined) continue;
    if (!before.has(reference)) before.set(reference, await ledger.imageDigest(app, target, reference));
    const last = before.get(reference);
    if (!last || last.digest === digest) continue;
    found.push({
      severity: "error",
      rule: "image-tag-reused",
      message:
        `Cannot use image ${reference} as a tag's content must never change: it is ${shortDigest(digest)}, ` +
        `and was ${shortDigest(last.digest)} in revision ${last.revision.revision} (commit ${shortId(last.revision.commit)})`,
      location: declared.locateValue(path),
      field: formatFieldPath(path),
      object: declared.id,
      hint: "Use a new tag for every build.",
    });
  }
  return found;
}

function shortDigest(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}
