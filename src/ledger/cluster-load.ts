/** Reads a ledger in the cluster from its first entry, and makes this daemon the one that writes to it. */
import type { LedgerEntry } from "../model/ledger.ts";
import { ClusterChain, type ClusterChainOptions } from "./cluster-chain.ts";
import { contradictory, unreadable } from "./cluster-trouble.ts";
import { anchorOfContent } from "./contents.ts";
import { LedgerMemory } from "./ledger-memory.ts";
import type { Segment } from "./segment.ts";

export interface LoadOptions extends Omit<ClusterChainOptions, "absorb"> {
  keptOfApp?: number;
}

/** @throws {TrueupError} As `openClusterLedger` */
export async function loadChain({ keptOfApp, ...options }: LoadOptions): Promise<[ClusterChain, LedgerMemory]> {
  const { store } = options;
  const memory = new LedgerMemory(keptOfApp);
  const covered: (readonly [number, number])[] = [];
  const absorb = (entry: LedgerEntry): void => {
    try {
      memory.absorb(entry);
      if (entry.kind === "anchor") covered.push(...anchorOfContent(entry.content ?? "{}").links);
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) throw unreadable(store.place, entry.seq, error);
      throw error;
    }
  };
  const chain = new ClusterChain({ ...options, absorb });
  const replaced: { old: Segment; by: Segment }[] = [];
  let waiting: Segment | null = null;
  for await (const segment of store.list()) {
    // A later edition follows the one that it replaces: a daemon was ended between making it and deleting that one.
    if (waiting?.first === segment.first) replaced.push({ old: waiting, by: segment });
    else if (waiting !== null) chain.place(waiting);
    waiting = segment;
  }
  if (waiting !== null) chain.place(waiting);
  if (memory.orphan !== null) throw unreadable(store.place, memory.orphan);
  for (const { old, by } of replaced) {
    if (!isReplacedBy(old, by, covered)) throw contradictory(store.place, old.name, by.name);
  }
  await chain.claim();
  for (const { old } of replaced) await store.remove(old);
  await chain.strip();
  return [chain, memory];
}

/** Whether a later edition has the same links, and lacks only contents that anchors cover. */
function isReplacedBy(old: Segment, by: Segment, covered: readonly (readonly [number, number])[]): boolean {
  const later = new Map(by.entries.map((entry) => [entry.seq, entry]));
  return old.entries.every(({ seq, hash, content }) => {
    const entry = later.get(seq);
    if (entry?.hash !== hash) return false;
    if (entry.content === content) return true;
    return entry.content === null && covered.some(([first, last]) => seq >= first && seq <= last);
  });
}
