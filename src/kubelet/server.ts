/** The kubelet's side of the socket: plain HTTP on a unix socket, as small as it can be. */
import { chmodSync, rmSync } from "node:fs";
import { asTrueupError, ERROR_CLASSES, TrueupError } from "../model/errors.ts";
import type { KubeletLogQuery, PodAssignment, ServiceAssignment } from "../model/kubelet.ts";
import { settle } from "../util/clock.ts";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "../util/http.ts";
import type { KubeletInfo } from "./client.ts";
import type { LocalKubelet } from "./kubelet.ts";
import type { KubeletLog } from "./pod-runtime.ts";
import { encodeError, PATHS, readJson, type WireLine } from "./wire.ts";

export interface KubeletServerOptions {
  kubelet: LocalKubelet;
  socketPath: string;
  info: KubeletInfo;
  log: KubeletLog;
  /** Asked to end; the answer is sent when it resolves. */
  shutdown(options: { stopPods: boolean }): Promise<void>;
}

export interface KubeletServer {
  /** Ends the streams and the listener, and resolves when the socket is gone. */
  close(): Promise<void>;
}

/** Listens. A socket file that is there already is replaced: the caller holds the lock of the state directory. */
export async function serveKubelet(options: KubeletServerOptions): Promise<KubeletServer> {
  const { socketPath, log } = options;
  const ending = new AbortController();
  const server = createServer((request, response) => {
    // A connection that was busy when the server closed is idle once it is answered, and would keep the process alive.
    response.once("close", () => {
      if (ending.signal.aborted) void settle().then(() => server.closeIdleConnections());
    });
    answer(options, ending.signal, request, response).catch((error: unknown) => {
      log("warn", `A request could not be answered: ${asTrueupError(error, "answer").message}`);
      response.destroy();
    });
  });
  // Streams are open for as long as the daemon lives, and calls may take as long as a grace period.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  rmSync(socketPath, { force: true });
  await listen(server, socketPath);
  // Too many open files, say: one connection is lost then, not the kubelet.
  server.on("error", (error) => log("error", `Cannot take a connection: ${error.message}`));
  chmodSync(socketPath, 0o600);
  return {
    close: () => {
      ending.abort();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void =>
      reject(new TrueupError("io", `Cannot listen on ${path}: ${error.message}`, { cause: error }));
    server.once("error", onError);
    server.listen(path, () => {
      server.off("error", onError);
      resolve();
    });
  });
}

async function answer(
  options: KubeletServerOptions,
  ending: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://kubelet");
  try {
    const stream = streamFor(options, url);
    if (stream !== null) await sendStream(stream, ending, response);
    else {
      const body = await readJson(request);
      if (url.pathname === PATHS.shutdown && (await hasHungUp(response))) {
        options.log("warn", "Told to end by one that did not wait for it: not ending.");
        return;
      }
      sendJson(response, 200, (await call(options, url.pathname, body)) ?? null);
    }
  } catch (thrown) {
    const error = asTrueupError(thrown, "answer the daemon");
    if (error.code === "internal") options.log("error", error.message);
    sendJson(response, ERROR_CLASSES[error.code].http, encodeError(error));
  }
}

/** Rounds of the event loop in which a connection that was closed long ago is noticed. */
const ROUNDS = 3;

/**
 * Whether the caller has gone. A kubelet that was stopped finds orders of hours ago when it goes on, and who gave this one
 * was told that it failed: the pods may belong to the next daemon by now.
 */
async function hasHungUp({ req: { socket } }: ServerResponse): Promise<boolean> {
  for (let round = 0; round < ROUNDS; round++) await settle();
  return socket.readableEnded || socket.destroyed;
}

async function call({ kubelet, info, shutdown }: KubeletServerOptions, path: string, body: unknown): Promise<unknown> {
  switch (path) {
    case PATHS.info:
      return info;
    case PATHS.assign:
      return kubelet.assign(body as PodAssignment);
    case PATHS.stop: {
      const { uid, graceSeconds } = body as { uid: string; graceSeconds: number };
      return kubelet.stop(uid, graceSeconds);
    }
    case PATHS.serve:
      return kubelet.serve(body as ServiceAssignment[]);
    case PATHS.pods:
      return kubelet.pods();
    case PATHS.acknowledge:
      return kubelet.acknowledge((body as { seq: number }).seq);
    case PATHS.shutdown:
      return shutdown(body as { stopPods: boolean });
    default:
      throw new TrueupError("not-found", `Cannot answer ${path} as the kubelet knows no such call.`, {
        hint: "Daemon and kubelet may be of different versions: `trueup down`, then start again.",
      });
  }
}

type Stream = (signal: AbortSignal) => AsyncIterable<unknown>;

function streamFor({ kubelet }: KubeletServerOptions, { pathname, searchParams }: URL): Stream | null {
  if (pathname === PATHS.reports) return (signal) => kubelet.reports(Number(searchParams.get("after") ?? 0), signal);
  if (pathname !== PATHS.logs) return null;
  const query = JSON.parse(searchParams.get("query") ?? "{}") as KubeletLogQuery;
  return (signal) => kubelet.logs(query, signal);
}

/** Sends items as lines, no faster than they are read, and what ends them as the last line. */
async function sendStream(stream: Stream, ending: AbortSignal, response: ServerResponse): Promise<void> {
  const closed = new AbortController();
  response.once("close", () => closed.abort());
  const signal = AbortSignal.any([ending, closed.signal]);
  const write = async (line: WireLine): Promise<void> => {
    if (response.write(`${JSON.stringify(line)}\n`) || signal.aborted) return;
    await new Promise<void>((resolve) => {
      // Each takes the other along: what is left behind would add up over the days that a stream of reports lives.
      const go = (): void => {
        response.off("drain", go);
        signal.removeEventListener("abort", go);
        resolve();
      };
      response.once("drain", go);
      signal.addEventListener("abort", go, { once: true });
    });
  };
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  try {
    for await (const item of stream(signal)) await write({ item });
    if (!ending.aborted) await write({ end: true });
  } catch (error) {
    await write(encodeError(asTrueupError(error, "read on")));
  }
  response.end();
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
