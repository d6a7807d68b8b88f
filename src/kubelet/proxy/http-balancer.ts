/** Answers on one local port and balances each HTTP request over the backends. */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../../util/clock.ts";
import { createServer, type IncomingMessage, type Server, ServerResponse } from "../../util/http.ts";
import type { ProxyBackend } from "../proxy-contract.ts";
import { BackendSet } from "./backend-set.ts";
import type { Balancer } from "./balancer.ts";
import { ClientGuard } from "./client-guard.ts";
import { answer, Exchange, type ExchangeContext } from "./http-exchange.ts";
import { planRequest, type RequestPlan } from "./http-headers.ts";
import { tunnel } from "./http-tunnel.ts";
import { HttpUpstream } from "./http-upstream.ts";
import { LOOPBACK, listenNear } from "./listen.ts";
import type { PodTraffic } from "./pod-traffic.ts";

const MAX_REQUEST_HEADER_BYTES = 16 * 1024;
/** Node's longest timer: its own check of slow clients is off, `ClientGuard` does it. */
const NEVER_MS = 2 ** 31 - 1;

export interface HttpBalancerOptions {
  clock: Clock;
  traffic: PodTraffic;
  log: (message: string) => void;
}

/** A listener whose clients keep their connections while backends come and go. */
export class HttpBalancer implements Balancer {
  readonly protocol = "http";
  readonly #server: Server;
  readonly #guard: ClientGuard;
  readonly #context: ExchangeContext;
  readonly #upstreams = new Set<HttpUpstream>();
  readonly #clients = new Set<Socket>();
  #port = 0;
  #stopping = false;

  constructor({ clock, traffic, log }: HttpBalancerOptions) {
    this.#guard = new ClientGuard(clock);
    const create = (backend: ProxyBackend, turns: number): HttpUpstream => {
      const upstream = new HttpUpstream(backend, turns, clock, (gone) => this.#upstreams.delete(gone));
      this.#upstreams.add(upstream);
      return upstream;
    };
    this.#context = { upstreams: new BackendSet(create, (upstream) => upstream.retire()), traffic, log };
    this.#server = createServer({
      // An idle client connection stays open: closing it could cross with the client's next request.
      keepAliveTimeout: 0,
      headersTimeout: 0,
      requestTimeout: 0,
      connectionsCheckingInterval: NEVER_MS,
      maxHeaderSize: MAX_REQUEST_HEADER_BYTES,
      insecureHTTPParser: false,
      requireHostHeader: true,
      shouldUpgradeCallback: mayUpgrade,
    });
    this.#server.maxHeadersCount = 0;
    this.#server.on("connection", (socket) => this.#onConnection(socket));
    this.#server.on("request", (request, response) => this.#onRequest(request, response));
    // Without this listener Node would send the 100 itself, before any backend has agreed to it.
    this.#server.on("checkContinue", (request, response) => this.#onRequest(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket, head));
    this.#server.on("connect", (_request, socket) => refuseConnect(socket));
  }

  setBackends(backends: readonly ProxyBackend[]): void {
    this.#context.upstreams.replace(backends);
  }

  async listen(preferred: number): Promise<number> {
    this.#port = await listenNear(this.#server, preferred);
    this.#server.on("error", (error) => this.#context.log(`listener on port ${this.#port}: ${error.message}`));
    return this.#port;
  }

  get open(): number {
    let open = this.#clients.size;
    for (const upstream of this.#upstreams) open += upstream.open;
    return open;
  }

  stop(): Promise<void> {
    this.#stopping = true;
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  destroy(): void {
    for (const socket of this.#clients) socket.destroy();
    for (const upstream of this.#upstreams) upstream.destroy();
  }

  #onConnection(socket: Socket): void {
    this.#clients.add(socket);
    socket.once("close", () => this.#clients.delete(socket));
    this.#guard.watch(socket);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#guard.begin(socket, request);
    response.once("close", () => {
      // A backend may have answered before it had the whole body; the rest of it is no new request.
      if (request.complete) this.#guard.end(socket, request);
      else request.once("close", () => this.#guard.end(socket, request));
      if (this.#stopping) this.#server.closeIdleConnections();
    });
    if (this.#stopping) response.shouldKeepAlive = false;
    const plan = this.#plan(request, false);
    if (plan.ok) new Exchange(this.#context, plan, request, response).start();
    else refuse(response, plan);
  }

  #onUpgrade(request: IncomingMessage, client: Duplex, head: Buffer): void {
    if (!(client instanceof Socket)) {
      // A request with a body is never taken for an upgrade (see `mayUpgrade`), so Node hands over the socket itself.
      client.destroy();
      return;
    }
    this.#guard.release(client);
    // Node has taken its listeners off: this connection is ours now.
    client.on("error", () => client.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(client);
    client.on("drain", () => response.emit("drain"));
    response.once("finish", () => client.destroySoon());
    const plan = this.#plan(request, true);
    if (!plan.ok) {
      refuse(response, plan);
      return;
    }
    const exchange = new Exchange(this.#context, plan, request, response, (incoming, upstream, early) => {
      response.detachSocket(client);
      tunnel(incoming, client, upstream, { client: head, upstream: early });
    });
    exchange.start();
  }

  #plan(request: IncomingMessage, upgrade: boolean): RequestPlan {
    return planRequest({
      method: request.method ?? "GET",
      url: request.url ?? "/",
      rawHeaders: request.rawHeaders,
      httpVersion: request.httpVersion,
      remoteAddress: request.socket.remoteAddress ?? LOOPBACK,
      localAuthority: `${LOOPBACK}:${this.#port}`,
      upgrade,
    });
  }
}

function refuse(response: ServerResponse, plan: Extract<RequestPlan, { ok: false }>): void {
  // Whoever sends what can be read in two ways may have hidden a second request behind it.
  response.shouldKeepAlive = false;
  answer(response, plan.status, `Cannot pass this request on: ${plan.reason}.`);
}

/** Only a bodyless GET changes protocols, and never to HTTP/2, which this proxy cannot follow: RFC 9110 §7.8 lets it go on as it is. */
function mayUpgrade({ method, headers }: IncomingMessage): boolean {
  if (method !== "GET" || headers["transfer-encoding"] !== undefined) return false;
  if ((headers["content-length"] ?? "0") !== "0") return false;
  return !(headers.upgrade ?? "").toLowerCase().includes("h2c");
}

function refuseConnect(socket: Duplex): void {
  socket.on("error", () => socket.destroy());
  socket.end(
    "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
  );
}
