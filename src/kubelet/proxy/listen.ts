/** Finds a local port to answer on: the preferred one, or the next that is free. */
import type { Server } from "node:net";
import { TrueupError } from "../../model/errors.ts";

/** How many ports above the preferred one are tried before any free one is taken. */
const FURTHER_PORTS = 300;
/** Ports below this one need a privilege on Linux; 80 becomes 8080, 443 becomes 8443. */
const FIRST_UNPRIVILEGED = 1024;
const UNPRIVILEGED_OFFSET = 8000;
const LAST_PORT = 65_535;
export const LOOPBACK = "127.0.0.1";

/**
 * Listens on the loopback interface.
 *
 * @param preferred The port wanted; 0: any that is free
 * @returns The port that it listens on
 * @throws {TrueupError} `io` when the system refuses for another reason than that the port is taken or privileged
 */
export async function listenNear(server: Server, preferred: number): Promise<number> {
  let port = preferred;
  for (let tries = 0; port !== 0 && tries <= FURTHER_PORTS && port <= LAST_PORT; tries++) {
    const refusal = await tryListen(server, port);
    if (refusal === null) return portOf(server);
    if (refusal.code === "EACCES" && port < FIRST_UNPRIVILEGED) port += UNPRIVILEGED_OFFSET;
    else if (refusal.code === "EADDRINUSE" || refusal.code === "EACCES") port++;
    else throw cannotListen(port, refusal);
  }
  const refusal = await tryListen(server, 0);
  if (refusal !== null) throw cannotListen(0, refusal);
  return portOf(server);
}

function tryListen(server: Server, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const settle = (refusal: NodeJS.ErrnoException | null): void => {
      server.off("error", onError);
      server.off("listening", onListening);
      resolve(refusal);
    };
    const onError = (error: NodeJS.ErrnoException): void => settle(error);
    const onListening = (): void => settle(null);
    server.once("error", onError);
    server.once("listening", onListening);
    // A backlog of 511 overflows under bursts of fresh connections; the kernel caps the number at its own limit.
    server.listen({ host: LOOPBACK, port, backlog: 4096, exclusive: true });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new TrueupError("internal", "Cannot name the port of a listener as it must be bound: it is not.");
  }
  return address.port;
}

function cannotListen(port: number, refusal: NodeJS.ErrnoException): TrueupError {
  return new TrueupError("io", `Cannot listen on ${LOOPBACK} port ${port} as it must be free: ${refusal.message}.`, {
    cause: refusal,
  });
}
