/** Probes over the network: one fresh connection each, with a deadline. */

import { connect } from "node:net";
import type { ProbeOutcome, ProbeTarget } from "../model/runtime.ts";
import type { Clock } from "../util/clock.ts";
import { request as httpRequest, type RequestOptions } from "../util/http.ts";

type HttpTarget = Extract<ProbeTarget, { kind: "http" }>;

/** Asks with GET; 200 to 399 is a success, as for the kubelet. The body is not read. */
export async function probeHttp(clock: Clock, target: HttpTarget, timeoutMs: number): Promise<ProbeOutcome> {
  const { host, port, path, scheme, headers } = target;
  const options: RequestOptions & { rejectUnauthorized?: boolean } = {
    host,
    port,
    path: path.startsWith("/") ? path : `/${path}`,
    agent: false,
    headers: { "User-Agent": "kube-probe/1.37", Accept: "*/*", Connection: "close", ...Object.fromEntries(headers) },
  };
  // Loaded for those who use it: TLS costs megabytes.
  const request =
    scheme === "HTTPS" ? (await import("node:https")).request : (httpRequest as typeof import("node:https").request);
  const url = `${scheme.toLowerCase()}://${host}:${port}${options.path}`;
  return new Promise((resolve) => {
    const finish = (outcome: ProbeOutcome): void => {
      cancel();
      resolve(outcome);
      sent.destroy();
    };
    const fail = (message: string): void => finish({ ok: false, message });
    const sent = request({ ...options, rejectUnauthorized: false }, (response) => {
      const { statusCode = 0 } = response;
      if (statusCode >= 200 && statusCode < 400) finish({ ok: true, message: "" });
      else fail(`HTTP probe failed with statuscode: ${statusCode}`);
    });
    const cancel = clock.setTimer(timeoutMs, () => fail(`Get "${url}": context deadline exceeded`));
    sent.on("error", (error: NodeJS.ErrnoException) => fail(`Get "${url}": ${dialError(error, host, port)}`));
    sent.end();
  });
}

/** Opens a connection and closes it. */
export function probeTcp(clock: Clock, host: string, port: number, timeoutMs: number): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const finish = (outcome: ProbeOutcome): void => {
      cancel();
      resolve(outcome);
      socket.destroy();
    };
    const socket = connect({ host, port });
    const timeout = `dial tcp ${host}:${port}: i/o timeout`;
    const cancel = clock.setTimer(timeoutMs, () => finish({ ok: false, message: timeout }));
    socket.once("connect", () => finish({ ok: true, message: "" }));
    socket.on("error", (error: NodeJS.ErrnoException) => finish({ ok: false, message: dialError(error, host, port) }));
  });
}

/** As Go words it, which is what people find when they search for it. */
function dialError(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return `dial tcp ${host}:${port}: connect: connection refused`;
    case "ECONNRESET":
      return `read tcp ${host}:${port}: connection reset by peer`;
    default:
      return error.message;
  }
}
