/** Waits for what was applied to get healthy: says what it waits for, when that is done, when it has failed, and why. */
import type { Health } from "../model/health.ts";
import type { Declared } from "../model/manifest.ts";
import type { KubeObject, ObjectKey } from "../model/object.ts";
import type { CommitId } from "../model/source.ts";
import { ANNOTATION, type Deployment } from "../model/workload.ts";
import { comparePositions, keptOf, type Position } from "../plan/stages.ts";
import { healthOf } from "../rollout/health.ts";
import { isFinal } from "../rollout/kind-health.ts";
import { findNewReplicaSet } from "../rollout/revisions.ts";
import { explainFailure, reasonOf } from "./failure.ts";
import { Headway } from "./headway.ts";
import { keyOfDeclared, keyOfObject } from "./observe.ts";
import type { AttemptRecord } from "./record.ts";
import { RevisionRecorder } from "./revisions.ts";
import type { AppReconcilerOptions } from "./types.ts";
import { hasOwnDeadline, type WorkloadHealth, Workloads } from "./workloads.ts";

/** For objects that have no deadline of their own; as long as a Deployment's is by default. */
const DEADLINE_MS = 600_000;

/** How what was carried out does. */
export interface Judgement {
  /** `idle`: nothing was carried out yet. */
  state: "idle" | "waiting" | "healthy" | "failed";
  /** What is waited for, or why it failed; "" when healthy. */
  reason: string;
  health: Health;
  /** Whether a rollout was under way since the attempt began to wait. */
  hasWaited: boolean;
  /** Look again after this time, though nothing happens. */
  againAfterMs?: number;
  /** Healthy, and another stage is due: a pass makes it. */
  hasNext?: boolean;
}

/** What an attempt waits for before it goes on. */
export interface HealthScope {
  keys: ReadonlySet<ObjectKey>;
  /** Where it goes on once they are all well; null: nowhere. */
  next: Position | null;
  /** The last of the stages that are waited for, as people read it; "" when there is none. */
  label: string;
}

function isSameScope(a: HealthScope | null, b: HealthScope | null): boolean {
  if (a === null || b === null) return a === b;
  const isSameNext = a.next === null || b.next === null ? a.next === b.next : comparePositions(a.next, b.next) === 0;
  return isSameNext && a.keys.size === b.keys.size && a.keys.isSubsetOf(b.keys);
}

export class HealthWatch {
  readonly workloads: Workloads;
  readonly #options: AppReconcilerOptions;
  readonly #onDeclared: (keys: Iterable<ObjectKey>) => void;
  readonly #revisions: RevisionRecorder;
  #declared: readonly Declared[] = [];
  readonly #byKey = new Map<ObjectKey, Declared>();
  /** Whether the backend was listed since the start. */
  #isListed = false;
  /** Whether the present attempt's plan was carried out. */
  #isWaiting = false;
  #hasWaited = false;
  #since = 0;
  #scope: HealthScope | null = null;
  #hooks: readonly Declared[] = [];
  #through: Position | null = null;
  readonly #endedRuns = new Set<string>();
  readonly #headway = new Headway();

  /** @param onDeclared Hears of the objects that are watched over from now on */
  constructor(options: AppReconcilerOptions, onDeclared: (keys: Iterable<ObjectKey>) => void) {
    const { app, ledger, repository, images, clock, view } = options;
    this.#options = options;
    this.#onDeclared = onDeclared;
    const { localImages } = options.backend.capabilities;
    const hasImage = (reference: string): boolean => images.digests([reference])[reference] !== undefined;
    this.workloads = new Workloads(view, localImages ? hasImage : null);
    this.#revisions = new RevisionRecorder({
      app: app.name,
      target: app.target,
      ledger,
      repository,
      images: localImages ? images : null,
      clock,
    });
  }

  load(): Promise<void> {
    return this.#revisions.load();
  }

  listed(): void {
    this.#isListed = true;
    this.workloads.allDirty();
  }

  touched(object: KubeObject, present: boolean): void {
    this.workloads.touched(object, present);
  }

  applied(object: KubeObject | undefined): void {
    if (object !== undefined) this.workloads.applied(object);
  }

  declaredAt(key: ObjectKey): Declared | undefined {
    return this.#byKey.get(key);
  }

  /**
   * An object is gone: a hook that had succeeded by then has succeeded, though it was deleted (by its time to live) before anybody
   * could write that down.
   *
   * @returns Whether it was a hook that is waited for
   */
  gone(object: KubeObject): boolean {
    const run = object.metadata.annotations?.[ANNOTATION.hookRun];
    const key = keyOfObject(object);
    if (run === undefined || !this.#hooks.some((hook) => keyOfDeclared(hook) === key)) return false;
    const { deletionTimestamp: _deleted, ...metadata } = object.metadata;
    if (healthOf({ ...object, metadata }).status === "Healthy") this.#endedRuns.add(`${key} ${run}`);
    return true;
  }

  /** Whether a run of a hook was seen to succeed, and is gone. */
  hasSeenEnd(key: ObjectKey, run: string): boolean {
    return this.#endedRuns.has(`${key} ${run}`);
  }

  /** From now on these objects are watched over, but of the hooks among them only those that run. */
  declare(declared: readonly Declared[], running: readonly Declared[] = []): void {
    const isSame = running.length === this.#hooks.length && running.every((hook, at) => hook === this.#hooks[at]);
    if (declared === this.#declared && isSame) return;
    const kept = keptOf(declared);
    if (declared !== this.#declared) {
      this.#byKey.clear();
      for (const each of kept) this.#byKey.set(keyOfDeclared(each), each);
    }
    this.#declared = declared;
    this.#hooks = running;
    this.workloads.declare(running.length === 0 ? kept : [...kept, ...running]);
    this.#onDeclared([...this.#byKey.keys(), ...running.map(keyOfDeclared)]);
  }

  /** What is waited for from now on; null: for all that is watched over. Each stage has its own deadline. */
  stage(scope: HealthScope | null): void {
    if (isSameScope(this.#scope, scope)) return;
    this.#scope = scope;
    this.#since = this.#options.clock.monotonic();
    this.#headway.restart();
  }

  /** Up to where, in the present attempt, everything was seen to be well; null: nothing was yet. */
  get through(): Position | null {
    return this.#through;
  }

  /** Something was changed here: what comes after it waits again. */
  began(at: Position): void {
    if (this.#through !== null && comparePositions(at, this.#through) < 0) this.#through = at;
  }

  /** Another attempt, or another commit, begins: what was waited for is the former one's. */
  restart(): void {
    this.#isWaiting = false;
    this.#headway.restart();
    this.#hasWaited = false;
    this.#scope = null;
    this.#through = null;
    this.#endedRuns.clear();
  }

  /** The plan was carried out: from now on its outcome is a matter of health. */
  waitFrom(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#since = this.#options.clock.monotonic();
  }

  /**
   * Records revisions and says how the app does.
   *
   * @returns null while there is nothing to say: nothing is declared, or the backend was not listed yet
   */
  async judge(record: AttemptRecord, signal: AbortSignal): Promise<Judgement | null> {
    if (!this.#isListed) return null;
    await this.#recordRevisions(record, signal);
    const health = this.workloads.worst();
    if (!this.#isWaiting) {
      return this.#declared.length === 0 ? null : { state: "idle", reason: "", health, hasWaited: false };
    }
    const failed = this.#failed();
    if (failed.length > 0) return this.#fail(record, failed, health, signal);
    const waiting = this.#waitingFor();
    if (waiting.length === 0) {
      const next = this.#scope?.next ?? null;
      if (next !== null) this.#through = next;
      return { state: "healthy", reason: "", health, hasWaited: this.#hasWaited, hasNext: next !== null };
    }
    this.#hasWaited = true;
    return this.#wait(record, waiting, health, signal);
  }

  async #recordRevisions(record: AttemptRecord, signal: AbortSignal): Promise<void> {
    for (const { object, health } of this.workloads.refresh()) {
      if (object?.kind !== "Deployment") continue;
      signal.throwIfAborted();
      const replicaSets = this.workloads.replicaSetsOf(object);
      const around = { replicaSets, health, podsOf: (set: KubeObject) => this.workloads.podsOf(set) };
      await this.#revisions.record(object, around, (commit) => this.#digestOf(record, commit));
      this.#options.fault?.("revision");
    }
  }

  async #digestOf({ attempt, digest }: AttemptRecord, commit: CommitId): Promise<string> {
    if (attempt.commit === commit && digest !== undefined) return digest;
    const { app, ledger } = this.#options;
    const [found] = await ledger.attempts({ app: app.name, target: app.target, commit, limit: 1 });
    const detail = found?.events.find(({ type }) => type === "planned")?.detail;
    return typeof detail?.digest === "string" ? detail.digest : "";
  }

  /** Those that cannot succeed, by their pods or their own word; and Deployments whose deadline has passed. */
  #failed(): WorkloadHealth[] {
    return this.workloads
      .with("Degraded")
      .filter((each) => this.#isWaitedFor(each))
      .filter(
        ({ object, failure, declared }) =>
          failure !== undefined ||
          this.#hooks.includes(declared) ||
          (object !== undefined && (object.kind === "Deployment" || isFinal(object))),
      );
  }

  #waitingFor(): WorkloadHealth[] {
    return this.workloads
      .with("Progressing", true)
      .filter((each) => each.health.status !== "Unknown" && this.#isWaitedFor(each));
  }

  #isWaitedFor({ declared }: WorkloadHealth): boolean {
    return this.#scope === null || this.#scope.keys.has(keyOfDeclared(declared));
  }

  async #wait(
    record: AttemptRecord,
    waiting: readonly WorkloadHealth[],
    health: Health,
    signal: AbortSignal,
  ): Promise<Judgement> {
    const stage = this.#scope?.label ?? "";
    const reason = `${stage === "" ? "" : `${stage}: `}${waiting.map(reasonOf).join("; ")}`;
    const judgement: Judgement = { state: "waiting", reason, health, hasWaited: true };
    const now = this.#options.clock.monotonic();
    const lefts = waiting.map((each) => ({ each, left: this.#deadlineOf(each, now) - now }));
    const late = lefts.filter(({ left }) => left <= 0).map(({ each }) => each);
    if (late.length > 0) return this.#fail(record, late, health, signal);
    return { ...judgement, againAfterMs: Math.min(...lefts.map(({ left }) => left)) };
  }

  /**
   * Until when a workload is waited for, on the monotonic clock. A Deployment says itself when it is late, by Kubernetes' rules:
   * old pods that come and go are progress, and what was complete once is never late, though its pods be ready no more before
   * anybody came to look. So a rollout that gets no further for longer than its deadline is late, too.
   */
  #deadlineOf({ declared, object }: WorkloadHealth, now: number): number {
    if (object === undefined) return this.#since + DEADLINE_MS;
    const key = keyOfDeclared(declared);
    if (!hasOwnDeadline(object)) {
      // What is made pod by pod may take long, as long as one comes after the other; and a Job ends itself at its own deadline.
      return this.#headway.ofCounts(key, object, now) + activeDeadlineMs(object) + DEADLINE_MS;
    }
    const deployment = object as Deployment;
    const current = findNewReplicaSet(deployment, this.workloads.replicaSetsOf(object));
    const ownMs = (deployment.spec.progressDeadlineSeconds ?? 0) * 1_000;
    return this.#headway.of(key, deployment, current, now) + ownMs + DEADLINE_MS;
  }

  async #fail(
    record: AttemptRecord,
    failed: readonly WorkloadHealth[],
    health: Health,
    signal: AbortSignal,
  ): Promise<Judgement> {
    const { backend, clock } = this.#options;
    // Said once: what follows the end of an attempt changes nothing about why it ended.
    const context = { workloads: this.workloads, backend, clock, declared: this.#declared };
    const reason = record.ended
      ? failed.map(reasonOf).join("; ")
      : await explainFailure(failed, record, context, signal);
    return { state: "failed", reason, health, hasWaited: this.#hasWaited };
  }
}

function activeDeadlineMs({ kind, spec }: KubeObject): number {
  const { activeDeadlineSeconds } = (spec ?? {}) as { activeDeadlineSeconds?: number };
  return kind === "Job" && typeof activeDeadlineSeconds === "number" ? activeDeadlineSeconds * 1_000 : 0;
}
