/** Keeps one app true to git: the loop that takes up heads, carries plans out, waits for health, and mends drift. */
import { asTrueupError, ERROR_CLASSES, TrueupError } from "../model/errors.ts";
import type { FieldPattern } from "../model/ignore.ts";
import { ATTEMPT_EVENTS } from "../model/ledger.ts";
import type { KubeObject, ObjectId } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";
import { type CommitId, shortId } from "../model/source.ts";
import type { AppStatus } from "../model/status.ts";
import { ConfigStamper, keyedDigest } from "../plan/config-digest.ts";
import { ContestHistory } from "../plan/contest.ts";
import { NOTHING_IGNORED } from "../plan/ignore.ts";
import { planObject } from "../plan/plan.ts";
import { Planner } from "../plan/planner.ts";
import { type ProcessAgain, WorkQueue } from "../util/work-queue.ts";
import { AttemptJudge } from "./attempt-judge.ts";
import { takeUpHead } from "./attempts.ts";
import { BoundedBackend } from "./bounded-backend.ts";
import type { Claim } from "./claims.ts";
import { CommitPass } from "./commit-pass.ts";
import { recallContests } from "./contests.ts";
import { lastApplied } from "./course.ts";
import { type HeadOfRef, readHead, refOf } from "./head.ts";
import { HealthWatch } from "./health-watch.ts";
import { hookRunsOf, NEW_HOOK_RUNS } from "./hooks.ts";
import { keyOfObject, scaledAnew } from "./observe.ts";
import { type Approval, approve, discard, type Order, requireRetriable } from "./orders.ts";
import { lookAt, type PassContext, readClaim } from "./pass.ts";
import { PodLosses } from "./pod-losses.ts";
import { AttemptRecord } from "./record.ts";
import { isStill, type Rest, restOf } from "./rest.ts";
import { AppSource } from "./source.ts";
import { StatusBoard } from "./status-board.ts";
import type { AppReconcilerOptions, PlanOutcome } from "./types.ts";
import { READ_BACKOFF, type ViewSubscription } from "./view.ts";
import { Waiters } from "./waiters.ts";

export type { AppConfig, AppReconcilerOptions, PlanOutcome, ReconcileLog } from "./types.ts";

/** Events that come together are looked at together. */
const HEALTH_DELAY_MS = 10;
/** A conflict goes away when another writer is done; one that stays is a failure. */
const CONFLICT_RETRIES = 5;
/** How far back the commit that runs, or that ran well, is looked for. */
const ATTEMPTS_LOOKED_AT = 500;

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
  readonly #health: HealthWatch;
  readonly #losses: PodLosses;
  readonly #judge: AttemptJudge;
  readonly #board: StatusBoard;
  readonly #end = new AbortController();
  /** The attempt at the present head. */
  #record: AttemptRecord | null = null;
  /** Whether the ledger has no newer one, and none beside it that is open. */
  #isTakenUp = false;
  /** What the last pass found, where another one would find the same. */
  #rest: Rest | null = null;
  /** Where the ref stood in the last pass, if that came to its end. */
  #passed: HeadOfRef | null = null;
  /** How often something was seen that a pass or a look at the health may find otherwise. */
  #stirs = 0;
  readonly #contests = new ContestHistory();
  #commits: CommitPass;
  #pass: RunningPass | null = null;
  /** Why the last pass could not be finished. */
  #trouble: TrueupError | null = null;
  #isUnborn = false;
  #conflicts = 0;
  readonly #waiters = new Waiters();
  /** From the start to the end. */
  #seeing: ViewSubscription | undefined;

  constructor(given: AppReconcilerOptions) {
    const options = { ...given, backend: new BoundedBackend(given.backend, given.clock, given.turns) };
    this.#options = options;
    const { app, repository, clock, log, backoff = READ_BACKOFF } = options;
    const stamper = new ConfigStamper(keyedDigest(options.configKey));
    const definitions = { given: options.definitions, elsewhere: options.definitionsAt };
    const source = new AppSource(repository, app, stamper, options.limits, definitions);
    this.#context = {
      options,
      source,
      planner: new Planner(),
      settled: new WeakMap(),
      ignored: NOTHING_IGNORED,
      clean: null,
      doubts: 0,
    };
    this.#board = new StatusBoard(app, repository.path);
    this.#queue = new WorkQueue({
      clock,
      backoff,
      process: (key) => this.#process(key as Task),
      onError: (_key, error) => log.warn(`${app.name}: ${asTrueupError(error, "reconcile").message}`),
    });
    this.#health = new HealthWatch(options, (keys) => this.#seeing?.declare(keys));
    this.#losses = new PodLosses(this.#health.workloads, clock);
    this.#judge = new AttemptJudge({
      options,
      health: this.#health,
      losses: this.#losses,
      board: this.#board,
      onPassDue: () => this.#add("pass"),
    });
    this.#commits = this.#commitPass(undefined);
  }

  #commitPass(running: CommitId | undefined): CommitPass {
    return new CommitPass(
      {
        context: this.#context,
        health: this.#health,
        board: this.#board,
        contests: this.#contests,
        onCarrying: () => {
          if (this.#pass !== null) this.#pass.isCarrying = true;
        },
        passAfter: (ms) => this.#queue.addAfter("pass", ms),
      },
      running,
    );
  }

  #subscribe(): ViewSubscription {
    return this.#options.view.subscribe(this.app, {
      onObject: (observed, present, before) => this.#saw(observed, present, before),
      onListed: () => {
        this.#health.listed();
        this.#mistrust();
      },
      onError: (error) => {
        this.#doubt();
        this.#unreadable(error);
      },
    });
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
    this.#commits = this.#commitPass(applied);
    if (applied !== undefined) this.#board.set({ applied });
    recallContests(this.#contests, attempts);
    await this.#health.load();
    if (this.#end.signal.aborted) return;
    this.#seeing = this.#subscribe();
    this.#add("pass");
  }

  /** Ends the loop and leaves everything as it is: pods run on, an open attempt stays open for the next reconciler. */
  async close(): Promise<void> {
    this.#queue.close();
    this.#end.abort(new TrueupError("aborted", `Cannot go on with ${this.app} as its reconciler was closed.`));
    this.#pass?.abort.abort(this.#end.signal.reason);
    this.#seeing?.close();
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

  /** Settles when nothing is to be done now. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Fields of a declared object that stay with whoever else sets them. */
  ignored(id: ObjectId): readonly FieldPattern[] {
    return this.#context.ignored.of({ id }).fields;
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
   * @param adopt Whether objects that no app applied are taken over; absent: as the operator has it
   * @throws {TrueupError} `not-found` for an unknown revision; `unavailable`, `io` when git or the backend cannot be read
   */
  async plan(revision: string | undefined, signal: AbortSignal, adopt?: boolean): Promise<PlanOutcome> {
    const { repository, app } = this.#options;
    const head = revision === undefined ? (await readHead(repository, app))?.commit : undefined;
    const wanted = revision === undefined ? head : await repository.resolve(revision, signal);
    if (wanted === undefined) {
      throw new TrueupError("not-found", `Cannot plan ${this.app} as ${refOf(app)} must have a commit: it has none.`);
    }
    const record = this.#record;
    const hooks = record?.attempt.commit === wanted ? hookRunsOf(record) : NEW_HOOK_RUNS;
    const how = { ...(hooks !== undefined && { hooks }), ...(adopt !== undefined && { adopt }) };
    const aim = { commit: wanted, head: wanted, ...how };
    return lookAt(this.#context, aim, this.#commits.snapshot, signal);
  }

  /** What this app declares at a commit, for its neighbours in the repository. */
  claim(commit: CommitId): Promise<Claim> {
    return readClaim(this.#context, commit, this.#commits.snapshot, this.#end.signal);
  }

  /** Resolves when the attempt at the present head has ended, or waits for an approval. */
  settled(): Promise<AppStatus> {
    const settled = this.#waiters.wait();
    this.#add("pass");
    return settled;
  }

  // ---- What people order ----------------------------------------------------------------------------------------------

  /**
   * Lets the held deletions of a plan go ahead, if planning again gives that very plan.
   *
   * @throws {TrueupError} `conflict` when nothing is held, or when the plan is another by now
   */
  async approve(order: Approval, signal: AbortSignal): Promise<void> {
    await this.#ordered(approve(this.#context, this.#commits.carried, this.#commits.snapshot, order, signal));
  }

  /**
   * Ends the attempt whose deletions are held, without them: the objects stay.
   *
   * @throws {TrueupError} `conflict` when no attempt waits for an approval
   */
  async discard(order: Order): Promise<void> {
    await this.#ordered(discard(this.#record, this.#commits.isHeld, this.app, order));
  }

  /**
   * Tries the head again: as a new attempt when the one before has ended.
   *
   * @throws {TrueupError} `conflict` when there is nothing to try again
   */
  async retry(order: Order): Promise<void> {
    const record = requireRetriable(this.#record, this.app);
    const detail = { by: order.by, ...(record.ended && { anew: true }) };
    await this.#ordered(record.event(ATTEMPT_EVENTS.retry, `${order.by} asked to try again`, detail));
  }

  /** Also where it failed a pass looks: the ledger may have noted it, and only not been heard to say so. */
  async #ordered(order: Promise<void>): Promise<void> {
    try {
      await order;
    } finally {
      this.#add("pass");
    }
  }

  // ---- The loop -----------------------------------------------------------------------------------------------------

  #add(task: Task): void {
    this.#queue.add(task);
  }

  async #process(task: Task): Promise<ProcessAgain | undefined> {
    const abort = new AbortController();
    const { signal } = abort;
    this.#pass = { head: this.#record?.attempt.commit ?? null, abort, isCarrying: false };
    try {
      if (task === "pass") {
        this.#waiters.passBegins();
        const head = await readHead(this.#options.repository, this.#options.app);
        if (this.#isStill(head)) return undefined;
        await this.#runPass(head, signal);
      }
      return await this.#runHealth(signal);
    } catch (thrown) {
      this.#rest = null;
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

  #isStill(head: HeadOfRef | null): boolean {
    const [rest, record] = [this.#rest, this.#record];
    return rest !== null && head !== null && record !== null && isStill(rest, head, record, this.#context);
  }

  async #runPass(head: HeadOfRef | null, signal: AbortSignal): Promise<void> {
    const { app, ledger, repository, clock, fault } = this.#options;
    this.#rest = null;
    this.#passed = null;
    this.#isUnborn = head === null;
    if (head === null) {
      this.#trouble = null;
      this.#board.set({ phase: "Starting", reason: `${refOf(app)} has no commit yet` });
      return;
    }
    if (this.#pass !== null) this.#pass.head = head.commit;
    fault?.("head");
    const scope = { app: app.name, target: app.target, ref: head.ref };
    const former = this.#record;
    const known = this.#isTakenUp && former?.isUnsure === false ? former.attempt : undefined;
    // Should it fail amid the rows of several commits, only the ledger knows how far it came.
    this.#isTakenUp = false;
    const attempt = await takeUpHead({ ...scope, ledger, repository, clock }, head.commit, signal, known);
    this.#isTakenUp = true;
    fault?.("opened");
    const isNew = former?.attempt.row !== attempt.row;
    if (isNew) this.#health.restart();
    const record = former !== null && attempt === known ? former : new AttemptRecord(attempt, ledger, clock);
    this.#record = record;
    this.#board.head(await repository.commit(head.commit), attempt, isNew);
    await this.#commits.run(record, this.#options.distrust?.(head.ref) ?? null, signal);
    this.#conflicts = 0;
    this.#trouble = null;
    this.#passed = head;
  }

  async #runHealth(signal: AbortSignal): Promise<ProcessAgain | undefined> {
    const record = this.#record;
    if (record === null) return undefined;
    const isOverruled = this.#commits.isRejected || this.#isUnborn || this.#trouble !== null;
    const stirs = this.#stirs;
    const againAfterMs = await this.#judge.judge(record, this.#commits, isOverruled, signal);
    if (againAfterMs !== undefined) return { afterMs: againAfterMs };
    const isOver = !isOverruled && this.#board.status.phase === "Synced" && stirs === this.#stirs;
    this.#rest = isOver && this.#passed !== null ? restOf(this.#context, this.#passed, record, this.#commits) : null;
    return undefined;
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
      if (record !== null && !record.ended) await record.retrying(error.message);
      throw error;
    }
    this.#options.log.error(`${this.app}: ${error.message}`);
    const isGivenUp = await this.#judge.fail(record, this.#commits, error.message);
    this.#trouble = isGivenUp ? null : error;
    return undefined;
  }

  #unreadable(error: TrueupError): void {
    this.#trouble = error;
    const { code, message, hint } = error;
    const reason = hint === undefined ? message : `${message} ${hint}`;
    this.#board.set({ phase: "Unreadable", reason, trouble: code });
  }

  /** An event of the watch: health may be another now, or the object no longer as declared. */
  #saw(observed: Observed, present: boolean, before: KubeObject | undefined): void {
    this.#stir();
    this.#health.touched(observed.object, present);
    this.#losses.see(observed.object, present, before);
    this.#queue.addAfter("health", HEALTH_DELAY_MS);
    const declared = this.#health.declaredAt(keyOfObject(observed.object));
    if (!present && this.#health.gone(observed.object)) this.#add("pass");
    // Whose size is git's again need not be changed by anybody: nothing else tells of it.
    if (scaledAnew(observed, present, before).some((key) => this.#health.declaredAt(key) !== undefined))
      this.#mistrust();
    if (declared === undefined) return;
    const change = planObject(declared, present ? observed : undefined, this.app, this.#context.ignored);
    if (change !== null) this.#mistrust();
  }

  /** The backend may have something else than what was carried out: a pass asks it. */
  #mistrust(): void {
    this.#doubt();
    this.#add("pass");
  }

  /** What was found may not be so any more. */
  #stir(): void {
    this.#rest = null;
    this.#stirs++;
  }

  #doubt(): void {
    this.#stir();
    this.#context.clean = null;
    this.#context.doubts++;
  }

  #tellWaiters(): void {
    const { phase } = this.#board.status;
    const isDone = phase === "Held" || this.#isUnborn || (this.#record?.ended === true && phase !== "Unreadable");
    if (isDone) this.#waiters.tell(this.#board.status);
  }
}
