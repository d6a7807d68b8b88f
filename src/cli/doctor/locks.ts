/** Checks of who has the state directory: the locks of daemon and kubelet, and whether their holders answer. */
import { join } from "node:path";
import { runningKubelet } from "../../kubelet/launch.ts";
import { kubeletDirectory } from "../../kubelet/process.ts";
import { silentKubeletHint } from "../../kubelet/silent.ts";
import { lookAtLock } from "../../util/state-lock.ts";
import { type DoctorWorld, type Finding, type LockName, ok, problem } from "./check.ts";

type LockWorld = Pick<DoctorWorld, "stateDir" | "sockets" | "answers">;

export function lockFile(stateDir: string, name: LockName): string {
  return name === "daemon" ? join(stateDir, "daemon.lock") : join(kubeletDirectory(stateDir), "lock");
}

export async function checkDaemon({ stateDir, sockets, answers }: LockWorld): Promise<Finding[]> {
  const { held, holder } = lookAtLock(lockFile(stateDir, "daemon"));
  if (!held) return [ok("daemon", "none runs on it")];
  if (await answers(sockets.daemonSocket)) return [ok("daemon", `${holder} runs and answers`)];
  const hint =
    "It may be starting or ending. If that lasts, end its process: pods run on, and the next one adopts them.";
  return [problem("daemon", `${holder || "a process"} has the lock and does not answer`, hint)];
}

export async function checkKubelet({ stateDir, sockets, answers }: LockWorld): Promise<Finding[]> {
  const { held, holder } = lookAtLock(lockFile(stateDir, "kubelet"));
  if (!held) return [ok("kubelet", "none runs on it")];
  if (await answers(sockets.kubeletSocket)) return [ok("kubelet", `${holder} runs and answers`)];
  const hint = silentKubeletHint(runningKubelet(stateDir));
  return [problem("kubelet", `${holder || "a process"} has the lock and does not answer`, hint)];
}
