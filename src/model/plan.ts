/** What trueup would do for one app at one commit. */
import type { Declared } from "./manifest.ts";
import type { KubeObject, ObjectId } from "./object.ts";
import type { SyncPhase } from "./ordering.ts";
import type { CommitId } from "./source.ts";

export type ChangeAction = "create" | "update" | "replace" | "delete" | "unchanged";

/** One field that differs. Values of Secrets are already redacted. */
export interface FieldChange {
  /** `spec.template.spec.containers[name=web].image`: list items are named by their merge key where there is one. */
  path: string;
  kind: "add" | "remove" | "change";
  before?: unknown;
  after?: unknown;
  /** Who set what is there now, when that was not trueup, as far as the backend tells. */
  setBy?: { manager: string; at?: string };
}

/** An object as the backend reports it. */
export interface Observed {
  object: KubeObject;
  /** The part that trueup applied last, as it was then; `null` when trueup never applied the object. */
  applied: KubeObject | null;
  /** App that applied it, `null` when none did. */
  owner: string | null;
}

/** Whose an object was that an app adopts. */
export interface AdoptedFrom {
  /** Managers whose fields are the app's then: `kubectl-client-side-apply`. */
  managers: readonly string[];
  /** What else says that the object is its own, for people: `Helm release shop/web`. It must give it up. */
  claims: readonly string[];
}

export interface Change {
  action: ChangeAction;
  id: ObjectId;
  /** Absent for deletes. */
  declared?: Declared;
  /** Absent for creates. */
  observed?: Observed;
  fields: FieldChange[];
  /** Pods that the change replaces: the workload's pod template changes. */
  restartsPods: boolean;
  /** What of the watched configuration changed, as `configmap/web changed`; absent when nothing did. */
  configChanges?: string[];
  /** Why a delete waits for approval; absent when it may go ahead. */
  held?: string;
  /** App that gives the object up to this one, as another directory declares it now. */
  from?: string;
  /** What is sent in place of what is declared: some of its fields stay with others. */
  sent?: KubeObject;
  /** The object was there, applied by no app: an operator lets this one take it over. */
  adopts?: true;
  /** Whose the object was, as a dry run of the adoption tells. */
  adopted?: AdoptedFrom;
  /** RFC 3339: until then the difference is left alone, as somebody else keeps making it. */
  contestedUntil?: string;
  /** Index into the plan's stages; absent when there is one stage only. */
  stage?: number;
  /** The object is a hook: it is made anew, runs once, and is no part of what is kept. */
  hook?: HookRun;
}

/** One run of a hook. */
export interface HookRun {
  phase: SyncPhase;
  /** Names the run; the object carries it, so that a restarted daemon knows it again. */
  run: string;
}

/** Changes of one stage are made together; the next one is made when all that this and earlier ones declare is well. */
export interface Stage {
  phase: SyncPhase;
  wave: number;
  /** From 0, within the wave: what depends on others comes after them. */
  step: number;
}

export interface Plan {
  app: string;
  commit: CommitId;
  /** In the order in which they are applied; unchanged objects are counted only. */
  changes: Change[];
  unchanged: number;
  /** Those that have changes, first to last; absent when the app has one stage only. */
  stages?: readonly Stage[];
  /** SHA-256 over commit, app, ordered operations, stages, field paths and blob ids; never over values. `sha256:…` */
  digest: string;
}
