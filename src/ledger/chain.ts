/**
 * The chain that holds a ledger's facts together, whatever they are stored in. Pure: a link's hash covers the hash before
 * it, its number, its kind and the digest of its fact's content, so that no fact can be changed, taken out, put in or moved
 * without all later hashes being different.
 *
 *     digest = SHA-256(content)                       content: canonical JSON of the fact, UTF-8
 *     hash   = SHA-256("trueup ledger 1\n" previous "\n" seq "\n" kind "\n" digest)
 *
 * Digests and hashes are 64 lower-case hexadecimal digits. A link needs the content's digest only: retention takes old
 * facts out and leaves their links, so the chain is walked from its first link for ever, and a hash that was written down
 * years ago is still found in it.
 */
import { createHash } from "node:crypto";
import type {
  AttemptEnding,
  AttemptEvent,
  AttemptKey,
  AttemptOpening,
  ChainHead,
  Revision,
  RevisionEnding,
} from "../model/ledger.ts";
import { canonicalJson } from "./canonical.ts";

export type { ChainHead };

export const FACT_KINDS = ["attempt", "event", "ending", "revision", "revision-ending", "anchor"] as const;
export type FactKind = (typeof FACT_KINDS)[number];

export interface Link extends ChainHead {
  kind: FactKind;
  /** SHA-256 of the fact's content. */
  digest: string;
}

/** What the first link follows. */
export const CHAIN_START: ChainHead = { seq: 0, hash: "0".repeat(64) };

export type RevisionKey = Pick<Revision, "app" | "target" | "uid" | "revision">;

/** What stands for facts that retention took out. */
export interface Anchor {
  removedAt: string;
  /** Attempts taken out. */
  attempts: number;
  /** Links whose facts are gone: first and last number of each run, ascending. */
  links: readonly (readonly [number, number])[];
  /** The last of those links. */
  last: ChainHead;
}

export function contentDigest(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

export function linkHash(previous: string, { seq, kind, digest }: Omit<Link, "hash">): string {
  return createHash("sha256").update(`trueup ledger 1\n${previous}\n${seq}\n${kind}\n${digest}`).digest("hex");
}

/** The link of the next fact. */
export function nextLink(head: ChainHead, kind: FactKind, content: string): Link {
  const unsigned = { seq: head.seq + 1, kind, digest: contentDigest(content) };
  return { ...unsigned, hash: linkHash(head.hash, unsigned) };
}

// ---- Contents: only what the fact says, in one spelling, wherever it is stored ---------------------------------------

export function attemptContent(opening: AttemptOpening): string {
  const { openedAt, ref, authorName, authorEmail, committerName, committerEmail, subject } = opening;
  return contentOf({
    ...keyPart(opening),
    ...{ openedAt, ref, authorName, authorEmail, committerName, committerEmail, subject },
  });
}

export function eventContent(key: AttemptKey, { at, type, message, detail }: AttemptEvent): string {
  return contentOf({ attempt: keyPart(key), at, type, message, detail });
}

export function endingContent(key: AttemptKey, ending: AttemptEnding): string {
  const { endedAt, outcome, reason, planDigest, changes } = ending;
  return contentOf({ attempt: keyPart(key), endedAt, outcome, reason, planDigest, changes });
}

export function revisionContent(fact: Revision): string {
  const { app, target, workload, uid, revision, commit, authorName, authorEmail, subject, file } = fact;
  const { template, templateHash, images, planDigest, startedAt } = fact;
  return contentOf({
    ...{ app, target, workload, uid, revision, commit, authorName, authorEmail, subject, file },
    ...{ template, templateHash, images, planDigest, startedAt },
  });
}

export function revisionEndingContent(key: RevisionKey, { endedAt, outcome, reason }: RevisionEnding): string {
  const { app, target, uid, revision } = key;
  return contentOf({ revision: { app, target, uid, revision }, endedAt, outcome, reason });
}

export function anchorContent({ removedAt, attempts, links, last }: Anchor): string {
  return contentOf({ removedAt, attempts, links, last: { seq: last.seq, hash: last.hash } });
}

function keyPart({ app, target, commit, ordinal }: AttemptKey): AttemptKey {
  return { app, target, commit, ordinal };
}

/** JSON in one spelling. Half a surrogate pair cannot be stored as UTF-8: it is hashed, and stored, as it is read back elsewhere. */
export function contentOf(value: unknown): string {
  const text = canonicalJson(value);
  // JSON spells such a half out. Most texts have none, and are not copied to find that.
  return text.includes("\\ud") ? canonicalJson(wellFormed(value)) : text;
}

function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name.toWellFormed(), wellFormed(part)]));
}

// ---- Walking ---------------------------------------------------------------------------------------------------------

/** A link as it is stored, with its fact as that is stored now. */
export interface StoredLink extends Link {
  /** Place of the fact among those of its kind, growing along the chain; absent where the kind has no order of its own. */
  position?: number;
  /** The fact's canonical content; `null` when there is no such fact. */
  content: string | null;
}

/** The first thing that is wrong. */
export interface ChainProblem {
  /** Number of the link. */
  seq: number;
  kind: "changed" | "missing" | "added" | "moved";
  message: string;
}

/** Walks a chain link by link, and says what is wrong with the first one that is. */
export class ChainWalk {
  readonly #removed: readonly (readonly [number, number])[];
  readonly #positions = new Map<FactKind, number>();
  #head: ChainHead = CHAIN_START;

  /** @param anchors Those of the ledger; each is a fact of the chain itself, so a forged one is found by the walk */
  constructor(anchors: readonly Anchor[]) {
    this.#removed = anchors.flatMap(({ links }) => links);
  }

  get head(): ChainHead {
    return this.#head;
  }

  step(link: StoredLink): ChainProblem | null {
    const { seq, kind, digest, hash, position, content } = link;
    const problem = (what: ChainProblem["kind"], message: string, at = seq): ChainProblem => ({
      seq: at,
      kind: what,
      message: `Entry ${at} ${message}`,
    });
    const next = this.#head.seq + 1;
    if (seq > next) return problem("missing", `is missing: entry ${seq} follows ${next - 1}.`, next);
    if (seq < next) return problem("added", `was put in: the chain begins with entry ${next}.`);
    if (linkHash(this.#head.hash, { seq, kind, digest }) !== hash) {
      return problem("changed", `(${kind}) does not continue the chain: it, or one before it, was changed or moved.`);
    }
    if (content === null && !this.#isRemoved(seq)) {
      return problem("missing", `(${kind}) is missing: its row is gone, and no anchor covers it.`);
    }
    if (content !== null && contentDigest(content) !== digest) {
      return problem("changed", `(${kind}) was changed: its row is not what was recorded.`);
    }
    if (position !== undefined && position <= (this.#positions.get(kind) ?? 0)) {
      return problem("moved", `(${kind}) was moved: its row stands before that of an earlier one.`);
    }
    if (position !== undefined) this.#positions.set(kind, position);
    this.#head = { seq, hash };
    return null;
  }

  #isRemoved(seq: number): boolean {
    return this.#removed.some(([first, last]) => seq >= first && seq <= last);
  }
}
