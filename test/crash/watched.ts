/** Containers that outlive kubelets, and a proxy that dies with its own: both remember, and say what must not be. */
import type { ProxyBackend, Proxy as ProxyContract, ProxyPort } from "../../src/kubelet/proxy-contract.ts";
import { SimulatedRuntime } from "../../src/kubelet/simulated-runtime.ts";
import type { ContainerLaunch, RunningContainer } from "../../src/model/runtime.ts";
import { MAX_SURGE, REPLICAS } from "./history.ts";

export class WatchedProxy implements ProxyContract {
  /** Pod uids by `<service uid>:<port>`. */
  readonly backends = new Map<string, readonly string[]>();

  async update(ports: ProxyPort[]): Promise<Record<string, number>> {
    this.backends.clear();
    for (const { key, backends } of ports) this.backends.set(key, uids(backends));
    return Object.fromEntries(ports.map(({ key }, index) => [key, 30_000 + index]));
  }

  setBackends(key: string, backends: ProxyBackend[]): void {
    if (this.backends.has(key)) this.backends.set(key, uids(backends));
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** All pods that some Service sends to. */
  get pods(): string[] {
    return [...this.backends.values()].flat();
  }
}

function uids(backends: readonly ProxyBackend[]): readonly string[] {
  return backends.map(({ podUid }) => podUid);
}

interface Run {
  podUid: string;
}

export class Containers extends SimulatedRuntime {
  /** Runs that are alive, by id. */
  readonly alive = new Map<string, Run>();
  /** Every start there was: `<pod uid>/<container>/<run>`. */
  readonly starts: string[] = [];
  /** Pods that a kubelet was told to end. */
  readonly #ending = new Set<string>();
  readonly #violate: (message: string) => void;
  readonly #proxy: () => WatchedProxy | null;
  readonly #isDeleted: (podUid: string) => boolean;

  /** @param isDeleted Whether the daemon's store has the pod as one that is to end, though the kubelet was not told yet */
  constructor(
    options: ConstructorParameters<typeof SimulatedRuntime>[0],
    violate: (message: string) => void,
    proxy: () => WatchedProxy | null,
    isDeleted: (podUid: string) => boolean,
  ) {
    super(options);
    this.#violate = violate;
    this.#proxy = proxy;
    this.#isDeleted = isDeleted;
  }

  told(podUid: string): void {
    this.#ending.add(podUid);
  }

  override async start(launch: ContainerLaunch): Promise<RunningContainer> {
    const { podUid, podName, container, run } = launch;
    const name = `${podUid}/${container}/${run}`;
    if (this.starts.includes(name)) this.#violate(`run ${run} of pod ${podName} was started twice`);
    if ([...this.alive.values()].some((other) => other.podUid === podUid)) {
      this.#violate(`pod ${podName} was started beside itself`);
    }
    if (this.#ending.has(podUid)) this.#violate(`pod ${podName} was started though it is ending`);
    this.starts.push(name);
    const inner = await super.start(launch);
    const entry: Run = { podUid };
    this.alive.set(inner.id, entry);
    const others = [...this.alive.values()].filter(
      ({ podUid: uid }) => !this.#ending.has(uid) && !this.#isDeleted(uid),
    );
    if (others.length > REPLICAS + MAX_SURGE) this.#violate(`${others.length} containers run that are not ending`);
    void inner.exited.then(() => this.alive.delete(inner.id));
    return this.#watched(inner, entry);
  }

  override async adopt(launch: ContainerLaunch, id: string): Promise<RunningContainer | null> {
    const inner = await super.adopt(launch, id);
    const entry = inner === null ? undefined : this.alive.get(inner.id);
    return inner === null || entry === undefined ? null : this.#watched(inner, entry);
  }

  #watched(inner: RunningContainer, entry: Run): RunningContainer {
    return {
      id: inner.id,
      exited: inner.exited,
      signal: (name) => {
        if (this.#proxy()?.pods.includes(entry.podUid)) this.#violate(`${name} came while a Service sent to the pod`);
        if (!this.#ending.has(entry.podUid)) this.#violate(`${name} came to a pod that was not to end`);
        inner.signal(name);
      },
    };
  }
}
