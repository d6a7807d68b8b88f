/** What trueup would do for one app at one commit. */
import type { Declared } from "./manifest.ts";
import type { KubeObject, ObjectId } from "./object.ts";
import type { CommitId } from "./source.ts";

export type ChangeAction = "create" | "update" | "replace" | "delete" | "unchanged";

/** One field that differs. Values of Secrets are already redacted. */
export interface FieldChange {
  /** `spec.template.spec.containers[name=web].image`: list items are named by their merge key where there is one. */
  path: string;
  kind: "add" | "remove" | "change";
  before?: unknown;
  after?: unknown;
}

/** An object as the backend reports it. */
export interface Observed {
  object: KubeObject;
  /** The part that trueup applied last, as it was then; `null` when trueup never applied the object. */
  applied: KubeObject | null;
  /** App that applied it, `null` when none did. */
  owner: string | null;
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
  /** RFC 3339: until then the difference is left alone, as somebody else keeps making it. */
  contestedUntil?: string;
}

export interface Plan {
  app: string;
  commit: CommitId;
  /** In the order in which they are applied; unchanged objects are counted only. */
  changes: Change[];
  unchanged: number;
  /** SHA-256 over commit, app, ordered operations, field paths and blob ids; never over values. `sha256:…` */
  digest: string;
}
