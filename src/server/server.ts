/** The daemon's HTTP API over a unix socket that only its user can open. */
import { chmod, lstat, rm } from "node:fs/promises";
import { connect } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { Clock } from "../util/clock.ts";
import { answerFor } from "./errors.ts";
import { addRoutes } from "./routes.ts";
import type { DaemonService } from "./service.ts";
import { Streams } from "./stream.ts";

export interface ServerOptions {
  service: DaemonService;
  /** For heartbeats. */
  clock: Clock;
  /** Path of the socket; its directory must exist and be private (`prepareSocketPaths`). */
  socket: string;
  /** Told of errors that are the daemon's own, with the route: they go to its log, not to the caller. */
  onInternalError(error: unknown, route: string): void;
}

export interface ApiServer {
  readonly socket: string;
  /** Ends all streams, answers what is under way, and removes the socket. */
  close(): Promise<void>;
}

/**
 * Starts to listen.
 *
 * @throws {TrueupError} `conflict` when another process answers on that socket, `io` when it cannot be opened
 */
export async function startServer(options: ServerOptions): Promise<ApiServer> {
  const { socket } = options;
  await removeStaleSocket(socket);
  const streams = new Streams();
  const app = buildApp(options, streams);
  try {
    await app.listen({ path: socket });
    // Too many open files, say: one connection is lost then, not the daemon.
    app.server.on("error", (error) => options.onInternalError(error, "a connection"));
    await chmod(socket, 0o600);
  } catch (error) {
    await app.close();
    throw new TrueupError("io", `Cannot listen on ${socket}: ${messageOf(error)}`, { cause: error });
  }
  return {
    socket,
    async close() {
      await streams.close();
      await app.close();
      await rm(socket, { force: true });
    },
  };
}

function buildApp({ service, clock, onInternalError }: ServerOptions, streams: Streams): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: "idle", bodyLimit: 64 * 1024 });
  app.setErrorHandler(async (error, request, reply) => {
    const { status, body } = answerFor(error);
    if (body.code === "internal") onInternalError(error, `${request.method} ${request.url}`);
    await reply.code(status).send(body);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const message = `Cannot find ${request.method} ${request.url.split("?")[0]} in this daemon's API.`;
    const hint = "The command and the daemon may be of different versions: see trueup status.";
    await reply.code(404).send({ code: "not-found", message, hint });
  });
  addRoutes(app, { service, clock, streams, onInternalError });
  return app;
}

/** A socket file that nobody answers on is left from a daemon that was killed. */
async function removeStaleSocket(socket: string): Promise<void> {
  const found = await lstat(socket).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new TrueupError("io", `Cannot look at ${socket}: ${messageOf(error)}`, { cause: error });
  });
  if (found === null) return;
  if (!found.isSocket()) {
    throw new TrueupError("conflict", `Cannot listen on ${socket} as it must be a socket: it is another kind of file.`);
  }
  if (await answers(socket)) {
    throw new TrueupError(
      "conflict",
      `Cannot listen on ${socket} as another daemon must not be running: one answers.`,
      {
        hint: "Use that daemon, or end it with trueup down.",
      },
    );
  }
  await rm(socket, { force: true });
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}
