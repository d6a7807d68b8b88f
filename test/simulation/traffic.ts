/** A proxy and a runtime that remember: which pods each Service sends to, and whether one of them is signalled meanwhile. */
import type { LogReadOptions, PodRuntime } from "../../src/kubelet/pod-runtime.ts";
import type { ProxyBackend, Proxy as ProxyContract, ProxyPort } from "../../src/kubelet/proxy-contract.ts";
import { drawMs, scriptFor } from "../../src/kubelet/scenario.ts";
import type { SimulatedRuntime } from "../../src/kubelet/simulated-runtime.ts";
import type { ContainerLaunch, ProbeOutcome, ProbeTarget, RunningContainer } from "../../src/model/runtime.ts";
import { type Clock, sleep } from "../../src/util/clock.ts";
import type { Random } from "../../src/util/random.ts";
import { SCENARIO } from "./app.ts";
import type { MortalClock } from "./clocks.ts";

export class RememberingProxy implements ProxyContract {
  /** Pod uids by `<service uid>:<port>`. */
  readonly backends = new Map<string, ReadonlySet<string>>();
  readonly #clock: Clock;
  readonly #random: Random;

  readonly #isDeaf: boolean;

  /** @param isDeaf Keeps backends that it is told to drop, which must not be */
  constructor(clock: Clock, random: Random, isDeaf: boolean) {
    this.#clock = clock;
    this.#isDeaf = isDeaf;
    this.#random = random;
  }

  async update(ports: ProxyPort[]): Promise<Record<string, number>> {
    this.backends.clear();
    for (const { key, backends } of ports) this.backends.set(key, uids(backends));
    return Object.fromEntries(
      ports.map(({ key, preferredLocalPort }, index) => [key, preferredLocalPort || 30_000 + index]),
    );
  }

  setBackends(key: string, backends: ProxyBackend[]): void {
    const known = this.backends.get(key);
    if (known !== undefined) this.backends.set(key, this.#isDeaf ? known.union(uids(backends)) : uids(backends));
  }

  /** Requests under way take a while, sometimes longer than is waited for. */
  drain(_podUid: string, limitMs: number): Promise<void> {
    return sleep(this.#clock, Math.min(limitMs, Math.floor(this.#random.next() * 6_000)));
  }

  /** The Services' ports that send to this pod. */
  sendingTo(podUid: string): string[] {
    return [...this.backends].filter(([, pods]) => pods.has(podUid)).map(([key]) => key);
  }

  async close(): Promise<void> {
    this.backends.clear();
  }
}

function uids(backends: readonly ProxyBackend[]): ReadonlySet<string> {
  return new Set(backends.map(({ podUid }) => podUid));
}

export interface RuntimeHooks {
  started(launch: ContainerLaunch): void;
  signalled(launch: ContainerLaunch, name: "SIGTERM" | "SIGKILL"): void;
  exited(launch: ContainerLaunch, code: number | undefined): void;
  adopted(launch: ContainerLaunch): void;
}

/**
 * One kubelet's hands on containers that live on their own, as processes do: when the kubelet is killed, what it was about
 * to start is never started, and it signals nothing any more.
 */
export class RememberingRuntime implements PodRuntime {
  readonly name = "simulated";
  readonly #containers: SimulatedRuntime;
  readonly #clock: MortalClock;
  readonly #random: Random;
  readonly #hooks: RuntimeHooks;

  constructor(containers: SimulatedRuntime, clock: MortalClock, random: Random, hooks: RuntimeHooks) {
    this.#containers = containers;
    this.#clock = clock;
    this.#random = random;
    this.#hooks = hooks;
  }

  async start(launch: ContainerLaunch): Promise<RunningContainer> {
    const startMs = drawMs(scriptFor(SCENARIO, launch.image.reference).startMs, this.#random);
    if (startMs > 0) await sleep(this.#clock, startMs);
    if (this.#clock.isDead) return new Promise(() => {});
    this.#hooks.started(launch);
    const container = await this.#containers.start(launch);
    void container.exited.then(({ exitCode }) => this.#hooks.exited(launch, exitCode));
    return this.#watched(launch, container);
  }

  async adopt(launch: ContainerLaunch, id: string): Promise<RunningContainer | null> {
    const container = await this.#containers.adopt(launch, id);
    if (container === null) return null;
    this.#hooks.adopted(launch);
    return this.#watched(launch, container);
  }

  #watched(launch: ContainerLaunch, container: RunningContainer): RunningContainer {
    return {
      id: container.id,
      exited: container.exited.then((exit) => (this.#clock.isDead ? new Promise(() => {}) : exit)),
      signal: (name) => {
        if (this.#clock.isDead) return;
        this.#hooks.signalled(launch, name);
        container.signal(name);
      },
    };
  }

  probe(launch: ContainerLaunch, target: ProbeTarget): Promise<ProbeOutcome> {
    return this.#containers.probe(launch, target);
  }

  allocatePort(): Promise<number> {
    return this.#containers.allocatePort();
  }

  keepPort(port: number): void {
    this.#containers.keepPort(port);
  }

  releasePort(): void {
    this.#containers.releasePort();
  }

  listensOn(): Promise<boolean | null> {
    return this.#containers.listensOn();
  }

  tail(launch: ContainerLaunch, count: number): Promise<string[]> {
    return this.#containers.tail(launch, count);
  }

  logs(launch: ContainerLaunch, options: LogReadOptions): AsyncIterable<string> {
    return this.#containers.logs(launch, options);
  }

  sweep(): Promise<void> {
    return this.#containers.sweep();
  }

  async forget(podUid: string): Promise<void> {
    if (!this.#clock.isDead) await this.#containers.forget(podUid);
  }
}
