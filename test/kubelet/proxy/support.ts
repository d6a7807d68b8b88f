/** Servers and clients of the proxy's tests, all on loopback, all ended by `endAll`. */
import { createServer as createHttpServer, type RequestListener, type ServerOptions } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { ServiceProxy } from "../../../src/kubelet/proxy/service-proxy.ts";
import type { ProxyBackend } from "../../../src/kubelet/proxy-contract.ts";
import { type Clock, SystemClock } from "../../../src/util/clock.ts";

const ends: (() => unknown)[] = [];

/** Has `end` called by `endAll`, last one first. */
export function atEnd(end: () => unknown): void {
  ends.push(end);
}

export async function endAll(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  atEnd(async () => {
    const closed = new Promise((done) => server.close(done));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return address.port;
}

/** A pod that speaks HTTP. */
export async function httpPod(
  podUid: string,
  listener: RequestListener,
  options: ServerOptions = {},
): Promise<ProxyBackend> {
  return { podUid, host: "127.0.0.1", port: await listening(createHttpServer(options, listener)) };
}

/** A pod that does with a connection what `onConnection` says. */
export async function rawPod(podUid: string, onConnection: (socket: Socket) => void): Promise<ProxyBackend> {
  return { podUid, host: "127.0.0.1", port: await listening(createServer({ allowHalfOpen: true }, onConnection)) };
}

/** A pod at whose port nothing listens. */
export async function deadPod(podUid: string): Promise<ProxyBackend> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("not listening");
  return { podUid, host: "127.0.0.1", port: address.port };
}

export interface Fixture {
  proxy: ServiceProxy;
  port: number;
  log: string[];
}

/** A proxy with one port, whose key is "svc:80". */
export async function proxyFor(
  protocol: "http" | "tcp",
  backends: ProxyBackend[],
  clock: Clock = new SystemClock(),
): Promise<Fixture> {
  const log: string[] = [];
  const proxy = new ServiceProxy({ clock, log: (line) => log.push(line) });
  atEnd(() => proxy.close());
  const ports = await proxy.update([{ key: "svc:80", protocol, preferredLocalPort: 0, backends }]);
  return { proxy, port: ports["svc:80"] ?? 0, log };
}

/** A client that writes and reads bytes. */
export class Wire {
  readonly socket: Socket;
  /** The other side has ended, in order or by a reset. */
  readonly ended: Promise<void>;
  /** Both sides have. */
  readonly closed: Promise<void>;
  text = "";
  error: NodeJS.ErrnoException | undefined;
  #waiters: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    atEnd(() => this.socket.destroy());
    this.socket.on("data", (chunk) => {
      this.text += chunk.toString("latin1");
      this.#wake();
    });
    this.socket.on("error", (error) => {
      this.error = error;
    });
    this.ended = new Promise((done) => {
      this.socket.once("end", done);
      this.socket.once("close", () => done());
    });
    this.closed = new Promise((done) =>
      this.socket.once("close", () => {
        done();
        this.#wake();
      }),
    );
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  /** Resolves with all that came, once it has `pattern`; rejects when the connection closes without it. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.socket.destroyed) throw new Error(`closed without ${pattern}: ${this.text}`);
      await new Promise<void>((wake) => this.#waiters.push(wake));
    }
    return this.text;
  }
}

/** Sends bytes, and all that came back until the other side closed. */
export async function roundTrip(port: number, text: string): Promise<string> {
  const wire = new Wire(port).send(text);
  await wire.ended;
  wire.socket.destroy();
  return wire.text;
}

/** A request for `path` that lets the connection close after the response. */
export function get(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: svc\r\nConnection: close\r\n${headers}\r\n`;
}

/** A promise and the function that resolves it. */
export function signal<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { promise, resolve };
}
