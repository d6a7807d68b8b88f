/** The connections to one backend: idle ones to use again, new ones on demand, none idle once it has left. */

import { connect, type Socket } from "node:net";
import { TrueupError } from "../../model/errors.ts";
import type { Clock } from "../../util/clock.ts";
import { Agent, ClientRequest } from "../../util/http.ts";
import type { ProxyBackend } from "../proxy-contract.ts";
import type { Member } from "./backend-set.ts";

/** More idle connections than this are closed: each one is a descriptor here and in the pod. */
const MOST_IDLE = 128;
/** A pod on this machine accepts at once or not at all; this is for one whose accept queue is full. */
export const CONNECT_LIMIT_MS = 5000;
/** Twice what clients may send: a server's cookies are not the client's doing. */
const MAX_RESPONSE_HEADER_BYTES = 32 * 1024;

/** Gives a request the connection that was chosen for it; Node's own agent would choose one itself. */
class HandOver extends Agent {
  #next: Socket | undefined;

  constructor() {
    super({ keepAlive: true });
  }

  /** Opens a request on `socket`, which has no other request under way. */
  open(socket: Socket, method: string, path: string, headers: string[]): ClientRequest {
    this.#next = socket;
    try {
      const options = { agent: this, method, path, headers, setHost: false, maxHeaderSize: MAX_RESPONSE_HEADER_BYTES };
      const request = new ClientRequest(options);
      // 0: as many fields as fit in the size. Node would silently drop those past the 2,000th.
      request.maxHeadersCount = 0;
      return request;
    } finally {
      this.#next = undefined;
    }
  }

  /** Node calls this on the agent of each new request. */
  addRequest(request: ClientRequest): void {
    if (this.#next === undefined) throw new TrueupError("internal", "Cannot send a request as it must have a socket.");
    request.onSocket(this.#next);
  }
}

const handOver = new HandOver();

/** One HTTP backend with its connections. */
export class HttpUpstream implements Member {
  readonly backend: ProxyBackend;
  turns: number;
  inFlight = 0;
  /** Whether the last connection could not be made; so that a log says it once, not at each request. */
  failing = false;
  readonly #clock: Clock;
  readonly #idle: Socket[] = [];
  /** Bytes received on a connection when it became idle. More later: nobody asked for them. */
  readonly #received = new WeakMap<Socket, number>();
  readonly #sockets = new Set<Socket>();
  readonly #onGone: (upstream: HttpUpstream) => void;
  #retired = false;

  /** @param onGone Called once it has left and its last connection is closed */
  constructor(backend: ProxyBackend, turns: number, clock: Clock, onGone: (upstream: HttpUpstream) => void) {
    this.backend = backend;
    this.turns = turns;
    this.#clock = clock;
    this.#onGone = onGone;
  }

  /** Open connections, those being made and the idle ones included. */
  get open(): number {
    return this.#sockets.size;
  }

  /** The connection that became idle last and still looks open, or `undefined`. */
  takeIdle(): Socket | undefined {
    for (let socket = this.#idle.pop(); socket !== undefined; socket = this.#idle.pop()) {
      if (!socket.destroyed && socket.writable && socket.bytesRead === this.#received.get(socket)) return socket;
      socket.destroy();
    }
    return undefined;
  }

  /**
   * Connects. `done` is called once, later: with a socket, or with why there is none.
   *
   * @returns Gives up on it; `done` is then not called
   */
  connect(done: (result: Socket | Error) => void): () => void {
    const { host, port } = this.backend;
    const socket = connect({ host, port, noDelay: true });
    this.#sockets.add(socket);
    let settled = false;
    const settle = (result: Socket | Error): void => {
      if (settled) return;
      settled = true;
      cancelTimer();
      done(result);
    };
    const cancelTimer = this.#clock.setTimer(CONNECT_LIMIT_MS, () => {
      settle(new Error(`connect timed out after ${CONNECT_LIMIT_MS} ms`));
      socket.destroy();
    });
    socket.once("connect", () => settle(socket));
    // Stays for the whole life of the socket: between two requests Node leaves it without a listener for errors.
    socket.on("error", settle);
    socket.once("close", () => {
      this.#forget(socket);
      settle(new Error("connection closed"));
    });
    // Node emits "free" when the exchange is over and both sides agreed to keep the connection.
    socket.on("free", () => this.#release(socket));
    return () => {
      settled = true;
      cancelTimer();
      socket.destroy();
    };
  }

  /** Opens a request on a connection of this backend. @throws {TypeError} When method, path or a header is malformed */
  request(socket: Socket, method: string, path: string, headers: string[]): ClientRequest {
    return handOver.open(socket, method, path, headers);
  }

  /** It has left the Service: idle connections close now, the others when their request is done. */
  retire(): void {
    this.#retired = true;
    for (const socket of this.#idle.splice(0)) socket.destroy();
    if (this.#sockets.size === 0) this.#onGone(this);
  }

  /** Ends everything at once. */
  destroy(): void {
    this.retire();
    for (const socket of this.#sockets) socket.destroy();
  }

  #release(socket: Socket): void {
    if (this.#retired || socket.destroyed || !socket.writable || this.#idle.length >= MOST_IDLE) {
      socket.destroy();
      return;
    }
    this.#received.set(socket, socket.bytesRead);
    this.#idle.push(socket);
  }

  #forget(socket: Socket): void {
    this.#sockets.delete(socket);
    const at = this.#idle.indexOf(socket);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#retired && this.#sockets.size === 0) this.#onGone(this);
  }
}
