/**
 * What a command is: options declared as data (so that help and completion need no run), and one function.
 *
 *     // src/cli/commands/down.ts
 *     export const command: Command = {
 *       options: [{ flags: "--keep-pods", summary: "leave the pods running" }],
 *       examples: [{ line: "trueup down", does: "end the daemon and its pods" }],
 *       async run(context, { flag }) {
 *         const client = await context.connect();
 *         await client.shutdown({ stopPods: !flag("keep-pods") }, context.signal);
 *         await context.out.line("stopped");
 *         return 0;
 *       },
 *     };
 */
import type { Clock } from "../util/clock.ts";
import type { DaemonClient } from "./client.ts";
import type { Output } from "./output.ts";

export interface CommandOption {
  /** As commander takes them: `-o, --output <format>`, `--dry-run`, `--for <object...>`. */
  flags: string;
  summary: string;
  /** The only values allowed. */
  choices?: readonly string[];
  /** What completion offers as its value: an object's kind and name, a pod, a directory. */
  completes?: Completed;
}

export type Completed = "directory" | "file" | "revision" | CompletedName;

/** Names that `completion --names` prints. */
export type CompletedName = "object" | "pod" | "kind" | "rule" | "namespace" | "app" | "digest" | "shell";

export interface CommandExample {
  line: string;
  does: string;
}

/** What was typed, read by name; a wrong form is a `TrueupError` of code `usage`. */
export interface Invocation {
  /** Positional arguments, in order; optional ones that were not given are absent. */
  args: readonly string[];
  /** The option's value, by its long name without dashes. */
  text(option: string): string | undefined;
  flag(option: string): boolean;
  /** Values of an option that may be repeated. */
  list(option: string): readonly string[];
  /** A whole number >= 0. */
  count(option: string): number | undefined;
}

/** Exit code of a finished command. 0 done, 1 failed or differs, 2 usage (or, for `diff` and `validate`, I/O). */
export type ExitCode = 0 | 1 | 2;

/** Everything a command may reach of the world; tests give their own. */
export interface CommandContext {
  /** What was asked for: stdout. */
  readonly out: Output;
  /** Progress, warnings, errors: stderr. */
  readonly err: Output;
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; `-C DIR` is already taken into account. */
  readonly cwd: string;
  /** `--state DIR`, absolute. */
  readonly stateDir: string | undefined;
  readonly clock: Clock;
  /** All there are; a command cannot import the table, which imports every command. */
  readonly commands: readonly CommandEntry[];
  /**
   * Aborted by Ctrl-C, SIGTERM or SIGHUP. A command that throws its reason exits with 128 + the signal's number; one for
   * which this is the normal end (`demo`, `run`) returns its own code. A second Ctrl-C ends the process at once.
   */
  readonly signal: AbortSignal;
  /**
   * Finds the daemon that this command is about and opens a client.
   *
   * @throws {TrueupError} `unavailable` when none runs, `usage` when several do and none was chosen
   */
  connect(): Promise<DaemonClient>;
}

export interface Command {
  options: readonly CommandOption[];
  examples: readonly CommandExample[];
  /** A paragraph for `--help`, below the summary. */
  details?: string;
  run(context: CommandContext, invocation: Invocation): Promise<ExitCode>;
}

export type CommandGroup =
  | "Run"
  | "Look"
  | "Check before you commit"
  | "Change, by a commit"
  | "Decide"
  | "Keep"
  | "Other";

/** A command's static face: all that `trueup --help` needs, without loading the command. */
export interface CommandEntry {
  /** `get`; with a space inside a group: `rollout status`. */
  name: string;
  /** As commander takes them: `<kind> [name]`. */
  arguments: string;
  summary: string;
  /** Heading of `trueup --help` under which it stands; absent: not shown there (`kubelet`). */
  group?: CommandGroup;
  /** What completion offers for each argument, in order. */
  completes?: readonly (CommandOption["completes"] | undefined)[];
  load(): Promise<{ command: Command }>;
}
