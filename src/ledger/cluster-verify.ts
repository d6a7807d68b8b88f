/** Proves a ledger in the cluster: reads all of its segments at one moment and walks its chain, without a daemon and without writing. */
import type { LedgerEntry, LedgerProof } from "../model/ledger.ts";
import { parseRecord } from "../util/json.ts";
import { FACT_KINDS, type FactKind } from "./chain.ts";
import { anchorOfContent, timeOf } from "./contents.ts";
import { type DatedLink, proveChain } from "./proof.ts";
import type { Segment } from "./segment.ts";
import { SegmentStore, type SegmentStoreOptions } from "./segment-store.ts";

/**
 * Verifies the ledger of that name. An empty one is intact: it is not known how one looked that is gone.
 *
 * @param expect A head's hash that was written down: it must still be in the chain
 * @throws {TrueupError} When it cannot be read
 */
export async function verifyClusterLedger(options: SegmentStoreOptions, expect?: string): Promise<LedgerProof> {
  const store = new SegmentStore(options);
  try {
    return await verifySegments(store, expect);
  } finally {
    store.close();
  }
}

/** Every entry of the ledger of that name, oldest first: for a backup without its daemon. */
export async function readClusterLedger(options: SegmentStoreOptions): Promise<LedgerEntry[]> {
  const store = new SegmentStore(options);
  try {
    return (await readSegments(store)).flatMap(({ entries }) => entries);
  } finally {
    store.close();
  }
}

/** The segments that count, in the order of their entries. @throws {TrueupError} When one has what no trueup wrote */
export async function readSegments(store: SegmentStore): Promise<Segment[]> {
  return latest(await collect(store.list()));
}

export async function verifySegments(store: SegmentStore, expect?: string): Promise<LedgerProof> {
  const segments = latest(await collect(store.list(noEntry)));
  const entries = segments.flatMap((segment) => segment.entries);
  return proveEntries(entries, expect, () => strangeKey(segments));
}

/** Walks entries that were read from anywhere. */
export function proveEntries(
  entries: readonly LedgerEntry[],
  expect?: string,
  added: () => LedgerProof["problem"] | null = () => null,
): LedgerProof {
  const anchors = entries.filter(({ kind, content }) => kind === "anchor" && content !== null).flatMap(anchorsOf);
  return proveChain({ anchors, links: entries.map(linkOf), added, expect });
}

async function collect(segments: AsyncIterable<Segment>): Promise<Segment[]> {
  const all: Segment[] = [];
  for await (const segment of segments) all.push(segment);
  return all;
}

/** A value that is no entry has no digest that a link could have. */
function noEntry(seq: number): LedgerEntry {
  return { seq, kind: "unreadable", digest: "", hash: "", content: null };
}

/** Of segments in the order of their names: the last edition of each. */
function latest(segments: readonly Segment[]): Segment[] {
  return segments.filter(({ first }, index) => segments[index + 1]?.first !== first);
}

function linkOf({ seq, kind, digest, hash, content }: LedgerEntry): DatedLink {
  const isKnown = FACT_KINDS.includes(kind as FactKind);
  const said = content === null ? null : parseRecord(content);
  return {
    ...{ seq, kind: kind as FactKind, digest, hash, content: isKnown ? content : null },
    at: said === null ? null : timeOf(said),
  };
}

/** What a forged anchor says is no matter: its link does not fit. */
function anchorsOf({ content }: LedgerEntry): ReturnType<typeof anchorOfContent>[] {
  const anchor = parseRecord(content ?? "");
  return Array.isArray(anchor?.links) ? [anchorOfContent(content ?? "")] : [];
}

function strangeKey(segments: readonly Segment[]): LedgerProof["problem"] | null {
  const segment = segments.find(({ strange }) => strange.length > 0);
  if (segment === undefined) return null;
  const message = `Key ${segment.strange[0]} of secret ${segment.name} was put in: no entry of the chain has it.`;
  return { kind: "added", message };
}
