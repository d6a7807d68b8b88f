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

/**
 * Entries of a raw tree, `<mode> SP <name> NUL <hash>` each, in git's order.
 *
 * @param hashBytes 20 for sha1, 32 for sha256
 * @throws {TrueupError} `invalid`, when the bytes are no tree
 */
export function parseTree(raw: Buffer, hashBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < raw.length; ) {
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
    at = end;
  }
  return entries;
}

/** Whether the name's bytes are no UTF-8: the decoder then put U+FFFD, and encoding again gives other bytes. */
function hasBrokenName(raw: Buffer, start: number, end: number, name: string): boolean {
  return name.includes("\ufffd") && !Buffer.from(name, "utf8").equals(raw.subarray(start, end));
}

/**
 * A raw commit. Control characters in names and in the subject show as U+FFFD, so that a commit cannot steer a terminal.
 *
 * @throws {TrueupError} `invalid`, when the bytes are no commit
 */
export function parseCommit(id: CommitId, raw: Buffer): CommitInfo {
  const gap = raw.indexOf("\n\n");
  const head = raw.subarray(0, gap < 0 ? raw.length : gap);
  const label = /^encoding (.+)$/m.exec(head.toString("latin1"))?.[1];
  const header = decode(head, label);
  const message = gap < 0 ? "" : decode(raw.subarray(gap + 2), label);
  const fields: {
    tree?: string[];
    parent?: string[];
    author?: string[];
    committer?: string[];
    [name: string]: string[] | undefined;
  } = {};
  for (const line of header.split("\n")) {
    // A line that starts with a space continues a signature.
    const space = line.indexOf(" ");
    if (space <= 0) continue;
    const field = line.slice(0, space);
    fields[field] = [...(fields[field] ?? []), line.slice(space + 1)];
  }
  const tree = fields.tree?.[0];
  if (tree === undefined)
    throw new TrueupError("invalid", `Cannot read commit ${id} as it must name a tree: it does not.`);
  const author = parsePerson(fields.author?.[0] ?? "");
  return {
    id,
    parents: (fields.parent ?? []).map(asCommitId),
    tree: asObjectHash(tree),
    authorName: author.name,
    authorEmail: author.email,
    authoredAt: author.at,
    committedAt: parsePerson(fields.committer?.[0] ?? "").at,
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
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, "\ufffd");
}
