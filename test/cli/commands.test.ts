/** Promises that hold for every command: an example in its help, data where data is printed, completion that bash can load. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { completionScript } from "../../src/cli/completion.ts";
import { COMMANDS } from "../../src/cli/table.ts";
import { ROOT, run } from "../support/processes.ts";

const SHOWN = COMMANDS.filter(({ group }) => group !== undefined);
/** Commands that print data, as opposed to streams of lines, confirmations and free text. */
const DATA =
  "doctor, status, get, why, events, validate, explain, diff, plan, simulate, log, rollout history, backup, restore, schema".split(
    ", ",
  );

describe.each(SHOWN.map((entry) => [entry.name, entry] as const))("trueup %s", (name, entry) => {
  it("has an example of itself with options that it has", async () => {
    const { command } = await entry.load();
    expect(command.examples.length).toBeGreaterThan(0);
    const flags = new Set([
      "-C",
      "--state",
      ...command.options.flatMap(({ flags }) => flags.match(/--?[A-Za-z-]+/g) ?? []),
    ]);
    for (const { line, does } of command.examples) {
      expect(line).toContain(`trueup ${name}`);
      expect(does).not.toBe("");
      const own = line.slice(line.indexOf(`trueup ${name}`)).split(/ (?:&&|\|) /)[0] ?? "";
      for (const option of own.match(/(?<= )--?[A-Za-z][A-Za-z-]*/g) ?? []) expect(flags).toContain(option);
    }
  });

  it("breaks the lines of its help at the ends of sentences alone: the terminal's width breaks the rest", async () => {
    const { command } = await entry.load();
    for (const line of command.details?.split("\n").slice(0, -1) ?? []) expect(line).toMatch(/[.:]$/);
  });

  it("prints JSON and YAML if it prints data", async () => {
    const { command } = await entry.load();
    const output = command.options.find(({ flags }) => flags.startsWith("-o, --output"));
    expect(output !== undefined).toBe(DATA.includes(name));
    if (output !== undefined) expect(output.choices).toEqual(expect.arrayContaining(["json", "yaml"]));
  });
});

describe("bash completion", () => {
  const complete = async (...words: string[]): Promise<string> => {
    const loaded = await Promise.all(
      SHOWN.map(async (entry) => ({ entry, options: (await entry.load()).command.options })),
    );
    const script = `${completionScript("bash", loaded)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
function_name=$(complete -p trueup | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function_name" trueup "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
echo "\${COMPREPLY[*]}"`;
    const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: join(ROOT, "nowhere") };
    const { code, stdout, stderr } = await run(["bash", "-c", script, "bash", ...words], { cwd: ROOT, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout.trim();
  };

  it.each([
    [["trueup", "ro"], "rollout"],
    [["trueup", "rollout", ""], "status history undo pause resume restart"],
    [["trueup", "-C", "/tmp", "rollout", "un"], "undo"],
    [["trueup", "run", "--conf"], "--config"],
    [["trueup", "get", "pods", "-o", "j"], "json"],
    [["trueup", "get", "pods", "-n", ""], ""],
    [["trueup", "scale", "deployment/web", "--replicas", ""], ""],
  ])("of %j is %s", async (words, expected) => {
    expect(await complete(...words)).toBe(expected);
  });
});
