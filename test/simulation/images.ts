/** The images of a simulated machine: every one has a digest, and another one once its directory in git changes. */
import type { ImageStore } from "../../src/image/store.ts";
import { scenarioCatalog } from "../../src/kubelet/scenario.ts";
import { SCENARIO } from "./app.ts";

/** Outlives daemons, as the image store's directory does. */
export class SimulatedImages implements Pick<ImageStore, "update" | "digests"> {
  readonly catalog = scenarioCatalog(SCENARIO);
  readonly #digests = new Map<string, string>();

  async update({ repository, commit, references }: Parameters<ImageStore["update"]>[0]): Promise<void> {
    for (const reference of references) {
      const found = this.catalog.resolve(reference);
      if (!found.found) continue;
      const tree = await repository.treeAt(commit, `images/${reference.replace(":", "/")}`);
      this.#digests.set(reference, tree === null ? found.digest : `sha256:${tree.padEnd(64, "0")}`);
    }
  }

  digests(references: readonly string[]): Record<string, string> {
    return Object.fromEntries(
      references.flatMap((reference) => {
        const digest = this.#digests.get(reference);
        return digest === undefined ? [] : [[reference, digest]];
      }),
    );
  }
}
