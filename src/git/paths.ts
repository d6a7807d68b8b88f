/** Which names of a repository may be used as paths and as refs. Pure. */
import { TrueupError } from "../model/errors.ts";

/**
 * Whether a name is one path segment that stays where it is: not empty, `.` or `..`, without `/` and NUL, and not `.git`
 * in any spelling that some file system takes for it (case, trailing dots and spaces, NTFS' short name).
 */
export function isSafeSegment(name: string): boolean {
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) return false;
  const folded = name.normalize("NFC").replace(/[\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, "");
  return !/^(?:\.git|git~1)[. ]*$/i.test(folded);
}

/** Whether a path is relative to the repository's root, with `/`, and every segment of it is safe. */
export function isSafePath(path: string): boolean {
  return path.split("/").every(isSafeSegment);
}

/** @throws {TrueupError} `invalid`, when the path could leave the repository or reach into its git directory */
export function assertSafePath(path: string, doing: string): void {
  if (isSafePath(path)) return;
  throw new TrueupError(
    "invalid",
    `Cannot ${doing} as the path must lie inside the repository and outside .git: it is ${JSON.stringify(path)}.`,
    { hint: "Give a path relative to the repository's root, without `..`." },
  );
}

/**
 * A directory of a repository in the one spelling that is used inside: `""` for the root, else without `./` in front and
 * `/` at the end.
 *
 * @throws {TrueupError} As `assertSafePath`
 */
export function normaliseDirectory(path: string, doing: string): string {
  const bare = path.replace(/^(?:\.\/+)+/, "").replace(/\/+$/, "");
  if (bare === "" || bare === ".") {
    if (path.startsWith("/")) assertSafePath(path, doing);
    return "";
  }
  assertSafePath(bare, doing);
  return bare;
}

/**
 * Whether git accepts the text as a full ref name, or it is `HEAD`. Stricter than git in nothing that people use.
 *
 * @see git-check-ref-format(1)
 */
export function isSafeRefName(ref: string): boolean {
  if (ref === "HEAD") return true;
  if (!/^refs\/[^/]+\/[^/]/.test(ref) && ref !== "refs/stash") return false;
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.$|\/$/.test(ref)) return false;
  return ref.split("/").every((part) => !part.startsWith(".") && !part.startsWith("-") && !part.endsWith(".lock"));
}

/** @throws {TrueupError} `invalid`, when the text is neither `HEAD` nor a full ref name */
export function assertSafeRefName(ref: string, doing: string): void {
  if (isSafeRefName(ref)) return;
  throw new TrueupError(
    "invalid",
    `Cannot ${doing} as the ref must be HEAD or a full name such as refs/heads/main: it is ${JSON.stringify(ref)}.`,
  );
}
