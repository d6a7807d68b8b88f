/** Ends clients that neither finish what they began to send nor take what they asked for. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { CancelTimer, Clock } from "../../util/clock.ts";

/** How often connections are looked at while there are any. */
export const SWEEP_MS = 15_000;
/** The longest time for the head of a request, from when its first bytes were seen. */
export const HEAD_LIMIT_MS = 60_000;
/** The longest time without a byte of a request's body, or without the client taking a byte of the response. */
export const STALL_LIMIT_MS = 300_000;

interface Watched {
  /** Requests whose response has not ended. */
  requests: Set<IncomingMessage>;
  /** Bytes received when the last request ended: more of them, and a head has begun. */
  receivedAtRest: number;
  received: number;
  sent: number;
  /** Since when neither of the two has grown although it should; monotonic milliseconds. */
  since: number | undefined;
}

/**
 * Node's own check runs on a timer for as long as the server exists, and has no limit for clients that do not read;
 * this one runs only while there are connections. An idle connection is never closed: whoever closes one may
 * do so just when the client sends its next request.
 */
export class ClientGuard {
  readonly #clock: Clock;
  readonly #watched = new Map<Socket, Watched>();
  #cancel: CancelTimer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Connections watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Watches a client's connection until it is closed or given away. */
  watch(socket: Socket): void {
    this.#watched.set(socket, { requests: new Set(), receivedAtRest: 0, received: 0, sent: 0, since: undefined });
    socket.once("close", () => this.release(socket));
    this.#arm();
  }

  /** Stops watching, as for a connection that changed its protocol. */
  release(socket: Socket): void {
    this.#watched.delete(socket);
    if (this.#watched.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  begin(socket: Socket, request: IncomingMessage): void {
    this.#watched.get(socket)?.requests.add(request);
  }

  end(socket: Socket, request: IncomingMessage): void {
    const watched = this.#watched.get(socket);
    if (watched === undefined) return;
    watched.requests.delete(request);
    watched.receivedAtRest = socket.bytesRead;
    watched.since = undefined;
  }

  #arm(): void {
    this.#cancel ??= this.#clock.setTimer(SWEEP_MS, () => {
      this.#cancel = undefined;
      for (const [socket, watched] of this.#watched) this.#inspect(socket, watched);
      if (this.#watched.size > 0) this.#arm();
    });
  }

  #inspect(socket: Socket, watched: Watched): void {
    const now = this.#clock.monotonic();
    const moved = socket.bytesRead !== watched.received || socket.bytesWritten !== watched.sent;
    watched.received = socket.bytesRead;
    watched.sent = socket.bytesWritten;
    const inHead = watched.requests.size === 0 && socket.bytesRead > watched.receivedAtRest;
    // A head that trickles in counts from its first bytes, a body from its last.
    if (!inHead && (moved || !isOwing(socket, watched))) {
      watched.since = undefined;
      return;
    }
    watched.since ??= now;
    if (now - watched.since < (inHead ? HEAD_LIMIT_MS : STALL_LIMIT_MS)) return;
    if (inHead) socket.write("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    socket.destroySoon();
    if (!inHead) socket.destroy();
  }
}

/** Whether it is the client's turn: to take bytes, or to send the rest of a body that is being read. */
function isOwing(socket: Socket, { requests }: Watched): boolean {
  if (socket.writableLength > 0) return true;
  for (const request of requests) if (!request.complete && !request.isPaused()) return true;
  return false;
}
