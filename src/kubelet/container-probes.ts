/** The probes of one run together: startup before the others, readiness for traffic, liveness for restarts, wrong ports. */
import { messageOf } from "../model/errors.ts";
import type { ContainerLaunch, ProbeOutcome, RunningContainer, Runtime } from "../model/runtime.ts";
import type { Container, Probe } from "../model/workload.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import type { LocalPort } from "./env.ts";
import { lookOnce, probeTarget } from "./handlers.ts";
import { type ProbeKind, ProbeLoop } from "./probes.ts";

/** When a run that is not known to answer on its local port is first asked whether it listens on the declared one. */
const WRONG_PORT_CHECK_MS = 2_000;

export interface ContainerProbesOptions {
  container: Container;
  launch: ContainerLaunch;
  running: RunningContainer;
  runtime: Runtime;
  clock: Clock;
  ports: readonly LocalPort[];
  /** What was known of the run before: an adopted one keeps its state until a probe says otherwise. */
  started: boolean;
  ready: boolean;
  /** How long it has been running, milliseconds. */
  ageMs: number;
  /** Spreads the looks at runs that a new kubelet finds well: it would else look at all of them in one moment. */
  random: Random;
  event(type: "Normal" | "Warning", reason: string, message: string): void;
  onStarted(): void;
  onReady(ready: boolean): void;
  /** It must be killed and started again. */
  onKill(message: string, graceSeconds: number | undefined): void;
}

export class ContainerProbes {
  readonly #options: ContainerProbesOptions;
  readonly #loops = new Set<ProbeLoop>();
  #cancelCheck: CancelTimer = () => undefined;
  #answered = false;
  #diagnosed = false;
  #stopped = false;

  constructor(options: ContainerProbesOptions) {
    this.#options = options;
  }

  start(): void {
    const { container, started, clock, ports } = this.#options;
    if (ports.length > 0) this.#cancelCheck = clock.setTimer(WRONG_PORT_CHECK_MS, () => void this.#checkPort());
    const { startupProbe } = container;
    if (startupProbe === undefined || started) {
      this.#started();
      return;
    }
    const loop = this.#loop("startup", startupProbe, false, (ok) => {
      loop.stop();
      if (ok) this.#started();
      else this.#kill("startup", startupProbe);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelCheck();
    for (const loop of this.#loops) loop.stop();
  }

  #started(): void {
    const { container, ready, onStarted, onReady } = this.#options;
    onStarted();
    const { readinessProbe, livenessProbe } = container;
    if (livenessProbe !== undefined) {
      this.#loop("liveness", livenessProbe, true, (ok) => {
        if (!ok) this.#kill("liveness", livenessProbe);
      });
    }
    if (readinessProbe === undefined) onReady(true);
    else this.#loop("readiness", readinessProbe, ready, (ok) => onReady(ok));
  }

  #kill(kind: "startup" | "liveness", probe: Probe): void {
    const message = `Container ${this.#options.container.name} failed ${kind} probe, will be restarted`;
    this.#options.onKill(message, probe.terminationGracePeriodSeconds);
  }

  #loop(kind: ProbeKind, probe: Probe, initial: boolean, onResult: (ok: boolean) => void): ProbeLoop {
    const { clock, event, ageMs, random, started, ready } = this.#options;
    const title = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    const loop = new ProbeLoop({
      kind,
      probe,
      clock,
      initial,
      look: (timeoutMs) => this.#look(probe, timeoutMs),
      onResult,
      onFailure: (message) => {
        event("Warning", "Unhealthy", `${title} probe failed: ${message}`);
        void this.#checkPort();
      },
    });
    this.#loops.add(loop);
    loop.start(ageMs, started && ready ? Math.floor(random.next() * loop.periodMs) : 0);
    return loop;
  }

  async #look(probe: Probe, timeoutMs: number): Promise<ProbeOutcome> {
    const { runtime, launch, ports } = this.#options;
    const target = probeTarget(probe, ports);
    if (typeof target === "string") return { ok: false, message: target };
    const outcome = await lookOnce(runtime, launch, target, timeoutMs);
    if (outcome.ok && target.kind !== "exec") this.#answered = true;
    return outcome;
  }

  /** Says so, once, when the process listens on the port that its manifest declares instead of the one it was given. */
  async #checkPort(): Promise<void> {
    const { container, event } = this.#options;
    if (this.#answered || this.#diagnosed) return;
    try {
      const wrong = await this.#wrongPort();
      if (wrong === null || this.#stopped || this.#diagnosed) return;
      const { containerPort, localPort } = wrong;
      const where = `Container ${container.name} listens on ${containerPort}, its declared port`;
      event("Warning", "WrongPort", `${where}; listen on $PORT (${localPort}) instead, as pods share this host`);
    } catch (error) {
      event(
        "Warning",
        "FailedPortCheck",
        `Cannot find out where container ${container.name} listens: ${messageOf(error)}`,
      );
    }
    this.#diagnosed = true;
  }

  async #wrongPort(): Promise<LocalPort | null> {
    const { runtime, running, ports } = this.#options;
    for (const port of ports) {
      if ((await runtime.listensOn(running, port.localPort)) !== false) continue;
      if ((await runtime.listensOn(running, port.containerPort)) === true) return port;
    }
    return null;
  }
}
