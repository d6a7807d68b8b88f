/** Puts a ledger's entries, from a backup or from another ledger, into a cluster that has none of that name. */
import { TrueupError } from "../model/errors.ts";
import type { LedgerEntry, LedgerProof } from "../model/ledger.ts";
import { SEGMENT_LIMITS, type SegmentLimits } from "./cluster-chain.ts";
import { proveEntries } from "./cluster-verify.ts";
import { encodeEntry, type SegmentDraft, segmentName } from "./segment.ts";
import { SegmentStore, type SegmentStoreOptions } from "./segment-store.ts";

const WRITER = "restored";

/**
 * Restores a ledger. May be ended anywhere and begun again with the same entries: the segment with the first entry is made
 * last, and until then no daemon opens the ledger.
 *
 * @param entries All of a ledger, oldest first
 * @returns What they are worth
 * @throws {TrueupError} `invalid`, with nothing written, when the entries are not intact; `conflict` when there is a ledger
 */
export async function restoreClusterLedger(
  options: SegmentStoreOptions,
  entries: readonly LedgerEntry[],
  limits: SegmentLimits = SEGMENT_LIMITS,
): Promise<LedgerProof> {
  const proof = proveEntries(entries);
  const store = new SegmentStore(options);
  if (!proof.intact) {
    const message = `Cannot restore the ledger ${store.place} as its entries must be intact: ${proof.problem?.message}`;
    throw new TrueupError("invalid", message, { hint: "Use another backup; this one was changed or damaged." });
  }
  try {
    const drafts = draftsOf(options.name, entries, limits);
    const there = new Set<string>();
    for await (const { name, first, entries: found } of store.list()) {
      const draft = drafts.find((each) => each.first === first);
      const isSame = draft !== undefined && first !== 1 && JSON.stringify(draft.entries) === JSON.stringify(found);
      if (!isSame || name !== segmentName(options.name, first)) throw taken(store.place, name);
      there.add(name);
    }
    for (const draft of drafts.reverse()) {
      if (!there.has(segmentName(options.name, draft.first))) await store.create(draft);
    }
    return proof;
  } finally {
    store.close();
  }
}

function draftsOf(ledger: string, entries: readonly LedgerEntry[], limits: SegmentLimits): SegmentDraft[] {
  const drafts: (SegmentDraft & { entries: LedgerEntry[] })[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = encodeEntry(entry).length;
    const last = drafts.at(-1);
    if (last === undefined || bytes + size > limits.bytes || last.entries.length >= limits.entries) {
      drafts.push({ ledger, first: entry.seq, entries: [entry], writer: WRITER, isSealed: true });
      bytes = size;
    } else {
      last.entries.push(entry);
      bytes += size;
    }
  }
  return drafts;
}

function taken(place: string, secret: string): TrueupError {
  const message = `Cannot restore the ledger ${place} as there must be none: it has secret ${secret}.`;
  return new TrueupError("conflict", message, { hint: "Restore it under another name, or remove its Secrets first." });
}
