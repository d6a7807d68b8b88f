/** What comes out of git: commits, files, and places in them. */

/** A full, lower-case object id (40 or 64 hexadecimal digits). Made only by `src/git/` and by `asCommitId`. */
export type CommitId = string & { readonly __commitId: unique symbol };
/** Object id of a blob or tree. */
export type ObjectHash = string & { readonly __objectHash: unique symbol };

const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** @throws {RangeError} If the text is not a full object id */
export function asCommitId(text: string): CommitId {
  if (!OBJECT_ID.test(text))
    throw new RangeError(`Cannot read a commit id as it must be 40 or 64 hex digits: "${text}"`);
  return text as CommitId;
}

/** @throws {RangeError} If the text is not a full object id */
export function asObjectHash(text: string): ObjectHash {
  if (!OBJECT_ID.test(text))
    throw new RangeError(`Cannot read an object id as it must be 40 or 64 hex digits: "${text}"`);
  return text as ObjectHash;
}

/** The first seven digits, as people quote commits. */
export function shortId(commit: CommitId): string {
  return commit.slice(0, 7);
}

export interface CommitInfo {
  id: CommitId;
  parents: CommitId[];
  tree: ObjectHash;
  authorName: string;
  authorEmail: string;
  /** RFC 3339, UTC. */
  authoredAt: string;
  committerName: string;
  committerEmail: string;
  committedAt: string;
  /** First line of the message. */
  subject: string;
}

/** A file of a tree. Symbolic links and submodules are never listed as files. */
export interface TreeFile {
  /** Relative to the repository's root, with `/`; never absolute, never containing `..`. */
  path: string;
  blob: ObjectHash;
  executable: boolean;
}

/** A place in a file, counted from 1 as editors do. Columns count UTF-16 code units. */
export interface Position {
  line: number;
  column: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export interface Location extends Position {
  file: string;
  end?: Position;
}
