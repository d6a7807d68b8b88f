/** Child processes of tests: started with a clean environment, watched line by line, and always ended by process id. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");
export const MAIN = join(ROOT, "src/main.ts");

/** A fresh home with everything that trueup keeps under it, removed by `end`. */
export interface Home {
  dir: string;
  env: Record<string, string>;
  /** Removes the directory. End the processes first. */
  remove(): void;
}

/** Makes an empty home directory and an environment that knows nothing but it. */
export function makeHome(): Home {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "trueup-test-")));
  return {
    dir,
    env: {
      HOME: dir,
      XDG_STATE_HOME: join(dir, "state"),
      XDG_RUNTIME_DIR: join(dir, "run"),
      PATH: process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin",
      NO_COLOR: "1",
      TZ: "UTC",
      LC_ALL: "C",
    },
    remove: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}

/** A running child whose output is kept and can be waited for. */
export class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  output = "";
  #waiters: (() => void)[] = [];

  readonly #group: boolean;

  /** @param options.group Signals go to the whole process group: for programs such as npm that start others */
  constructor(argv: readonly string[], options: { cwd: string; env: Record<string, string>; group?: boolean }) {
    const [program = process.execPath, ...rest] = argv;
    const { cwd, env, group = false } = options;
    this.#group = group;
    this.process = spawn(program, rest, { cwd, env, detached: group, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        this.output += chunk;
        this.#wake();
      });
    }
    this.exited = new Promise((done, fail) => {
      this.process.once("error", fail);
      this.process.once("close", (code, signal) => {
        done({ code, signal });
        this.#wake();
      });
    });
  }

  get pid(): number {
    return this.process.pid ?? -1;
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** Resolves with the match as soon as the output, from offset `from` on, has it; rejects when the process ends without it. */
  async waitFor(pattern: RegExp, from = 0): Promise<RegExpMatchArray> {
    for (;;) {
      const match = this.output.slice(from).match(pattern);
      if (match !== null) return match;
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`The process ended without printing ${pattern}:\n${this.output}`);
      }
      await new Promise<void>((wake) => this.#waiters.push(wake));
    }
  }

  /** Sends a signal, unless it has ended. */
  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    if (this.#group) process.kill(-this.pid, signal);
    else this.process.kill(signal);
  }
}

/** Commands that `run` waits for, and what each has printed so far. */
const running = new Map<ChildProcess, { argv: readonly string[]; group: boolean; printed: () => string }>();

/**
 * Ends the commands that are still waited for: a test that ran out of time leaves them behind. Says which they were, and what
 * they had printed.
 */
export async function endRuns(): Promise<void> {
  for (const [child, { argv, group, printed }] of [...running]) {
    console.error(`Still running as its test ended: ${argv.join(" ")}\n${printed()}`);
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
    process.kill(group ? -child.pid : child.pid, "SIGKILL");
    await new Promise((done) => child.once("close", done));
  }
}

/**
 * Runs a command to its end.
 *
 * @param options.group It is ended as a process group: for programs such as npm that start others
 */
export async function run(
  argv: readonly string[],
  options: { cwd: string; env: Record<string, string>; group?: boolean },
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [program = process.execPath, ...rest] = argv;
  const { cwd, env, group = false } = options;
  const child = spawn(program, rest, { cwd, env, detached: group, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  running.set(child, { argv, group, printed: () => stdout + stderr });
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  try {
    const code = await new Promise<number | null>((done, fail) => {
      child.once("error", fail);
      child.once("close", done);
    });
    return { code, stdout, stderr };
  } finally {
    running.delete(child);
  }
}

/** Runs `trueup ARGS` from the sources. */
export function trueup(args: readonly string[], home: Home, cwd: string = home.dir): ReturnType<typeof run> {
  return run([process.execPath, MAIN, ...args], { cwd, env: home.env });
}

/** Whether a process with this id lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
