/** The API's answers as they travel: plain JSON, secrets already masked. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { ErrorCode } from "../model/errors.ts";
import type { KubeObject, ObjectId } from "../model/object.ts";
import type { SyncPhase } from "../model/ordering.ts";
import type { AdoptedFrom, ChangeAction, FieldChange, Stage } from "../model/plan.ts";
import type { CommitId } from "../model/source.ts";
import type { PlanForecast } from "./plan-forecast.ts";

/** Body of every answer that is not a success. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  hint?: string;
}

export interface ObjectListBody {
  items: KubeObject[];
  version: string;
  /** Why they may be old by now, in a sentence; absent when they are not. */
  doubt?: string;
}

/** One message of `GET /v1/objects?watch=true`. */
export type ObjectEvent =
  | { type: "added" | "modified" | "deleted"; object: KubeObject; version: string }
  /** Everything there when the watch began was sent. */
  | { type: "synced"; version: string }
  /** What was said before no longer counts: everything there follows once more. Made by the client, never sent. */
  | { type: "reset" };

/** One change of a plan, without the objects themselves. */
export interface ChangeView {
  action: ChangeAction;
  id: ObjectId;
  /** `file:line` of the manifest; absent for deletes. */
  source?: string;
  fields: FieldChange[];
  restartsPods: boolean;
  configChanges?: string[];
  held?: string;
  /** App that gives the object up. */
  from?: string;
  /** No app applied it: an operator lets this one take it over. */
  adopts?: true;
  adopted?: AdoptedFrom;
  /** RFC 3339: until then the difference is left alone. */
  contestedUntil?: string;
  /** Index into the plan's stages; absent when there is one only. */
  stage?: number;
  /** Phase of the hook that runs with it. */
  hook?: SyncPhase;
  /** Of a Deployment whose pods are replaced. */
  forecast?: PlanForecast;
  /** Which pods stay as they are, and why, where that is no matter of course. */
  podsNote?: string;
  /** Unified diff of the live object and the object as it would be stored; only when asked for. */
  diff?: string;
}

export type PlanView =
  | {
      kind: "planned";
      app: string;
      commit: CommitId;
      changes: ChangeView[];
      unchanged: number;
      /** Made one after the other, each when all before it is well; absent when there is one only. */
      stages?: readonly Stage[];
      digest: string;
      /** All of it as a person would say it, a line a change and a line a field. */
      text: string;
      diagnostics: Diagnostic[];
    }
  | { kind: "rejected"; app: string; commit: CommitId; diagnostics: Diagnostic[] };
