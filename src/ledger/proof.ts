/** What a walk along a ledger's whole chain proves, whatever the ledger is stored in. Pure. */
import type { LedgerProof } from "../model/ledger.ts";
import { type Anchor, ChainWalk, type StoredLink } from "./chain.ts";

export interface DatedLink extends StoredLink {
  /** When its fact was written, RFC 3339; `null` when the fact is gone. */
  at: string | null;
}

export interface ChainToProve {
  /** All anchors, oldest first. */
  anchors: readonly Anchor[];
  /** In the order of their numbers. */
  links: Iterable<DatedLink>;
  /** Looks for a fact that no link names; asked when the links are intact. */
  added: () => LedgerProof["problem"] | null;
  /** A head's hash that was written down. */
  expect: string | undefined;
}

export function proveChain({ anchors, links, added, expect }: ChainToProve): LedgerProof {
  const walk = new ChainWalk(anchors);
  const proof: Omit<LedgerProof, "head"> = { intact: false, entries: 0, removed: 0, attempts: 0, revisions: 0 };
  for (const { at, ...link } of links) {
    const problem = walk.step(link);
    if (problem !== null) return { ...proof, head: walk.head, problem };
    proof.entries += 1;
    if (link.content === null) proof.removed += 1;
    else if (link.kind === "attempt") proof.attempts += 1;
    else if (link.kind === "revision") proof.revisions += 1;
    if (at !== null) {
      proof.from ??= at;
      proof.to = at;
    }
    if (link.hash === expect) proof.expected = link.seq;
  }
  const problem = added() ?? missedHash(expect, proof.expected);
  return { ...proof, head: walk.head, ...(problem === null ? { intact: true } : { problem }) };
}

function missedHash(expect: string | undefined, found: number | undefined): LedgerProof["problem"] | null {
  if (expect === undefined || found !== undefined) return null;
  const message = `No entry has the expected hash ${expect}: the end of the chain was cut off, or it was written anew.`;
  return { kind: "missing", message };
}
