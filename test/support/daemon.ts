/** Starting and ending real daemons in tests. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonRecord } from "../../src/model/status.ts";
import { Child, type Home, isAlive, MAIN, trueup } from "./processes.ts";

/** The records of all daemons started under this home. */
export function daemonRecords(home: Home): DaemonRecord[] {
  const root = join(home.env.XDG_RUNTIME_DIR ?? "", "trueup");
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map((name) => join(root, name, "daemon.json"))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, "utf8")) as DaemonRecord);
}

/** Starts `trueup demo` in the home directory and waits for the address it prints. */
export async function startDemo(home: Home, args: readonly string[] = []): Promise<{ child: Child; url: string }> {
  const child = new Child([process.execPath, MAIN, "demo", ...args], { cwd: home.dir, env: home.env });
  const [, url = ""] = await child.waitFor(/(http:\/\/localhost:\d+) answers/);
  return { child, url };
}

/** Ends whatever of this home still runs: daemons, kubelets and, through them, pods. Then removes the home. */
export async function endHome(home: Home, children: readonly Child[]): Promise<void> {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map((child) => child.exited));
  for (const { stateDir } of daemonRecords(home)) {
    await trueup(["down", "--state", stateDir], home);
    killKubelet(stateDir);
  }
  home.remove();
}

/** Last resort, for a kubelet that does not answer. */
function killKubelet(stateDir: string): void {
  const file = join(stateDir, "kubelet", "kubelet.json");
  if (!existsSync(file)) return;
  const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid?: number };
  if (pid !== undefined && isAlive(pid)) process.kill(pid, "SIGKILL");
}
