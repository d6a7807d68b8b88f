/** What the reconciler is given and what it answers. */
import type { Repository } from "../git/repository.ts";
import type { ImageStore } from "../image/store.ts";
import type { Backend } from "../model/backend.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { IgnoreRule } from "../model/ignore.ts";
import type { Ledger } from "../model/ledger.ts";
import type { KubeObject } from "../model/object.ts";
import type { Plan } from "../model/plan.ts";
import type { CommitId } from "../model/source.ts";
import type { PruneBudget } from "../plan/prune-guard.ts";
import type { BackoffLimits } from "../util/backoff.ts";
import type { Clock } from "../util/clock.ts";
import type { Turns } from "../util/turns.ts";
import type { ImageRules, ValidationSettings } from "../validation/index.ts";
import type { Claims } from "./claims.ts";
import type { OnFailure } from "./course.ts";
import type { DefinitionsAt } from "./definitions.ts";
import type { ClusterView } from "./view.ts";

export interface AppConfig {
  name: string;
  /** `HEAD`, a full ref name, or a branch. */
  ref: string;
  /** Pinned: the ref is not followed. */
  pin?: CommitId;
  /** Directory of the repository that is the app; "" for all of it. */
  path: string;
  /** Where objects without a namespace go. */
  namespace: string;
  target: string;
}

/** What the repository itself says of an app at a commit (`trueup.yaml`). */
export interface AppSettings {
  path: string;
  namespace: string;
  images: ImageRules;
  /** What is done when a commit fails. */
  onFailure: OnFailure;
  /** Kubernetes version to check for; absent: the newest. */
  kubernetesVersion?: string;
  /** Files and directories of the repository with definitions of custom kinds. */
  schemas?: readonly string[];
  /** Kinds that may go without a schema. */
  allowUnknownKinds?: boolean | readonly string[];
  /** What is asked of the manifests beyond what Kubernetes asks. */
  validation?: ValidationSettings;
  /** Fields that stay with whoever else sets them. */
  ignore?: readonly IgnoreRule[];
  /** The commit no longer names the app: it declares nothing then, and what it has is held. */
  isGone: boolean;
  /** Of `trueup.yaml`; with an error among them nothing of the commit is applied. */
  diagnostics: readonly Diagnostic[];
}

/** How much of a commit is read. */
export interface SourceLimits {
  /** A larger manifest is an error of the commit, bytes. */
  manifestBytes: number;
  /** More manifests are an error of the commit. */
  manifests: number;
}

/** Where the reconciler tells what it does; one sentence a call, never with a secret. */
export interface ReconcileLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface AppReconcilerOptions {
  app: AppConfig;
  repository: Repository;
  backend: Backend;
  /** Of all apps that write to it; absent: this one writes alone. */
  turns?: Turns;
  /** Of that backend's objects; begun and ended by whoever made it, and shared with the other apps. */
  view: ClusterView;
  ledger: Ledger;
  images: Pick<ImageStore, "update" | "digests">;
  /** Directories on disk, searched for images after the repository. */
  imagePaths: readonly string[];
  clock: Clock;
  /** Of the digests by which changed configuration is found; secret, and the same for as long as the backend's objects. */
  configKey: Uint8Array;
  log: ReconcileLog;
  prune?: PruneBudget;
  /** Whether objects that are there and that no app applied are taken over, whatever they are like: an operator's decision. */
  adopt?: boolean;
  /** What is done when a commit fails, where its settings do not say; `keep` unless given. */
  onFailure?: OnFailure;
  limits?: SourceLimits;
  /** Definitions of custom kinds that the operator gives: they count before those at the settings' `schemas`. */
  definitions?: readonly KubeObject[];
  /** The app's settings at a commit; absent: as `app` says, at every commit. */
  settingsAt?: (commit: CommitId) => Promise<AppSettings>;
  /** What the repository's other apps define at a commit; absent: nothing. */
  definitionsAt?: DefinitionsAt;
  /** What the repository's other apps declare at a commit; absent: there are none. */
  claims?: (commit: CommitId) => Promise<Claims>;
  /** Why nothing of this ref (full name, `HEAD` when detached, or the pinned commit) may run; null when it may. */
  distrust?: (ref: string) => Diagnostic | null;
  /** Waits between tries after a failed read; 200 ms doubling up to 30 s unless given. */
  backoff?: BackoffLimits;
  /** Images may resolve otherwise now: the commit's were looked up. */
  onImages?: () => void;
  /** Called between steps; a test throws from here to see what a kill at that point leaves. */
  fault?: (step: string) => void;
}

/** A plan, or why there is none: the commit's manifests are invalid. */
export type PlanOutcome =
  | { kind: "planned"; plan: Plan; diagnostics: Diagnostic[] }
  | { kind: "rejected"; app: string; commit: CommitId; diagnostics: Diagnostic[] };
