/** Images: directories with an OCI image config, named by a reference and fixed by the digest of their content. */

/** The fields of an OCI image config (`config` in image-spec v1.1) that the runtimes use. */
export interface ImageConfig {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  WorkingDir?: string;
}

export interface ImageReference {
  /** As written. */
  text: string;
  /** Everything before the tag and the digest. */
  repository: string;
  /** Last part of the repository's path: names the directory under `images/`. */
  name: string;
  tag?: string;
  /** `sha256:…` */
  digest?: string;
}

/** `registry:5000/path/name`: a colon only before a port, and no part that could be read as a way up (distribution's grammar). */
const REPOSITORY =
  /^(?:[A-Za-z0-9]+(?:[.-]+[A-Za-z0-9]+)*(?::\d+)?\/)?[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*)*$/;

/** Splits `registry:5000/path/name:tag@sha256:…`. Returns `null` when the text is no image reference. */
export function parseImageReference(text: string): ImageReference | null {
  const match =
    /^(?<repository>[^@\s]+?)(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/.exec(
      text,
    );
  const { repository, tag, digest } = match?.groups ?? {};
  if (repository === undefined || !REPOSITORY.test(repository)) return null;
  const name = repository.slice(repository.lastIndexOf("/") + 1);
  return { text, repository, name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

export type ImageResolution =
  | {
      found: true;
      reference: string;
      /** `sha256:…` over the sorted paths, modes and contents. */
      digest: string;
      /** Absolute path of the read-only directory that holds the content. */
      directory: string;
      config: ImageConfig;
    }
  | {
      found: false;
      reference: string;
      /** Why, for the pod's status: `no directory images/web/v9 in commit 3f2c1aa; …`. */
      message: string;
      reason: "ErrImagePull" | "InvalidImageName";
    };

/** Finds images. Filled by the reconciler from git and the configured image paths; asked when a pod is about to run. */
export interface ImageCatalog {
  resolve(reference: string): ImageResolution;
}
