/** A proxy and a runtime that remember: which pods each Service sends to, and whether one of them is signalled meanwhile. */
import type { ProxyBackend, Proxy as ProxyContract, ProxyPort } from "../../src/kubelet/proxy-contract.ts";
import { SimulatedRuntime } from "../../src/kubelet/simulated-runtime.ts";
import type { ContainerLaunch, RunningContainer } from "../../src/model/runtime.ts";
import { type Clock, sleep } from "../../src/util/clock.ts";
import type { Random } from "../../src/util/random.ts";

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
}

export class RememberingRuntime extends SimulatedRuntime {
  readonly #hooks: RuntimeHooks;

  constructor(options: ConstructorParameters<typeof SimulatedRuntime>[0], hooks: RuntimeHooks) {
    super(options);
    this.#hooks = hooks;
  }

  override async start(launch: ContainerLaunch): Promise<RunningContainer> {
    this.#hooks.started(launch);
    const container = await super.start(launch);
    void container.exited.then(({ exitCode }) => this.#hooks.exited(launch, exitCode));
    return {
      id: container.id,
      exited: container.exited,
      signal: (name) => {
        this.#hooks.signalled(launch, name);
        container.signal(name);
      },
    };
  }
}
