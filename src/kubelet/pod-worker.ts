/** One pod: its containers in order, its status, and its end. The same for real processes and for simulated ones. */
import { messageOf } from "../model/errors.ts";
import type { PodAssignment } from "../model/kubelet.ts";
import { timestamp } from "../model/object.ts";
import type { ContainerLaunch } from "../model/runtime.ts";
import type { Container, Pod, PodStatus } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import type { ContainerContext } from "./container-record.ts";
import { ContainerWorker } from "./container-worker.ts";
import { Deadline } from "./deadline.ts";
import { EventLimiter } from "./event-limiter.ts";
import type { PodRecord } from "./pod-record.ts";
import type { PodRuntime } from "./pod-runtime.ts";
import { declaredPorts, hostPortsOf, portConflicts } from "./ports.ts";
import { Redactor } from "./redact.ts";
import { isSidecar, podStatus } from "./status.ts";

/** Kubernetes' default for `terminationGracePeriodSeconds`. */
const DEFAULT_GRACE_SECONDS = 30;

/** Longest wait for requests under way before SIGTERM; a server also gets the rest of its grace period to finish them. */
const LONGEST_DRAIN_MS = 10_000;

export interface PodWorkerOptions {
  runtime: PodRuntime;
  clock: Clock;
  random: Random;
  /** Directory of a container's HOME and TMPDIR. */
  workDirectory(uid: string, container: string): string;
  /** PATH of the containers. */
  path: string;
  /** Status or readiness is another one; told at once, in the same turn. */
  changed(pod: PodWorker): void;
  event(pod: PodWorker, type: "Normal" | "Warning", reason: string, message: string): void;
  /** Writes the record; durable when it returns. */
  persist(pod: PodWorker): void;
  /** Waits for requests under way to a pod that left its Services, at most so long. */
  drain(uid: string, limitMs: number): Promise<void>;
  /** All of it has ended. */
  gone(pod: PodWorker): void;
  /** Something failed that has no other place to be said. */
  failed(pod: PodWorker, error: unknown): void;
}

export class PodWorker {
  readonly uid: string;
  /** Container port (as text) to local port. */
  readonly hostPorts: Readonly<Record<string, number>>;
  readonly #options: PodWorkerOptions;
  readonly #events: EventLimiter;
  readonly #record: PodRecord;
  readonly #init: readonly ContainerWorker[];
  readonly #main: readonly ContainerWorker[];
  readonly #redactor: Redactor;
  #end: Deadline | null = null;

  private constructor(record: PodRecord, options: PodWorkerOptions) {
    this.#record = record;
    this.#options = options;
    this.uid = record.assignment.pod.metadata.uid ?? "";
    this.hostPorts = hostPortsOf(this.pod.spec, record.ports);
    this.#events = new EventLimiter(options.clock);
    this.#redactor = new Redactor(record.assignment);
    const { spec } = this.pod;
    const policy = spec.restartPolicy ?? "Always";
    this.#init = (spec.initContainers ?? []).map((each) => this.#worker(each, initPolicy(each, policy)));
    this.#main = spec.containers.map((each) => this.#worker(each, policy));
  }

  /** A pod that is new here: finds its ports. Call `start` next. */
  static async create(assignment: PodAssignment, options: PodWorkerOptions): Promise<PodWorker> {
    const ports = await declaredPorts(assignment.pod.spec, () => options.runtime.allocatePort());
    const startTime = timestamp(options.clock.now());
    return new PodWorker(
      { format: 1, assignment, ports, startTime, conditions: [], containers: {}, terminating: null },
      options,
    );
  }

  /** A pod of an earlier kubelet: adopts what runs. Call `start` next. */
  static async restore(record: PodRecord, options: PodWorkerOptions): Promise<PodWorker> {
    const worker = new PodWorker(record, options);
    for (const port of worker.#localPorts()) options.runtime.keepPort(port);
    for (const container of worker.#all()) await container.adopt();
    return worker;
  }

  get pod(): Pod {
    return this.#record.assignment.pod;
  }

  get record(): PodRecord {
    for (const worker of this.#all()) this.#record.containers[worker.spec.name] = worker.record;
    return this.#record;
  }

  get terminating(): boolean {
    return this.#record.terminating !== null;
  }

  /** Whether it may get traffic; with `includeNotReady`, whether it could. */
  serves(includeNotReady: boolean): boolean {
    if (this.terminating || this.#main.some((worker) => worker.record.finished)) return false;
    if (includeNotReady) return this.#main.some((worker) => worker.status.state.running !== undefined);
    return this.#essential().every((worker) => worker.status.ready);
  }

  /** The status now; condition times are kept from one call to the next. */
  computeStatus(): PodStatus {
    const status = podStatus({
      spec: this.pod.spec,
      initContainers: this.#init.map((worker) => worker.status),
      containers: this.#main.map((worker) => worker.status),
      startTime: this.#record.startTime,
      now: this.#options.clock.now(),
      previous: this.#record.conditions,
    });
    this.#record.conditions = status.conditions ?? [];
    return status;
  }

  /** The newest run of a container: `null` before its start, undefined when there is no such container. */
  launchOf(container: string): ContainerLaunch | null | undefined {
    return this.#all().find((worker) => worker.spec.name === container)?.launch;
  }

  /** The one that is meant when none is named. */
  get defaultContainer(): string {
    return this.#main[0]?.spec.name ?? "";
  }

  get containerNames(): string[] {
    return this.#all().map((worker) => worker.spec.name);
  }

  /** Begins, or goes on with, running it; or with its end, when that had begun. */
  start(): void {
    this.#options.changed(this);
    for (const { port, first, second } of portConflicts(this.pod.spec)) {
      const message = `Containers ${first} and ${second} both declare containerPort ${port}: Services send to ${first}`;
      this.#event("Warning", "PortConflict", message);
    }
    this.#supervised(this.#run());
    const { terminating } = this.#record;
    if (terminating !== null) {
      const passed = this.#options.clock.now() - terminating.at;
      this.#supervised(this.#terminate(Math.max(0, terminating.graceSeconds * 1000 - passed)));
    }
  }

  /** Brings it up to date: labels for Services at once, images and configuration for the next container start. */
  assign(assignment: PodAssignment): void {
    this.#record.assignment = assignment;
    this.#redactor.add(assignment);
    this.#options.persist(this);
    for (const worker of this.#all()) worker.assigned();
  }

  /** Begins its end; later calls only shorten the grace period. Returns when that is recorded. */
  stop(graceSeconds: number): void {
    if (this.#record.terminating === null) {
      this.#record.terminating = { at: this.#options.clock.now(), graceSeconds };
      try {
        this.#options.persist(this);
      } catch (error) {
        // It ends all the same: a disk that is full must not keep pods running.
        this.#options.failed(this, error);
      }
      this.#supervised(this.#terminate(graceSeconds * 1000));
    } else {
      this.#end?.shorten(graceSeconds * 1000);
    }
  }

  /** Gives back what `create` took, of a pod that is not started after all. */
  discard(): void {
    for (const port of this.#localPorts()) this.#options.runtime.releasePort(port);
  }

  /** Lets go of the pod: its processes run on, and nothing more is done about them. */
  abandon(): void {
    for (const worker of this.#all()) worker.quiet();
  }

  async #run(): Promise<void> {
    for (const worker of this.#init) {
      if (this.terminating) break;
      if (isSidecar(this.pod.spec, worker.spec.name)) {
        this.#supervised(worker.run().then(() => undefined));
        await worker.startedOnce;
      } else if ((await worker.run()) === "failed") {
        await this.#endSidecars(new Deadline(this.#options.clock, this.#graceMs()));
        return;
      }
    }
    if (this.terminating) return;
    const ends = await Promise.all(this.#main.map((worker) => worker.run()));
    if (ends.includes("stopped")) return;
    await this.#endSidecars(new Deadline(this.#options.clock, this.#graceMs()));
  }

  async #terminate(graceMs: number): Promise<void> {
    const deadline = new Deadline(this.#options.clock, graceMs);
    this.#end = deadline;
    for (const worker of this.#all()) worker.quiet();
    // Out of the Services first, in this very turn; only then is anything ended.
    this.#options.changed(this);
    const drainMs = Math.min(graceMs / 2, LONGEST_DRAIN_MS);
    if (!deadline.forced) await Promise.race([this.#options.drain(this.uid, drainMs), deadline.passed]);
    const sidecars = this.#sidecars();
    const others = this.#all().filter((worker) => !sidecars.includes(worker));
    await Promise.all(others.map((worker) => worker.stop(deadline)));
    await this.#endSidecars(deadline);
    deadline.cancel();
    await this.#options.runtime.sweep(this.uid);
    this.discard();
    this.#options.changed(this);
    this.#options.gone(this);
  }

  /** Sidecars outlive what they serve, and end in reverse order. */
  async #endSidecars(deadline: Deadline): Promise<void> {
    for (const worker of this.#sidecars().reverse()) await worker.stop(deadline);
    deadline.cancel();
  }

  #worker(container: Container, restartPolicy: ContainerContext["restartPolicy"]): ContainerWorker {
    const { name } = container;
    return new ContainerWorker(container, this.#context(name, restartPolicy), this.#record.containers[name] ?? null);
  }

  #context(container: string, restartPolicy: ContainerContext["restartPolicy"]): ContainerContext {
    const { runtime, clock, random, path } = this.#options;
    const { initContainers = [] } = this.pod.spec;
    return {
      runtime,
      clock,
      random,
      path,
      assignment: () => this.#record.assignment,
      ports: this.#record.ports[container] ?? [],
      workDirectory: this.#options.workDirectory(this.uid, container),
      restartPolicy,
      firstReason:
        initContainers.some((each) => each.name === container) || initContainers.length === 0
          ? "ContainerCreating"
          : "PodInitializing",
      graceMs: this.#graceMs(),
      event: (type, reason, message) => this.#event(type, reason, message),
      changed: () => this.#options.changed(this),
      persist: () => this.#options.persist(this),
      redact: (text) => this.#redactor.redact(text),
    };
  }

  #graceMs(): number {
    return (this.pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) * 1000;
  }

  #event(type: "Normal" | "Warning", reason: string, message: string): void {
    if (this.#events.allow(reason)) this.#options.event(this, type, reason, this.#redactor.redact(message));
  }

  #localPorts(): Set<number> {
    return new Set(Object.values(this.#record.ports).flatMap((ports) => ports.map(({ localPort }) => localPort)));
  }

  #all(): ContainerWorker[] {
    return [...this.#init, ...this.#main];
  }

  #sidecars(): ContainerWorker[] {
    return this.#init.filter((worker) => isSidecar(this.pod.spec, worker.spec.name));
  }

  #essential(): ContainerWorker[] {
    return [...this.#sidecars(), ...this.#main];
  }

  #supervised(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#event("Warning", "FailedSync", `Error syncing pod: ${messageOf(error)}`);
      this.#options.failed(this, error);
    });
  }
}

/** Init containers run until they succeed, unless the pod never restarts; sidecars run on. */
function initPolicy(
  container: Container,
  policy: ContainerContext["restartPolicy"],
): ContainerContext["restartPolicy"] {
  if (container.restartPolicy === "Always") return "Always";
  return policy === "Never" ? "Never" : "OnFailure";
}
