/** The apps of one repository: a reconciler for each, woken when the ref moves, and added when `trueup.yaml` names a new one. */

import { type RefState, type RefWatcher, watchRef } from "../git/ref-watcher.ts";
import type { Repository } from "../git/repository.ts";
import type { ImageStore } from "../image/store.ts";
import type { Backend } from "../model/backend.ts";
import { type Diagnostic, isError } from "../model/diagnostic.ts";
import { asTrueupError, messageOf, TrueupError } from "../model/errors.ts";
import type { FieldPattern } from "../model/ignore.ts";
import type { Ledger } from "../model/ledger.ts";
import type { KubeObject, ObjectId } from "../model/object.ts";
import type { CommitId } from "../model/source.ts";
import type { AppStatus } from "../model/status.ts";
import type { PruneBudget } from "../plan/prune-guard.ts";
import { AppReconciler } from "../reconcile/app-reconciler.ts";
import { lastApplied } from "../reconcile/course.ts";
import type { Approval, Order } from "../reconcile/orders.ts";
import type { AppSettings as SettingsAt, SourceLimits } from "../reconcile/types.ts";
import { ClusterView } from "../reconcile/view.ts";
import type { PlanOutcome } from "../server/service.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import { Turns } from "../util/turns.ts";
import type { OperatorFloor } from "../validation/index.ts";
import { type AppSettings, AppsReader, appNamed, mayBeOwn, wholeRepository } from "./apps.ts";
import { HeadStart } from "./head-start.ts";
import type { DaemonLog } from "./log.ts";
import { Neighbours } from "./neighbours.ts";

const NEVER = new AbortController().signal;
/** After a failure to read which apps there are. */
const RETRY_MS = 1_000;
/** Writes of all apps that are under way together: as many as the Kubernetes backend has connections. */
const WRITES_AT_ONCE = 64;
/** How far back the ledger is asked for a commit whose `trueup.yaml` could be read. */
const ATTEMPTS_LOOKED_AT = 200;

/** What the operator allows; all of it is optional. */
export interface FleetPolicy {
  /** Only these apps of the repository; absent: all. */
  apps?: readonly string[];
  /** Why nothing of a ref may run; null when it may. */
  distrust?: (ref: string) => Diagnostic | null;
  prune?: PruneBudget;
  /** Apps that take over what is there and no app applied, or all; absent: none. */
  adopt?: boolean | readonly string[];
  limits?: SourceLimits;
  /** What every `trueup.yaml` must keep to. */
  operator?: OperatorFloor;
  /** Definitions of custom kinds that count before the repository's. */
  definitions?: readonly KubeObject[];
}

export interface FleetOptions {
  /** Name of the target, by which the ledger knows the apps' attempts. */
  target: string;
  repository: Repository;
  ref: string;
  pin?: CommitId;
  only?: { path: string; namespace: string };
  policy?: FleetPolicy;
  backend: Backend;
  ledger: Ledger;
  images: Pick<ImageStore, "update" | "digests">;
  imagePaths: readonly string[];
  clock: Clock;
  /** As `AppReconcilerOptions` has it. */
  configKey: Uint8Array;
  log: DaemonLog;
  /** How the ref is followed; through the repository's files unless given. */
  watch?: typeof watchRef;
  /** Images may resolve otherwise now. */
  onImages(): void;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #reader: AppsReader;
  /** Of all apps: one copy of the objects, however many apps there are. */
  readonly #view: ClusterView;
  readonly #turns = new Turns(WRITES_AT_ONCE);
  readonly #neighbours: Neighbours;
  readonly #reconcilers = new Map<string, AppReconciler>();
  /** As the newest readable `trueup.yaml` has them, by name. */
  readonly #known = new Map<string, AppSettings>();
  /** Those of them that it names no more: an invalid one that comes later does not bring them back. */
  readonly #gone = new Set<string>();
  #hasLookedForOwners = false;
  /** Stands in for the apps of a repository whose `trueup.yaml` could never be read: somebody must say that it is invalid. */
  #standIn: string | null = null;
  /** Settings as they were handed to their app. */
  readonly #said = new WeakMap<AppSettings, SettingsAt>();
  readonly #headStart: HeadStart;
  readonly #listeners = new Set<() => void>();
  #watcher: RefWatcher | undefined;
  #closed = false;
  /** Why the last ref change could not be taken up. */
  #trouble: Error | null = null;
  #cancelRetry: CancelTimer = () => {};
  /** Ref changes are taken up one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#reader = new AppsReader(options.repository, options.only, options.policy?.operator);
    this.#view = new ClusterView(options);
    this.#headStart = new HeadStart(options);
    const { repository, policy: { limits, definitions } = {} } = options;
    this.#neighbours = new Neighbours({
      repository,
      reader: this.#reader,
      ...(limits !== undefined && { limits }),
      ...(definitions !== undefined && { definitions }),
      reconcilers: this.#reconcilers,
      isWanted: (app) => this.#isWanted(app),
    });
  }

  /**
   * Reads the apps and starts their reconcilers; from then on the ref is watched.
   *
   * @throws {TrueupError} When it cannot be read which apps there are
   */
  async start(): Promise<void> {
    const { repository, ref, pin, clock, log, watch = watchRef } = this.#options;
    this.#view.start();
    if (pin !== undefined) {
      await this.#refChanged(pin);
      return;
    }
    this.#watcher = await watch(
      repository,
      { ref },
      {
        clock,
        onChange: (state) => this.#queue(state),
        onError: (error) => {
          this.#trouble ??= error;
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
      // What a former turn wanted to try again is overtaken by this one.
      this.#cancelRetry();
      try {
        await this.#refChanged(state.commit);
        this.#trouble = null;
      } catch (error) {
        this.#trouble = asTrueupError(error, "take up the head");
        this.#options.log.error(`Cannot take up ${state.commit ?? "no commit"}: ${messageOf(error)}`);
        // The apps that are known find the same, and say so in their status.
        for (const reconciler of this.#reconcilers.values()) reconciler.refChanged();
        this.#cancelRetry = this.#options.clock.setTimer(RETRY_MS, () => this.#queue(state));
      }
    });
  }

  async #refChanged(commit: CommitId | null): Promise<void> {
    if (commit !== null) await this.#adjustApps(commit);
    const changed = commit === null ? [] : await this.#headStart.changedBy(commit, this.#known.values());
    this.#headStart.wake(this.#reconcilers, new Set(changed));
  }

  /**
   * Starts reconcilers for apps that are new at the commit. An app that is gone keeps its reconciler, which then finds
   * nothing declared and holds its deletions: removing a line never removes what runs. When `trueup.yaml` is invalid, the
   * apps stay as they were, and each of them rejects the commit.
   */
  async #adjustApps(commit: CommitId): Promise<void> {
    const { log } = this.#options;
    const { apps, diagnostics } = await this.#reader.at(commit);
    for (const { severity, location, message } of diagnostics) {
      const line = `${location.file}:${location.line}:${location.column}: ${message}`;
      if (severity === "error") log.error(line);
      else log.warn(line);
    }
    const isInvalid = diagnostics.some(isError);
    const wanted = isInvalid ? await this.#knownApps() : apps;
    if (!isInvalid) await this.#dropStandIn(apps);
    const { apps: only } = this.#options.policy ?? {};
    for (const name of only ?? []) {
      if (!isInvalid && !apps.some((app) => app.name === name)) log.warn(`There is no app "${name}" at ${commit}`);
    }
    if (!isInvalid) for (const name of this.#known.keys()) this.#gone.add(name);
    for (const app of wanted) {
      if (!isInvalid) this.#gone.delete(app.name);
      if (!this.#isWanted(app.name)) continue;
      this.#known.set(app.name, app);
      if (!this.#reconcilers.has(app.name)) await this.#add(app);
    }
    if (!this.#hasLookedForOwners) await this.#addOwners();
    this.#hasLookedForOwners = true;
  }

  /**
   * Apps that own objects, or have an attempt that has not ended, though `trueup.yaml` names them no more: they went while no
   * daemon ran.
   */
  async #addOwners(): Promise<void> {
    const { backend, ledger, target } = this.#options;
    const { items } = await backend.list({}, NEVER);
    const open = await ledger.attempts({ target, onlyOpen: true });
    for (const owner of new Set([...items.map((item) => item.owner), ...open.map(({ app }) => app)])) {
      if (owner === null || !mayBeOwn(owner) || this.#reconcilers.has(owner) || !this.#isWanted(owner)) continue;
      // Not named where apps were named last. Else, while trueup.yaml is invalid, it would be taken for the whole repository,
      // and the others' older commits would give way to it.
      this.#gone.add(owner);
      await this.#add({ ...this.#whole(), name: owner });
    }
  }

  /** The apps as they were before `trueup.yaml` became invalid: of this run, or else of the last commit that was applied. */
  async #knownApps(): Promise<AppSettings[]> {
    if (this.#known.size > 0) return [...this.#known.values()].filter(({ name }) => !this.#gone.has(name));
    const { target, ledger } = this.#options;
    const applied = lastApplied(await ledger.attempts({ target, limit: ATTEMPTS_LOOKED_AT }));
    if (applied !== undefined) {
      try {
        const { apps } = await this.#reader.at(applied);
        if (apps.length > 0) return apps;
      } catch (error) {
        // Rewritten away and collected: then its apps are not known any more.
        if (!(error instanceof TrueupError) || error.code !== "not-found") throw error;
      }
    }
    const whole = this.#whole();
    this.#standIn = whole.name;
    return [whole];
  }

  /** The repository as one app, for want of others. */
  #whole(): AppSettings {
    return wholeRepository(this.#options.repository, this.#options.policy?.operator);
  }

  async #dropStandIn(apps: readonly AppSettings[]): Promise<void> {
    const name = this.#standIn;
    this.#standIn = null;
    if (name === null || apps.some((app) => app.name === name)) return;
    await this.#reconcilers.get(name)?.close();
    this.#reconcilers.delete(name);
    this.#known.delete(name);
  }

  /** What the repository says of an app at a commit; where `trueup.yaml` is invalid, what it said before, with its faults. */
  async #settingsAt(name: string, commit: CommitId): Promise<SettingsAt> {
    const { apps, diagnostics } = await this.#reader.at(commit);
    const found = appNamed(apps, name);
    const settings = found ?? this.#known.get(name) ?? this.#whole();
    const isGone = found === undefined && (this.#gone.has(name) || !diagnostics.some(isError));
    // The same one while it says the same: what is made of it is kept by it.
    const known = this.#said.get(settings);
    if (known?.diagnostics === diagnostics && known.isGone === isGone) return known;
    const said = { ...settings, diagnostics, isGone };
    this.#said.set(settings, said);
    return said;
  }

  #isWanted(app: string): boolean {
    return this.#options.policy?.apps?.includes(app) !== false;
  }

  async #add({ name, path, namespace }: AppSettings): Promise<void> {
    const {
      target,
      repository,
      ref,
      pin,
      backend,
      ledger,
      images,
      imagePaths,
      clock,
      log,
      policy = {},
    } = this.#options;
    const { distrust, prune, limits, adopt = false, definitions } = policy;
    const reconciler = new AppReconciler({
      app: { name, path, namespace, ref, ...(pin !== undefined && { pin }), target },
      settingsAt: (commit) => this.#settingsAt(name, commit),
      claims: (commit) => this.#neighbours.claims(name, commit),
      definitionsAt: (commit, signal) => this.#neighbours.definitions(name, commit, signal),
      ...(distrust !== undefined && { distrust }),
      ...(prune !== undefined && { prune }),
      adopt: adopt === true || (adopt !== false && adopt.includes(name)),
      ...(limits !== undefined && { limits }),
      ...(definitions !== undefined && { definitions }),
      repository,
      backend,
      turns: this.#turns,
      view: this.#view,
      ledger,
      images,
      imagePaths,
      clock,
      configKey: this.#options.configKey,
      log,
      onImages: this.#options.onImages,
    });
    reconciler.onChange(() => {
      for (const listener of this.#listeners) listener();
    });
    try {
      await reconciler.start();
    } catch (error) {
      // Not kept: the next try would take it for running, though it watches nothing.
      await reconciler.close();
      throw error;
    }
    this.#reconcilers.set(name, reconciler);
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

  /** Fields of an app's object that stay with whoever else sets them. */
  ignored(app: string, id: ObjectId): readonly FieldPattern[] {
    return this.#reconcilers.get(app)?.ignored(id) ?? [];
  }

  async plan(app: string, revision: string | undefined, signal: AbortSignal, adopt?: boolean): Promise<PlanOutcome> {
    return this.#named(app, "plan").plan(revision, signal, adopt);
  }

  async approve(app: string, approval: Approval, signal: AbortSignal): Promise<void> {
    await this.#named(app, "approve a plan of").approve(approval, signal);
  }

  async discard(app: string, order: Order): Promise<void> {
    await this.#named(app, "discard what is held of").discard(order);
  }

  async retry(app: string, order: Order): Promise<void> {
    await this.#named(app, "retry").retry(order);
  }

  #named(app: string, doing: string): AppReconciler {
    const reconciler = this.#reconcilers.get(app);
    if (reconciler !== undefined) return reconciler;
    const known = [...this.#reconcilers.keys()].join(", ");
    throw new TrueupError("not-found", `Cannot ${doing} app "${app}" as it must be one of this daemon's: ${known}.`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watcher?.close();
    this.#cancelRetry();
    await this.#turn;
    this.#headStart.wakeRest();
    await Promise.all([...this.#reconcilers.values()].map((reconciler) => reconciler.close()));
    await this.#view.close();
  }
}
