/** Where objects live. Small on purpose: anyone can write one and prove it with the conformance suite. */
import type { KubeObject, ObjectId } from "./object.ts";
import type { AdoptedFrom, Observed } from "./plan.ts";

/** What a backend can and cannot do; callers ask this, never its name. */
export interface BackendCapabilities {
  readonly name: string;
  /** Whether `dryRun` is answered without a round trip to another machine. */
  readonly cheapDryRun: boolean;
  /** Whether pods run from `images/` directories, so that image digests are known and re-used tags can be refused. */
  readonly localImages: boolean;
  /** Whether `logs` can follow. */
  readonly followLogs: boolean;
  /** Kinds that can be applied, as `group/Kind`; `null` when the server decides. */
  readonly kinds: readonly string[] | null;
}

export interface ListQuery {
  /** All kinds when absent. */
  group?: string;
  kind?: string;
  /** All namespaces when absent. */
  namespace?: string;
  name?: string;
  /** Only objects that this app applied. */
  owner?: string;
}

export interface ObjectList {
  items: Observed[];
  /** Version of the store that the list shows; a watch from here misses nothing. */
  version: string;
}

export type WatchEvent =
  | { type: "added" | "modified" | "deleted"; observed: Observed; version: string }
  /** Everything up to `version` was sent. */
  | { type: "bookmark"; version: string };

export interface ApplyRequest {
  desired: KubeObject;
  /** App that applies. An object that another app owns is refused with code `conflict`. */
  owner: string;
  /** App that gives the object up: from this one, and no other, it is taken over. */
  from?: string;
  /**
   * Take an object over that no app applied, whatever it is like: what the tool that applied it set and `desired` does not
   * declare is removed, as far as the backend knows which tool set what. Without it such an object must be as declared.
   */
  adopt?: boolean;
  /**
   * Of a dry run alone: what would be said to the object once the present one is deleted, which is not done before that is known.
   * A backend that does not know of this answers as if it were an update.
   */
  anew?: boolean;
  /** All that the app is about to apply, this one among it: who keeps a record of what an app has can write it once. */
  beside?: readonly ObjectId[];
}

export interface ApplyResult {
  action: "create" | "update" | "unchanged";
  /** The object after the change, as stored, or as it would be stored for a dry run. */
  object: KubeObject;
  /**
   * False when the object is as declared, but some of it only happens to be so: applying records that the app declares it, so
   * that it goes when git drops it.
   */
  isRecorded?: boolean;
  /** Of an adoption, where the backend knows. */
  adopted?: AdoptedFrom;
}

export interface DeleteRequest {
  id: ObjectId;
  /** Refused with `conflict` when the live object has another uid. */
  uid?: string;
  /** Refused with `forbidden` when another app, or none, applied it; absent: the caller vouches (a person's order). */
  owner?: string;
  gracePeriodSeconds?: number;
}

export interface LogQuery {
  namespace: string;
  pod: string;
  container?: string;
  follow?: boolean;
  /** Only the last so many lines. */
  tail?: number;
  /** Of the container's previous run. */
  previous?: boolean;
}

/**
 * The object API. Every call ends early with the signal's reason when it is aborted.
 *
 * A read that fails or is partial is an error, never a shorter answer: "absent" means that it was looked for and is
 * not there. Errors are `TrueupError`s: `not-found`, `conflict`, `forbidden`, `invalid`, `unavailable`, `io`.
 */
export interface Backend {
  readonly capabilities: BackendCapabilities;
  list(query: ListQuery, signal: AbortSignal): Promise<ObjectList>;
  /** Whether objects of a kind live in namespaces; `null` when the kind is not known. Absent: what git says is all that is known. */
  isNamespaced?(kind: { group: string; kind: string }, signal: AbortSignal): Promise<boolean | null>;
  /** Changes after `version`, in order. Code `not-found` when that version is too old: list again. */
  watch(query: ListQuery, version: string, signal: AbortSignal): AsyncIterable<WatchEvent>;
  dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult>;
  /** Creates or updates: what git declares is set, what trueup applied and git no longer declares is removed, the rest stays. */
  apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult>;
  /** Starts deletion; done when the object is gone from lists, or at once when it is not there. */
  delete(request: DeleteRequest, signal: AbortSignal): Promise<void>;
  /** Lines without their line ends. */
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string>;
}
