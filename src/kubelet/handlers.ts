/** What a probe or a lifecycle hook of a manifest means here: ports become local ones, commands get their variables. */
import { messageOf } from "../model/errors.ts";
import type { ContainerLaunch, ProbeOutcome, ProbeTarget, Runtime } from "../model/runtime.ts";
import type { Handler } from "../model/workload.ts";
import { type Clock, sleep } from "../util/clock.ts";
import type { LocalPort } from "./env.ts";
import { LOOPBACK } from "./status.ts";

/** Longest that a hook's request or command may take when nothing else ends it, milliseconds. */
const HOOK_LIMIT_MS = 24 * 3600 * 1000;

/** The local port of a declared one, given by number or name. A number nobody declared is taken as it is. */
export function localPortOf(port: number | string, ports: readonly LocalPort[]): number | null {
  const declared = ports.find((candidate) =>
    typeof port === "number" ? candidate.containerPort === port : candidate.name === port,
  );
  if (declared !== undefined) return declared.localPort;
  if (typeof port === "number") return port;
  return /^\d+$/.test(port) ? localPortOf(Number(port), ports) : null;
}

/** What a handler probes; a text says why it cannot be. A `sleep` is no target. */
export function probeTarget(handler: Handler, ports: readonly LocalPort[]): ProbeTarget | string {
  const { exec, httpGet, tcpSocket, grpc } = handler;
  if (exec !== undefined) return { kind: "exec", argv: exec.command };
  // gRPC health checks are not spoken here: that the port is open is all that is asked.
  const network = httpGet ?? tcpSocket ?? grpc;
  if (network === undefined) return "the handler has none of exec, httpGet, tcpSocket";
  const port = localPortOf(network.port, ports);
  if (port === null) return `couldn't find port: "${network.port}"`;
  if (httpGet === undefined) return { kind: "tcp", host: tcpSocket?.host ?? LOOPBACK, port };
  return {
    kind: "http",
    host: httpGet.host ?? LOOPBACK,
    port,
    path: httpGet.path ?? "/",
    scheme: httpGet.scheme ?? "HTTP",
    headers: (httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value]),
  };
}

/** Runs a postStart or preStop hook to its end. */
export async function runHook(
  runtime: Runtime,
  clock: Clock,
  launch: ContainerLaunch,
  handler: Handler,
  ports: readonly LocalPort[],
): Promise<ProbeOutcome> {
  if (handler.sleep !== undefined) {
    await sleep(clock, handler.sleep.seconds * 1000);
    return { ok: true, message: "" };
  }
  const target = probeTarget(handler, ports);
  if (typeof target === "string") return { ok: false, message: target };
  return lookOnce(runtime, launch, target, HOOK_LIMIT_MS);
}

/** One probe; what cannot even be tried has failed too. */
export async function lookOnce(
  runtime: Runtime,
  launch: ContainerLaunch,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeOutcome> {
  try {
    return await runtime.probe(launch, target, timeoutMs);
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
}
