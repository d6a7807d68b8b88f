/** The kubelet: keeps assigned pods running, reports on them in order, and keeps Services true to them. */
import { messageOf, TrueupError } from "../model/errors.ts";
import type {
  Kubelet,
  KubeletLogQuery,
  KubeletPodSummary,
  KubeletReport,
  KubeletReportBody,
  PodAssignment,
  ServiceAssignment,
} from "../model/kubelet.ts";
import { type Clock, settle } from "../util/clock.ts";
import type { Fault } from "../util/fault.ts";
import type { Random } from "../util/random.ts";
import { tellingProxy, tellingRuntime } from "./effects.ts";
import type { Journal } from "./journal.ts";
import { launchForLogs } from "./log-target.ts";
import type { KubeletLog, PodRuntime } from "./pod-runtime.ts";
import { PodWorker, type PodWorkerOptions } from "./pod-worker.ts";
import type { Proxy as ProxyContract } from "./proxy-contract.ts";
import { KubeletState } from "./state.ts";
import { Traffic, type TrafficPod } from "./traffic.ts";

/** How long until a report that could not be written is tried again, milliseconds. */
const RETRY_MS = 1_000;

/** How many pods' ends are begun before others have their turn. */
const STOPS_A_TURN = 32;

export interface LocalKubeletOptions {
  runtime: PodRuntime;
  clock: Clock;
  /** Spreads probes over time. */
  random: Random;
  proxy: ProxyContract;
  journal: Journal;
  /** `<state>/kubelet`; `null`: nothing is kept, for simulations. */
  directory: string | null;
  log?: KubeletLog;
  /** Hears of every effect but the journal's, which has its own hook. */
  fault?: Fault;
}

interface PodEntry {
  worker: PodWorker;
  /** Status and ports last reported, as text; "" before the first report. */
  reported: string;
  /** Whether its record is as it is now. */
  kept: boolean;
  /** Whether it is kept and told again soon, as the disk did not take it. */
  retrying: boolean;
}

/** Runs pods in this process. Call `start` first: it takes up what an earlier kubelet of the directory left. */
export class LocalKubelet implements Kubelet {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #journal: Journal;
  readonly #log: KubeletLog;
  readonly #state: KubeletState;
  readonly #traffic: Traffic;
  readonly #workerOptions: PodWorkerOptions;
  readonly #runtime: PodRuntime;
  readonly #pods = new Map<string, PodEntry>();
  /** Pods whose ports are being found. */
  readonly #creating = new Map<string, Promise<void>>();
  /** Pods reported gone, by uid, with the report's number, until it is acknowledged: an order that is late must not revive them. */
  readonly #gone = new Map<string, number>();
  readonly #emptied = new Set<() => void>();
  /** Told to end all pods: no new one may come meanwhile. */
  #ending = false;
  #closed = false;

  constructor(options: LocalKubeletOptions) {
    const { clock, random, journal, directory, log = () => undefined, fault } = options;
    const proxy = fault === undefined ? options.proxy : tellingProxy(options.proxy, fault);
    this.#runtime = fault === undefined ? options.runtime : tellingRuntime(options.runtime, fault);
    this.#clock = clock;
    this.#random = random;
    this.#journal = journal;
    this.#log = log;
    this.#state = new KubeletState(directory, fault);
    this.#traffic = new Traffic({
      proxy,
      clock,
      log,
      state: this.#state.readTraffic(),
      save: (state) => this.#attempt("keep the Services", () => this.#state.writeTraffic(state)),
      onPorts: ({ uid, namespace, name }, localPorts) =>
        this.#attempt("report a Service's ports", () =>
          this.#append({ type: "service-ports", uid, namespace, name, localPorts }),
        ),
    });
    this.#workerOptions = this.#makeWorkerOptions(proxy);
  }

  /** Takes up the pods and Services of the directory: adopts what runs, restarts what should, goes on with what was ending. */
  async start(): Promise<void> {
    for (const report of this.#journal.unacknowledged()) {
      if (report.type === "pod-gone") this.#gone.set(report.uid, report.seq);
    }
    const records = this.#state.readPods().filter((record) => {
      const uid = record.assignment.pod.metadata.uid ?? "";
      if (this.#gone.has(uid)) this.#state.removePod(uid);
      return !this.#gone.has(uid);
    });
    const workers = await Promise.all(records.map((record) => PodWorker.restore(record, this.#workerOptions)));
    for (const worker of workers) this.#pods.set(worker.uid, { worker, reported: "", kept: true, retrying: false });
    for (const worker of workers) worker.start();
    await this.#traffic.serve(this.#state.readTraffic().services);
  }

  /** @throws {TrueupError} `invalid` for a pod without a uid, `io` when no port can be had */
  async assign(assignment: PodAssignment): Promise<void> {
    const { uid } = assignment.pod.metadata;
    if (uid === undefined || uid === "") {
      throw new TrueupError("invalid", `Cannot run pod ${assignment.pod.metadata.name} as it must have a uid.`);
    }
    this.#open();
    if (this.#gone.has(uid)) return;
    // Asked again after each wait, and not waited for when there is none: two orders in one turn must not both create.
    for (let pending = this.#creating.get(uid); pending !== undefined; pending = this.#creating.get(uid)) await pending;
    const known = this.#pods.get(uid);
    if (known !== undefined) {
      known.worker.assign(assignment);
      this.#changed(known.worker);
      return;
    }
    if (this.#ending) {
      const { name } = assignment.pod.metadata;
      throw new TrueupError("conflict", `Cannot run pod ${name} as the kubelet must not be ending: it is.`);
    }
    const created = this.#create(uid, assignment);
    this.#creating.set(
      uid,
      created.catch(() => undefined),
    );
    try {
      await created;
    } finally {
      this.#creating.delete(uid);
    }
  }

  async stop(uid: string, graceSeconds: number): Promise<void> {
    this.#open();
    await this.#creating.get(uid);
    const entry = this.#pods.get(uid);
    if (entry !== undefined) entry.worker.stop(graceSeconds);
    else if (!this.#gone.has(uid)) this.#tellGone({ uid, namespace: "", name: "" });
  }

  async serve(services: ServiceAssignment[]): Promise<void> {
    this.#open();
    await this.#traffic.serve(services);
  }

  async pods(): Promise<KubeletPodSummary[]> {
    return [...this.#pods.values()].map(({ worker }) => ({ ...nameOf(worker), terminating: worker.terminating }));
  }

  async *reports(after: number, signal: AbortSignal): AsyncGenerator<KubeletReport> {
    this.#open();
    if (after > this.#journal.last) {
      // The reader knows numbers that this journal has lost. Go on above them, and say again what holds now.
      this.#journal.skipTo(after);
      for (const entry of this.#pods.values()) {
        entry.reported = "";
        this.#changed(entry.worker);
      }
      this.#traffic.tellAgain();
    }
    yield* this.#journal.follow(after, signal);
  }

  async acknowledge(seq: number): Promise<void> {
    this.#journal.acknowledge(seq);
    for (const [uid, at] of this.#gone) if (at <= seq) this.#gone.delete(uid);
  }

  /** @throws {TrueupError} `not-found` for what is not there, `unavailable` when the container has not run yet */
  async *logs(query: KubeletLogQuery, signal: AbortSignal): AsyncGenerator<string> {
    const entry = this.#pods.get(query.uid);
    if (entry === undefined) {
      throw new TrueupError("not-found", `Cannot read logs as pod ${query.uid} must be running here: it is not.`);
    }
    const launch = launchForLogs(entry.worker, query);
    const { tail, follow } = query;
    yield* this.#runtime.logs(
      launch,
      { ...(tail !== undefined && { tail }), ...(follow !== undefined && { follow }) },
      signal,
    );
  }

  /** Ends all pods, each within its own grace period, and resolves when they are gone. From then on it takes no new ones. */
  async stopAll(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#creating.values());
    let begun = 0;
    for (const { worker } of [...this.#pods.values()]) {
      if (worker.terminating) continue;
      worker.stop(worker.pod.spec.terminationGracePeriodSeconds ?? 30);
      // Each writes its record: requests that the others still have go on in between.
      if (++begun % STOPS_A_TURN === 0) await settle();
    }
    if (this.#pods.size > 0) await new Promise<void>((resolve) => this.#emptied.add(resolve));
  }

  /** Lets go of the proxy and the journal; pods run on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const { worker } of this.#pods.values()) worker.abandon();
    await this.#traffic.close();
    this.#journal.close();
  }

  async #create(uid: string, assignment: PodAssignment): Promise<void> {
    const worker = await PodWorker.create(assignment, this.#workerOptions);
    try {
      this.#open();
      // Before anything is started: what cannot be kept is not run.
      this.#state.writePod(uid, worker.record);
    } catch (error) {
      worker.discard();
      throw error;
    }
    this.#pods.set(uid, { worker, reported: "", kept: true, retrying: false });
    worker.start();
  }

  #makeWorkerOptions(proxy: ProxyContract): PodWorkerOptions {
    return {
      runtime: this.#runtime,
      clock: this.#clock,
      random: this.#random,
      workDirectory: (uid, container) => this.#state.workDirectory(uid, container),
      path: this.#state.path,
      changed: (worker) => this.#changed(worker),
      event: (worker, eventType, reason, message) =>
        this.#attempt("report an event", () =>
          this.#append({ type: "pod-event", ...nameOf(worker), eventType, reason, message }),
        ),
      persist: (worker) => {
        if (!this.#closed) this.#state.writePod(worker.uid, worker.record);
      },
      drain: (uid, limitMs) => proxy.drain(uid, limitMs),
      gone: (worker) => void this.#remove(worker),
      failed: (worker, error) => this.#log("error", `Pod ${worker.pod.metadata.name}: ${messageOf(error)}`),
    };
  }

  /** Traffic first, in this very turn; then the record; then the report. */
  #changed(worker: PodWorker): void {
    if (this.#closed) return;
    this.#traffic.podChanged(trafficPod(worker));
    const entry = this.#pods.get(worker.uid);
    if (entry === undefined) return;
    const status = worker.computeStatus();
    const { hostPorts } = worker;
    const text = JSON.stringify([status, hostPorts]);
    if (text === entry.reported && entry.kept) return;
    const { name } = worker.pod.metadata;
    entry.kept = this.#attempt(`keep pod ${name}`, () => this.#state.writePod(worker.uid, worker.record));
    if (text !== entry.reported) {
      this.#attempt(`report on pod ${name}`, () => {
        this.#append({ type: "pod-status", ...nameOf(worker), status, hostPorts });
        entry.reported = text;
      });
    }
    // A pod that stays as it is now would never be told of: nothing else comes that would try again.
    if (!entry.kept || entry.reported !== text) this.#changedLater(entry);
  }

  #changedLater(entry: PodEntry): void {
    if (entry.retrying) return;
    entry.retrying = true;
    this.#clock.setTimer(RETRY_MS, () => {
      entry.retrying = false;
      if (this.#pods.get(entry.worker.uid) === entry) this.#changed(entry.worker);
    });
  }

  async #remove(worker: PodWorker): Promise<void> {
    if (this.#closed) return;
    this.#traffic.podRemoved(worker.uid);
    if (!this.#tellGone(nameOf(worker))) {
      // A pod that is gone and never reported so would be waited for without end.
      this.#clock.setTimer(RETRY_MS, () => void this.#remove(worker));
      return;
    }
    this.#pods.delete(worker.uid);
    try {
      await this.#runtime.forget(worker.uid);
      this.#state.removePod(worker.uid);
    } catch (error) {
      this.#log("error", `Cannot remove the files of pod ${worker.pod.metadata.name}: ${messageOf(error)}`);
    }
    if (this.#pods.size === 0) for (const resolve of this.#emptied) resolve();
  }

  #tellGone(name: { uid: string; namespace: string; name: string }): boolean {
    return this.#attempt(`report pod ${name.name} gone`, () => {
      this.#gone.set(name.uid, this.#append({ type: "pod-gone", ...name }).seq);
    });
  }

  #append(body: KubeletReportBody): KubeletReport {
    return this.#journal.append(body, new Date(this.#clock.now()).toISOString());
  }

  /** Does what may fail as the disk does; a failure is logged, and who calls tries again where that matters. */
  #attempt(doing: string, work: () => void): boolean {
    if (this.#closed) return false;
    try {
      work();
      return true;
    } catch (error) {
      this.#log("error", `Cannot ${doing}: ${messageOf(error)}`);
      return false;
    }
  }

  #open(): void {
    if (this.#closed) throw new TrueupError("unavailable", "Cannot use the kubelet as it must be open: it was closed.");
  }
}

function nameOf(worker: PodWorker): { uid: string; namespace: string; name: string } {
  const { namespace = "default", name } = worker.pod.metadata;
  return { uid: worker.uid, namespace, name };
}

function trafficPod(worker: PodWorker): TrafficPod {
  const { metadata, spec } = worker.pod;
  const sidecars = (spec.initContainers ?? []).filter((container) => container.restartPolicy === "Always");
  return {
    uid: worker.uid,
    namespace: metadata.namespace ?? "default",
    labels: metadata.labels ?? {},
    containers: sidecars.length === 0 ? spec.containers : [...spec.containers, ...sidecars],
    hostPorts: worker.hostPorts,
    ready: worker.serves(false),
    running: worker.serves(true),
  };
}
