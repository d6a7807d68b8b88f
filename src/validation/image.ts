/** Rules on image references: they say exactly which version runs. */
import { parseImageReference } from "../model/image.ts";
import type { Field } from "./field.ts";
import type { Report } from "./report.ts";

export function checkImage(report: Report, image: Field): void {
  if (!image.isGiven || image.value === "") {
    report.missing("image-missing", image);
    return;
  }
  const { text } = image;
  if (text === undefined) return;
  const reference = parseImageReference(text);
  if (reference === null) {
    const padded = text !== text.trim();
    report.error(
      "image-invalid",
      image,
      padded ? "it must not have leading or trailing whitespace" : "it must be an image reference",
      {
        hint: "References look like name:tag, registry:5000/path/name:tag or name@sha256:….",
      },
    );
    return;
  }
  const path = pathOf(reference.repository);
  if (path !== path.toLowerCase()) {
    report.warning("image-upper-case", image, `The nodes of a cluster take ${path} in lower case only`, {
      at: "value",
      hint: `Write ${text.replace(path, path.toLowerCase())}, if that is its name.`,
    });
  }
  if (reference.digest !== undefined) return;
  if (reference.tag === undefined) {
    report.error("image-tag-missing", image, "it must have a tag or a digest, so that a commit names what runs", {
      hint: `Write the version: ${text}:v1.`,
    });
  } else if (reference.tag === "latest") {
    report.error("image-tag-latest", image, "its tag must name one version, so that a commit names what runs", {
      hint: `Write the version instead of latest: ${reference.repository}:v1.`,
    });
  }
}

/** What follows the registry's name: a first part that no path could begin with, as distribution tells them apart. */
function pathOf(repository: string): string {
  const [first = ""] = repository.split("/");
  const isRegistry =
    first !== repository && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  return isRegistry ? repository.slice(first.length + 1) : repository;
}
