/** What `demo` and `run` share: a daemon on a repository, in this process, with a kubelet of its own. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { type DaemonOptions, type RunningDaemon, startDaemon } from "../daemon/daemon.ts";
import { openDaemonLog } from "../daemon/log.ts";
import { ensurePrivateDirectory } from "../daemon/paths.ts";
import type { ServicePort } from "../model/workload.ts";
import { readVersion } from "./version.ts";

/** Ports below this one are the system's: a Service's port 80 is answered on 8080, 443 on 8443. */
const FIRST_UNPRIVILEGED_PORT = 1024;
const PRIVILEGED_OFFSET = 8000;

/** Where to look first for a local port of a Service that is to be reached from outside; 0: any free one. */
export function preferredLocalPort(type: string | undefined, port: ServicePort): number {
  if (type !== "LoadBalancer" && type !== "NodePort") return 0;
  if (port.nodePort !== undefined) return port.nodePort;
  return port.port < FIRST_UNPRIVILEGED_PORT ? PRIVILEGED_OFFSET + port.port : port.port;
}

export type LaunchOptions = Pick<
  DaemonOptions,
  "repository" | "ref" | "pin" | "only" | "policy" | "retention" | "imagePaths" | "target"
> & {
  stateDir: string;
  env: DaemonOptions["env"];
  /** Overrides where the search for a Service's local port starts. */
  port?: number;
};

/** Program and arguments of a kubelet: this very program, started with `kubelet`. */
export function kubeletArgv(stateDir: string, socket: string): string[] {
  const program = realpathSync(process.argv[1] ?? join(import.meta.dirname, "../main.ts"));
  return [process.execPath, program, "kubelet", "--state", stateDir, "--socket", socket];
}

/** Starts the daemon in this process; its kubelet is this very program, started with `kubelet`. */
export async function launchDaemon(options: LaunchOptions): Promise<RunningDaemon> {
  const stateDir = await ensurePrivateDirectory(options.stateDir);
  return startDaemon({
    ...options,
    stateDir,
    version: readVersion(),
    kubeletArgv,
    preferredPort: (service, port) => {
      const preferred = preferredLocalPort(service.spec.type, port);
      return preferred !== 0 && port.nodePort === undefined && options.port !== undefined ? options.port : preferred;
    },
    log: openDaemonLog(stateDir),
  });
}
