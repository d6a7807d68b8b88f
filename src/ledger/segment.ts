/**
 * How a ledger's entries stand in Kubernetes objects. Pure.
 *
 * A segment is a Secret, as a revision's pod template may hold what is not public: it has a run of entries, one a key. Its
 * name ends with the number of its first entry, so that making the object is taking the number:
 *
 *     trueup-ledger-000000001             entries 1 to 87, immutable
 *     trueup-ledger-000000088             entries 88 to 95; what comes next is added here
 *
 *     000000088: ending <digest> <hash>   a link, as in chain.ts; alone when retention took the fact out
 *                {"attempt":{"app":…      the fact's content; compressed when it is large, and then the link's line says gzip
 *
 * What retention took something out of is a segment made anew, as the old one cannot be changed: `trueup-ledger-000000001-a000000412`
 * is the edition that belongs to the anchor with number 412. Of two editions the later one counts.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import type { LedgerEntry } from "../model/ledger.ts";
import type { JsonObject, KubeObject } from "../model/object.ts";

/** Version of this form. Segments with a higher one were written by a newer trueup. */
export const SEGMENT_FORMAT = 1;
/** Type of the Secrets, as `kubectl get secrets` shows it. */
export const SEGMENT_TYPE = "trueup/ledger";

export const LABEL = {
  managedBy: "app.kubernetes.io/managed-by",
  component: "app.kubernetes.io/component",
  /** Which ledger. */
  ledger: "trueup/ledger",
} as const;

export const SEGMENT_ANNOTATION = {
  format: "trueup/ledger-format",
  /** Who appends: whoever finds another name here is too late. */
  writer: "trueup/ledger-writer",
  /** For people: `88-95`. */
  entries: "trueup/ledger-entries",
  /** For people: what the last entry is about, and when. */
  last: "trueup/ledger-last",
} as const;

export interface Segment {
  name: string;
  /** Number of its first entry. */
  first: number;
  /** 0, or the number of the anchor for which it was made anew. */
  edition: number;
  entries: LedgerEntry[];
  /** Bytes of its values. */
  bytes: number;
  writer: string;
  isSealed: boolean;
  uid: string;
  resourceVersion: string;
  /** Keys that are no entry: somebody else's. */
  strange: string[];
}

const DIGITS = 9;
/** Larger contents are compressed: a pod template may have a megabyte, and a Secret has room for one. */
const PLAIN_BYTES = 16 * 1024;

export function segmentName(ledger: string, first: number, edition = 0): string {
  const name = `${ledger}-${padded(first)}`;
  return edition === 0 ? name : `${name}-a${padded(edition)}`;
}

/** The first entry and the edition that a name says; `null` when it is no segment's name. */
export function readSegmentName(ledger: string, name: string): { first: number; edition: number } | null {
  const [, first, edition] = /^-(\d{9,15})(?:-a(\d{9,15}))?$/.exec(name.slice(ledger.length)) ?? [];
  if (!name.startsWith(ledger) || first === undefined) return null;
  return { first: Number(first), edition: Number(edition ?? 0) };
}

export function entryKey(seq: number): string {
  return padded(seq);
}

/** An entry as a Secret's value. */
export function encodeEntry({ kind, digest, hash, content }: LedgerEntry): Buffer {
  const link = `${kind} ${digest} ${hash}`;
  if (content === null) return Buffer.from(link);
  if (content.length <= PLAIN_BYTES) return Buffer.from(`${link}\n${content}`);
  return Buffer.concat([Buffer.from(`${link} gzip\n`), gzipSync(content)]);
}

/** The entry that a value is; `null` when no trueup wrote it. */
export function decodeEntry(seq: number, value: Buffer): LedgerEntry | null {
  const newline = value.indexOf("\n");
  const line = (newline < 0 ? value : value.subarray(0, newline)).toString("latin1");
  const [, kind, digest, hash, packed] = /^([a-z-]+) ([0-9a-f]{64}) ([0-9a-f]{64})( gzip)?$/.exec(line) ?? [];
  if (kind === undefined || digest === undefined || hash === undefined) return null;
  if (newline < 0) return packed === undefined ? { seq, kind, digest, hash, content: null } : null;
  const rest = value.subarray(newline + 1);
  const content = packed === undefined ? rest.toString("utf8") : unpacked(rest);
  return content === null ? null : { seq, kind, digest, hash, content };
}

function unpacked(bytes: Buffer): string | null {
  try {
    return gunzipSync(bytes).toString("utf8");
  } catch (error) {
    // Z_DATA_ERROR, Z_BUF_ERROR: it is no gzip, or not whole.
    if ((error as NodeJS.ErrnoException).code?.startsWith("Z_")) return null;
    throw error;
  }
}

export interface SegmentDraft {
  ledger: string;
  first: number;
  edition?: number;
  entries: readonly LedgerEntry[];
  writer: string;
  isSealed: boolean;
}

/** The object of a segment that is to be made. */
export function segmentObject(draft: SegmentDraft): JsonObject {
  const { ledger, first, edition, entries, writer, isSealed } = draft;
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: segmentName(ledger, first, edition),
      labels: { [LABEL.managedBy]: "trueup", [LABEL.component]: "ledger", [LABEL.ledger]: ledger },
      annotations: annotationsOf(first, entries.at(-1), writer),
    },
    type: SEGMENT_TYPE,
    data: dataOf(entries),
    ...(isSealed && { immutable: true }),
  };
}

/** The merge patch that adds an entry to a segment, if it is still as this writer left it. */
export function appendPatch(
  segment: Pick<Segment, "first" | "resourceVersion" | "writer">,
  changed: readonly LedgerEntry[],
  isSealed: boolean,
): JsonObject {
  const { first, resourceVersion, writer } = segment;
  return {
    metadata: { resourceVersion, annotations: annotationsOf(first, changed.at(-1), writer) },
    data: dataOf(changed),
    ...(isSealed && { immutable: true }),
  };
}

/**
 * Reads a segment's object.
 *
 * @param unreadable Called for an entry that no trueup wrote; what it answers is taken instead
 */
export function readSegment(
  ledger: string,
  object: KubeObject,
  unreadable: (seq: number, name: string) => LedgerEntry,
): Segment | null {
  const { name, annotations = {}, uid = "", resourceVersion = "" } = object.metadata;
  const said = readSegmentName(ledger, name);
  if (said === null) return null;
  const data = (object.data ?? {}) as Record<string, string>;
  const strange = Object.keys(data).filter((key) => !/^\d{9,15}$/.test(key));
  const values = Object.entries(data)
    .filter(([key]) => /^\d{9,15}$/.test(key))
    .map(([key, value]) => ({ seq: Number(key), value: Buffer.from(value, "base64") }))
    .sort((a, b) => a.seq - b.seq);
  return {
    ...{ name, ...said, uid, resourceVersion, strange },
    entries: values.map(({ seq, value }) => decodeEntry(seq, value) ?? unreadable(seq, name)),
    bytes: values.reduce((sum, { value }) => sum + value.length, 0),
    writer: annotations[SEGMENT_ANNOTATION.writer] ?? "",
    isSealed: object.immutable === true,
  };
}

/** The form that an object says it has; 1 when it says none. */
export function formatOf(object: KubeObject): number {
  const said = Number(object.metadata.annotations?.[SEGMENT_ANNOTATION.format] ?? SEGMENT_FORMAT);
  return Number.isFinite(said) ? said : Number.POSITIVE_INFINITY;
}

function dataOf(entries: readonly LedgerEntry[]): JsonObject {
  return Object.fromEntries(entries.map((entry) => [entryKey(entry.seq), encodeEntry(entry).toString("base64")]));
}

function annotationsOf(first: number, last: LedgerEntry | undefined, writer: string): JsonObject {
  return {
    [SEGMENT_ANNOTATION.format]: String(SEGMENT_FORMAT),
    [SEGMENT_ANNOTATION.writer]: writer,
    ...(last !== undefined && {
      [SEGMENT_ANNOTATION.entries]: `${first}-${last.seq}`,
      [SEGMENT_ANNOTATION.last]: sentenceOf(last),
    }),
  };
}

/** For people; from what is public in any ledger: never of templates, reasons or messages. */
function sentenceOf({ kind, content }: LedgerEntry): string {
  if (content === null) return `${kind} (removed)`;
  const fact = JSON.parse(content) as Record<string, unknown>;
  const key = fact.attempt ?? (typeof fact.revision === "object" ? fact.revision : fact);
  const { app, commit, ordinal } = key as Record<string, unknown>;
  const what = [fact.type ?? fact.outcome, app, typeof commit === "string" ? commit.slice(0, 7) : undefined];
  const more = typeof ordinal === "number" && ordinal > 1 ? [`(${ordinal})`] : [];
  const at = fact.at ?? fact.endedAt ?? fact.openedAt ?? fact.startedAt ?? fact.removedAt;
  return [at, kind, ...what, ...more].filter((part) => typeof part === "string" && part !== "").join(" ");
}

function padded(number: number): string {
  return String(number).padStart(DIGITS, "0");
}
