/** What the kubelet asks of the service proxy: listeners, their backends, and waiting until a pod's requests are done. */

/** Where one pod answers for one Service port. */
export interface ProxyBackend {
  podUid: string;
  host: string;
  port: number;
}

export interface ProxyPort {
  /** `<service uid>:<service port>` */
  key: string;
  protocol: "http" | "tcp";
  /** Tried first, then the ports above it; 0: any free one. */
  preferredLocalPort: number;
  backends: ProxyBackend[];
}

export interface Proxy {
  /** Makes the listeners and their backends exactly these; returns local port by key. Backends removed get nothing new from that moment (synchronously before the promise). */
  update(ports: ProxyPort[]): Promise<Record<string, number>>;
  /** Replaces the backends of existing ports at once, synchronously. An unknown key is ignored: an update that adds it is under way. */
  setBackends(key: string, backends: ProxyBackend[]): void;
  /** Resolves when no HTTP request to that pod is under way, or after limitMs. Call after the pod left the backends. */
  drain(podUid: string, limitMs: number): Promise<void>;
  /** Closes the listeners and what is open. */
  close(): Promise<void>;
}

/** A proxy without listeners, for simulations: every Service gets the port it prefers, and there is nothing to drain. */
export const nullProxy: Proxy = {
  update: (ports) => Promise.resolve(Object.fromEntries(ports.map((port) => [port.key, port.preferredLocalPort]))),
  setBackends: () => undefined,
  drain: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
