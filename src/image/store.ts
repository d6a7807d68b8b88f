/** Images found in git and on disk, materialised once by content, and looked up by reference. */
import type { Repository } from "../git/repository.ts";
import type { ImageCatalog, ImageResolution } from "../model/image.ts";
import type { CommitId } from "../model/source.ts";

export interface ImageUpdate {
  repository: Repository;
  commit: CommitId;
  /** Image references as the manifests write them. */
  references: readonly string[];
  /** Directories on disk, searched after the repository, in order. */
  imagePaths: readonly string[];
  signal?: AbortSignal;
}

export class ImageStore implements ImageCatalog {
  /** @param _directory `<state>/images`; made when absent. What a crash left half done is removed */
  static open(_directory: string): Promise<ImageStore> {
    throw new Error("stub");
  }
  /** Looks the references up at a commit. Earlier references stay known. A failed read is an error, and changes nothing. */
  update(_request: ImageUpdate): Promise<void> {
    throw new Error("stub");
  }
  resolve(_reference: string): ImageResolution {
    throw new Error("stub");
  }
  /** Reference to digest, for those that are found. */
  digests(_references: readonly string[]): Record<string, string> {
    throw new Error("stub");
  }
  /** Removes every image but these (`sha256:…`); gives the digests removed. */
  prune(_keep: Iterable<string>): Promise<string[]> {
    throw new Error("stub");
  }
}
