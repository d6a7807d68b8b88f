/** The kubelet process's main: lock, state, runtime, proxy, socket, and an orderly end. */
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { messageOf } from "../model/errors.ts";
import type { Clock } from "../util/clock.ts";
import type { Fault } from "../util/fault.ts";
import type { Random } from "../util/random.ts";
import { makeDirectory, replaceFile } from "./files.ts";
import { Journal } from "./journal.ts";
import { LocalKubelet } from "./kubelet.ts";
import { type KubeletFile, lockDirectory } from "./lock.ts";
import { requireOwnState } from "./own-state.ts";
import type { KubeletLog } from "./pod-runtime.ts";
import { ProcessRuntime } from "./process-runtime.ts";
import { ServiceProxy } from "./proxy/service-proxy.ts";
import { serveKubelet } from "./server.ts";

export interface RunKubeletOptions {
  stateDir: string;
  socketPath: string;
  version: string;
  clock: Clock;
  random: Random;
  log: KubeletLog;
  /** Hears of every effect, so that a test can end the kubelet there. */
  fault?: Fault;
}

/** Directory of the kubelet's own state. */
export function kubeletDirectory(stateDir: string): string {
  return join(stateDir, "kubelet");
}

/**
 * Runs a kubelet until it is told to end: by `shutdown` over the socket, or by SIGTERM, on which it leaves the pods
 * running for the next one. SIGINT and SIGHUP, which a terminal sends to all that it started, are ignored.
 *
 * @throws {TrueupError} `conflict` when the state directory has a kubelet, or is a copy of another
 */
export async function runKubelet(options: RunKubeletOptions): Promise<void> {
  const { stateDir, socketPath, version, clock, random, log, fault } = options;
  const hook = fault === undefined ? {} : { fault };
  const directory = kubeletDirectory(stateDir);
  process.umask(0o077);
  makeDirectory(directory);
  const unlock = lockDirectory(directory);
  try {
    await requireOwnState({ stateDir, socketPath, clock, random });
    const startedAt = new Date(clock.now()).toISOString();
    const file: KubeletFile = { pid: process.pid, socket: socketPath, version, startedAt };
    replaceFile(join(directory, "kubelet.json"), `${JSON.stringify(file)}\n`);
    const kubelet = new LocalKubelet({
      runtime: new ProcessRuntime({ directory, clock, random, log }),
      clock,
      random,
      proxy: new ServiceProxy({ clock, log: (message) => log("info", message) }),
      journal: Journal.open(join(directory, "journal.ndjson"), hook),
      directory,
      log,
      ...hook,
    });
    await kubelet.start();
    await serveUntilTold(kubelet, options, startedAt);
  } finally {
    unlock();
  }
}

async function serveUntilTold(
  kubelet: LocalKubelet,
  { stateDir, socketPath, version, log }: RunKubeletOptions,
  startedAt: string,
): Promise<void> {
  let told: () => void = () => undefined;
  const end = new Promise<void>((resolve) => {
    told = resolve;
  });
  const server = await serveKubelet({
    kubelet,
    socketPath,
    log,
    info: { pid: process.pid, version, startedAt, stateDir },
    shutdown: async ({ stopPods }) => {
      log("info", stopPods ? "Told to end, with the pods." : "Told to end, without the pods.");
      if (stopPods) await kubelet.stopAll();
      told();
    },
  });
  const ignore = (): void => undefined;
  const onTerm = (): void => {
    log("info", "SIGTERM: ending; the pods run on.");
    told();
  };
  // A kubelet that ends for one pod's sake ends the supervision of all.
  const onRejection = (error: unknown): void => log("error", `Unexpected: ${messageOf(error)}`);
  process.on("unhandledRejection", onRejection);
  process.on("SIGINT", ignore).on("SIGHUP", ignore).on("SIGTERM", onTerm);
  log("info", `Kubelet ${version} answers on ${socketPath}.`);
  // Now, as a kubelet that is killed has no other moment for it.
  flushCompileCache();
  try {
    await end;
  } finally {
    await server.close();
    await kubelet.close().catch((error: unknown) => log("error", `Cannot close: ${messageOf(error)}`));
    process.off("unhandledRejection", onRejection);
    process.off("SIGINT", ignore).off("SIGHUP", ignore).off("SIGTERM", onTerm);
  }
}
