/** Local ports for containers: free now, and out of the range from which the system serves outgoing connections. */
import { createServer } from "node:net";
import { TrueupError } from "../model/errors.ts";
import type { Random } from "../util/random.ts";
import { LOOPBACK } from "./status.ts";

/**
 * Ports handed out lie below the ephemeral range (Linux: from 32768, macOS: from 49152). A port of that range, as a bind
 * to port 0 gives, may be taken by an outgoing connection, the proxy's own for one, before the container binds it.
 */
const FIRST = 20_000;
const LAST = 32_767;

const TRIES = 200;

export class PortAllocator {
  readonly #random: Random;
  readonly #given = new Set<number>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** @throws {TrueupError} `io` when no free one is found */
  async allocate(): Promise<number> {
    for (let tries = 0; tries < TRIES; tries++) {
      const port = FIRST + Math.floor(this.#random.next() * (LAST - FIRST + 1));
      if (this.#given.has(port)) continue;
      this.#given.add(port);
      if (await isFree(port)) return port;
      this.#given.delete(port);
    }
    throw new TrueupError("io", `Cannot allocate a port as one of ${FIRST} to ${LAST} must be free: ${TRIES} are not.`);
  }

  /** Keeps a port that a container of an earlier kubelet has. */
  keep(port: number): void {
    this.#given.add(port);
  }

  release(port: number): void {
    this.#given.delete(port);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else reject(new TrueupError("io", `Cannot try port ${port}: ${error.message}`, { cause: error }));
    });
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
