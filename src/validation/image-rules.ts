/** The repository's own rules on images: which repositories they may come from, and whether a digest must be given. */
import type { Diagnostic } from "../model/diagnostic.ts";
import { parseImageReference } from "../model/image.ts";
import { type Declared, type FieldPath, formatFieldPath } from "../model/manifest.ts";
import type { ImageRules } from "./config.ts";
import type { RuleId } from "./rules.ts";

/** One place in a manifest that names an image. */
export interface NamedImage {
  reference: string;
  declared: Declared;
  path: FieldPath;
}

/** Whether an image could break one. */
export function hasImageRules({ allowedRepositories, requireDigest }: ImageRules): boolean {
  return allowedRepositories.length > 0 || requireDigest;
}

/** An error for each image that breaks a rule. What is no image reference at all, other rules tell. */
export function checkImageRules(images: readonly NamedImage[], rules: ImageRules): Diagnostic[] {
  const allowed = rules.allowedRepositories;
  return images.flatMap((image) => {
    const reference = parseImageReference(image.reference);
    if (reference === null) return [];
    const found: Diagnostic[] = [];
    if (allowed.length > 0 && !allowed.some((pattern) => matchesRepository(pattern, reference.repository))) {
      found.push(
        fault(image, "image-repository", `its repository must be one that trueup.yaml allows (${allowed.join(", ")})`, {
          hint: "Use an image from there, or allow this one's repository under images.allowedRepositories.",
        }),
      );
    }
    if (rules.requireDigest && reference.digest === undefined) {
      found.push(
        fault(image, "image-digest-missing", "trueup.yaml asks for a digest", {
          hint: `Write it behind the name: ${reference.repository}@sha256:….`,
        }),
      );
    }
    return found;
  });
}

function fault(
  { reference, declared, path }: NamedImage,
  rule: RuleId,
  must: string,
  { hint }: { hint: string },
): Diagnostic {
  return {
    severity: "error",
    rule,
    message: `Cannot use ${formatFieldPath(path)} as ${must}: it is "${reference}"`,
    location: declared.locateValue(path),
    field: formatFieldPath(path),
    object: declared.id,
    hint,
  };
}

/**
 * Whether a pattern covers a repository: `*` stands for anything within a part of the path, `**` for anything. No regular
 * expression: patterns come from the repository, and this takes at most their length times the text's.
 */
export function matchesRepository(pattern: string, text: string): boolean {
  /** Ends of the prefixes of the text that the pattern so far covers. */
  let ends = new Set([0]);
  for (const token of pattern.split(/(\*\*|\*)/)) {
    const next = new Set<number>();
    for (const end of ends) {
      if (token !== "*" && token !== "**") {
        if (text.startsWith(token, end)) next.add(end + token.length);
        continue;
      }
      for (let at = end; at <= text.length && !next.has(at); at++) {
        next.add(at);
        if (token === "*" && text[at] === "/") break;
      }
    }
    ends = next;
  }
  return ends.has(text.length);
}
