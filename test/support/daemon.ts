/** Starting and ending real daemons in tests. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonRecord, DaemonStatus } from "../../src/model/status.ts";
import { Child, endRuns, type Home, isAlive, MAIN, trueup } from "./processes.ts";

/** The records of all daemons started under this home. */
export function daemonRecords(home: Home): DaemonRecord[] {
  const root = join(home.env.XDG_RUNTIME_DIR ?? "", "trueup");
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map((name) => join(root, name, "daemon.json"))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, "utf8")) as DaemonRecord);
}

/**
 * Starts `trueup demo` in the home directory and waits for the address it prints, and for the end of its first attempt: one
 * available pod answers before all are, and what comes then supersedes it.
 */
export async function startDemo(home: Home, args: readonly string[] = []): Promise<{ child: Child; url: string }> {
  const child = new Child([process.execPath, MAIN, "demo", ...args], { cwd: home.dir, env: home.env });
  const [, url = ""] = await child.waitFor(/(http:\/\/localhost:\d+) answers/);
  await synced(home);
  return { child, url };
}

/** Asks until it holds; the test's own limit ends it otherwise. */
export async function until<T>(ask: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask();
    if (holds(value)) return value;
  }
}

/** Waits until every app's head is applied and its attempt has ended, as a rollout that is complete is not yet a row. */
export async function synced(home: Home): Promise<DaemonStatus> {
  const ask = async (): Promise<DaemonStatus> => {
    const { code, stdout, stderr } = await trueup(["status", "-o", "json"], home);
    if (code !== 0) throw new Error(`status: exit code ${code}: ${stderr}`);
    return JSON.parse(stdout) as DaemonStatus;
  };
  return until(ask, ({ apps }) =>
    apps.every(({ phase, applied, head }) => phase === "Synced" && applied === head?.commit),
  );
}

/** Ends whatever of this home still runs: daemons, kubelets and, through them, pods. Then removes the home. */
export async function endHome(home: Home, children: readonly Child[]): Promise<void> {
  await endRuns();
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
