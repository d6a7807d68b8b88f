/** The apps of one repository: a reconciler for each, woken when the ref moves, and added when `trueup.yaml` names a new one. */

import { type RefState, type RefWatcher, watchRef } from "../git/ref-watcher.ts";
import type { Repository } from "../git/repository.ts";
import type { ImageStore } from "../image/store.ts";
import type { Backend } from "../model/backend.ts";
import { type Diagnostic, isError } from "../model/diagnostic.ts";
import { asTrueupError, messageOf, TrueupError } from "../model/errors.ts";
import type { Ledger } from "../model/ledger.ts";
import type { CommitId } from "../model/source.ts";
import type { AppStatus } from "../model/status.ts";
import { AppReconciler } from "../reconcile/app-reconciler.ts";
import type { PlanOutcome } from "../server/service.ts";
import type { Clock } from "../util/clock.ts";
import { type AppSettings, readApps } from "./apps.ts";
import type { DaemonLog } from "./log.ts";

/** The one target of an embedded daemon. */
const TARGET = "local";

export interface FleetOptions {
  repository: Repository;
  ref: string;
  pin?: CommitId;
  only?: { path: string; namespace: string };
  backend: Backend;
  ledger: Ledger;
  images: ImageStore;
  imagePaths: readonly string[];
  clock: Clock;
  log: DaemonLog;
  /** Images may resolve otherwise now. */
  onImages(): void;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #reconcilers = new Map<string, AppReconciler>();
  readonly #listeners = new Set<() => void>();
  #watcher: RefWatcher | undefined;
  #closed = false;
  /** Why the last ref change could not be taken up. */
  #trouble: Error | null = null;
  /** What was last found wrong with a `trueup.yaml`, and at which commit. */
  #faults: { commit: CommitId; diagnostics: readonly Diagnostic[] } | null = null;
  /** Ref changes are taken up one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /**
   * Reads the apps and starts their reconcilers; from then on the ref is watched.
   *
   * @throws {TrueupError} When the head does not say which apps there are
   */
  async start(): Promise<void> {
    const { repository, ref, pin, clock, log } = this.#options;
    if (pin !== undefined) {
      await this.#refChanged(pin);
      return;
    }
    this.#watcher = await watchRef(
      repository,
      { ref },
      {
        clock,
        onChange: (state) => this.#queue(state),
        onError: (error) => {
          log.warn(`Cannot read ${ref}: ${error.message}`);
          for (const reconciler of this.#reconcilers.values()) reconciler.refChanged();
        },
      },
    );
    await this.#turn;
    // With apps at hand a later commit can mend it; without, nothing is kept true and nobody would know.
    if (this.#trouble !== null && this.#reconcilers.size === 0) throw this.#trouble;
  }

  #queue(state: RefState): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#closed) return;
      try {
        await this.#refChanged(state.commit);
        this.#trouble = null;
      } catch (error) {
        this.#trouble = asTrueupError(error, "take up the head");
        this.#options.log.error(`Cannot take up ${state.commit ?? "no commit"}: ${messageOf(error)}`);
      }
    });
  }

  async #refChanged(commit: CommitId | null): Promise<void> {
    if (commit !== null) await this.#adjustApps(commit);
    for (const reconciler of this.#reconcilers.values()) reconciler.refChanged();
  }

  /**
   * Starts reconcilers for apps that are new at the commit. An app that is gone keeps its reconciler, which then finds
   * nothing declared and holds its deletions: removing a line never removes what runs.
   */
  async #adjustApps(commit: CommitId): Promise<void> {
    const { repository, only, log } = this.#options;
    const { apps, diagnostics } = await readApps(repository, commit, only);
    const errors = diagnostics.filter(isError);
    for (const { location, message } of errors) {
      log.error(`${location.file}:${location.line}:${location.column}: ${message}`);
    }
    if (errors.length > 0 && this.#reconcilers.size === 0) {
      const [{ location, message }] = errors as [(typeof errors)[0]];
      throw new TrueupError(
        "invalid",
        `Cannot read the apps of this repository: ${location.file}:${location.line}:${location.column}: ${message}`,
      );
    }
    for (const app of apps) {
      if (!this.#reconcilers.has(app.name)) await this.#add(app);
    }
  }

  async #add(app: AppSettings): Promise<void> {
    const { repository, ref, pin, backend, ledger, images, imagePaths, clock, log } = this.#options;
    const reconciler = new AppReconciler({
      app: { ...app, ref, ...(pin !== undefined && { pin }), target: TARGET },
      repository,
      backend,
      ledger,
      images,
      imagePaths,
      clock,
      log,
      onImages: this.#options.onImages,
      faults: (commit) => this.#faultsOf(commit),
    });
    this.#reconcilers.set(app.name, reconciler);
    reconciler.onChange(() => {
      for (const listener of this.#listeners) listener();
    });
    await reconciler.start();
  }

  /** A commit whose `trueup.yaml` is wrong is rejected for every app: which apps it means is not known. */
  async #faultsOf(commit: CommitId): Promise<readonly Diagnostic[]> {
    const { repository, only } = this.#options;
    if (this.#faults?.commit !== commit) {
      this.#faults = { commit, diagnostics: (await readApps(repository, commit, only)).diagnostics };
    }
    return this.#faults.diagnostics;
  }

  statuses(): AppStatus[] {
    return [...this.#reconcilers.values()].map((reconciler) => reconciler.status());
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when every app's attempt at the present head has ended. */
  async settled(): Promise<void> {
    await this.#turn;
    await Promise.all([...this.#reconcilers.values()].map((reconciler) => reconciler.settled()));
  }

  async plan(app: string, revision: string | undefined, signal: AbortSignal): Promise<PlanOutcome> {
    const reconciler = this.#reconcilers.get(app);
    if (reconciler === undefined) {
      const known = [...this.#reconcilers.keys()].join(", ");
      throw new TrueupError("not-found", `Cannot plan app "${app}" as it must be one of this daemon's: ${known}.`);
    }
    return reconciler.plan(revision, signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watcher?.close();
    await this.#turn;
    await Promise.all([...this.#reconcilers.values()].map((reconciler) => reconciler.close()));
  }
}
