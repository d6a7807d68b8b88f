/** What a running daemon shows through its API: the server knows only this, never how the daemon is wired. */
import type { Backend } from "../model/backend.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Ledger, LedgerProof } from "../model/ledger.ts";
import type { ObjectId } from "../model/object.ts";
import type { Plan } from "../model/plan.ts";
import type { CommitId } from "../model/source.ts";
import type { DaemonStatus } from "../model/status.ts";
import type { WhyAnswer } from "../why/types.ts";

/** A plan, or why there is none: the commit's manifests are invalid. */
export type PlanOutcome =
  | { kind: "planned"; plan: Plan; diagnostics: Diagnostic[] }
  | { kind: "rejected"; app: string; commit: CommitId; diagnostics: Diagnostic[] };

export interface ShutdownRequest {
  /** End the pods (and the kubelet) too; otherwise they keep running and the next daemon adopts them. */
  stopPods: boolean;
}

/** Which object `why` is asked about, and which of its fields: a path, a prefix, the end of one; absent: all. */
export interface WhyQuery extends ObjectId {
  field?: string;
}

export interface DaemonService {
  readonly backend: Backend;
  readonly ledger: Ledger;
  /** Why objects as they are read may be old by now, in a sentence; `null` when they are not. */
  doubt(signal: AbortSignal): Promise<string | null>;
  /** Walks the ledger's chain; `expect` is a head's hash that must still be in it. */
  proveLedger(expect?: string): Promise<LedgerProof>;
  status(): DaemonStatus;
  /** Calls the listener after each change of `status()`; returns what ends that. */
  onChange(listener: () => void): () => void;
  /**
   * Plans an app at a revision (anything `git rev-parse` takes; its head when absent) against what runs. Changes nothing.
   *
   * @param adopt Whether objects that no app applied are taken over; absent: as the daemon does
   * @throws {TrueupError} `not-found` for an unknown app or revision; `unavailable`, `io` when git or the backend cannot be read
   */
  plan(app: string, revision: string | undefined, signal: AbortSignal, adopt?: boolean): Promise<PlanOutcome>;
  /**
   * Says where the values of a live object come from, and what is behind it when it is not well. Secrets are masked.
   *
   * @throws {TrueupError} `not-found`, with names that are near, for an unknown object or field
   */
  why(query: WhyQuery, signal: AbortSignal): Promise<WhyAnswer>;
  /**
   * Lets the held deletions of an app's plan go ahead, if planning again gives the plan of that digest.
   *
   * @throws {TrueupError} `not-found` for an unknown app; `conflict` when nothing is held or the plan is another by now
   */
  approve(app: string, request: { digest: string; by: string }, signal: AbortSignal): Promise<void>;
  /**
   * Ends the attempt whose deletions are held, without them.
   *
   * @throws {TrueupError} `not-found` for an unknown app; `conflict` when none waits
   */
  discard(app: string, request: { by: string }): Promise<void>;
  /**
   * Tries an app's head again.
   *
   * @throws {TrueupError} `not-found` for an unknown app; `conflict` when it has not failed
   */
  retry(app: string, request: { by: string }): Promise<void>;
  /** Starts to shut down; done when everything that is to end has ended. Called at most once by the server. */
  shutdown(request: ShutdownRequest): Promise<void>;
}
