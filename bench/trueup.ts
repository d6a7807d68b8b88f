/** Starts trueup as a process for a benchmark, from its sources or bundled anew, in a home of its own, and ends it. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BENCH_BUNDLE, bundle, ROOT } from "../scripts/bundle.ts";
import { endHome } from "../test/support/daemon.ts";
import { Child, type Home, isAlive, MAIN, makeHome } from "../test/support/processes.ts";

export { Child, type Home, MAIN, makeHome, ROOT };

/** Nothing that a benchmark waits for takes longer, unless something is broken. */
const LONGEST_WAIT_MS = 60_000;

/** Bundles `src/` as it is now. @returns The bundle's `main.js` */
export async function bundledMain(): Promise<string> {
  rmSync(BENCH_BUNDLE, { recursive: true, force: true });
  await bundle(BENCH_BUNDLE);
  return join(BENCH_BUNDLE, "main.js");
}

/** Gives the function a fresh home; whatever was started in it is ended by process id, also after a failure. */
export async function inHome<T>(
  use: (home: Home, start: (argv: readonly string[]) => Child) => Promise<T>,
): Promise<T> {
  const home = makeHome();
  const children: Child[] = [];
  const start = (argv: readonly string[]): Child => {
    const child = new Child([process.execPath, ...argv], { cwd: home.dir, env: home.env });
    children.push(child);
    return child;
  };
  try {
    return await use(home, start);
  } finally {
    await endHome(home, children);
  }
}

/** Resolves when it holds, asked every few milliseconds. @throws {Error} After a minute, naming what was waited for */
export async function until<T>(what: string, holds: () => T | undefined): Promise<T> {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    const value = holds();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`Waited a minute for ${what}`);
    await pause(5);
  }
}

/** Milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** The kubelet of a state directory. */
export function kubeletPid(stateDir: string): number | undefined {
  const file = join(stateDir, "kubelet", "kubelet.json");
  if (!existsSync(file)) return undefined;
  const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid?: number };
  return pid !== undefined && isAlive(pid) ? pid : undefined;
}

/** Runs git in a repository with a fixed identity and no configuration of the user's. */
export function git(directory: string, ...args: string[]): string {
  const identity = { GIT_AUTHOR_NAME: "bench", GIT_AUTHOR_EMAIL: "bench@trueup.invalid" };
  const committer = { GIT_COMMITTER_NAME: "bench", GIT_COMMITTER_EMAIL: "bench@trueup.invalid" };
  const env = { PATH: process.env.PATH, HOME: directory, GIT_CONFIG_NOSYSTEM: "1", ...identity, ...committer };
  return execFileSync("git", args, { cwd: directory, env, encoding: "utf8", maxBuffer: 2 ** 26 }).trim();
}
