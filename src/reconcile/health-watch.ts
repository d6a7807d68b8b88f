/** Waits for what was applied to get healthy: says what it waits for, when that is done, when it has failed, and why. */
import type { Health } from "../model/health.ts";
import type { Declared } from "../model/manifest.ts";
import type { KubeObject, ObjectKey } from "../model/object.ts";
import type { CommitId } from "../model/source.ts";
import type { Deployment } from "../model/workload.ts";
import { findNewReplicaSet } from "../rollout/revisions.ts";
import { explainFailure, reasonOf } from "./failure.ts";
import { Headway } from "./headway.ts";
import { keyOfDeclared } from "./observe.ts";
import type { AttemptRecord } from "./record.ts";
import { RevisionRecorder } from "./revisions.ts";
import type { AppReconcilerOptions } from "./types.ts";
import type { ClusterView } from "./view.ts";
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
}

export class HealthWatch {
  readonly workloads: Workloads;
  readonly #options: AppReconcilerOptions;
  readonly #revisions: RevisionRecorder;
  #declared: readonly Declared[] = [];
  readonly #byKey = new Map<ObjectKey, Declared>();
  /** Whether the backend was listed since the start. */
  #isListed = false;
  /** Whether the present attempt's plan was carried out. */
  #isWaiting = false;
  #hasWaited = false;
  #since = 0;
  readonly #headway = new Headway();

  constructor(options: AppReconcilerOptions, view: ClusterView) {
    const { app, ledger, repository, images, clock } = options;
    this.#options = options;
    const { localImages } = options.backend.capabilities;
    const hasImage = (reference: string): boolean =>
      localImages && images.digests([reference])[reference] !== undefined;
    this.workloads = new Workloads(view, hasImage);
    this.#revisions = new RevisionRecorder({ app: app.name, target: app.target, ledger, repository, images, clock });
  }

  load(): Promise<void> {
    return this.#revisions.load();
  }

  listed(): void {
    this.#isListed = true;
    this.workloads.allDirty();
  }

  touched(object: KubeObject): void {
    this.workloads.touched(object);
  }

  applied(object: KubeObject | undefined): void {
    if (object !== undefined) this.workloads.applied(object);
  }

  declaredAt(key: ObjectKey): Declared | undefined {
    return this.#byKey.get(key);
  }

  /** From now on these objects are watched over. */
  declare(declared: readonly Declared[]): void {
    if (declared === this.#declared) return;
    this.#declared = declared;
    this.#byKey.clear();
    for (const each of declared) this.#byKey.set(keyOfDeclared(each), each);
    this.workloads.declare(declared);
  }

  /** Another attempt, or another commit, begins: what was waited for is the former one's. */
  restart(): void {
    this.#isWaiting = false;
    this.#headway.restart();
    this.#hasWaited = false;
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
    if (waiting.length === 0) return { state: "healthy", reason: "", health, hasWaited: this.#hasWaited };
    this.#hasWaited = true;
    return this.#wait(record, waiting, health, signal);
  }

  async #recordRevisions(record: AttemptRecord, signal: AbortSignal): Promise<void> {
    for (const { object, health } of this.workloads.refresh()) {
      if (object?.kind !== "Deployment") continue;
      signal.throwIfAborted();
      const replicaSets = this.workloads.replicaSetsOf(object);
      await this.#revisions.record(object, replicaSets, health, (commit) => this.#digestOf(record, commit));
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

  /** Those that cannot succeed, and Deployments whose deadline has passed: their own word that they are stuck. */
  #failed(): WorkloadHealth[] {
    return this.workloads
      .with("Degraded")
      .filter(({ object, failure }) => object?.kind === "Deployment" || failure !== undefined);
  }

  #waitingFor(): WorkloadHealth[] {
    return this.workloads.with("Progressing", true).filter(({ health }) => health.status !== "Unknown");
  }

  async #wait(
    record: AttemptRecord,
    waiting: readonly WorkloadHealth[],
    health: Health,
    signal: AbortSignal,
  ): Promise<Judgement> {
    const reason = waiting.map(reasonOf).join("; ");
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
    if (object === undefined || !hasOwnDeadline(object)) return this.#since + DEADLINE_MS;
    const deployment = object as Deployment;
    const current = findNewReplicaSet(deployment, this.workloads.replicaSetsOf(object));
    const ownMs = (deployment.spec.progressDeadlineSeconds ?? 0) * 1_000;
    return this.#headway.of(keyOfDeclared(declared), deployment, current, now) + ownMs + DEADLINE_MS;
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
