/** One container of a pod: image, configuration, start, probes, restarts with back-off, and its end. */
import { messageOf } from "../model/errors.ts";
import type { PodAssignment } from "../model/kubelet.ts";
import { timestamp } from "../model/object.ts";
import type { ContainerExit, ContainerLaunch, RunningContainer } from "../model/runtime.ts";
import type { Container, ContainerState, ContainerStatus } from "../model/workload.ts";
import { backoffMs } from "../util/backoff.ts";
import type { Clock } from "../util/clock.ts";
import { type Ending, endRun } from "./container-end.ts";
import { ContainerProbes } from "./container-probes.ts";
import { Deadline } from "./deadline.ts";
import type { LocalPort } from "./env.ts";
import { runHook } from "./handlers.ts";
import { type FoundImage, type LaunchInput, launchOfRun, resolveLaunch } from "./launch-spec.ts";
import type { PodRuntime } from "./pod-runtime.ts";
import { goDuration, terminatedState } from "./status.ts";

/** Kubernetes' waits between restarts and between image pulls. */
const BACK_OFF = { baseMs: 10_000, maxMs: 300_000 };

/** A run of this length shows that the container is well: the next failure starts at the first wait again. */
const BACK_OFF_RESET_MS = 600_000;

/** How long ErrImagePull shows before ImagePullBackOff takes its place, as the kubelet's next look would do. */
const PULL_ERROR_SHOWN_MS = 1_000;

/** How much of a failed run's output goes into its state: Kubernetes' limits are 80 lines and 2 KiB. */
const OUTPUT_LINES = 20;
const OUTPUT_CHARS = 2_048;

/** What a kubelet needs to know of a container after a restart. */
export interface ContainerRecord {
  status: ContainerStatus;
  run: number;
  /** Id of the run that is under way, "" while it is being started; `null` when there is none. */
  running: string | null;
  /** When it started, milliseconds since the epoch. */
  runningSince: number;
  /** Image of the last run. */
  image: FoundImage | null;
  /** Failures in a row, for the back-off. */
  failures: number;
  /** Whether it has ended for good. */
  finished: boolean;
}

/** What a container needs of its pod. */
export interface ContainerContext {
  runtime: PodRuntime;
  clock: Clock;
  assignment(): PodAssignment;
  ports: readonly LocalPort[];
  workDirectory: string;
  path: string;
  /** Why it waits before its first turn. */
  firstReason: "ContainerCreating" | "PodInitializing";
  /** When it is restarted after its end. */
  restartPolicy: "Always" | "OnFailure" | "Never";
  /** The pod's own grace period, milliseconds; for restarts. */
  graceMs: number;
  event(type: "Normal" | "Warning", reason: string, message: string): void;
  /** Its status is another one. */
  changed(): void;
  /** Writes the pod's record; durable when it returns. */
  persist(): void;
  /** Takes secret values out of a text that others will read. */
  redact(text: string): string;
}

export type ContainerEnd = "succeeded" | "failed" | "stopped";

export class ContainerWorker {
  readonly spec: Container;
  readonly #context: ContainerContext;
  readonly #record: ContainerRecord;
  #running: RunningContainer | null = null;
  #launch: ContainerLaunch | null = null;
  #probes: ContainerProbes | null = null;
  #stopping = false;
  /** A probe had it killed: it is restarted whatever its exit code. */
  #restartWanted = false;
  #killing: Ending | null = null;
  #starting: Promise<void> = Promise.resolve();
  #loop: Promise<ContainerEnd> | null = null;
  #wake: ((why: "assignment" | "stop") => void) | null = null;
  readonly #startedOnce: Promise<void>;
  #markStarted: () => void = () => undefined;

  constructor(spec: Container, context: ContainerContext, record: ContainerRecord | null) {
    this.spec = spec;
    this.#context = context;
    this.#record = record ?? newRecord(spec, context.firstReason);
    this.#startedOnce = new Promise((resolve) => {
      this.#markStarted = resolve;
    });
  }

  get status(): ContainerStatus {
    return this.#record.status;
  }

  get record(): ContainerRecord {
    return this.#record;
  }

  /** The newest run, for its log; `null` before the first. */
  get launch(): ContainerLaunch | null {
    if (this.#launch !== null) return this.#launch;
    const { image, run, running } = this.#record;
    const last = running === null ? run - 1 : run;
    return image === null || last < 0 ? null : launchOfRun(this.#launchInput(image, last));
  }

  /** Resolves when it has passed its startup probe (or has none and runs) for the first time, or has ended. */
  get startedOnce(): Promise<void> {
    return this.#startedOnce;
  }

  /** Runs it until it has ended for good or is stopped. */
  run(): Promise<ContainerEnd> {
    this.#loop ??= this.#runLoop().finally(this.#markStarted);
    return this.#loop;
  }

  /** The pod has a newer assignment: what waits for an image or for configuration looks again. */
  assigned(): void {
    this.#wake?.("assignment");
  }

  /** Lets go of it: nothing is ended, nothing is started again. */
  abandon(): void {
    this.quiet();
    this.#wake?.("stop");
  }

  /** No more probes: the pod is about to end, and nothing they find out matters. */
  quiet(): void {
    this.#stopping = true;
    this.#probes?.stop();
  }

  /** Ends it: preStop, SIGTERM, SIGKILL at the deadline. Resolves when it is gone. */
  async stop(deadline: Deadline): Promise<void> {
    this.quiet();
    this.#wake?.("stop");
    await this.#starting;
    if (this.#running !== null) {
      if (this.#killing === null) this.#context.event("Normal", "Killing", `Stopping container ${this.spec.name}`);
      const { done } = this.#kill(this.#running, deadline);
      // An adopted run has no loop yet when its pod was ending already; without one its end would not be told.
      await Promise.all([done, this.run()]);
    }
    await this.#loop;
  }

  /** Takes up a run that an earlier kubelet started. Call before `run`. */
  async adopt(): Promise<void> {
    const { running: id, image, run } = this.#record;
    if (id === null || image === null) return;
    const launch = launchOfRun(this.#launchInput(image, run));
    const running = await this.#context.runtime.adopt(launch, id);
    this.#launch = launch;
    if (running === null) {
      this.#ended(terminatedState({}, this.#record.status.state.running?.startedAt, this.#context.clock.now(), ""));
      return;
    }
    this.#running = running;
    this.#record.running = running.id;
    this.#set({
      containerID: running.id,
      state: { running: { startedAt: timestamp(this.#record.runningSince) } },
    });
  }

  async #runLoop(): Promise<ContainerEnd> {
    if (this.#record.finished) return this.#record.status.state.terminated?.exitCode === 0 ? "succeeded" : "failed";
    if (this.#running === null && this.#record.status.state.terminated !== undefined) {
      // Ended while no kubelet was there, or between its end and what follows from it.
      const next = await this.#afterEnd();
      if (next !== "again") return next;
    }
    for (;;) {
      if (this.#running === null) {
        const launch = await this.#prepare();
        if (launch === null) return "stopped";
        await this.#begin(launch);
      }
      if (this.#running !== null && this.#launch !== null) await this.#supervise(this.#running, this.#launch);
      const next = await this.#afterEnd();
      if (next !== "again") return next;
    }
  }

  // ---- Before a run -------------------------------------------------------------------------------------------------

  /** Waits until image and configuration are there; `null` when stopped meanwhile. */
  async #prepare(): Promise<ContainerLaunch | null> {
    for (let pulls = 0; !this.#stopping; ) {
      const image = this.#context.assignment().images[this.spec.name];
      if (image?.found !== true) {
        const reason = image?.reason ?? "ErrImagePull";
        await this.#imageMissing(reason, image?.message ?? "the assignment names no image", pulls++);
        continue;
      }
      const result = resolveLaunch(this.#launchInput(image, this.#record.run));
      if (result.ok) {
        this.#record.image = image;
        this.#record.status = { ...this.#record.status, imageID: image.digest };
        this.#event("Normal", "Pulled", `Container image "${this.spec.image ?? ""}" already present on machine`);
        return result.launch;
      }
      this.#waiting("CreateContainerConfigError", result.message);
      this.#event("Warning", "Failed", `Error: ${result.message}`);
      await this.#wait(null);
    }
    return null;
  }

  /** Says that the image is missing and waits: for the back-off, or for an assignment that brings it. */
  async #imageMissing(reason: "ErrImagePull" | "InvalidImageName", message: string, pulls: number): Promise<void> {
    const image = this.spec.image ?? "";
    const arrived = (): boolean => this.#context.assignment().images[this.spec.name]?.found === true;
    this.#waiting(reason, message);
    if (reason === "InvalidImageName") {
      this.#event("Warning", "InspectFailed", `Failed to apply default image tag "${image}": ${message}`);
      this.#event("Warning", "Failed", "Error: InvalidImageName");
      await this.#wait(null);
      return;
    }
    this.#event("Warning", "Failed", `Failed to pull image "${image}": ${message}`);
    this.#event("Warning", "Failed", "Error: ErrImagePull");
    const until = this.#context.clock.monotonic() + backoffMs(pulls, BACK_OFF);
    if ((await this.#waitFor(arrived, PULL_ERROR_SHOWN_MS)) !== "timer") return;
    this.#waiting("ImagePullBackOff", `Back-off pulling image "${image}": ErrImagePull: ${message}`);
    this.#event("Normal", "BackOff", `Back-off pulling image "${image}"`);
    this.#event("Warning", "Failed", "Error: ImagePullBackOff");
    await this.#waitFor(arrived, until - this.#context.clock.monotonic());
  }

  /** Starts the run. A start that fails leaves a terminated state, as an end with a failure does. */
  async #begin(launch: ContainerLaunch): Promise<void> {
    let settled: () => void = () => undefined;
    this.#starting = new Promise((resolve) => {
      settled = resolve;
    });
    try {
      this.#launch = launch;
      this.#record.running = "";
      this.#record.runningSince = this.#context.clock.now();
      // On disk before the process is there: a kubelet that dies in between finds it by what the record says.
      this.#context.persist();
      const running = await this.#context.runtime.start(launch);
      this.#running = running;
      this.#record.running = running.id;
      this.#record.runningSince = this.#context.clock.now();
      this.#toRunning(running);
    } catch (error) {
      this.#startFailed(this.#context.redact(messageOf(error)));
    } finally {
      settled();
    }
  }

  #toRunning(running: RunningContainer): void {
    const { terminated } = this.#record.status.state;
    this.#event("Normal", "Created", `Created container: ${this.spec.name}`);
    this.#event("Normal", "Started", `Started container ${this.spec.name}`);
    this.#set({
      ...(terminated !== undefined && { lastState: { terminated } }),
      containerID: running.id,
      state: { running: { startedAt: timestamp(this.#record.runningSince) } },
    });
  }

  #startFailed(message: string): void {
    const now = this.#context.clock.now();
    const terminated = {
      exitCode: 128,
      reason: "StartError",
      message,
      startedAt: timestamp(0),
      finishedAt: timestamp(now),
    };
    this.#event("Warning", "Failed", `Error: ${message}`);
    this.#set({ lastState: { terminated }, state: { waiting: { reason: "RunContainerError", message } } });
    this.#ended(terminated);
  }

  // ---- During a run -------------------------------------------------------------------------------------------------

  async #supervise(running: RunningContainer, launch: ContainerLaunch): Promise<void> {
    void this.#afterStart(running, launch);
    const exit = await running.exited;
    this.#probes?.stop();
    this.#probes = null;
    await this.#context.runtime.sweep(launch.podUid, launch.container);
    const output = isFailure(exit) ? await this.#lastOutput(launch) : "";
    this.#running = null;
    this.#killing = null;
    const ranMs = this.#context.clock.now() - this.#record.runningSince;
    if (ranMs >= BACK_OFF_RESET_MS) this.#record.failures = 0;
    const startedAt = this.#record.status.state.running?.startedAt;
    this.#ended(terminatedState(exit, startedAt, this.#context.clock.now(), output));
  }

  /** The postStart hook, then the probes. */
  async #afterStart(running: RunningContainer, launch: ContainerLaunch): Promise<void> {
    const { postStart } = this.spec.lifecycle ?? {};
    const { runtime, clock, ports } = this.#context;
    const adopted = this.#record.status.started;
    if (postStart !== undefined && !adopted) {
      const outcome = await runHook(runtime, clock, launch, postStart, ports);
      if (this.#running !== running || this.#stopping) return;
      if (!outcome.ok) {
        this.#event("Warning", "FailedPostStartHook", `PostStartHook failed: ${this.#context.redact(outcome.message)}`);
        this.#restart(running, "FailedPostStartHook", this.#context.graceMs);
        return;
      }
    }
    if (this.#stopping || this.#running !== running) return;
    const { status } = this.#record;
    this.#probes = new ContainerProbes({
      container: this.spec,
      launch,
      running,
      runtime,
      clock,
      ports,
      started: status.started,
      ready: status.ready,
      ageMs: Math.max(0, clock.now() - this.#record.runningSince),
      event: (type, reason, message) => this.#event(type, reason, this.#context.redact(message)),
      onStarted: () => this.#setStarted(),
      onReady: (ready) => this.#setReady(ready),
      onKill: (message, graceSeconds) => {
        const graceMs = graceSeconds === undefined ? this.#context.graceMs : graceSeconds * 1000;
        this.#restart(running, message, graceMs);
      },
    });
    this.#probes.start();
  }

  #setStarted(): void {
    this.#markStarted();
    if (!this.#record.status.started) this.#set({ started: true });
  }

  #setReady(ready: boolean): void {
    if (this.#record.status.ready !== ready) this.#set({ ready });
  }

  /** Kills the run so that the loop starts the next one. */
  #restart(running: RunningContainer, message: string, graceMs: number): void {
    this.#restartWanted = true;
    this.#probes?.stop();
    this.#setReady(false);
    this.#event("Normal", "Killing", message);
    const deadline = new Deadline(this.#context.clock, graceMs);
    void running.exited.then(() => deadline.cancel());
    this.#kill(running, deadline);
  }

  /** Begins its end. When it is ending already, only the deadline is brought forward. */
  #kill(running: RunningContainer, deadline: Deadline): Ending {
    if (this.#killing === null) {
      const { runtime, clock, ports } = this.#context;
      this.#killing = endRun({
        running,
        deadline,
        runtime,
        clock,
        ports,
        launch: this.#launch,
        preStop: this.spec.lifecycle?.preStop,
        onHookFailed: () => this.#event("Warning", "FailedPreStopHook", "PreStopHook failed"),
      });
    } else {
      this.#killing.hasten(deadline);
    }
    return this.#killing;
  }

  // ---- After a run --------------------------------------------------------------------------------------------------

  #ended(terminated: NonNullable<ContainerState["terminated"]>): void {
    this.#record.running = null;
    this.#record.run++;
    this.#set({ ready: false, started: false, state: { terminated } });
  }

  /** Whether it runs again; waits for the back-off when it does. */
  async #afterEnd(): Promise<ContainerEnd | "again"> {
    const { terminated } = this.#record.status.state;
    if (this.#stopping) return "stopped";
    const failed = terminated?.exitCode !== 0;
    const policy = this.#context.restartPolicy;
    const again = policy === "Always" || (policy === "OnFailure" && (failed || this.#restartWanted));
    this.#restartWanted = false;
    if (!again || terminated === undefined) {
      this.#record.finished = true;
      this.#context.changed();
      return failed ? "failed" : "succeeded";
    }
    this.#record.status = {
      ...this.#record.status,
      restartCount: this.#record.status.restartCount + 1,
      lastState: { terminated },
    };
    const failures = this.#record.failures++;
    if (failures === 0) return "again";
    const waitMs = backoffMs(failures - 1, BACK_OFF);
    const { metadata } = this.#context.assignment().pod;
    const pod = `${metadata.name}_${metadata.namespace ?? "default"}(${metadata.uid ?? ""})`;
    const { name } = this.spec;
    this.#waiting("CrashLoopBackOff", `back-off ${goDuration(waitMs)} restarting failed container=${name} pod=${pod}`);
    this.#event("Warning", "BackOff", `Back-off restarting failed container ${name} in pod ${pod}`);
    await this.#waitFor(() => false, waitMs);
    return this.#stopping ? "stopped" : "again";
  }

  async #lastOutput(launch: ContainerLaunch): Promise<string> {
    try {
      const lines = await this.#context.runtime.tail(launch, OUTPUT_LINES);
      return this.#context.redact(lines.join("\n")).slice(-OUTPUT_CHARS);
    } catch (error) {
      return `its log cannot be read: ${messageOf(error)}`;
    }
  }

  // ---- Small things -------------------------------------------------------------------------------------------------

  #launchInput(image: FoundImage, run: number): LaunchInput {
    const { ports, workDirectory, path } = this.#context;
    return { assignment: this.#context.assignment(), container: this.spec, image, run, ports, workDirectory, path };
  }

  /** Statuses are replaced, never changed: reports hold on to them. */
  #set(change: Partial<ContainerStatus>): void {
    this.#record.status = { ...this.#record.status, ...change };
    this.#context.changed();
  }

  #waiting(reason: string, message: string): void {
    this.#set({ state: { waiting: { reason, message: this.#context.redact(message) } } });
  }

  #event(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#context.event(type, reason, message);
  }

  /** Waits on, through assignments that do not make `met` hold, until it holds, the time is up or the container stops. */
  async #waitFor(met: () => boolean, ms: number): Promise<"timer" | "assignment" | "stop"> {
    const until = this.#context.clock.monotonic() + ms;
    for (;;) {
      const why = await this.#wait(Math.max(0, until - this.#context.clock.monotonic()));
      if (why !== "assignment" || met()) return why;
    }
  }

  /** @param ms `null`: no timer */
  #wait(ms: number | null): Promise<"timer" | "assignment" | "stop"> {
    if (this.#stopping) return Promise.resolve("stop");
    return new Promise((resolve) => {
      const cancel = ms === null ? undefined : this.#context.clock.setTimer(ms, () => finish("timer"));
      const finish = (why: "timer" | "assignment" | "stop"): void => {
        cancel?.();
        this.#wake = null;
        resolve(why);
      };
      this.#wake = finish;
    });
  }
}

function newRecord(spec: Container, reason: string): ContainerRecord {
  return {
    status: {
      name: spec.name,
      image: spec.image ?? "",
      imageID: "",
      ready: false,
      started: false,
      restartCount: 0,
      state: { waiting: { reason } },
      lastState: {},
    },
    run: 0,
    running: null,
    runningSince: 0,
    image: null,
    failures: 0,
    finished: false,
  };
}

function isFailure(exit: ContainerExit): boolean {
  return exit.exitCode !== 0;
}
