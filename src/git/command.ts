/** Runs one git command, hardened: nothing that the repository names (hooks, monitors, pagers, remotes) is run with it. */
import { GitPluginError, type SimpleGitOptions, simpleGit } from "simple-git";
import { messageOf, TrueupError } from "../model/errors.ts";
import { requireDescriptors } from "../util/descriptors-left.ts";

/** Put before every command, the long-lived one included. */
export const HARDENING: readonly string[] = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.quotePath=false",
  "gc.auto=0",
  "maintenance.auto=false",
];

/** What the caller may have set for git that still counts: where a person's own configuration lies, and who commits. */
const KEPT = /^GIT_(?:CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)|(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE))$/;
const PROGRAMS = new Set(["EDITOR", "VISUAL", "PAGER", "SSH_ASKPASS", "PREFIX"]);

/**
 * The environment of every git process. All of the caller's `GIT_*` goes (`GIT_DIR` set by a hook would make git answer
 * for another repository), but for the configuration files and the identity. No prompt, no optional lock, no replaced
 * object; no protocol is allowed, so a partial clone cannot fetch, and thereby run, anything.
 */
export function gitEnvironment(own: Readonly<Record<string, string>> = {}): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    const upper = name.toUpperCase();
    if (value === undefined || PROGRAMS.has(upper)) continue;
    if (!upper.startsWith("GIT_") || KEPT.test(name)) env[name] = value;
  }
  return {
    ...env,
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_NO_LAZY_FETCH: "1",
    GIT_ALLOW_PROTOCOL: "none",
    GIT_LITERAL_PATHSPECS: "1",
    ...own,
  };
}

/** Where a command runs. */
export interface GitPlace {
  /** An existing directory. */
  cwd: string;
  /** Set once the repository is known: git then never looks for another one further up. */
  gitDir?: string;
  workTree?: string | null;
}

export interface GitCallOptions {
  /** Given on standard input. */
  input?: Buffer;
  /** Added to the environment. */
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

export interface GitCommand extends GitPlace, GitCallOptions {
  args: readonly string[];
  /** Longest wait without any output, milliseconds. */
  timeoutMs?: number | undefined;
}

export interface GitResult {
  code: number;
  stdout: string;
  stderr: string;
}

export const DEFAULT_TIMEOUT_MS = 30_000;

/** The environment that ties a command to one repository. */
export function placeEnvironment(place: GitPlace): Record<string, string> {
  return {
    ...(place.gitDir !== undefined && { GIT_DIR: place.gitDir }),
    ...(place.gitDir !== undefined && typeof place.workTree === "string" && { GIT_WORK_TREE: place.workTree }),
  };
}

/**
 * Runs git and gives what it said; the caller judges the exit code.
 * A command that prints nothing takes 50 ms longer: simple-git waits for late output (measured, 4.0.2).
 *
 * @throws {TrueupError} `unavailable` when git cannot be run there, `timeout`, `aborted`
 */
export async function runGit(command: GitCommand): Promise<GitResult> {
  const { args, input, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = command;
  const doing = `run git ${args[0] ?? ""} in ${command.cwd}`;
  if (signal?.aborted) throw new TrueupError("aborted", `Cannot ${doing}: it was cancelled.`, { cause: signal.reason });
  const env = gitEnvironment({ ...placeEnvironment(command), ...command.env });
  let code = 0;
  let stderr = "";
  const options: Partial<SimpleGitOptions> = {
    baseDir: command.cwd,
    config: [...HARDENING],
    timeout: { block: timeoutMs },
    completion: { onClose: true, onExit: false },
    allowEnvironment: Object.keys(env).filter((name) => name.startsWith("GIT_")),
    unsafe: {
      allowUnsafeHooksPath: true,
      allowUnsafeFsMonitor: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeTemplateDir: true,
    },
    errors: (error, result) => {
      code = result.exitCode;
      stderr = Buffer.concat(result.stdErr).toString("utf8");
      // Only what simple-git itself did (cancelled, timed out) is an error here; the exit code is the caller's to judge.
      return error instanceof GitPluginError ? error : undefined;
    },
    ...(signal !== undefined && { abort: signal }),
    ...(input !== undefined && { input: () => input }),
  };
  let stdout: string;
  try {
    requireDescriptors();
    stdout = await simpleGit(options)
      .env(env)
      .raw([...args]);
  } catch (thrown) {
    throw commandError(thrown, doing, { signal, timeoutMs });
  }
  if (/\bspawn git ENOENT\b/.test(stderr)) {
    throw new TrueupError("unavailable", `Cannot ${doing} as git must be installed: it is not on the PATH.`);
  }
  return { code, stdout, stderr };
}

function commandError(
  thrown: unknown,
  doing: string,
  { signal, timeoutMs }: { signal: AbortSignal | undefined; timeoutMs: number },
): TrueupError {
  const cause = { cause: thrown };
  if (signal?.aborted) return new TrueupError("aborted", `Cannot ${doing}: it was cancelled.`, cause);
  const message = messageOf(thrown);
  if (message.includes("block timeout reached")) {
    return new TrueupError(
      "timeout",
      `Cannot ${doing} as git must answer within ${timeoutMs / 1000} s: it did not.`,
      cause,
    );
  }
  return new TrueupError("unavailable", `Cannot ${doing}: ${lastLine(message)}`, cause);
}

/** git's own last word, without its `fatal: `. */
export function lastLine(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const last = lines.findLast((line) => line !== "" && !line.startsWith("hint:"));
  return last === undefined ? "it said nothing" : last.replace(/^(?:fatal|error): /, "");
}
