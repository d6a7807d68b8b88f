/** Containers that exist only on the clock: they start, get ready, fail and drain as a scenario says. */
import type { ContainerExit, ContainerLaunch, ProbeOutcome, ProbeTarget, RunningContainer } from "../model/runtime.ts";
import { type CancelTimer, type Clock, sleep } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import type { LogReadOptions, PodRuntime } from "./pod-runtime.ts";
import { type ContainerScript, drawMs, type Scenario, scriptFor } from "./scenario.ts";

/** First local port handed out; no listener is behind any of them. */
const FIRST_PORT = 10_000;

/** A run on the clock. */
class SimulatedContainer implements RunningContainer {
  readonly id: string;
  readonly exited: Promise<ContainerExit>;
  readonly startedAt: number;
  readonly #clock: Clock;
  readonly #script: ContainerScript;
  readonly #drainMs: number | null;
  readonly #readyMs: number | null;
  readonly #hangMs: number | null;
  #timers: CancelTimer[] = [];
  #settle: (exit: ContainerExit) => void = () => undefined;
  #ended = false;
  #draining = false;

  constructor(id: string, { run, isInit }: ContainerLaunch, script: ContainerScript, clock: Clock, random: Random) {
    this.id = id;
    this.#clock = clock;
    this.#script = script;
    this.startedAt = clock.monotonic();
    // All is drawn at once, in a fixed order, so that a seed gives the same world whatever is asked of it.
    this.#readyMs = script.readyMs === null ? null : drawMs(script.readyMs, random);
    this.#drainMs = script.drainMs === null ? null : drawMs(script.drainMs, random);
    this.#hangMs = script.hangMs === null ? null : drawMs(script.hangMs, random);
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { exit, exitUntilRun } = script;
    if (exit !== null && (exitUntilRun === null || run < exitUntilRun)) {
      this.#timers.push(clock.setTimer(drawMs(exit.afterMs, random), () => this.#end({ exitCode: exit.code })));
    } else if (isInit === true && this.#readyMs !== null) {
      // What would take a server so long to get ready is how long an init container takes to do its work.
      this.#timers.push(clock.setTimer(this.#readyMs, () => this.#end({ exitCode: 0 })));
    }
  }

  get alive(): boolean {
    return !this.#ended;
  }

  signal(name: "SIGTERM" | "SIGKILL"): void {
    if (this.#ended) return;
    if (name === "SIGKILL") this.#end({ signal: "SIGKILL" });
    else if (!this.#draining && this.#drainMs !== null) {
      this.#draining = true;
      this.#timers.push(this.#clock.setTimer(this.#drainMs, () => this.#end({ exitCode: 0 })));
    }
  }

  /** Whether it answers now. */
  probe(): boolean {
    const age = this.#clock.monotonic() - this.startedAt;
    if (this.#ended || this.#readyMs === null || age < this.#readyMs) return false;
    if (this.#hangMs !== null && age >= this.#hangMs) return false;
    const flap = this.#script.flap;
    return flap === null || (age - this.#readyMs) % (flap.upMs + flap.downMs) < flap.upMs;
  }

  #end(exit: ContainerExit): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const cancel of this.#timers) cancel();
    this.#timers = [];
    this.#settle(exit);
  }
}

/** Runs containers on a clock. */
export class SimulatedRuntime implements PodRuntime {
  readonly name = "simulated";
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #scenario: Scenario;
  /** By pod uid and container: what a finished run left is not asked for again. */
  readonly #runs = new Map<string, Map<string, SimulatedContainer>>();
  #started = 0;
  #nextPort = FIRST_PORT;

  constructor({ clock, random, scenario }: { clock: Clock; random: Random; scenario: Scenario }) {
    this.#clock = clock;
    this.#random = random;
    this.#scenario = scenario;
  }

  async start(launch: ContainerLaunch): Promise<RunningContainer> {
    const script = scriptFor(this.#scenario, launch.image.reference);
    const startMs = drawMs(script.startMs, this.#random);
    if (startMs > 0) await sleep(this.#clock, startMs);
    const container = new SimulatedContainer(
      `simulated://${++this.#started}`,
      launch,
      script,
      this.#clock,
      this.#random,
    );
    const pod = this.#runs.get(launch.podUid) ?? new Map<string, SimulatedContainer>();
    this.#runs.set(launch.podUid, pod.set(launch.container, container));
    return container;
  }

  adopt(launch: ContainerLaunch, id: string): Promise<RunningContainer | null> {
    const container = this.#find(launch);
    const same = container?.alive === true && (id === "" || container.id === id);
    return Promise.resolve(same ? container : null);
  }

  probe(launch: ContainerLaunch, target: ProbeTarget): Promise<ProbeOutcome> {
    const ok = this.#find(launch)?.probe() ?? false;
    return Promise.resolve(ok ? { ok, message: "" } : { ok, message: failure(target) });
  }

  /** Nothing is bound, so in a large simulation the number may pass 65535: being different is what counts. */
  allocatePort(): Promise<number> {
    return Promise.resolve(this.#nextPort++);
  }

  keepPort(port: number): void {
    this.#nextPort = Math.max(this.#nextPort, port + 1);
  }

  releasePort(): void {}

  listensOn(): Promise<boolean | null> {
    return Promise.resolve(null);
  }

  tail(launch: ContainerLaunch, count: number): Promise<string[]> {
    return Promise.resolve(this.#lines(launch).slice(-count));
  }

  async *logs(launch: ContainerLaunch, { tail }: LogReadOptions): AsyncGenerator<string> {
    yield* tail === undefined ? this.#lines(launch) : tail === 0 ? [] : this.#lines(launch).slice(-tail);
  }

  async sweep(): Promise<void> {}

  forget(podUid: string): Promise<void> {
    this.#runs.delete(podUid);
    return Promise.resolve();
  }

  #find({ podUid, container }: ContainerLaunch): SimulatedContainer | undefined {
    return this.#runs.get(podUid)?.get(container);
  }

  #lines(launch: ContainerLaunch): string[] {
    const { podName, container, run } = launch;
    return scriptFor(this.#scenario, launch.image.reference).logs.map((line) =>
      line.replaceAll("{pod}", podName).replaceAll("{container}", container).replaceAll("{run}", `${run}`),
    );
  }
}

function failure(target: ProbeTarget): string {
  switch (target.kind) {
    case "http":
      return "HTTP probe failed with statuscode: 503";
    case "tcp":
      return `dial tcp ${target.host}:${target.port}: connect: connection refused`;
    case "exec":
      return "command failed with exit code 1";
    default:
      return target satisfies never;
  }
}
