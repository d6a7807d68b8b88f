/** One container of a pod: image, configuration, start, probes, restarts with back-off, and its end. */
import { messageOf, TrueupError } from "../model/errors.ts";
import { timestamp } from "../model/object.ts";
import type { ContainerLaunch, RunningContainer } from "../model/runtime.ts";
import type { Container, ContainerState, ContainerStatus } from "../model/workload.ts";
import { type Ending, endRun } from "./container-end.ts";
import { launchInput, prepareLaunch } from "./container-prepare.ts";
import { ContainerProbes } from "./container-probes.ts";
import { type ContainerContext, type ContainerRecord, newRecord } from "./container-record.ts";
import { Deadline } from "./deadline.ts";
import { runHook } from "./handlers.ts";
import { lastOutput } from "./last-output.ts";
import { launchOfRun } from "./launch-spec.ts";
import { BACK_OFF_RESET_MS, restartAfterMs } from "./restart.ts";
import { goDuration, startErrorState, terminatedState } from "./status.ts";
import { Waiter } from "./waiter.ts";

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
  readonly #waiter: Waiter;
  readonly #startedOnce: Promise<void>;
  #markStarted: () => void = () => undefined;

  constructor(spec: Container, context: ContainerContext, record: ContainerRecord | null) {
    this.spec = spec;
    this.#context = context;
    this.#waiter = new Waiter(context.clock);
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
    return image === null || last < 0 ? null : launchOfRun(launchInput(this.spec, this.#context, image, last));
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
    this.#waiter.wake("assignment");
  }

  /** No more probes, no more starts: the pod is about to end, or the kubelet lets go of it. What runs runs on. */
  quiet(): void {
    this.#stopping = true;
    this.#probes?.stop();
    this.#waiter.stop();
  }

  /** Ends it: preStop, SIGTERM, SIGKILL at the deadline. Resolves when it is gone. */
  async stop(deadline: Deadline): Promise<void> {
    this.quiet();
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
    const launch = launchOfRun(launchInput(this.spec, this.#context, image, run));
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
        const { spec } = this;
        const launch = await prepareLaunch({
          spec,
          run: this.#record.run,
          context: this.#context,
          waiter: this.#waiter,
          waiting: (reason, message) => this.#waiting(reason, message),
        });
        if (launch === null || this.#stopping) return "stopped";
        await this.#begin(launch);
      }
      if (this.#running !== null && this.#launch !== null) await this.#supervise(this.#running, this.#launch);
      const next = await this.#afterEnd();
      if (next !== "again") return next;
    }
  }

  // ---- Before and at the start of a run -----------------------------------------------------------------------------

  /** Starts the run. A start that fails leaves a terminated state, as an end with a failure does. */
  async #begin(launch: ContainerLaunch): Promise<void> {
    let settled: () => void = () => undefined;
    this.#starting = new Promise((resolve) => {
      settled = resolve;
    });
    this.#launch = launch;
    this.#record.image = launch.image;
    // A restart counts when it is made: while a container waits for one, its ends are one more than its restarts.
    this.#record.status = { ...this.#record.status, imageID: launch.image.digest, restartCount: launch.run };
    this.#record.running = "";
    this.#record.runningSince = this.#context.clock.now();
    let running: RunningContainer | null = null;
    try {
      // On disk before the process is there: a kubelet that dies in between finds it by what the record says.
      this.#context.persist();
      running = await this.#context.runtime.start(launch);
    } catch (error) {
      this.#startFailed(error);
    }
    this.#running = running;
    settled();
    if (running !== null) this.#toRunning(running);
  }

  #toRunning(running: RunningContainer): void {
    this.#record.running = running.id;
    this.#record.runningSince = this.#context.clock.now();
    const { terminated } = this.#record.status.state;
    this.#event("Normal", "Created", `Created container: ${this.spec.name}`);
    this.#event("Normal", "Started", `Started container ${this.spec.name}`);
    this.#set({
      ...(terminated !== undefined && { lastState: { terminated } }),
      containerID: running.id,
      state: { running: { startedAt: timestamp(this.#record.runningSince) } },
    });
  }

  #startFailed(error: unknown): void {
    const message = this.#context.redact(messageOf(error));
    const isWrong = error instanceof TrueupError && error.code === "invalid";
    const terminated = startErrorState(message, isWrong, this.#context.clock.now());
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
    const output = exit.exitCode !== 0 ? await lastOutput(this.#context, launch) : "";
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
    const { runtime, clock, random, ports } = this.#context;
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
      random,
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
    const { restartPolicy: policy } = this.#context;
    const ends = this.#record.failures;
    const waitMs = restartAfterMs({ policy, failed, wanted: this.#restartWanted, ends });
    this.#restartWanted = false;
    if (waitMs === null || terminated === undefined) {
      this.#record.finished = true;
      this.#context.changed();
      return failed ? "failed" : "succeeded";
    }
    this.#record.failures++;
    this.#record.status = { ...this.#record.status, lastState: { terminated } };
    if (waitMs === 0) return "again";
    const { metadata } = this.#context.assignment().pod;
    const pod = `${metadata.name}_${metadata.namespace ?? "default"}(${metadata.uid ?? ""})`;
    const { name } = this.spec;
    this.#waiting("CrashLoopBackOff", `back-off ${goDuration(waitMs)} restarting failed container=${name} pod=${pod}`);
    this.#event("Warning", "BackOff", `Back-off restarting failed container ${name} in pod ${pod}`);
    await this.#waiter.waitFor(() => false, waitMs);
    return this.#stopping ? "stopped" : "again";
  }

  // ---- Small things -------------------------------------------------------------------------------------------------

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
}
