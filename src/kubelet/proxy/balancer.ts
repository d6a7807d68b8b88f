/** What the service proxy asks of a listener, whatever it balances. */
import type { ProxyBackend } from "../proxy-contract.ts";

export interface Balancer {
  readonly protocol: "http" | "tcp";
  /** Open connections, those of clients and those to backends. */
  readonly open: number;
  /** Replaces the backends, synchronously: those that left get nothing new. */
  setBackends(backends: readonly ProxyBackend[]): void;
  /** Listens near the port given. @returns The port @throws {TrueupError} `io` */
  listen(preferred: number): Promise<number>;
  /** Accepts nothing new; resolves when what is open has ended. The port is free at once. */
  stop(): Promise<void>;
  /** Ends all connections at once. */
  destroy(): void;
}
