/** A daemon made of plain data: objects in a map, attempts in a list, and the hooks that a test pulls. */
import type { ApplyRequest, ApplyResult, Backend, ListQuery, LogQuery, WatchEvent } from "../../src/model/backend.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { Attempt, Ledger, LedgerProof, RevisionRecord } from "../../src/model/ledger.ts";
import { groupOf, idOf, type KubeObject, keyOf } from "../../src/model/object.ts";
import type { Observed } from "../../src/model/plan.ts";
import type { AppStatus, DaemonStatus } from "../../src/model/status.ts";
import type { DaemonService, PlanOutcome, ShutdownRequest, WhyQuery } from "../../src/server/service.ts";
import type { WhyAnswer } from "../../src/why/types.ts";

interface Watcher {
  query: ListQuery;
  push(event: WatchEvent): void;
  fail(error: Error): void;
}

export class FakeDaemon implements DaemonService {
  readonly objects = new Map<string, Observed>();
  readonly attemptRows: Attempt[] = [];
  readonly revisionRows: RevisionRecord[] = [];
  readonly logLines: string[] = [];
  readonly logQueries: LogQuery[] = [];
  readonly planned: { app: string; revision: string | undefined; adopt?: boolean }[] = [];
  readonly shutdowns: ShutdownRequest[] = [];
  readonly watchers = new Set<Watcher>();
  apps: AppStatus[] = [];
  planOutcome: PlanOutcome | Error = new TrueupError("not-found", "Cannot plan: nothing was prepared.");
  listError: Error | null = null;
  /** Held back until a test lets it go. */
  shutdownGate: Promise<void> = Promise.resolve();
  /** Ends a following log. */
  endLogs: () => void = () => undefined;
  #version = 1;
  readonly #listeners = new Set<() => void>();

  get listenerCount(): number {
    return this.#listeners.size;
  }

  status(): DaemonStatus {
    return {
      version: "9.9.9",
      pid: process.pid,
      startedAt: "2026-01-01T00:00:00.000Z",
      stateDir: "/state",
      target: { name: "local", kind: "embedded" },
      runtime: "process",
      kubelet: { connected: true, pid: 42 },
      apps: this.apps,
    };
  }

  /** Why what is listed may be old by now. */
  doubtful: string | null = null;

  async doubt(): Promise<string | null> {
    return this.doubtful;
  }

  async proveLedger(): Promise<LedgerProof> {
    throw new Error("the fake daemon has no ledger to prove");
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setApps(apps: AppStatus[]): void {
    this.apps = apps;
    for (const listener of this.#listeners) listener();
  }

  plan(app: string, revision: string | undefined, _signal?: AbortSignal, adopt?: boolean): Promise<PlanOutcome> {
    this.planned.push({ app, revision, ...(adopt !== undefined && { adopt }) });
    return this.planOutcome instanceof Error ? Promise.reject(this.planOutcome) : Promise.resolve(this.planOutcome);
  }

  readonly whyQueries: WhyQuery[] = [];
  whyAnswer: WhyAnswer | Error = new TrueupError("not-found", "Cannot say why: nothing was prepared.");

  why(query: WhyQuery): Promise<WhyAnswer> {
    this.whyQueries.push(query);
    return this.whyAnswer instanceof Error ? Promise.reject(this.whyAnswer) : Promise.resolve(this.whyAnswer);
  }

  readonly orders: ({ order: "approve" | "discard" | "retry"; app: string } & Record<string, string>)[] = [];
  orderError: Error | null = null;

  approve(app: string, request: { digest: string; by: string }): Promise<void> {
    return this.#order("approve", app, request);
  }

  discard(app: string, request: { by: string }): Promise<void> {
    return this.#order("discard", app, request);
  }

  retry(app: string, request: { by: string }): Promise<void> {
    return this.#order("retry", app, request);
  }

  async #order(order: "approve" | "discard" | "retry", app: string, request: Record<string, string>): Promise<void> {
    if (this.orderError !== null) throw this.orderError;
    this.orders.push({ ...request, order, app });
  }

  async shutdown(request: ShutdownRequest): Promise<void> {
    this.shutdowns.push(request);
    await this.shutdownGate;
  }

  /** Adds or replaces an object, as an app's unless said otherwise. */
  put(object: KubeObject, owner: string | null = "shop"): void {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    const known = this.objects.has(keyOf(object));
    const observed: Observed = { object: stored, applied: owner === null ? null : stored, owner };
    this.objects.set(keyOf(object), observed);
    this.#tell({ type: known ? "modified" : "added", observed, version: String(this.#version) });
  }

  remove(object: KubeObject): void {
    const observed = this.objects.get(keyOf(object));
    if (observed === undefined) return;
    this.#version += 1;
    this.objects.delete(keyOf(object));
    this.#tell({ type: "deleted", observed, version: String(this.#version) });
  }

  #tell(event: Exclude<WatchEvent, { type: "bookmark" }>): void {
    for (const watcher of this.watchers) if (matches(event.observed, watcher.query)) watcher.push(event);
  }

  /** Makes all watches end as they do when the store has forgotten their version. */
  forgetVersions(): void {
    for (const watcher of this.watchers) watcher.fail(new TrueupError("not-found", "Cannot watch: too old."));
  }

  readonly backend: Backend = {
    capabilities: { name: "fake", cheapDryRun: true, localImages: true, followLogs: true, kinds: null },
    list: (query) => {
      if (this.listError !== null) return Promise.reject(this.listError);
      const items = [...this.objects.values()].filter((observed) => matches(observed, query));
      return Promise.resolve({ items, version: String(this.#version) });
    },
    watch: (query, _version, signal) => this.#watch(query, signal),
    dryRun: ({ desired }: ApplyRequest): Promise<ApplyResult> => {
      const live = this.objects.get(keyOf(desired))?.object;
      return Promise.resolve({ action: live === undefined ? "create" : "update", object: { ...live, ...desired } });
    },
    apply: () => Promise.reject(new Error("the API never applies")),
    delete: () => Promise.reject(new Error("the API never deletes")),
    logs: (query, signal) => this.#logs(query, signal),
  };

  async *#watch(query: ListQuery, signal: AbortSignal): AsyncIterable<WatchEvent> {
    const queue: (WatchEvent | Error)[] = [];
    let wake = (): void => undefined;
    const watcher: Watcher = {
      query,
      push: (event) => {
        queue.push(event);
        wake();
      },
      fail: (error) => {
        queue.push(error);
        wake();
      },
    };
    this.watchers.add(watcher);
    const onAbort = (): void => wake();
    signal.addEventListener("abort", onAbort);
    try {
      for (;;) {
        signal.throwIfAborted();
        const next = queue.shift();
        if (next instanceof Error) throw next;
        if (next !== undefined) yield next;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.watchers.delete(watcher);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async *#logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string> {
    this.logQueries.push(query);
    if (query.pod === "gone") throw new TrueupError("not-found", 'Cannot find pod "gone".');
    yield* this.logLines.slice(query.tail === undefined ? 0 : -query.tail);
    if (query.follow !== true) return;
    await new Promise<void>((resolve) => {
      this.endLogs = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    signal.throwIfAborted();
    if (query.pod === "breaks") throw new TrueupError("io", "Cannot read the log file.");
    yield "the last line";
  }

  readonly ledger: Ledger = {
    open: () => Promise.reject(new Error("the API never writes")),
    event: () => Promise.reject(new Error("the API never writes")),
    end: () => Promise.reject(new Error("the API never writes")),
    startRevision: () => Promise.reject(new Error("the API never writes")),
    endRevision: () => Promise.reject(new Error("the API never writes")),
    imageDigest: () => Promise.resolve(null),
    attempts: ({ app, commit, limit, onlyOpen }) =>
      Promise.resolve(
        this.attemptRows
          .filter((row) => app === undefined || row.app === app)
          .filter((row) => commit === undefined || row.commit === commit)
          .filter((row) => onlyOpen !== true || row.ending === undefined)
          .slice(0, limit),
      ),
    revisions: ({ workload, uid }) =>
      Promise.resolve(
        this.revisionRows
          .filter((row) => workload === undefined || row.workload === workload)
          .filter((row) => uid === undefined || row.uid === uid),
      ),
  };
}

function matches({ object, owner }: Observed, query: ListQuery): boolean {
  return (
    (query.group === undefined || groupOf(object.apiVersion) === query.group) &&
    (query.kind === undefined || object.kind === query.kind) &&
    (query.namespace === undefined || idOf(object).namespace === query.namespace) &&
    (query.name === undefined || object.metadata.name === query.name) &&
    (query.owner === undefined || owner === query.owner)
  );
}
