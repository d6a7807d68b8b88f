/** Turns the command table into a commander program; only the invoked command's module is loaded. */
import { Command as Commander, CommanderError, Option } from "commander";
import { TrueupError } from "../model/errors.ts";
import type { Command, CommandEntry, CommandOption, ExitCode, Invocation } from "./command.ts";
import { COMMAND_GROUPS, COMMANDS, findEntry, GLOBAL_OPTIONS } from "./table.ts";

/** What the program needs of its surroundings to print help and to run a command. */
export interface ProgramHost {
  version: string;
  /** Columns of help texts. */
  width: number | undefined;
  writeOut(text: string): void;
  writeErr(text: string): void;
  /** Runs the command that was invoked. */
  run(command: Command, invocation: Invocation, globals: { directory?: string; state?: string }): Promise<ExitCode>;
}

/**
 * Parses the arguments and runs the command they name.
 *
 * @returns The exit code; 2 for what commander calls a usage error, which is then already printed
 */
export async function runProgram(argv: readonly string[], host: ProgramHost): Promise<ExitCode> {
  const words = positionals(argv);
  const helped = words[0] === "help";
  const entry = findEntry(helped ? words.slice(1) : words);
  const loaded = entry === undefined ? undefined : (await entry.load()).command;
  let exit: ExitCode = 0;
  const program = buildProgram(host, entry, loaded, async (invocation, globals) => {
    if (loaded !== undefined) exit = await host.run(loaded, invocation, globals);
  });
  try {
    // `help rollout undo` is `rollout undo --help`, at any depth.
    await program.parseAsync(helped ? [...words.slice(1), "--help"] : [...argv], { from: "user" });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

type Act = (invocation: Invocation, globals: { directory?: string; state?: string }) => Promise<void>;

function buildProgram(
  host: ProgramHost,
  invoked: CommandEntry | undefined,
  loaded: Command | undefined,
  act: Act,
): Commander {
  const program = prepare(new Commander("trueup"), host)
    .description("Keeps what runs true to what is in git.")
    .version(`trueup ${host.version}`, "-V, --version", "print the version")
    .addHelpCommand(helpCommand())
    .addHelpText("after", "\nFirst steps: trueup demo\nMore on a command: trueup COMMAND --help\n");
  for (const option of GLOBAL_OPTIONS) program.option(option.flags, option.summary);
  for (const entry of COMMANDS) {
    const command = prepare(
      parentOf(program, entry, host).command(leafName(entry), { hidden: entry.group === undefined }),
      host,
    );
    command.summary(entry.summary).description(`${capitalise(entry.summary)}.`);
    if (entry.group !== undefined && !entry.name.includes(" ")) command.helpGroup(`${entry.group}:`);
    if (entry.arguments !== "") command.arguments(entry.arguments);
    if (entry === invoked && loaded !== undefined) complete(command, loaded, act);
    else command.allowUnknownOption().action(() => undefined);
  }
  return program;
}

function helpCommand(): Commander {
  return new Commander("help").argument("[command...]").description("print a command's help").helpGroup("Other:");
}

/** Settings that commander does not hand down to commands made one by one. */
function prepare(command: Commander, host: ProgramHost): Commander {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .helpOption("-h, --help", "print this help")
    .configureHelp({ showGlobalOptions: true, ...(host.width !== undefined && { helpWidth: host.width }) })
    .configureOutput({
      writeOut: (text) => host.writeOut(text),
      writeErr: (text) => host.writeErr(text),
      outputError: (text, write) => write(text.replace(/^error: /, "trueup: ")),
    });
}

function parentOf(program: Commander, entry: CommandEntry, host: ProgramHost): Commander {
  if (!entry.name.includes(" ")) return program;
  const group = entry.name.slice(0, entry.name.indexOf(" "));
  const known = program.commands.find((command) => command.name() === group);
  if (known !== undefined) return known;
  const summary = COMMAND_GROUPS[group] ?? group;
  const made = prepare(program.command(group), host)
    .summary(summary)
    .description(`${capitalise(summary)}.`);
  return made.helpGroup(`${entry.group}:`).helpCommand(false);
}

function leafName(entry: CommandEntry): string {
  return entry.name.slice(entry.name.indexOf(" ") + 1);
}

function complete(command: Commander, loaded: Command, act: Act): void {
  if (loaded.details !== undefined) command.description(`${command.description()}\n\n${loaded.details}`);
  for (const option of loaded.options) command.addOption(asOption(option));
  const examples = loaded.examples.map(({ line, does }) => `  ${line}\n      ${does}`).join("\n");
  command.addHelpText("after", `\nExamples:\n${examples}\n`);
  command.action(async () => {
    const { C: directory, state } = command.optsWithGlobals<{ C?: string; state?: string }>();
    const globals = { ...(directory !== undefined && { directory }), ...(state !== undefined && { state }) };
    await act(invocationOf(command), globals);
  });
}

function asOption({ flags, summary, choices }: CommandOption): Option {
  const option = new Option(flags, summary);
  return choices === undefined ? option : option.choices(choices);
}

/** Reads what commander parsed by the options' long names. */
function invocationOf(command: Commander): Invocation {
  const values = new Map<string, unknown>();
  for (const option of command.options) {
    const name = (option.long ?? option.short ?? "").replace(/^--?/, "");
    const value: unknown = command.getOptionValue(option.attributeName());
    // commander stores `--no-headers` as `headers: false`; here it is the flag that was typed.
    values.set(name, option.negate ? value === false : value);
  }
  const read = (option: string): unknown => {
    if (!values.has(option)) throw new RangeError(`Cannot read the option --${option} as the command must declare it.`);
    return values.get(option);
  };
  const text = (option: string): string | undefined => {
    const value = read(option);
    return typeof value === "string" ? value : undefined;
  };
  return {
    args: command.args,
    text,
    flag: (option) => read(option) === true,
    list: (option) => {
      const value = read(option);
      return Array.isArray(value) ? value.map(String) : [];
    },
    count: (option) => {
      const value = text(option);
      if (value === undefined) return undefined;
      if (/^\d{1,9}$/.test(value)) return Number(value);
      throw new TrueupError(
        "usage",
        `Cannot use --${option} as it must be a whole number, 0 or more: it is "${value}".`,
      );
    },
  };
}

/** The arguments that are neither global options nor their values, up to the command's own ones. */
function positionals(argv: readonly string[]): string[] {
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (word === "--") break;
    if (word === "-C" || word === "--state") at += 1;
    else if (!word.startsWith("-")) words.push(word);
  }
  return words;
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
