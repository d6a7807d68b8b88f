/** Which images `set image` may set: named containers, and references that will still mean the same tomorrow. Pure. */

import type { FieldEdit } from "../../manifest/edit.ts";
import { TrueupError } from "../../model/errors.ts";
import { parseImageReference } from "../../model/image.ts";
import type { Container, PodTemplate } from "../../model/workload.ts";

export interface ImageAssignment {
  /** `*` for all containers. */
  container: string;
  image: string;
}

/**
 * Reads `web=registry/web:v2` and checks the reference.
 *
 * @throws {TrueupError} `usage` for another form; `invalid` for a reference without a tag, or with `latest`
 */
export function readAssignment(word: string): ImageAssignment {
  const at = word.indexOf("=");
  const [container, image] = [word.slice(0, at), word.slice(at + 1)];
  if (at < 1 || image === "") {
    throw new TrueupError("usage", `Cannot read "${word}" as it must be CONTAINER=IMAGE, as in web=web-server:v2.`);
  }
  const reference = parseImageReference(image);
  if (reference === null) {
    throw new TrueupError("usage", `Cannot use the image "${image}" as it must be a reference such as web-server:v2.`);
  }
  if (reference.digest === undefined && reference.tag === undefined) {
    throw new TrueupError("invalid", `Cannot use the image "${image}" as it must name a version: it has no tag.`, {
      hint: `Without one it means "latest", which nobody can go back to: write ${image}:VERSION.`,
    });
  }
  if (reference.digest === undefined && reference.tag === "latest") {
    throw new TrueupError(
      "invalid",
      `Cannot use the image "${image}" as its tag must name a version: it is "latest".`,
      {
        hint: `"latest" means something else after the next build: write ${reference.repository}:VERSION.`,
      },
    );
  }
  return { container, image };
}

export interface ImageChange {
  edits: FieldEdit[];
  /** Images set, each once. */
  images: string[];
}

/**
 * The edits that give containers their images; those that have them already need none.
 *
 * @throws {TrueupError} `not-found` when the template has no such container
 */
export function planImages({ spec }: PodTemplate, assignments: readonly ImageAssignment[]): ImageChange {
  const lists = [
    { field: "containers", containers: spec.containers },
    { field: "initContainers", containers: spec.initContainers ?? [] },
  ];
  const all: Container[] = lists.flatMap(({ containers }) => containers);
  for (const { container } of assignments) {
    if (container === "*" || all.some(({ name }) => name === container)) continue;
    throw new TrueupError("not-found", `Cannot set the image of container "${container}" as there must be one.`, {
      hint: `Containers: ${all.map(({ name }) => name).join(", ")}.`,
    });
  }
  const edits: FieldEdit[] = [];
  const images = new Set<string>();
  for (const { field, containers } of lists) {
    for (const [index, { name, image }] of containers.entries()) {
      const wanted = assignments.findLast(({ container }) => container === name || container === "*")?.image;
      if (wanted === undefined) continue;
      images.add(wanted);
      if (wanted === image) continue;
      edits.push({ op: "set", path: ["spec", "template", "spec", field, index, "image"], value: wanted });
    }
  }
  return { edits, images: [...images] };
}
