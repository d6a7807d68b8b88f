/** Where an object names images. */
import type { FieldPath } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";

export interface ImagePlace {
  reference: string;
  path: FieldPath;
}

/** The images of an object's pod template, or of a pod. Looks only at what is there: the object need not be valid. */
export function imagePlaces(object: KubeObject): ImagePlace[] {
  const at: FieldPath = object.kind === "Pod" ? ["spec"] : ["spec", "template", "spec"];
  const podSpec = at.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), object);
  if (!isRecord(podSpec)) return [];
  const found: ImagePlace[] = [];
  for (const field of ["initContainers", "containers"]) {
    const containers = podSpec[field];
    if (!Array.isArray(containers)) continue;
    containers.forEach((container: unknown, index) => {
      const reference = isRecord(container) ? container.image : undefined;
      if (typeof reference === "string") found.push({ reference, path: [...at, field, index, "image"] });
    });
  }
  return found;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
