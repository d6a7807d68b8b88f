/** The append-only record: attempts at commits, and the revisions of workloads with their commits. */
import type { JsonObject } from "./object.ts";
import type { CommitId } from "./source.ts";

export const OUTCOMES = ["deployed", "no-op", "superseded", "rejected", "failed", "rolled back", "discarded"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Which attempt: the same commit may come back to the head of a ref (force-push, revert by reset). */
export interface AttemptKey {
  app: string;
  target: string;
  commit: CommitId;
  /** From 1, counting the times this commit came to the head. */
  ordinal: number;
}

export interface AttemptOpening extends AttemptKey {
  /** RFC 3339, UTC, with milliseconds. */
  openedAt: string;
  ref: string;
  authorName: string;
  authorEmail: string;
  /** Who made the commit of the author's change; absent in rows of an older trueup. */
  committerName?: string;
  committerEmail?: string;
  subject: string;
}

/** What is written down about an attempt, before and after its end. */
export const ATTEMPT_EVENTS = {
  /** What its first plan would change; detail: due, the number of changes to make, and what they are. */
  planned: "planned",
  /** All due changes were made. */
  applied: "applied",
  /** Deletions wait for approval; detail: digest. */
  held: "held",
  /** A person approved a plan's deletions; detail: digest, by. */
  approved: "approved",
  /** Approved deletions begin; detail: digest, deletions. */
  deleting: "deleting",
  /** What ran differed from the commit and was repaired; detail: changes. */
  drift: "drift",
  /** Differences that somebody else keeps making, left alone for a while; detail: fields, until. */
  contested: "contested",
  /** Something was tried again, by trueup or by a person (detail: by; anew when it had ended: another attempt follows). */
  retry: "retry",
  /** The changes of one stage begin; detail: phase, wave, step. Only of apps that have several. */
  stage: "stage",
  /** A hook was begun or has succeeded; detail: hook (its name, with the phase), state, object. */
  hook: "hook",
  /** It has failed, and the hooks for that case run before it ends; detail: reason. */
  failing: "failing",
  /** It failed, and another commit is applied in its place; detail: to, reason. */
  rollback: "rollback",
} as const;

export interface AttemptEvent {
  at: string;
  /** One of `ATTEMPT_EVENTS`. */
  type: string;
  message: string;
  detail?: JsonObject;
}

/**
 * Whether an event says that its attempt's commit runs, or the one that was applied in its place: all changes were made but
 * for deletions that wait, or there was none to make. `removeAttempts` asks the same in SQL.
 */
export function saysCarriedOut({ type, detail }: Pick<AttemptEvent, "type" | "detail">): boolean {
  if (type === ATTEMPT_EVENTS.planned) return detail?.due === 0;
  return CARRIED_OUT.has(type);
}

/** Types of events that say by themselves that a commit runs. */
export const CARRIED_OUT: ReadonlySet<string> = new Set([
  ATTEMPT_EVENTS.applied,
  ATTEMPT_EVENTS.held,
  ATTEMPT_EVENTS.rollback,
]);

export interface AttemptEnding {
  endedAt: string;
  outcome: Outcome;
  /** Why, in one sentence; "" for deployed, and for a no-op that left everything well. */
  reason: string;
  planDigest?: string;
  /** Counts by action, as `create`, `update`, `replace`, `delete`, `unchanged`. */
  changes?: Record<string, number>;
}

/** One attempt as read back. `ending` is absent while it is under way. */
export interface Attempt extends AttemptOpening {
  /** Position in the ledger, from 1. */
  row: number;
  events: AttemptEvent[];
  ending?: AttemptEnding;
}

/** A workload's numbered pod template and where it came from. */
export interface Revision {
  app: string;
  target: string;
  /** `apps/Deployment/default/web` */
  workload: string;
  /** The Deployment's uid: a workload deleted and made again starts over. */
  uid: string;
  revision: number;
  commit: CommitId;
  authorName: string;
  authorEmail: string;
  subject: string;
  /** Manifest that declared it in that commit. */
  file: string;
  template: JsonObject;
  /** Template hash, the suffix of its ReplicaSet's name. */
  templateHash: string;
  /** Image reference to digest. */
  images: Record<string, string>;
  planDigest: string;
  startedAt: string;
}

export interface RevisionEnding {
  endedAt: string;
  outcome: "deployed" | "failed" | "superseded";
  reason: string;
}

export interface RevisionRecord extends Revision {
  ending?: RevisionEnding;
}

export interface AttemptQuery {
  app?: string;
  target?: string;
  commit?: CommitId;
  /** Newest first, at most so many. */
  limit?: number;
  onlyOpen?: boolean;
}

/**
 * Appends idempotently: saying the same again changes nothing, saying something else about an ended attempt is an error
 * with code `conflict`. Rows are never rewritten.
 */
export interface Ledger {
  /** @returns The attempt's row */
  open(attempt: AttemptOpening): Promise<number>;
  event(key: AttemptKey, event: AttemptEvent): Promise<void>;
  end(key: AttemptKey, ending: AttemptEnding): Promise<void>;
  /** Newest first. */
  attempts(query: AttemptQuery): Promise<Attempt[]>;
  startRevision(revision: Revision): Promise<void>;
  endRevision(revision: Pick<Revision, "app" | "target" | "uid" | "revision">, ending: RevisionEnding): Promise<void>;
  /** Oldest first. */
  revisions(query: { app?: string; target?: string; workload?: string; uid?: string }): Promise<RevisionRecord[]>;
  /** Digest last recorded for an image reference by a revision of this app, `null` when none used it. */
  imageDigest(
    app: string,
    target: string,
    reference: string,
  ): Promise<{ digest: string; revision: RevisionRecord } | null>;
}

// ---- What the ledger's owner does with it ----------------------------------------------------------------------------

/**
 * What is kept at least; with both rules, an attempt goes only when neither keeps it. With none, all are kept.
 *
 * Revisions are always kept: an undo may address any of them as long as its Deployment lives, and only the cluster knows
 * that. There are few of them compared with attempts and events.
 */
export interface RetentionRules {
  /** So many ended attempts of each app. */
  keepAttempts?: number;
  /** Attempts that ended within so many days of 24 hours. */
  keepDays?: number;
}

/** Where a ledger's chain of hashes has come to. */
export interface ChainHead {
  /** Number of the last link; 0 when there is none. */
  seq: number;
  hash: string;
}

/** One fact with its link, wherever it is stored: `ledger/chain.ts` says what digest and hash are made over. */
export interface LedgerEntry extends ChainHead {
  kind: string;
  /** SHA-256 of the content. */
  digest: string;
  /** Canonical JSON; `null` when retention took it out. */
  content: string | null;
}

/** What walking a ledger's whole chain found. */
export interface LedgerProof {
  intact: boolean;
  /** Entries found intact, from the first one on. */
  entries: number;
  /** Of these, entries whose facts retention removed. */
  removed: number;
  attempts: number;
  revisions: number;
  /** Times of the first and the last fact that is kept, RFC 3339; absent when there is none. */
  from?: string;
  to?: string;
  /** The last intact entry: its hash is worth writing down elsewhere. */
  head: ChainHead;
  /** Number of the entry whose hash was expected; absent when none was, or none has it. */
  expected?: number;
  problem?: { kind: "changed" | "missing" | "added" | "moved"; message: string; seq?: number };
}

/** A ledger as the process sees it that has it open: besides reading and appending, it keeps it small, proves it and copies it. */
export interface DurableLedger extends Ledger {
  /**
   * Removes attempts that the rules do not keep, at most so many, and appends an anchor in their place.
   *
   * @param nowMs Milliseconds since the epoch
   * @returns How many were removed; fewer than `most` when none is left that could be
   */
  retain(rules: RetentionRules, nowMs: number, most: number): Promise<number>;
  /**
   * Walks the chain from its first link.
   *
   * @param expect A head's hash that was written down: it must still be in the chain
   */
  prove(expect?: string): Promise<LedgerProof>;
  /** Everything, oldest first, as it stands when the first entry is asked for: what a backup is made of. */
  entries(): AsyncIterable<LedgerEntry>;
  close(): Promise<void>;
}
