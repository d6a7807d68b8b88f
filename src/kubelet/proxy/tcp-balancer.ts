/** Answers on one local port and balances each TCP connection over the backends. */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../util/clock.ts";
import type { ProxyBackend } from "../proxy-contract.ts";
import { BackendSet, type Member } from "./backend-set.ts";
import type { Balancer } from "./balancer.ts";
import { listenNear } from "./listen.ts";
import type { PodTraffic } from "./pod-traffic.ts";
import { ReadBuffer } from "./read-buffer.ts";

/** As for HTTP: a pod on this machine accepts at once or not at all. */
const CONNECT_LIMIT_MS = 5000;

/**
 * The kernel completes a connection before the pod accepts it; a pod that stops listening in between resets it. So a pod
 * counts as busy until it has said something on a new connection, or for this long.
 */
const ACCEPT_LIMIT_MS = 100;

interface TcpBackend extends Member {
  failing: boolean;
}

/**
 * A listener whose open connections stay with the backend they began with, also after it has left, until one end closes.
 *
 * No byte of the client is read before a backend has accepted: until then, the next backend can be asked without loss.
 * Without any backend the connection is accepted and reset at once, which a client sees as a connection lost, not as a
 * port where nothing answers.
 */
export class TcpBalancer implements Balancer {
  readonly protocol = "tcp";
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #log: (message: string) => void;
  readonly #traffic: PodTraffic;
  readonly #backends: BackendSet<TcpBackend>;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor({ clock, traffic, log }: { clock: Clock; traffic: PodTraffic; log: (message: string) => void }) {
    this.#clock = clock;
    this.#traffic = traffic;
    this.#log = log;
    this.#backends = new BackendSet<TcpBackend>((backend, turns) => ({ backend, turns, inFlight: 0, failing: false }));
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) =>
      this.#onConnection(client),
    );
  }

  setBackends(backends: readonly ProxyBackend[]): void {
    this.#backends.replace(backends);
  }

  async listen(preferred: number): Promise<number> {
    this.#port = await listenNear(this.#server, preferred);
    this.#server.on("error", (error) => this.#log(`listener on port ${this.#port}: ${error.message}`));
    return this.#port;
  }

  get open(): number {
    return this.#sockets.size;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #onConnection(client: Socket): void {
    this.#keep(client);
    client.on("error", () => client.destroy());
    this.#tryNext(client, new Set());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #tryNext(client: Socket, tried: Set<TcpBackend>): void {
    if (client.destroyed) return;
    const member = this.#backends.take(tried);
    if (member === undefined) {
      client.resetAndDestroy();
      return;
    }
    this.#dial(member, client, (error) => {
      if (!member.failing) {
        const { host, port, podUid } = member.backend;
        this.#log(`cannot connect to pod ${podUid} at ${host}:${port}: ${error.message}`);
      }
      member.failing = true;
      tried.add(member);
      this.#tryNext(client, tried);
    });
  }

  /** Connects and, once connected, joins the two. `onFailure` is called instead, once, when that cannot be. */
  #dial(member: TcpBackend, client: Socket, onFailure: (error: Error) => void): void {
    const buffer = new ReadBuffer();
    const accepted = this.#awaitAccept(member);
    const { host, port } = member.backend;
    const upstream: Socket = connect({
      host,
      port,
      allowHalfOpen: true,
      noDelay: true,
      onread: {
        buffer: () => buffer.next(),
        callback: (length, bytes) => {
          accepted();
          return deliver(client, upstream, bytes.subarray(0, length), buffer);
        },
      },
    });
    this.#keep(upstream);
    member.inFlight++;
    let connected = false;
    let failure = new Error("connection closed");
    let cancelTimer = this.#clock.setTimer(CONNECT_LIMIT_MS, () => {
      upstream.destroy(new Error(`connect timed out after ${CONNECT_LIMIT_MS} ms`));
    });
    const onClientClosed = (): void => {
      upstream.destroy();
    };
    client.once("close", onClientClosed);
    upstream.once("connect", () => {
      connected = true;
      member.failing = false;
      cancelTimer();
      cancelTimer = this.#clock.setTimer(ACCEPT_LIMIT_MS, accepted);
      client.off("close", onClientClosed);
      join(client, upstream);
    });
    upstream.on("error", (error) => {
      failure = error;
    });
    upstream.once("close", () => {
      buffer.end();
      cancelTimer();
      accepted();
      member.inFlight--;
      client.off("close", onClientClosed);
      if (!connected && !client.destroyed) onFailure(failure);
    });
  }

  /** Counts the pod as busy until the function that it returns is called, once or more. */
  #awaitAccept({ backend: { podUid } }: TcpBackend): () => void {
    this.#traffic.begin(podUid);
    let done = false;
    return () => {
      if (done) return;
      done = true;
      this.#traffic.end(podUid);
    };
  }
}

/** Hands bytes of the backend on. @returns Whether to go on reading */
function deliver(client: Socket, upstream: Socket, bytes: Uint8Array, buffer: ReadBuffer): boolean {
  if (client.destroyed) return false;
  const goOn = client.write(bytes);
  // What the kernel did not take at once is still in the buffer: it must not be read over.
  buffer.used(bytes.length, client.writableLength > 0);
  if (!goOn) client.once("drain", () => upstream.resume());
  return goOn;
}

/** Joins two connected sockets; each side's end of stream goes on as such, each side's reset as a reset. */
function join(client: Socket, upstream: Socket): void {
  client.on("data", (chunk) => {
    if (!upstream.destroyed && !upstream.write(chunk)) client.pause();
  });
  upstream.on("drain", () => client.resume());
  client.on("end", () => upstream.end());
  upstream.on("end", () => client.end());
  client.on("error", () => reset(upstream));
  upstream.on("error", () => reset(client));
  client.on("close", () => finish(client, upstream));
  upstream.on("close", () => finish(upstream, client));
  client.resume();
}

function reset(socket: Socket): void {
  if (!socket.destroyed) socket.resetAndDestroy();
}

/** When one side is gone in both directions, the other has nobody to hear or to speak to, but may have bytes to deliver. */
function finish(gone: Socket, other: Socket): void {
  if (other.destroyed) return;
  if (gone.errored) reset(other);
  else other.destroySoon();
}
