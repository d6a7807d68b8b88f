/**
 * One client's request: finding a backend that takes it, sending it there, and sending it again where that is safe.
 *
 * A server may close an idle connection at any time (RFC 9112 §9.3.1, §9.5), also at the moment the next request is
 * written to it; the request is then lost, and nobody can say whether it was seen. Hence:
 * - Only requests that are idempotent and have no body go out on a connection used before. Lost without a byte of a
 *   response, they are sent once more, on a new connection (RFC 9110 §9.2.2: a proxy must not repeat others on its own,
 *   and a failed repetition should not be repeated).
 * - All others, POST above all, get a new connection. A server has no idle connection to close there, so there is no
 *   such moment. When it cannot be made, nothing was sent, and the next backend is asked.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { messageOf } from "../../model/errors.ts";
import type { BackendSet } from "./backend-set.ts";
import type { RequestPlan } from "./http-headers.ts";
import { relayInformation, relayRequestBody, relayResponse } from "./http-relay.ts";
import type { HttpUpstream } from "./http-upstream.ts";
import type { PodTraffic } from "./pod-traffic.ts";

/** What all exchanges of a listener share. */
export interface ExchangeContext {
  upstreams: BackendSet<HttpUpstream>;
  traffic: PodTraffic;
  log: (message: string) => void;
}

type GoodPlan = Extract<RequestPlan, { ok: true }>;

/** Takes over when the backend agreed to change the protocol (101). */
export type OnUpgrade = (answer: IncomingMessage, upstream: Socket, head: Buffer) => void;

/** Carries one request through, from choosing a backend to the end of the response. */
export class Exchange {
  readonly #context: ExchangeContext;
  readonly #plan: GoodPlan;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #onUpgrade: OnUpgrade | undefined;
  /** Backends that failed for this request. */
  readonly #tried = new Set<HttpUpstream>();
  /** Whether it was written to a connection and lost. */
  #lost = false;
  #over = false;
  #cancel: () => void = () => undefined;

  constructor(
    context: ExchangeContext,
    plan: GoodPlan,
    request: IncomingMessage,
    response: ServerResponse,
    onUpgrade?: OnUpgrade,
  ) {
    this.#context = context;
    this.#plan = plan;
    this.#request = request;
    this.#response = response;
    this.#onUpgrade = onUpgrade;
  }

  /** Begins. Nothing of the body is read before a backend has accepted the connection. */
  start(): void {
    // A client that goes away takes its request along, so that the backend can stop working on it.
    this.#response.once("close", () => {
      if (!this.#response.writableFinished) this.#abandon();
      // The backend has answered early and still takes the rest of the body.
      else if (!this.#request.complete) this.#request.socket.once("close", () => this.#abandon());
    });
    this.#request.on("error", () => this.#abandon());
    this.#tryNext();
  }

  #abandon(): void {
    this.#over = true;
    this.#cancel();
  }

  #tryNext(): void {
    const upstream = this.#context.upstreams.take(this.#tried);
    if (upstream === undefined) {
      this.#refuse();
      return;
    }
    const end = this.#begin(upstream);
    const idle = this.#plan.repeatable && !this.#lost ? upstream.takeIdle() : undefined;
    if (idle !== undefined) {
      this.#send(upstream, idle, true, end);
      return;
    }
    const giveUp = upstream.connect((result) => {
      if (!(result instanceof Error)) {
        upstream.failing = false;
        this.#send(upstream, result, false, end);
        return;
      }
      this.#report(upstream, result);
      this.#tried.add(upstream);
      end();
      this.#tryNext();
    });
    this.#cancel = () => {
      giveUp();
      end();
    };
  }

  /** Counts a request to that backend; what it returns ends the count, once. */
  #begin(upstream: HttpUpstream): () => void {
    const { podUid } = upstream.backend;
    upstream.inFlight++;
    this.#context.traffic.begin(podUid);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      upstream.inFlight--;
      this.#context.traffic.end(podUid);
    };
  }

  #send(upstream: HttpUpstream, socket: Socket, reused: boolean, end: () => void): void {
    const receivedBefore = socket.bytesRead;
    let outgoing: ClientRequest;
    try {
      outgoing = upstream.request(socket, this.#request.method ?? "GET", this.#plan.path, this.#plan.headers);
    } catch (error) {
      socket.destroy();
      end();
      answer(this.#response, 400, messageOf(error));
      return;
    }
    this.#cancel = () => {
      // Once the exchange is over, the socket may belong to another one.
      if (outgoing.destroyed) return;
      outgoing.destroy();
      socket.destroy();
    };
    let answered = false;
    const onFailure = (error: Error): void => {
      // After the head of a response, its own "error" event breaks the client's connection off. Destroying the request
      // then would throw away what of the response is still on its way to a slow client.
      if (answered || this.#over) return;
      answered = true;
      outgoing.destroy();
      end();
      this.#onLost(upstream, error, reused, socket.bytesRead === receivedBefore);
    };
    outgoing.on("error", onFailure);
    outgoing.on("close", () => {
      end();
      // Node says no more than this when a pod changes the protocol though nobody asked.
      onFailure(new Error("connection closed"));
    });
    outgoing.on("information", (info) => {
      if (!this.#over) relayInformation(info, this.#response);
    });
    outgoing.on("response", (incoming) => {
      answered = true;
      if (this.#over || this.#response.destroyed) {
        outgoing.destroy();
      } else if (incoming.statusCode === 408 && reused && !this.#lost) {
        // "Waited too long for a request" crossed with our request: the server has not seen it (RFC 9110 §15.5.9).
        outgoing.destroy();
        end();
        this.#onLost(upstream, new Error("408 on an idle connection"), reused, true);
      } else {
        relayOrFail(incoming, this.#response, outgoing);
      }
    });
    const onUpgrade = this.#onUpgrade;
    if (onUpgrade !== undefined) {
      outgoing.on("upgrade", (incoming, upgraded, head) => {
        answered = true;
        if (this.#over) upgraded.destroy();
        else onUpgrade(incoming, upgraded, head);
      });
    }
    if (this.#plan.hasBody) {
      // With "Expect: 100-continue" the head goes first and alone: the client waits for the backend's word.
      if (this.#request.headers.expect !== undefined) outgoing.flushHeaders();
      relayRequestBody(this.#request, outgoing);
    } else {
      outgoing.end();
    }
  }

  #onLost(upstream: HttpUpstream, error: Error, reused: boolean, silent: boolean): void {
    if (silent && this.#plan.repeatable && !this.#lost) {
      this.#lost = true;
      if (!reused) this.#tried.add(upstream);
      this.#tryNext();
      return;
    }
    this.#lost = true;
    const { host, port, podUid } = upstream.backend;
    this.#context.log(`pod ${podUid} at ${host}:${port} gave no response to a request: ${error.message}`);
    answer(this.#response, 502, "The pod closed the connection before it answered.");
  }

  #refuse(): void {
    const status = this.#lost ? 502 : 503;
    const reason = this.#lost
      ? "The pod closed the connection before it answered."
      : "No pod of this Service is ready.";
    answer(this.#response, status, reason);
  }

  #report(upstream: HttpUpstream, error: Error): void {
    if (upstream.failing) return;
    upstream.failing = true;
    const { host, port, podUid } = upstream.backend;
    this.#context.log(`cannot connect to pod ${podUid} at ${host}:${port}: ${error.message}`);
  }
}

function relayOrFail(incoming: IncomingMessage, response: ServerResponse, outgoing: ClientRequest): void {
  try {
    relayResponse(incoming, response);
  } catch (error) {
    // The backend's status line or a field of it cannot be written as HTTP.
    outgoing.destroy();
    if (response.headersSent) response.destroy();
    else answer(response, 502, `The pod's response is malformed: ${messageOf(error)}`);
  }
}

/** Answers in the proxy's own name, with one line of text. */
export function answer(response: ServerResponse, status: number, line: string): void {
  if (response.destroyed || response.headersSent) {
    response.destroy();
    return;
  }
  const text = `${line}\n`;
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    ...(status === 503 ? { "Retry-After": "1" } : {}),
  });
  response.end(text);
  // An unread body would otherwise stand before the client's next request.
  response.req.resume();
}
