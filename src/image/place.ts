/** A place that may hold images by name and tag. */
import type { ImageSource } from "./content.ts";

export interface ImagePlace {
  /** For messages, `web/v1` in this place: `images/web/v1 in commit 3f2c1aa`. */
  describe(directory: string): string;
  /** Tags of a name, in a stable order; none when there is no such name. */
  tags(name: string): Promise<string[]>;
  /**
   * The image of a name and tag, both safe path segments; null when there is no such directory.
   *
   * @throws {TrueupError} `invalid` when it may not be used; another code when the place cannot be read
   */
  find(name: string, tag: string): Promise<ImageSource | null>;
}
