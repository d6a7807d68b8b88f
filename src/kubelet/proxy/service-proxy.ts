/** Balances Services over pods: one listener a Service port, backends replaced at once, ends that can be waited for. */
import { messageOf, TrueupError } from "../../model/errors.ts";
import type { Clock } from "../../util/clock.ts";
import type { ProxyBackend, Proxy as ProxyContract, ProxyPort } from "../proxy-contract.ts";
import type { Balancer } from "./balancer.ts";
import { HttpBalancer } from "./http-balancer.ts";
import { PodTraffic } from "./pod-traffic.ts";
import { TcpBalancer } from "./tcp-balancer.ts";

export interface ServiceProxyOptions {
  clock: Clock;
  /** Told what a person may want to know, a line at a time; nothing of what requests carry. */
  log?: (message: string) => void;
}

interface Listener {
  balancer: Balancer;
  port: number;
}

/** The proxy of a kubelet process. It listens on the loopback interface only, and has no timer while nothing is under way. */
export class ServiceProxy implements ProxyContract {
  readonly #clock: Clock;
  readonly #log: (message: string) => void;
  readonly #traffic: PodTraffic;
  readonly #listeners = new Map<string, Listener>();
  /** Balancers that no longer listen and finish what is open. */
  readonly #stopping = new Set<Balancer>();
  /** Every port ever given, so that a Service that comes back answers where it did. */
  readonly #ports = new Map<string, number>();
  #wanted = new Map<string, ProxyPort>();
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  constructor({ clock, log = () => undefined }: ServiceProxyOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#traffic = new PodTraffic(clock);
  }

  /** @throws {TrueupError} `io` when a port cannot be had; the other ones answer nevertheless, and the next call tries again */
  async update(ports: ProxyPort[]): Promise<Record<string, number>> {
    if (this.#closed)
      throw new TrueupError("unavailable", "Cannot update the proxy as it must be open: it was closed.");
    this.#wanted = new Map(ports.map((port) => [port.key, port]));
    for (const [key, { balancer }] of this.#listeners) {
      balancer.setBackends(this.#wanted.get(key)?.backends ?? []);
    }
    // One after the other, and each for what is wanted when its turn comes: calls that overlap end in the last one's state.
    const run = this.#queue.then(() => this.#listenAsWanted());
    this.#queue = run.then(
      () => undefined,
      () => undefined,
    );
    await run;
    const local: Record<string, number> = {};
    for (const { key } of ports) {
      const listener = this.#listeners.get(key);
      if (listener !== undefined) local[key] = listener.port;
    }
    return local;
  }

  setBackends(key: string, backends: ProxyBackend[]): void {
    const wanted = this.#wanted.get(key);
    if (wanted === undefined) return;
    this.#wanted.set(key, { ...wanted, backends });
    this.#listeners.get(key)?.balancer.setBackends(backends);
  }

  /** Also waits, at most 100 ms, for TCP connections that the pod may not have accepted yet. */
  drain(podUid: string, limitMs: number): Promise<void> {
    return this.#traffic.idle(podUid, limitMs);
  }

  /** HTTP requests under way to that pod, and TCP connections that it may not have accepted yet. */
  underWay(podUid: string): number {
    return this.#traffic.count(podUid);
  }

  /** Connections held open, those of clients and those to pods; for tests and diagnosis. */
  open(): number {
    let open = 0;
    for (const { balancer } of this.#listeners.values()) open += balancer.open;
    for (const balancer of this.#stopping) open += balancer.open;
    return open;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = new Map();
    await this.#queue;
    const balancers = [...this.#stopping, ...[...this.#listeners.values()].map(({ balancer }) => balancer)];
    this.#listeners.clear();
    await Promise.all(
      balancers.map((balancer) => {
        const stopped = balancer.stop();
        balancer.destroy();
        return stopped;
      }),
    );
  }

  async #listenAsWanted(): Promise<void> {
    for (const [key, { balancer }] of this.#listeners) {
      if (this.#wanted.get(key)?.protocol === balancer.protocol) continue;
      this.#listeners.delete(key);
      this.#letFinish(balancer);
    }
    const failures: string[] = [];
    for (const key of [...this.#wanted.keys()]) {
      if (this.#listeners.has(key)) continue;
      try {
        await this.#open(key);
      } catch (error) {
        failures.push(`${key}: ${messageOf(error)}`);
      }
    }
    if (failures.length > 0) {
      throw new TrueupError("io", `Cannot answer for ${failures.length} Service port(s): ${failures.join("; ")}`);
    }
  }

  async #open(key: string): Promise<void> {
    const first = this.#wanted.get(key);
    if (first === undefined) return;
    const log = (message: string): void => this.#log(`${key}: ${message}`);
    const options = { clock: this.#clock, traffic: this.#traffic, log };
    const balancer = first.protocol === "http" ? new HttpBalancer(options) : new TcpBalancer(options);
    balancer.setBackends(first.backends);
    const port = await balancer.listen(this.#ports.get(key) ?? first.preferredLocalPort);
    // What is wanted may have changed while the port was sought; the call that changed it waits its turn behind this one.
    balancer.setBackends(this.#wanted.get(key)?.backends ?? []);
    this.#ports.set(key, port);
    this.#listeners.set(key, { balancer, port });
  }

  #letFinish(balancer: Balancer): void {
    balancer.setBackends([]);
    this.#stopping.add(balancer);
    void balancer.stop().then(() => this.#stopping.delete(balancer));
  }
}
