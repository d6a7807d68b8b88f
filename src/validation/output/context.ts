/** What machine-readable formats need beside the diagnostics. */

export interface OutputContext {
  /** Directory of the repository's root that files are relative to, "" for the root itself: hosts want paths from there. */
  prefix: string;
  /** Every file that was checked. */
  files: readonly string[];
  /** trueup's version. */
  version: string;
}

/** A file's path from the repository's root, with `/`. */
export function rootedPath(file: string, { prefix }: Pick<OutputContext, "prefix">): string {
  return prefix === "" || file.startsWith("/") ? file : `${prefix}/${file}`;
}
