/** Waits for what was applied to get healthy: says what it waits for, when it is done, and when it has failed, and why. */
import type { Health } from "../model/health.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, type KubeObject, type ObjectKey } from "../model/object.ts";
import type { CommitId } from "../model/source.ts";
import type { AppPhase } from "../model/status.ts";
import { lastWords } from "./last-words.ts";
import { keyOfDeclared } from "./observe.ts";
import type { AttemptRecord } from "./record.ts";
import { RevisionRecorder } from "./revisions.ts";
import type { Snapshot } from "./source.ts";
import type { AppReconcilerOptions } from "./types.ts";
import type { ClusterView } from "./view.ts";
import { hasOwnDeadline, type WorkloadHealth, Workloads } from "./workloads.ts";

/** For objects that have no deadline of their own; as long as a Deployment's is by default. */
const DEADLINE_MS = 600_000;

export interface Verdict {
  phase: AppPhase;
  reason: string;
  health: Health;
  /** Look again after this time, though nothing happens. */
  againAfterMs?: number;
}

export class HealthWatch {
  readonly #options: AppReconcilerOptions;
  readonly #workloads: Workloads;
  readonly #revisions: RevisionRecorder;
  #declared: readonly Declared[] = [];
  readonly #byKey = new Map<ObjectKey, Declared>();
  /** Whether the backend was listed since the start. */
  #isListed = false;
  /** Whether the present attempt's plan was carried out. */
  #isWaiting = false;
  #isHeld = false;
  /** Whether a rollout was under way when the attempt came to this. */
  #hasWaited = false;
  #since = 0;

  constructor(options: AppReconcilerOptions, view: ClusterView) {
    const { app, ledger, repository, images, clock } = options;
    this.#options = options;
    this.#workloads = new Workloads(view);
    this.#revisions = new RevisionRecorder({ app: app.name, target: app.target, ledger, repository, images, clock });
  }

  load(): Promise<void> {
    return this.#revisions.load();
  }

  listed(): void {
    this.#isListed = true;
    this.#workloads.allDirty();
  }

  touched(object: KubeObject): void {
    this.#workloads.touched(object);
  }

  applied(object: KubeObject | undefined): void {
    if (object !== undefined) this.#workloads.applied(object);
  }

  declaredAt(key: ObjectKey): Declared | undefined {
    return this.#byKey.get(key);
  }

  /** From now on these objects are watched over. */
  declare({ declared }: Snapshot): void {
    if (declared === this.#declared) return;
    this.#declared = declared;
    this.#byKey.clear();
    for (const each of declared) this.#byKey.set(keyOfDeclared(each), each);
    this.#workloads.declare(declared);
  }

  /** Another attempt begins: what was waited for is the former one's. */
  restart(): void {
    this.#isWaiting = false;
    this.#hasWaited = false;
  }

  /** The attempt's plan was carried out: from now on its outcome is a matter of health. */
  waitFrom(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#since = this.#options.clock.monotonic();
  }

  /**
   * Records revisions, ends the attempt when that is due, and says how the app does.
   *
   * @returns null while there is nothing to say: nothing was carried out, or the backend was not listed yet
   */
  async judge(record: AttemptRecord | null, signal: AbortSignal): Promise<Verdict | null> {
    if (!this.#isListed || record === null) return null;
    await this.#recordRevisions(record, signal);
    const health = this.#workloads.worst();
    if (!this.#isWaiting) return this.#declared.length === 0 ? null : { ...phaseOf(health), health };
    const failed = this.#failed();
    const waiting = this.#waitingFor();
    if (failed.length === 0 && waiting.length > 0) {
      this.#hasWaited = true;
      return this.#wait(record, waiting, health, signal);
    }
    if (record.ended) return { ...endedPhase(record, health), health };
    this.#options.fault?.("judged");
    if (failed.length > 0 && (record.changed || this.#hasWaited)) return this.#fail(record, failed, health, signal);
    if (this.#isHeld) return { phase: "Held", reason: heldReason(record), health };
    await record.end(record.changed || this.#hasWaited ? "deployed" : "no-op", "");
    this.#options.fault?.("ended");
    return { ...phaseOf(health), health };
  }

  async #recordRevisions(record: AttemptRecord, signal: AbortSignal): Promise<void> {
    for (const { object, health } of this.#workloads.refresh()) {
      if (object?.kind !== "Deployment") continue;
      signal.throwIfAborted();
      const replicaSets = this.#workloads.replicaSetsOf(object);
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

  /** Deployments whose deadline has passed: their own word that they are stuck. */
  #failed(): WorkloadHealth[] {
    return this.#workloads.with("Degraded").filter(({ object }) => object?.kind === "Deployment");
  }

  #waitingFor(): WorkloadHealth[] {
    return this.#workloads.with("Progressing", true).filter(({ health, object }) => {
      return health.status !== "Unknown" && !(health.status === "Degraded" && object?.kind === "Deployment");
    });
  }

  async #wait(
    record: AttemptRecord,
    waiting: readonly WorkloadHealth[],
    health: Health,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const reason = waiting.map(reasonOf).join("; ");
    const verdict: Verdict = { phase: "Progressing", reason, health };
    const unbounded = waiting.filter(({ object }) => !hasOwnDeadline(object));
    if (record.ended || unbounded.length === 0) return verdict;
    const left = this.#since + DEADLINE_MS - this.#options.clock.monotonic();
    if (left > 0) return { ...verdict, againAfterMs: left };
    return this.#fail(record, unbounded, health, signal);
  }

  async #fail(
    record: AttemptRecord,
    failed: readonly WorkloadHealth[],
    health: Health,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const { backend, clock } = this.#options;
    const [first] = failed;
    const pods = first?.object === undefined ? [] : this.#workloads.podsOf(first.object);
    const words = await lastWords(pods, backend, clock, this.#declared, signal);
    const reason = [...failed.map(reasonOf), ...(words === "" ? [] : [words])].join("; ");
    await record.end("failed", reason);
    return { phase: "Failed", reason, health };
  }
}

function reasonOf({ declared, health }: WorkloadHealth): string {
  return `${displayId(declared.id)}: ${health.reason}`;
}

function heldReason(record: AttemptRecord): string {
  const held = record.attempt.events.findLast(({ type }) => type === "held");
  return held === undefined ? "deletions wait for approval" : `deletions wait for approval: ${held.message}`;
}

/** A failed attempt keeps its reason, with the last log lines, until its workloads do better. */
function endedPhase({ attempt }: AttemptRecord, health: Health): { phase: AppPhase; reason: string } {
  const byHealth = phaseOf(health);
  const { ending } = attempt;
  return byHealth.phase === "Failed" && ending?.outcome === "failed"
    ? { phase: "Failed", reason: ending.reason }
    : byHealth;
}

function phaseOf({ status, reason }: Health): { phase: AppPhase; reason: string } {
  switch (status) {
    case "Healthy":
    case "Suspended":
      return { phase: "Synced", reason: "" };
    case "Degraded":
    case "Unknown":
      return { phase: "Failed", reason };
    default:
      return { phase: "Progressing", reason };
  }
}
