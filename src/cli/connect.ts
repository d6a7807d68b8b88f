/** Finds the daemon that a command is about: by `--state`, by the repository it stands in, or as the only one there is. */
import { execFile } from "node:child_process";
import { realpath } from "node:fs/promises";
import { connect } from "node:net";
import { promisify } from "node:util";
import { listDaemonRecords } from "../daemon/paths.ts";
import { TrueupError } from "../model/errors.ts";
import type { DaemonRecord } from "../model/status.ts";
import type { Clock } from "../util/clock.ts";
import { createClient, type DaemonClient } from "./client.ts";
import type { Output } from "./output.ts";
import { printableLine } from "./print/escape.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface ConnectOptions {
  cwd: string;
  stateDir: string | undefined;
  env: Environment;
  clock: Clock;
  err: Output;
  signal: AbortSignal;
}

/** @throws {TrueupError} `unavailable` when no daemon fits, `usage` when several do */
export async function connectToDaemon(options: ConnectOptions): Promise<DaemonClient> {
  const record = await findDaemon(options);
  const { err } = options;
  let isDoubtful = false;
  return createClient({
    socket: record.socket,
    clock: options.clock,
    onConnection: (state) => {
      const text = state === "lost" ? "the daemon has gone: waiting for it to come back" : "the daemon is back";
      if (err.isTerminal) void err.line(err.style.dim(`trueup: ${text}`));
    },
    onDoubt: (why) => {
      // Several lists of one command say it several times.
      if (!isDoubtful) void err.line(`trueup: ${err.style.yellow("warning:")} ${printableLine(why)}`);
      isDoubtful = true;
    },
  });
}

/** The record of the daemon meant, among those that answer. */
export async function findDaemon({
  cwd,
  stateDir,
  env,
}: Pick<ConnectOptions, "cwd" | "stateDir" | "env">): Promise<DaemonRecord> {
  const records = await listDaemonRecords(env);
  const state = stateDir === undefined ? undefined : await resolved(stateDir);
  const wanted = state === undefined ? records : records.filter((record) => record.stateDir === state);
  const running = await keep(wanted, isRunning);
  if (state !== undefined || running.length <= 1) return chooseDaemon(running, { state: stateDir });
  const here = await gitDirectory(cwd, env);
  const near = here === null ? [] : await keep(running, async (r) => (await gitDirectory(r.repository, env)) === here);
  return chooseDaemon(near.length > 0 ? near : running, { state: stateDir });
}

/** The one candidate. */
export function chooseDaemon(
  candidates: readonly DaemonRecord[],
  { state }: { state: string | undefined },
): DaemonRecord {
  const [first] = candidates;
  if (first === undefined) {
    const which = state === undefined ? "a daemon" : `the daemon of ${state}`;
    throw new TrueupError("unavailable", `Cannot ask ${which} as it must be running: none is.`, {
      hint: "Start one with trueup run REPO, or try trueup demo.",
    });
  }
  if (candidates.length === 1) return first;
  const list = candidates
    .map((record) => `\n  ${record.repository}  (--state ${record.stateDir}, process ${record.pid})`)
    .sort()
    .join("");
  throw new TrueupError("usage", `Cannot choose a daemon as exactly one must fit: ${candidates.length} run.${list}`, {
    hint: "Use -C with a directory of the repository meant, or --state.",
  });
}

async function resolved(path: string): Promise<string> {
  return realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return path;
    throw error;
  });
}

async function keep<T>(items: readonly T[], test: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(items.map(test));
  return items.filter((_, index) => kept[index]);
}

/** Those of the records whose daemons answer. */
export function runningOf(records: readonly DaemonRecord[]): Promise<DaemonRecord[]> {
  return keep(records, isRunning);
}

/** Whether the daemon of a record lives: a killed one leaves its record behind, and its process id may be used again. */
async function isRunning({ pid, socket }: DaemonRecord): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    // No such process, or one of another user: then it is not our daemon, whatever the record says.
    return false;
  }
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

const run = promisify(execFile);

/** The git directory that all worktrees of a repository share, which tells repositories apart; `null` outside of one. */
async function gitDirectory(directory: string, env: Environment): Promise<string | null> {
  try {
    const argv = ["-C", directory, "rev-parse", "--path-format=absolute", "--git-common-dir"];
    const { stdout } = await run("git", argv, { env: withoutGitVariables(env) });
    return await realpath(stdout.replace(/\n$/, ""));
  } catch (error) {
    if (typeof (error as { code?: unknown }).code === "number") return null;
    throw new TrueupError("io", `Cannot find the repository of ${directory} as git must be installed.`, {
      cause: error,
    });
  }
}

/** Variables such as GIT_DIR, set inside a hook, would make git look elsewhere than in the directory named. */
function withoutGitVariables(env: Environment): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("GIT_")));
}
