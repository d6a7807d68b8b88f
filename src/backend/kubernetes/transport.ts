/** HTTP to one API server over kept connections: bytes out, bytes in. What they mean is `api.ts`'s business. */
import type { ConnectionOptions } from "node:tls";
import type { Dispatcher } from "undici";
import Pool from "undici/lib/dispatcher/pool.js";
import { readCredential } from "./credentials.ts";

/** Connections for requests; streams (watches, logs) have their own besides, one each. */
const CONNECTIONS = 64;
const CONNECT_MS = 10_000;
/** API servers give up on a request after 60 s; what has not begun to answer then is lost. */
const HEADERS_MS = 75_000;
/** Below the 90 s after which API servers close an idle connection. */
const KEEP_ALIVE_MS = 60_000;
/** After so long without traffic the kernel asks whether the other side is there: a watch may wait for hours. */
const PROBE_AFTER_MS = 30_000;
/** Bytes that wait for a slow reader before the server is made to wait. */
const HIGH_WATER = 1 << 20;

export interface WireRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With the query. */
  path: string;
  headers: Readonly<Record<string, string | string[]>>;
  body: string | null;
  /** Of a stream: its answer may begin at any time. */
  isSilent?: boolean;
}

export interface WireAnswer {
  status: number;
  /** The header of that name. */
  retryAfter: string | undefined;
  /** Ends with the answer; fails when the connection is lost. */
  chunks: AsyncIterable<Buffer>;
}

/** What is known of the server's and of one's own identity on the wire. */
export interface TlsSettings extends Pick<ConnectionOptions, "ca" | "cert" | "key" | "servername"> {
  /** Instead of `ca`: read when connections are opened. */
  caFile?: string;
  /** Absent: certificates are checked. */
  rejectUnauthorized?: boolean;
  /** `http:`, `https:` or `socks5:`. */
  proxyUrl?: string;
}

export class Transport {
  readonly #requests: Dispatcher;
  readonly #streams: Dispatcher;

  /** Use `openTransport`. */
  constructor(requests: Dispatcher, streams: Dispatcher) {
    this.#requests = requests;
    this.#streams = streams;
  }

  /** Resolves with the headers. @throws The signal's reason, or undici's error when the server is not reached */
  exchange(request: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
    return open(this.#requests, request, HEADERS_MS, signal);
  }

  /** The same for an answer that goes on as long as nobody ends it. */
  stream(request: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
    return open(this.#streams, request, 0, signal, request.isSilent === true ? 0 : HEADERS_MS);
  }

  /** Ends what is under way too. */
  async close(): Promise<void> {
    await Promise.all([this.#requests.destroy(), this.#streams.destroy()]);
  }
}

/** @param origin Scheme, host and port of the server */
export async function openTransport(origin: string, { proxyUrl, caFile, ...given }: TlsSettings): Promise<Transport> {
  const tls = { ...given, ...(caFile !== undefined && { ca: await readCredential(caFile) }) };
  const shared = { pipelining: 1, allowH2: false, keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS };
  const connect = { ...tls, timeout: CONNECT_MS, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS };
  if (proxyUrl === undefined) {
    const pool = (connections: number | null): Dispatcher => new Pool(origin, { ...shared, connections, connect });
    return new Transport(pool(CONNECTIONS), pool(null));
  }
  const { ProxyAgent } = await import("undici");
  const agent = (connections: number | null): Dispatcher =>
    new ProxyAgent({ uri: proxyUrl, ...shared, ...(connections !== null && { connections }), requestTls: connect });
  return new Transport(withOrigin(agent(CONNECTIONS), origin), withOrigin(agent(null), origin));
}

/** An agent serves any origin, a pool one: callers need not know which they have. */
function withOrigin(agent: Dispatcher, origin: string): Dispatcher {
  return agent.compose((dispatch) => (options, handler) => dispatch({ ...options, origin }, handler));
}

function open(
  dispatcher: Dispatcher,
  { method, path, headers, body }: WireRequest,
  limitMs: number,
  signal: AbortSignal,
  headersTimeout = HEADERS_MS,
): Promise<WireAnswer> {
  signal.throwIfAborted();
  const answer = Promise.withResolvers<WireAnswer>();
  const chunks = new Chunks(signal, answer.reject);
  const options = { method, path, headers, body, headersTimeout, bodyTimeout: limitMs };
  dispatcher.dispatch(options, {
    onRequestStart: (controller) => chunks.begin(controller),
    onResponseStart: (_controller, status, received) => {
      const { "retry-after": retryAfter } = received;
      answer.resolve({ status, retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, chunks });
    },
    onResponseData: (_controller, chunk) => chunks.push(chunk),
    onResponseEnd: () => chunks.end(null),
    onResponseError: (_controller, error) => chunks.end(error),
  });
  return answer.promise;
}

/** The body of one answer, from when it is asked for: waits for its reader, and ends with the signal at any time. */
class Chunks implements AsyncIterable<Buffer> {
  readonly #signal: AbortSignal;
  /** Of the answer, which may not have begun yet when its body fails. */
  readonly #fail: (reason: unknown) => void;
  readonly #onAbort: () => void;
  #controller: Dispatcher.DispatchController | null = null;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #isDone = false;
  #error: unknown = null;
  #wake: () => void = () => {};

  constructor(signal: AbortSignal, fail: (reason: unknown) => void) {
    this.#signal = signal;
    this.#fail = fail;
    this.#onAbort = () => this.#stop(signal.reason);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  begin(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Aborted while it waited for a connection.
    if (this.#isDone) controller.abort(new Error("no longer wanted"));
  }

  push(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > HIGH_WATER) this.#controller?.pause();
    this.#wake();
  }

  end(error: unknown): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    if (this.#isDone) return;
    this.#isDone = true;
    this.#error = error;
    if (error !== null) this.#fail(error);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const batch = this.#waiting;
        this.#waiting = [];
        this.#bytes = 0;
        if (this.#controller?.paused === true) this.#controller.resume();
        yield* batch;
        if (this.#waiting.length > 0) continue;
        if (this.#error !== null) throw this.#error;
        if (this.#isDone) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      if (!this.#isDone) this.#stop(new Error("no longer read"));
    }
  }

  #stop(reason: unknown): void {
    const controller = this.#controller;
    this.end(reason);
    controller?.abort(reason instanceof Error ? reason : new Error("aborted"));
  }
}
