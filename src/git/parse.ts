/** Reads git's raw trees and commits. Pure. */
import { TrueupError } from "../model/errors.ts";
import { asCommitId, asObjectHash, type CommitId, type CommitInfo, type ObjectHash } from "../model/source.ts";
import { isSafeSegment } from "./paths.ts";
import type { EntryKind, TreeEntry } from "./types.ts";

const KINDS: Readonly<Record<string, EntryKind>> = {
  "100644": "file",
  // Written by very old gits; they mean a plain file.
  "100664": "file",
  "100755": "executable",
  "40000": "tree",
  "040000": "tree",
  "120000": "symlink",
  "160000": "submodule",
};

const NUL = 0;
const SPACE = 0x20;

/** A tree, with what makes it cheap to read the next version of the same directory. */
export interface ParsedTree {
  /** In git's order. */
  entries: readonly TreeEntry[];
  raw: Buffer;
  /** Where each entry ends in `raw`. */
  ends: readonly number[];
}

/**
 * Reads a raw tree: `<mode> SP <name> NUL <hash>` per entry.
 *
 * @param hashBytes 20 for sha1, 32 for sha256
 * @param like A tree that is probably much the same: entries at its beginning and end that are equal are taken from it,
 *   which makes one change among 10,000 files cost what the change costs
 * @throws {TrueupError} `invalid`, when the bytes are no tree
 */
export function parseTree(raw: Buffer, hashBytes: number, like?: ParsedTree): ParsedTree {
  const entries: TreeEntry[] = [];
  const ends: number[] = [];
  if (like === undefined) {
    parseEntries(raw, hashBytes, { from: 0, to: raw.length }, entries, ends);
    return { entries, raw, ends };
  }
  const { first, last, from, to } = sharedEnds(raw, like);
  const parsedTo = parseEntries(raw, hashBytes, { from, to }, entries, ends);
  // Bytes can be equal without being the same entries; then nothing is taken over.
  if (parsedTo !== to) return parseTree(raw, hashBytes);
  const shift = raw.length - like.raw.length;
  return {
    entries: [...like.entries.slice(0, first), ...entries, ...like.entries.slice(last)],
    raw,
    ends: [...like.ends.slice(0, first), ...ends, ...like.ends.slice(last).map((end) => end + shift)],
  };
}

/** Parses until `to` is reached or passed. @returns Where it ended */
function parseEntries(
  raw: Buffer,
  hashBytes: number,
  { from, to }: { from: number; to: number },
  entries: TreeEntry[],
  ends: number[],
): number {
  let at = from;
  while (at < to) {
    const space = raw.indexOf(SPACE, at);
    const nul = raw.indexOf(NUL, space + 1);
    const end = nul + 1 + hashBytes;
    if (space < 0 || nul < 0 || end > raw.length) {
      throw new TrueupError("invalid", `Cannot read a tree as its entries must be whole: one at byte ${at} is not.`);
    }
    const name = raw.toString("utf8", space + 1, nul);
    const kind = KINDS[raw.toString("latin1", at, space)] ?? "unusable";
    const usable = isSafeSegment(name) && !hasBrokenName(raw, space + 1, nul, name);
    // Sliced from a hash of the right length, so it needs no check of its own: there may be 10,000 of them.
    const hash = raw.toString("hex", nul + 1, end) as ObjectHash;
    entries.push({ name, kind: usable ? kind : "unusable", hash });
    ends.push(end);
    at = end;
  }
  return at;
}

/**
 * Entries that two trees share at their beginning and end: those of `like` before index `first` and from index `last` on.
 * What lies between is in `raw` from byte `from` to byte `to`.
 */
function sharedEnds(raw: Buffer, like: ParsedTree): { first: number; last: number; from: number; to: number } {
  const shortest = Math.min(raw.length, like.raw.length);
  const equal = commonPrefix(raw, like.raw, shortest);
  let first = lowerBound(like.ends, equal);
  if (like.ends[first] === equal) first++;
  const from = like.ends[first - 1] ?? 0;
  const room = shortest - from;
  const equalAtEnd = commonSuffix(raw, like.raw, room);
  // Entry k starts where entry k - 1 ends.
  const last = Math.max(first, lowerBound(like.ends, like.raw.length - equalAtEnd) + 1);
  const start = last >= like.ends.length ? like.raw.length : (like.ends[last - 1] ?? 0);
  return { first, last: Math.min(last, like.ends.length), from, to: raw.length - (like.raw.length - start) };
}

/** Index of the first number that is not less; they ascend. */
function lowerBound(numbers: readonly number[], value: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Compared in blocks, natively: byte by byte is slower than reading the tree anew. */
const BLOCK = 4096;

function commonPrefix(a: Buffer, b: Buffer, limit: number): number {
  let at = 0;
  while (at + BLOCK <= limit && a.compare(b, at, at + BLOCK, at, at + BLOCK) === 0) at += BLOCK;
  while (at < limit && a[at] === b[at]) at++;
  return at;
}

function commonSuffix(a: Buffer, b: Buffer, limit: number): number {
  const [x, y] = [a.length, b.length];
  let count = 0;
  while (count + BLOCK <= limit && a.compare(b, y - count - BLOCK, y - count, x - count - BLOCK, x - count) === 0)
    count += BLOCK;
  while (count < limit && a[x - count - 1] === b[y - count - 1]) count++;
  return count;
}

/** Whether the name's bytes are no UTF-8: the decoder then put U+FFFD, and encoding again gives other bytes. */
function hasBrokenName(raw: Buffer, start: number, end: number, name: string): boolean {
  return name.includes("\ufffd") && !Buffer.from(name, "utf8").equals(raw.subarray(start, end));
}

/**
 * A raw commit. Control characters in names and in the subject show as U+FFFD, and so do those that reorder text, so that a
 * commit can neither steer a terminal nor read as what it is not.
 *
 * @throws {TrueupError} `invalid`, when the bytes are no commit
 */
export function parseCommit(id: CommitId, raw: Buffer): CommitInfo {
  const gap = raw.indexOf("\n\n");
  const head = raw.subarray(0, gap < 0 ? raw.length : gap);
  const label = /^encoding (.+)$/m.exec(head.toString("latin1"))?.[1];
  const header = decode(head, label);
  const message = gap < 0 ? "" : decode(raw.subarray(gap + 2), label);
  // Not an object: a commit may have a header line named "constructor".
  const fields = new Map<string, string[]>();
  for (const line of header.split("\n")) {
    // A line that starts with a space continues a signature.
    const space = line.indexOf(" ");
    if (space <= 0) continue;
    const field = line.slice(0, space);
    const values = fields.get(field);
    if (values === undefined) fields.set(field, [line.slice(space + 1)]);
    else values.push(line.slice(space + 1));
  }
  const tree = fields.get("tree")?.[0];
  if (tree === undefined)
    throw new TrueupError("invalid", `Cannot read commit ${id} as it must name a tree: it does not.`);
  const author = parsePerson(fields.get("author")?.[0] ?? "");
  const committer = parsePerson(fields.get("committer")?.[0] ?? "");
  return {
    id,
    parents: (fields.get("parent") ?? []).map(asCommitId),
    tree: asObjectHash(tree),
    authorName: author.name,
    authorEmail: author.email,
    authoredAt: author.at,
    committerName: committer.name,
    committerEmail: committer.email,
    committedAt: committer.at,
    subject: printable(message.replace(/^\n+/, "").split("\n", 1)[0] ?? "").trim(),
  };
}

function decode(bytes: Buffer, label: string | undefined): string {
  if (label === undefined) return bytes.toString("utf8");
  try {
    return new TextDecoder(label).decode(bytes);
  } catch (error) {
    // An encoding that nobody knows spoils some letters, not the commit.
    if (error instanceof RangeError) return bytes.toString("utf8");
    throw error;
  }
}

/** `Name <email> <seconds> <zone>`; a date that cannot be read is the epoch, as git shows it. */
function parsePerson(text: string): { name: string; email: string; at: string } {
  const match = /^(?<name>[^<]*)<(?<email>[^>]*)>(?:\s+(?<seconds>-?\d+))?/.exec(text);
  const { name = "", email = "", seconds = "0" } = match?.groups ?? {};
  const date = new Date(Number(seconds) * 1000);
  const at = Number.isNaN(date.getTime()) || date.getTime() < 0 ? new Date(0) : date;
  return { name: printable(name.trim()), email: printable(email), at: at.toISOString().replace(/\.\d+Z$/, "Z") };
}

function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
