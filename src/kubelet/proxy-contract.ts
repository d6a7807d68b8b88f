/** What the kubelet asks of a service proxy: listeners, their backends, and waiting for a pod's last requests. */

/** One pod's address for one port of a Service. */
export interface ProxyBackend {
  podUid: string;
  host: string;
  port: number;
}

/** One port of a Service, and the pods it is balanced over now. */
export interface ProxyPort {
  /** `<service uid>:<service port>` */
  key: string;
  /** Whether requests, rather than connections, are balanced. */
  protocol: "http" | "tcp";
  /** Local port to answer on if it is free, and where the search for a free one starts; 0: any. */
  preferredLocalPort: number;
  backends: ProxyBackend[];
}

/** Balances Services over pods, on the loopback interface. */
export interface Proxy {
  /**
   * Makes the listeners and their backends exactly these. Backends removed get nothing new from that moment
   * (synchronously, before the promise settles).
   *
   * @returns The local port by key
   */
  update(ports: ProxyPort[]): Promise<Record<string, number>>;
  /** Replaces the backends of an existing port at once, synchronously. */
  setBackends(key: string, backends: ProxyBackend[]): void;
  /** Resolves when no HTTP request to that pod is under way, or after `limitMs`. Call after the pod left the backends. */
  drain(podUid: string, limitMs: number): Promise<void>;
  /** Ends all listeners and connections. */
  close(): Promise<void>;
}
