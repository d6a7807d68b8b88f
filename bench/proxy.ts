/**
 * The service proxy beside no proxy and beside haproxy, in the same run: requests, latency, bulk transfer, new connections.
 *
 * Server, proxies and load generator are processes of their own; all traffic is on loopback. haproxy runs with one thread,
 * as the kubelet has one. Every round measures all variants, and the order turns round from one round to the next, so that
 * what else the machine does falls on all alike; shown are medians over the rounds.
 *
 * How the HTTP side was chosen (keep-alive GETs a second, medians of four runs of prototypes on two shared cores, which
 * scattered by a third): a node:http server in front of http.request with Node's agent 15,600; of undici's Pool.dispatch 21,700;
 * of http.ClientRequest on connections that we keep ourselves 20,000. A hand-written client reached 26,000 in two runs and
 * stalled in the other two. The third was taken: about as fast as undici, but it tells a used connection from a new one, passes
 * on trailers, interim responses and `Expect`, and both parsers are Node's strict ones. What a complete proxy does beyond the
 * prototype costs about a third of its rate. For TCP, medians of three: `pipe` both ways 30,000, reading into the same memory
 * (`onread`) 39,000, haproxy 42,000.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceProxy } from "../src/kubelet/proxy/service-proxy.ts";
import { SystemClock } from "../src/util/clock.ts";
import { machineLine, median, printTable, versionOf } from "./support.ts";

const ROUNDS = 3;
const CONNECTIONS = 32;
const KEEP_ALIVE_S = 2;
const SHORT_S = 1;
const BULK_BYTES = 384 * 1024 * 1024;
const LIMIT_MS = 120_000;
const SELF = join(import.meta.dirname, "proxy.ts");

interface Variant {
  name: string;
  port: number;
  /** Process that does the proxying. */
  pid: number;
  /** Variant to compare with. */
  against?: string;
  /** Whether POSTs are measured. */
  http: boolean;
}

interface Figures {
  requests: number[];
  p50: number[];
  p99: number[];
  posts: number[];
  bulk: number[];
  connections: number[];
  /** Microseconds of processor time that the process used for a keep-alive request. */
  cpu: number[];
  errors: number;
}

interface Load {
  perSecond: number;
  p50: number;
  p99: number;
  errors: number;
}

/** What is used of autocannon, which brings no types. */
type Autocannon = (options: {
  url: string;
  connections: number;
  duration: number;
  method: string;
  body?: string;
  reconnectRate?: number;
}) => Promise<{ requests: { average: number }; latency: { p50: number; p99: number }; errors: number; non2xx: number }>;

const children = new Set<ChildProcess>();
const directory = mkdtempSync(join(tmpdir(), "trueup-bench-"));

function endAll(): void {
  for (const child of children) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
}

function start(program: string, args: string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Starts a part of this file in a process of its own; it prints its ports, one line, when it is ready. */
function startPart(part: string, ...args: string[]): Promise<{ pid: number; ports: number[] }> {
  const child = start(process.execPath, [SELF, part, ...args]);
  return new Promise((ready, fail) => {
    child.once("exit", (code) => fail(new Error(`${part} ended with ${code}`)));
    child.stdout?.once("data", (line) =>
      ready({ pid: child.pid ?? 0, ports: String(line).trim().split(" ").map(Number) }),
    );
  });
}

/** Processor time of a process so far, in microseconds; NaN where there is no /proc. See proc(5): fields 14 and 15, in ticks of 10 ms. */
function cpuOf(pid: number): number {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return Number.NaN;
  const fields = readFileSync(path, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function finished(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk) => {
    text += chunk;
  });
  await new Promise((done) => child.once("close", done));
  return text;
}

function serve(): void {
  const text = "Hello World! I'm Server version 1. hello-deployment-7d9c5b8f6-x2x4z\n";
  const block = Buffer.alloc(1024 * 1024, "x");
  const server = createHttpServer((request, response) => {
    request.resume();
    if (request.url !== "/bulk") {
      request.once("end", () => response.setHeader("Content-Length", text.length).end(text));
      return;
    }
    let left = BULK_BYTES;
    response.setHeader("Content-Length", left);
    const more = (): void => {
      for (; left > 0; left -= block.length) {
        if (response.write(block)) continue;
        left -= block.length;
        response.once("drain", more);
        return;
      }
      response.end();
    };
    more();
  });
  server.listen(0, "127.0.0.1", () => console.log(portOf(server.address())));
}

async function proxy(target: number): Promise<void> {
  const backends = [{ podUid: "pod", host: "127.0.0.1", port: target }];
  const service = new ServiceProxy({ clock: new SystemClock(), log: console.error });
  const ports = await service.update([
    { key: "http", protocol: "http", preferredLocalPort: 0, backends },
    { key: "tcp", protocol: "tcp", preferredLocalPort: 0, backends },
  ]);
  console.log(`${ports.http} ${ports.tcp}`);
}

function portOf(address: string | { port: number } | null): number {
  if (address === null || typeof address === "string") throw new Error("not listening");
  return address.port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const port = portOf(server.address());
  await new Promise((done) => server.close(done));
  return port;
}

async function startHaproxy(target: number): Promise<{ pid: number; ports: [number, number] }> {
  const http = await freePort();
  const tcp = await freePort();
  const part = (mode: string, port: number, more = ""): string =>
    `listen ${mode}\n  mode ${mode}\n  bind 127.0.0.1:${port} backlog 4096\n${more}  server pod 127.0.0.1:${target}\n`;
  const config = join(directory, "haproxy.cfg");
  writeFileSync(
    config,
    `global\n  nbthread 1\n  maxconn 8000\ndefaults\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n` +
      part("http", http, "  option forwardfor\n  http-reuse safe\n") +
      part("tcp", tcp),
  );
  const { pid = 0 } = start("haproxy", ["-f", config, "-db"]);
  for (let tries = 0; tries < 100; tries++) {
    if (await accepts(tcp)) return { pid, ports: [http, tcp] };
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("haproxy did not start within 5 s");
}

function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
    socket.once("connect", () => socket.destroy());
  });
}

type Kind = "keep-alive" | "fresh" | "post";

/** wrk when it is installed: autocannon, which is JavaScript, would be the bottleneck. */
async function load(port: number, seconds: number, kind: Kind, hasWrk: boolean): Promise<Load> {
  const url = `http://127.0.0.1:${port}/`;
  if (!hasWrk) {
    const autocannon = createRequire(import.meta.url)("autocannon") as Autocannon;
    const result = await autocannon({
      url,
      connections: CONNECTIONS,
      duration: seconds,
      method: kind === "post" ? "POST" : "GET",
      ...(kind === "post" ? { body: "hello=world" } : {}),
      ...(kind === "fresh" ? { reconnectRate: 1 } : {}),
    });
    const { requests, latency, errors, non2xx } = result;
    return { perSecond: requests.average, p50: latency.p50, p99: latency.p99, errors: errors + non2xx };
  }
  const more =
    kind === "fresh" ? ["-H", "Connection: close"] : kind === "post" ? ["-s", join(directory, "post.lua")] : [];
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--latency", ...more, url];
  const text = await finished(start("wrk", args));
  const ms = (percent: number): number => {
    const [, value = "NaN", unit = "ms"] = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s)`, "m").exec(text) ?? [];
    return Number(value) * (unit === "us" ? 0.001 : unit === "s" ? 1000 : 1);
  };
  const errors = [
    ...text.matchAll(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)|Non-2xx[^:]*: (\d+)/g),
  ];
  // With "Connection: close" wrk counts each end of a connection as a read error.
  const counted = errors.map(([, c = 0, r = 0, w = 0, t = 0, n = 0]) => [c, kind === "fresh" ? 0 : r, w, t, n]);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? Number.NaN),
    p50: ms(50),
    p99: ms(99),
    errors: counted.flat().reduce<number>((sum, count) => sum + Number(count), 0),
  };
}

/** MB/s of one large response over one connection, read into the same memory all the time. */
function bulk(port: number): Promise<number> {
  return new Promise((done, fail) => {
    const began = performance.now();
    let received = 0;
    const socket = connect({
      host: "127.0.0.1",
      port,
      onread: {
        buffer: Buffer.alloc(256 * 1024),
        callback: (length) => {
          received += length;
          return true;
        },
      },
    });
    socket.once("error", fail);
    socket.once("close", () => {
      if (received < BULK_BYTES) fail(new Error(`only ${received} bytes came`));
      else done(received / 1e6 / ((performance.now() - began) / 1000));
    });
    socket.write("GET /bulk HTTP/1.1\r\nHost: svc\r\nConnection: close\r\n\r\n");
  });
}

async function round(variants: Variant[], all: Map<string, Figures>, hasWrk: boolean): Promise<void> {
  for (const { name, port, pid, http } of variants) {
    const figures = all.get(name);
    if (figures === undefined) continue;
    const cpuBefore = cpuOf(pid);
    const kept = await load(port, KEEP_ALIVE_S, "keep-alive", hasWrk);
    figures.cpu.push((cpuOf(pid) - cpuBefore) / (kept.perSecond * KEEP_ALIVE_S));
    figures.requests.push(kept.perSecond);
    figures.p50.push(kept.p50);
    figures.p99.push(kept.p99);
    const fresh = await load(port, SHORT_S, "fresh", hasWrk);
    figures.connections.push(fresh.perSecond);
    figures.errors += kept.errors + fresh.errors;
    if (http) {
      const posts = await load(port, SHORT_S, "post", hasWrk);
      figures.posts.push(posts.perSecond);
      figures.errors += posts.errors;
    }
    figures.bulk.push(await bulk(port));
  }
}

const count = (value: number): string => (Number.isNaN(value) ? "-" : Math.round(value).toLocaleString("en-GB"));

function report(variants: Variant[], all: Map<string, Figures>): void {
  const rows = variants.map(({ name }) => {
    const figures = all.get(name);
    if (figures === undefined) return [name];
    const { requests, p50, p99, posts, connections, bulk: rates, errors } = figures;
    return [
      name,
      count(median(requests)),
      median(p50).toFixed(2),
      median(p99).toFixed(2),
      count(median(figures.cpu)),
      count(median(posts)),
      count(median(connections)),
      count(median(rates)),
      String(errors),
    ];
  });
  printTable(["", "requests/s", "p50 ms", "p99 ms", "CPU µs", "POST/s", "new conn/s", "bulk MB/s", "errors"], rows);
  const ratios = variants.flatMap(({ name, against }) => {
    const mine = all.get(name);
    const other = all.get(against ?? "");
    if (mine === undefined || other === undefined) return [];
    const ratio = (of: (figures: Figures) => number[]): string => (median(of(mine)) / median(of(other))).toFixed(2);
    const posts = mine.posts.length > 0 ? ratio((f) => f.posts) : "-";
    return [
      [
        `${name} / ${against}`,
        ratio((f) => f.requests),
        ratio((f) => f.cpu),
        posts,
        ratio((f) => f.connections),
        ratio((f) => f.bulk),
      ],
    ];
  });
  if (ratios.length === 0) return;
  console.log("");
  printTable(["ratio", "requests", "CPU µs", "POST", "new conn", "bulk"], ratios);
  console.log("\nAim: TCP at least 0.80 of haproxy's requests and bulk in the same run.");
}

async function main(): Promise<void> {
  const pod = await startPart("serve");
  const [server = 0] = pod.ports;
  const {
    pid,
    ports: [http = 0, tcp = 0],
  } = await startPart("proxy", String(server));
  const haproxy = versionOf("haproxy", "-v");
  const wrk = versionOf("wrk", "-v");
  const variants: Variant[] = [
    { name: "direct", port: server, pid: pod.pid, http: true },
    { name: "trueup HTTP", port: http, pid, against: "haproxy HTTP", http: true },
    { name: "trueup TCP", port: tcp, pid, against: "haproxy TCP", http: false },
  ];
  if (haproxy !== null) {
    const other = await startHaproxy(server);
    variants.splice(2, 0, { name: "haproxy HTTP", port: other.ports[0], pid: other.pid, http: true });
    variants.push({ name: "haproxy TCP", port: other.ports[1], pid: other.pid, http: false });
  }
  console.log(machineLine());
  console.log(haproxy ?? "haproxy is not installed (Debian: apt-get install haproxy): no comparison.");
  console.log(
    `load: ${wrk ?? "autocannon, as wrk is not installed; it limits what can be seen"}, ${CONNECTIONS} connections\n`,
  );
  writeFileSync(join(directory, "post.lua"), 'wrk.method = "POST"\nwrk.body = "hello=world"\n');
  const all = new Map<string, Figures>(
    variants.map(({ name }) => [
      name,
      { requests: [], p50: [], p99: [], posts: [], bulk: [], connections: [], cpu: [], errors: 0 },
    ]),
  );
  for (let index = 0; index < ROUNDS; index++) {
    await round(index % 2 === 0 ? variants : variants.toReversed(), all, wrk !== null);
  }
  report(variants, all);
}

const [part, argument] = process.argv.slice(2);
if (part === "serve") serve();
else if (part === "proxy") await proxy(Number(argument));
else {
  const limit = setTimeout(() => {
    console.error(`The benchmark was ended after ${LIMIT_MS / 1000} s.`);
    endAll();
    process.exit(1);
  }, LIMIT_MS);
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      endAll();
      process.exit(1);
    });
  }
  try {
    await main();
  } finally {
    clearTimeout(limit);
    endAll();
  }
}
