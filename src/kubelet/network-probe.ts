/** Probes over the network: one fresh connection each, with a deadline. */
import { connect } from "node:net";
import type { ProbeOutcome, ProbeTarget } from "../model/runtime.ts";
import type { Clock } from "../util/clock.ts";
import { askStatus, type StatusQuestion } from "./http-status.ts";

type HttpTarget = Extract<ProbeTarget, { kind: "http" }>;

/** Asks with GET; 200 to 399 is a success, as for the kubelet. The body is not read. */
export async function probeHttp(clock: Clock, target: HttpTarget, timeoutMs: number): Promise<ProbeOutcome> {
  const { host, port, scheme } = target;
  const path = target.path.startsWith("/") ? target.path : `/${target.path}`;
  const headers = [["User-Agent", "kube-probe/1.37"], ["Accept", "*/*"], ...target.headers] as const;
  // Loaded for those who use it: TLS costs megabytes.
  const ask = scheme === "HTTPS" ? askOverTls(await import("node:https")) : askStatus;
  const url = `${scheme.toLowerCase()}://${host}:${port}${path}`;
  return new Promise((resolve) => {
    const finish = (message: string): void => {
      cancel();
      resolve({ ok: message === "", message });
    };
    const giveUp = ask({ host, port, path, headers }, (outcome) => {
      if (outcome instanceof Error) finish(`Get "${url}": ${dialError(outcome, host, port)}`);
      else if (outcome >= 200 && outcome < 400) finish("");
      else finish(`HTTP probe failed with statuscode: ${outcome}`);
    });
    const cancel = clock.setTimer(timeoutMs, () => {
      giveUp();
      finish(`Get "${url}": context deadline exceeded`);
    });
  });
}

/** As `askStatus`, over TLS; whose certificate it is does not matter to a probe. */
function askOverTls({ request }: typeof import("node:https")): typeof askStatus {
  return ({ headers, ...where }: StatusQuestion, answered) => {
    let isOver = false;
    const finish = (outcome: number | Error): void => {
      if (isOver) return;
      isOver = true;
      sent.destroy();
      answered(outcome);
    };
    const sent = request(
      {
        ...where,
        agent: false,
        rejectUnauthorized: false,
        headers: { ...Object.fromEntries(headers), Connection: "close" },
      },
      ({ statusCode = 0 }) => finish(statusCode),
    );
    sent.on("error", finish);
    sent.end();
    return () => {
      isOver = true;
      sent.destroy();
    };
  };
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
function dialError(error: Error & { code?: string }, host: string, port: number): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return `dial tcp ${host}:${port}: connect: connection refused`;
    case "ECONNRESET":
      return `read tcp ${host}:${port}: connection reset by peer`;
    default:
      return error.message;
  }
}
