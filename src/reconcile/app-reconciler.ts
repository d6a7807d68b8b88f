/** Keeps one app true to git: the loop that takes up heads, carries plans out, waits for health, and mends drift. */
import type { Diagnostic } from "../model/diagnostic.ts";
import { asTrueupError, ERROR_CLASSES, TrueupError } from "../model/errors.ts";
import type { Observed, Plan } from "../model/plan.ts";
import { type CommitId, shortId } from "../model/source.ts";
import type { AppStatus } from "../model/status.ts";
import { summarizePlan } from "../plan/describe.ts";
import { planObject } from "../plan/plan.ts";
import { Planner } from "../plan/planner.ts";
import { type ProcessAgain, WorkQueue } from "../util/work-queue.ts";
import { takeUpHead } from "./attempts.ts";
import { carry } from "./carry.ts";
import { readHead, refOf } from "./head.ts";
import { HealthWatch } from "./health-watch.ts";
import { keyOfObject } from "./observe.ts";
import { type Accepted, heldChanges, isAccepted, lookAt, type PassContext, prepare, rejectionReason } from "./pass.ts";
import { AttemptRecord, lastApplied } from "./record.ts";
import { AppSource, type Snapshot } from "./source.ts";
import { StatusBoard } from "./status-board.ts";
import type { AppReconcilerOptions, PlanOutcome } from "./types.ts";
import { ClusterView } from "./view.ts";
import { Waiters } from "./waiters.ts";

export type { AppConfig, AppReconcilerOptions, PlanOutcome, ReconcileLog } from "./types.ts";

const DEFAULT_BACKOFF = { baseMs: 200, maxMs: 30_000 };
/** Events that come together are looked at together. */
const HEALTH_DELAY_MS = 10;
/** A conflict goes away when another writer is done; one that stays is a failure. */
const CONFLICT_RETRIES = 5;
/** How far back the commit that runs is looked for when a reconciler starts. */
const ATTEMPTS_LOOKED_AT = 200;

type Task = "pass" | "health";

interface RunningPass {
  head: CommitId | null;
  abort: AbortController;
  /** Reading is over: what fails now fails on what git says. */
  isCarrying: boolean;
}

export class AppReconciler {
  readonly #options: AppReconcilerOptions;
  readonly #context: PassContext;
  readonly #queue: WorkQueue;
  readonly #view: ClusterView;
  readonly #health: HealthWatch;
  readonly #board: StatusBoard;
  readonly #end = new AbortController();
  /** The attempt at the present head. */
  #record: AttemptRecord | null = null;
  /** What runs: the last commit that was carried out. */
  #running: { commit: CommitId; snapshot: Snapshot | null } | null = null;
  /** The last snapshot that was read, to start the next one from. */
  #snapshot: Snapshot | null = null;
  #pass: RunningPass | null = null;
  /** Why the last pass could not be finished. */
  #trouble: TrueupError | null = null;
  #isRejected = false;
  #isUnborn = false;
  #conflicts = 0;
  readonly #waiters = new Waiters();

  constructor(options: AppReconcilerOptions) {
    this.#options = options;
    const { app, repository, backend, clock, log, backoff = DEFAULT_BACKOFF } = options;
    const source = new AppSource(repository, app, options.limits);
    this.#context = { options, source, planner: new Planner(), clean: null, doubts: 0 };
    this.#board = new StatusBoard(app, repository.path);
    this.#queue = new WorkQueue({
      clock,
      backoff,
      process: (key) => this.#process(key as Task),
      onError: (_key, error) => log.warn(`${app.name}: ${asTrueupError(error, "reconcile").message}`),
    });
    this.#view = new ClusterView({
      backend,
      clock,
      backoff,
      onObject: (observed, present) => this.#saw(observed, present),
      onListed: () => {
        this.#health.listed();
        this.#mistrust();
      },
      onError: (error) => {
        this.#doubt();
        this.#unreadable(error);
      },
    });
    this.#health = new HealthWatch(options, this.#view);
  }

  get app(): string {
    return this.#options.app.name;
  }

  /** How much was read and checked so far: what tests of "proportional to the change" count. */
  get counters(): Readonly<AppSource["counters"]> & { compared: number } {
    return { ...this.#context.source.counters, compared: this.#context.planner.compared };
  }

  /**
   * Takes up what is under way and begins to follow the head. Resolves when the first pass is on its way; what it finds
   * shows in the status.
   *
   * @throws {TrueupError} When the ledger cannot be read
   */
  async start(): Promise<void> {
    const { app, ledger } = this.#options;
    const attempts = await ledger.attempts({ app: app.name, target: app.target, limit: ATTEMPTS_LOOKED_AT });
    const applied = lastApplied(attempts);
    if (applied !== undefined) {
      this.#running = { commit: applied.commit, snapshot: null };
      this.#board.set({ applied: applied.commit });
    }
    await this.#health.load();
    this.#view.start();
    this.#add("pass");
  }

  /** Ends the loop and leaves everything as it is: pods run on, an open attempt stays open for the next reconciler. */
  async close(): Promise<void> {
    this.#queue.close();
    this.#end.abort(new TrueupError("aborted", `Cannot go on with ${this.app} as its reconciler was closed.`));
    await this.#view.close();
    await this.#queue.idle();
  }

  /** The ref may have moved: a pass looks, and one that is under way for another commit is ended. */
  refChanged(): void {
    this.#add("pass");
    const pass = this.#pass;
    if (pass === null) return;
    readHead(this.#options.repository, this.#options.app).then(
      (head) => {
        if (head !== null && pass.head !== null && head.commit !== pass.head) {
          pass.abort.abort(new TrueupError("aborted", `Commit ${shortId(head.commit)} came to the head.`));
        }
      },
      // The pass that was just asked for meets the same failure, and tells it.
      (error: unknown) => this.#options.log.warn(`${this.app}: ${asTrueupError(error, "read the head").message}`),
    );
  }

  status(): AppStatus {
    return this.#board.status;
  }

  /** Calls the listener after each change of `status()`; returns what ends that. */
  onChange(listener: () => void): () => void {
    return this.#board.onChange(listener);
  }

  /**
   * Plans at a revision (the head when absent) against what is observed. Changes nothing.
   *
   * @throws {TrueupError} `not-found` for an unknown revision; `unavailable`, `io` when git or the backend cannot be read
   */
  async plan(revision: string | undefined, signal: AbortSignal): Promise<PlanOutcome> {
    const { repository, app } = this.#options;
    const head = revision === undefined ? (await readHead(repository, app))?.commit : undefined;
    const wanted = revision === undefined ? head : await repository.resolve(revision, signal);
    if (wanted === undefined) {
      throw new TrueupError("not-found", `Cannot plan ${this.app} as ${refOf(app)} must have a commit: it has none.`);
    }
    return lookAt(this.#context, wanted, this.#snapshot, signal);
  }

  /** Resolves when the attempt at the present head has ended, or waits for an approval. */
  settled(): Promise<AppStatus> {
    const settled = this.#waiters.wait();
    this.#add("pass");
    return settled;
  }

  // ---- The loop -----------------------------------------------------------------------------------------------------

  #add(task: Task): void {
    this.#queue.add(task);
  }

  async #process(task: Task): Promise<ProcessAgain | undefined> {
    const abort = new AbortController();
    const signal = AbortSignal.any([this.#end.signal, abort.signal]);
    this.#pass = { head: this.#record?.attempt.commit ?? null, abort, isCarrying: false };
    try {
      if (task === "pass") {
        this.#waiters.passBegins();
        await this.#runPass(signal);
      }
      return await this.#runHealth(signal);
    } catch (thrown) {
      // Ended by a newer commit (its pass waits in the queue), or for good.
      if (signal.aborted) return undefined;
      const error = asTrueupError(thrown, `reconcile ${this.app}`);
      if (task === "pass") return await this.#failed(error);
      // A pass judges health too, and waits longer each time it fails.
      this.#unreadable(error);
      this.#add("pass");
      return undefined;
    } finally {
      this.#pass = null;
      this.#tellWaiters();
    }
  }

  async #runPass(signal: AbortSignal): Promise<void> {
    const { app, ledger, repository, clock, fault } = this.#options;
    const head = await readHead(this.#options.repository, this.#options.app);
    this.#isUnborn = head === null;
    if (head === null) {
      this.#trouble = null;
      this.#board.set({ phase: "Starting", reason: `${refOf(this.#options.app)} has no commit yet` });
      return;
    }
    if (this.#pass !== null) this.#pass.head = head.commit;
    fault?.("head");
    const scope = { app: app.name, target: app.target, ref: head.ref };
    const attempt = await takeUpHead({ ...scope, ledger, repository, clock }, head.commit, signal);
    fault?.("opened");
    if (this.#record === null || this.#record.attempt.row !== attempt.row) this.#health.restart();
    this.#record = new AttemptRecord(attempt, ledger, clock);
    this.#board.head(await repository.commit(head.commit), attempt);
    const distrust = this.#options.distrust?.(head.ref) ?? null;
    this.#isRejected = distrust !== null;
    if (distrust === null) await this.#try(this.#record, head.commit, signal);
    else await this.#reject([distrust], signal);
    this.#conflicts = 0;
    this.#trouble = null;
  }

  async #try(record: AttemptRecord, head: CommitId, signal: AbortSignal): Promise<void> {
    const prepared = await prepare(this.#context, head, this.#snapshot, signal);
    this.#snapshot = prepared.snapshot;
    this.#board.set({ path: prepared.snapshot.place.path });
    this.#options.fault?.("prepared");
    this.#isRejected = !isAccepted(prepared);
    if (isAccepted(prepared)) await this.#carry(record, prepared, signal);
    else await this.#reject(prepared.diagnostics, signal);
  }

  /** Nothing of the commit is applied; what ran before is kept true to its own commit. */
  async #reject(diagnostics: Diagnostic[], signal: AbortSignal): Promise<void> {
    const reason = rejectionReason(diagnostics);
    await this.#record?.end("rejected", reason);
    this.#board.set({ phase: "Rejected", reason, diagnostics, held: [] });
    const running = this.#running;
    if (running === null || running.commit === this.#record?.attempt.commit) return;
    const kept = await prepare(this.#context, running.commit, running.snapshot ?? this.#snapshot, signal);
    if (!isAccepted(kept)) return;
    const { app, ledger, clock } = this.#options;
    const [attempt] = await ledger.attempts({ app: app.name, target: app.target, commit: running.commit, limit: 1 });
    if (attempt !== undefined) await this.#carry(new AttemptRecord(attempt, ledger, clock), kept, signal);
  }

  async #carry(record: AttemptRecord, prepared: Accepted, signal: AbortSignal): Promise<void> {
    const { commit, snapshot, diagnostics } = prepared;
    const isHead = record === this.#record;
    if (this.#pass !== null) this.#pass.isCarrying = true;
    const onApplying = (plan: Plan): void => {
      const reason = `applying ${summarizePlan(plan)} (commit ${shortId(commit.id)})`;
      if (isHead) this.#board.set({ phase: "Progressing", reason, planDigest: plan.digest });
    };
    const left = await carry(this.#context, record, prepared, { health: this.#health, onApplying }, signal);
    this.#running = { commit: commit.id, snapshot };
    this.#board.set({ applied: commit.id });
    if (!isHead) return;
    const isHeld = heldChanges(left).length > 0;
    this.#board.set({
      diagnostics,
      planDigest: isHeld ? left.digest : (record.digest ?? left.digest),
      held: left.changes.flatMap(({ id, held: reason }) => (reason === undefined ? [] : [{ id, reason }])),
    });
    this.#health.waitFrom(isHeld);
  }

  async #runHealth(signal: AbortSignal): Promise<ProcessAgain | undefined> {
    const verdict = await this.#health.judge(this.#record, signal);
    if (verdict === null) return undefined;
    const { phase, reason, health, againAfterMs } = verdict;
    if (this.#record !== null) this.#board.attempt(this.#record.attempt);
    const isOverruled = this.#isRejected || this.#isUnborn || this.#trouble !== null;
    if (!isOverruled && this.#board.status.phase !== phase) {
      this.#options.log.info(`${this.app}: ${phase}${reason === "" ? "" : `: ${reason}`}`);
    }
    this.#board.set(isOverruled ? { health } : { phase, reason, health });
    return againAfterMs === undefined ? undefined : { afterMs: againAfterMs };
  }

  /**
   * What fails while reading is tried again until it works: nothing is known, so nothing is decided. What fails while
   * applying is tried again if it may pass by itself, and ends the attempt otherwise.
   */
  async #failed(error: TrueupError): Promise<undefined> {
    const { code } = error;
    const record = this.#pass?.isCarrying === true ? this.#record : null;
    const mayPass = code === "conflict" ? ++this.#conflicts <= CONFLICT_RETRIES : ERROR_CLASSES[code].retryable;
    if (record === null || mayPass) {
      this.#unreadable(error);
      if (record !== null && !record.ended) await record.event("retry", error.message);
      throw error;
    }
    this.#options.log.error(`${this.app}: ${error.message}`);
    await record.end("failed", error.message);
    this.#trouble = error;
    this.#board.attempt(record.attempt);
    this.#board.set({ phase: "Failed", reason: error.message });
    return undefined;
  }

  #unreadable(error: TrueupError): void {
    this.#trouble = error;
    this.#board.set({ phase: "Unreadable", reason: error.message });
  }

  /** An event of the watch: health may be another now, or the object no longer as declared. */
  #saw(observed: Observed, present: boolean): void {
    this.#health.touched(observed.object);
    this.#queue.addAfter("health", HEALTH_DELAY_MS);
    const declared = this.#health.declaredAt(keyOfObject(observed.object));
    if (declared === undefined) return;
    if (planObject(declared, present ? observed : undefined, this.app) !== null) this.#mistrust();
  }

  /** The backend may have something else than what was carried out: a pass asks it. */
  #mistrust(): void {
    this.#doubt();
    this.#add("pass");
  }

  #doubt(): void {
    this.#context.clean = null;
    this.#context.doubts++;
  }

  #tellWaiters(): void {
    const { phase } = this.#board.status;
    const isDone = phase === "Held" || this.#isUnborn || (this.#record?.ended === true && phase !== "Unreadable");
    if (isDone) this.#waiters.tell(this.#board.status);
  }
}
