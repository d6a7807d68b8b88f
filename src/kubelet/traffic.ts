/** Which pods each Service sends to, kept true at every change, and handed to the proxy. */

import { containerPortOf, isSelected } from "../model/endpoints.ts";
import { messageOf } from "../model/errors.ts";
import type { ServiceAssignment, ServicePortAssignment } from "../model/kubelet.ts";
import type { Container } from "../model/workload.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import type { KubeletLog } from "./pod-runtime.ts";
import type { ProxyBackend, Proxy as ProxyContract, ProxyPort } from "./proxy-contract.ts";
import { LOOPBACK } from "./status.ts";

/** How long until the proxy is asked again after it could not open a port, milliseconds. */
const RETRY_MS = 5_000;

/** A pod as Services see it. */
export interface TrafficPod {
  uid: string;
  namespace: string;
  labels: Record<string, string>;
  containers: readonly Container[];
  hostPorts: Record<string, number>;
  /** Ready and not terminating. */
  ready: boolean;
  /** Running and not terminating: enough for Services that publish addresses that are not ready. */
  running: boolean;
}

/** The local port that a Service port had, and what was preferred when it was found. */
export interface SavedPort {
  preferred: number;
  local: number;
}

/** What is kept over a restart. */
export interface TrafficState {
  services: ServiceAssignment[];
  /** By key, `<service uid>:<service port>`. */
  ports: Record<string, SavedPort>;
}

export interface TrafficOptions {
  proxy: ProxyContract;
  clock: Clock;
  log: KubeletLog;
  state: TrafficState;
  /** Keeps the state. */
  save(state: TrafficState): void;
  /** The local ports of a Service, by Service port as text, are now these. False: could not be told, and is tried again. */
  onPorts(service: ServiceAssignment, localPorts: Record<string, number>): boolean;
}

/** The pods that a Service sends to for one of its ports, in the order given. Pure. */
export function selectBackends(
  service: ServiceAssignment,
  port: ServicePortAssignment,
  pods: Iterable<TrafficPod>,
): ProxyBackend[] {
  const backends: ProxyBackend[] = [];
  for (const pod of pods) {
    if (!belongs(service, pod)) continue;
    const containerPort = containerPortOf(pod.containers, port.targetPort);
    const local = containerPort === undefined ? undefined : pod.hostPorts[containerPort];
    if (local !== undefined) backends.push({ podUid: pod.uid, host: LOOPBACK, port: local });
  }
  return backends;
}

function belongs(service: ServiceAssignment, pod: TrafficPod): boolean {
  return (
    pod.namespace === service.namespace &&
    (pod.ready || (service.includeNotReady && pod.running)) &&
    isSelected(service.selector, pod.labels)
  );
}

interface ServiceEntry {
  service: ServiceAssignment;
  members: Map<string, TrafficPod>;
  /** Last told, to tell only changes. */
  told: string;
}

export class Traffic {
  readonly #options: TrafficOptions;
  readonly #pods = new Map<string, TrafficPod>();
  readonly #services = new Map<string, ServiceEntry>();
  /** Services by one pair of their selector, so that a change of a pod asks only those that may match. */
  readonly #byPair = new Map<string, Set<ServiceEntry>>();
  readonly #memberOf = new Map<string, Set<ServiceEntry>>();
  #ports: Record<string, SavedPort>;
  #cancelRetry: CancelTimer = () => undefined;
  #cancelTelling: CancelTimer = () => undefined;
  #closed = false;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#ports = options.state.ports;
  }

  /** Answers for exactly these Services. */
  async serve(services: ServiceAssignment[]): Promise<void> {
    const wanted = new Map(services.map((service) => [service.uid, service]));
    const told = new Map<string, string>();
    for (const [uid, entry] of this.#services) {
      if (isSame(wanted.get(uid), entry.service)) continue;
      told.set(uid, entry.told);
      this.#drop(entry);
    }
    for (const service of wanted.values()) {
      if (!this.#services.has(service.uid)) this.#add(service, told.get(service.uid) ?? "");
    }
    await this.#update();
  }

  /** A pod is as it is now. Backends that it no longer is lose it before this returns. */
  podChanged(pod: TrafficPod): void {
    this.#pods.set(pod.uid, pod);
    const candidates = new Set(this.#memberOf.get(pod.uid));
    for (const [key, value] of Object.entries(pod.labels)) {
      for (const entry of this.#byPair.get(pairKey(pod.namespace, key, value)) ?? []) candidates.add(entry);
    }
    for (const entry of candidates) {
      const was = entry.members.has(pod.uid);
      const is = belongs(entry.service, pod);
      if (is) this.#join(entry, pod);
      else if (was) this.#leave(entry, pod.uid);
      if (was !== is) this.#tellProxy(entry);
    }
  }

  podRemoved(uid: string): void {
    for (const entry of [...(this.#memberOf.get(uid) ?? [])]) {
      this.#leave(entry, uid);
      this.#tellProxy(entry);
    }
    this.#memberOf.delete(uid);
    this.#pods.delete(uid);
  }

  /** Tells the ports again, to a reader that lost what it was told. */
  tellAgain(): void {
    for (const entry of this.#services.values()) entry.told = "";
    this.#tellPorts();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    this.#cancelTelling();
    await this.#options.proxy.close();
  }

  #add(service: ServiceAssignment, told: string): void {
    const entry: ServiceEntry = { service, members: new Map(), told };
    this.#services.set(service.uid, entry);
    const pair = firstPair(service);
    if (pair === null) return;
    const set = this.#byPair.get(pair) ?? new Set<ServiceEntry>();
    this.#byPair.set(pair, set.add(entry));
    for (const pod of this.#pods.values()) if (belongs(service, pod)) this.#join(entry, pod);
  }

  #drop(entry: ServiceEntry): void {
    this.#services.delete(entry.service.uid);
    for (const uid of [...entry.members.keys()]) this.#leave(entry, uid);
    const pair = firstPair(entry.service);
    const set = pair === null ? undefined : this.#byPair.get(pair);
    set?.delete(entry);
    if (pair !== null && set?.size === 0) this.#byPair.delete(pair);
  }

  #join(entry: ServiceEntry, pod: TrafficPod): void {
    entry.members.set(pod.uid, pod);
    const services = this.#memberOf.get(pod.uid) ?? new Set<ServiceEntry>();
    this.#memberOf.set(pod.uid, services.add(entry));
  }

  #leave(entry: ServiceEntry, uid: string): void {
    entry.members.delete(uid);
    this.#memberOf.get(uid)?.delete(entry);
  }

  #tellProxy({ service, members }: ServiceEntry): void {
    if (this.#closed) return;
    for (const port of service.ports) {
      this.#options.proxy.setBackends(keyOfPort(service, port), selectBackends(service, port, members.values()));
    }
  }

  async #update(): Promise<void> {
    this.#cancelRetry();
    const { proxy, log, clock } = this.#options;
    try {
      const local = await proxy.update(this.#wanted());
      if (this.#closed) return;
      this.#remember(local);
      this.#tellPorts();
    } catch (error) {
      if (this.#closed) return;
      log("error", `Cannot answer for all Services, trying again in 5 s: ${messageOf(error)}`);
      this.#cancelRetry = clock.setTimer(RETRY_MS, () => void this.#update());
    }
  }

  #wanted(): ProxyPort[] {
    return [...this.#services.values()].flatMap(({ service, members }) =>
      service.ports.map((port) => {
        const key = keyOfPort(service, port);
        const saved = this.#ports[key];
        const { protocol, preferredLocalPort: preferred } = port;
        const preferredLocalPort = saved?.preferred === preferred ? saved.local : preferred;
        return { key, protocol, preferredLocalPort, backends: selectBackends(service, port, members.values()) };
      }),
    );
  }

  #remember(local: Record<string, number>): void {
    const ports: Record<string, SavedPort> = {};
    for (const { service } of this.#services.values()) {
      for (const port of service.ports) {
        const key = keyOfPort(service, port);
        const found = local[key];
        if (found !== undefined) ports[key] = { preferred: port.preferredLocalPort, local: found };
      }
    }
    this.#ports = ports;
    this.#options.save({ services: [...this.#services.values()].map(({ service }) => service), ports });
  }

  #tellPorts(): void {
    let isComplete = true;
    for (const entry of this.#services.values()) {
      const { service } = entry;
      const localPorts: Record<string, number> = {};
      for (const port of service.ports) {
        const saved = this.#ports[keyOfPort(service, port)];
        if (saved !== undefined) localPorts[port.port] = saved.local;
      }
      const text = JSON.stringify(localPorts);
      if (text === entry.told || text === "{}") continue;
      if (this.#options.onPorts(service, localPorts)) entry.told = text;
      else isComplete = false;
    }
    if (isComplete || this.#closed) return;
    this.#cancelTelling();
    this.#cancelTelling = this.#options.clock.setTimer(RETRY_MS, () => this.#tellPorts());
  }
}

function isSame(a: ServiceAssignment | undefined, b: ServiceAssignment): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function keyOfPort(service: ServiceAssignment, port: ServicePortAssignment): string {
  return `${service.uid}:${port.port}`;
}

function pairKey(namespace: string, key: string, value: string): string {
  return JSON.stringify([namespace, key, value]);
}

function firstPair({ namespace, selector }: ServiceAssignment): string | null {
  const [pair] = Object.entries(selector);
  return pair === undefined ? null : pairKey(namespace, ...pair);
}
