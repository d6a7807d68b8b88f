/** Which image a tag stood for, where the nodes fetched it: by what the pods that run it say. Pure. */
import type { Pod } from "../model/workload.ts";

/** The digest of an image's manifest; an id without a repository is that of a node's own copy, which no registry knows. */
const DIGEST = /@(sha256:[0-9a-f]{64})$/;

/** Image reference to digest, of those that are known. A reference that carries a digest is known by itself. */
export function digestsKnown(references: readonly string[], pods: readonly Pod[]): Record<string, string> {
  const known: Record<string, string> = {};
  for (const reference of references) {
    const own = DIGEST.exec(reference)?.[1];
    if (own !== undefined) known[reference] = own;
  }
  for (const { spec, status } of pods) {
    const images = new Map(
      [...(spec.initContainers ?? []), ...spec.containers].map(({ name, image }) => [name, image]),
    );
    for (const { name, imageID } of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]) {
      const reference = images.get(name);
      const digest = DIGEST.exec(imageID ?? "")?.[1];
      if (reference === undefined || digest === undefined || !references.includes(reference)) continue;
      known[reference] ??= digest;
    }
  }
  return known;
}
