/** Wires a command to this process: streams, signals, exit code, and errors as sentences. */
import { isAbsolute, resolve } from "node:path";
import { ERROR_CLASSES, messageOf, TrueupError } from "../model/errors.ts";
import { SystemClock } from "../util/clock.ts";
import { releaseYoungGeneration } from "../util/young-generation.ts";
import type { CommandContext } from "./command.ts";
import { type Output, streamOutput } from "./output.ts";
import { runProgram } from "./program.ts";
import { COMMANDS } from "./table.ts";
import { readVersion } from "./version.ts";

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Why the command's signal was aborted. */
class Interruption extends Error {
  readonly exitCode: number;

  constructor(name: keyof typeof SIGNALS) {
    super(`ended by ${name}`);
    this.name = "Interruption";
    this.exitCode = 128 + SIGNALS[name];
  }
}

/**
 * Runs the command that the arguments name, in this process.
 *
 * @returns The exit code: the command's own, that of its error's class, or 128 + the number of the signal that ended it
 */
export async function main(argv: readonly string[]): Promise<number> {
  const out = streamOutput(process.stdout, process.env);
  const err = streamOutput(process.stderr, process.env);
  const abort = listenToSignals();
  // The clock's timers do not keep the process alive; a command that waits must.
  const alive = setInterval(() => undefined, 2 ** 30);
  try {
    return await runProgram(argv, {
      version: readVersion(),
      width: process.stdout.isTTY ? process.stdout.columns : undefined,
      writeOut: (text) => process.stdout.write(text),
      writeErr: (text) => process.stderr.write(text),
      run: async (command, invocation, globals) => {
        releaseYoungGeneration();
        return command.run(makeContext(out, err, abort.signal, globals), invocation);
      },
    });
  } catch (error) {
    return await report(error, err);
  } finally {
    clearInterval(alive);
  }
}

/** Prints an error for the person who typed the command, and says the exit code. */
async function report(error: unknown, err: Output): Promise<number> {
  if (error instanceof Interruption) return error.exitCode;
  // Whoever read our output has seen enough (`trueup get pods | head -1`): that is no failure.
  if (isErrno(error, "EPIPE")) return 0;
  const known = error instanceof TrueupError;
  await err.line(`${err.style.red("trueup:")} ${messageOf(error)}`);
  if (known && error.hint !== undefined) await err.line(`  ${err.style.dim("hint:")} ${error.hint}`);
  const debug = (process.env.TRUEUP_DEBUG ?? "") !== "";
  if (debug && error instanceof Error) await err.line(stackOf(error));
  else if (!known) await err.line("  hint: This is a fault of trueup. TRUEUP_DEBUG=1 shows where; please report it.");
  return known ? ERROR_CLASSES[error.code].exit : 1;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\nCaused by: ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}

/**
 * One Ctrl-C may arrive twice: from the terminal, and forwarded by whatever started us (npm does). Only a signal that
 * comes this much later is a second one. Milliseconds.
 */
const ECHO_MS = 500;

/** The first signal asks the command to end, the second ends the process. */
function listenToSignals(): AbortController {
  const abort = new AbortController();
  let firstAt: number | undefined;
  for (const name of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
    process.on(name, () => {
      const interruption = new Interruption(name);
      firstAt ??= performance.now();
      if (performance.now() - firstAt > ECHO_MS) process.exit(interruption.exitCode);
      abort.abort(interruption);
    });
  }
  for (const stream of [process.stdout, process.stderr]) {
    // Each write reports its own failure; without a listener Node would end the process with a stack trace.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") abort.abort(error);
    });
  }
  return abort;
}

function makeContext(
  out: Output,
  err: Output,
  signal: AbortSignal,
  globals: { directory?: string; state?: string },
): CommandContext {
  const cwd = resolve(globals.directory ?? ".");
  const stateDir = globals.state === undefined ? undefined : absolute(cwd, globals.state);
  const clock = new SystemClock();
  return {
    out,
    err,
    stdin: process.stdin,
    env: process.env,
    cwd,
    stateDir,
    clock,
    commands: COMMANDS,
    signal,
    async connect() {
      const { connectToDaemon } = await import("./connect.ts");
      return connectToDaemon({ cwd, stateDir, env: process.env, clock, err, signal });
    },
  };
}

/** `--state` is relative to `-C`, as git's `--git-dir` is. */
function absolute(cwd: string, path: string): string {
  return isAbsolute(path) ? path : resolve(cwd, path);
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
