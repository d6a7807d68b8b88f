/** `trueup completion`: the completion script of a shell, and the names that such a script asks for. */
import { TrueupError } from "../../model/errors.ts";
import type { DaemonStatus } from "../../model/status.ts";
import { RECONCILER_RULES, RULES } from "../../validation/rules.ts";
import type { Command, CommandContext, CompletedName } from "../command.ts";
import { completionScript, SHELLS, type Shell } from "../completion.ts";
import { KINDS } from "../kinds.ts";

/** Longest time that a pressed Tab may take for names. Milliseconds. */
const PATIENCE_MS = 400;

const NAMED: readonly CompletedName[] = ["kind", "pod", "object", "namespace", "app", "digest", "rule", "shell"];

export const command: Command = {
  options: [{ flags: "--names <what>", summary: "print names instead, for the scripts themselves", choices: NAMED }],
  examples: [
    { line: "source <(trueup completion bash)", does: "for this bash" },
    { line: "trueup completion zsh > ~/.zfunc/_trueup", does: "for zsh, from the next one on" },
    { line: "trueup completion fish | source", does: "for this fish" },
  ],
  async run(context, invocation) {
    const names = invocation.text("names");
    if (names !== undefined) {
      await context.out.write((await namesOf(context, names)).map((name) => `${name}\n`).join(""));
      return 0;
    }
    const [shell] = invocation.args;
    if (shell === undefined || !(SHELLS as readonly string[]).includes(shell)) {
      throw new TrueupError(
        "usage",
        `Cannot complete for "${shell ?? ""}" as it must be one of: ${SHELLS.join(", ")}.`,
      );
    }
    const shown = context.commands.filter(({ group }) => group !== undefined);
    const loaded = await Promise.all(
      shown.map(async (entry) => ({ entry, options: (await entry.load()).command.options })),
    );
    await context.out.write(completionScript(shell as Shell, loaded));
    return 0;
  },
};

/** Names to offer; none when the daemon does not answer quickly, as nobody waits for a Tab. */
async function namesOf(context: CommandContext, what: string): Promise<string[]> {
  if (what === "kind") return ["all", ...KINDS.map(({ plural }) => plural)];
  if (what === "shell") return [...SHELLS];
  if (what === "rule") return [...Object.keys(RULES), ...Object.keys(RECONCILER_RULES)];
  const enough = new AbortController();
  const cancel = context.clock.setTimer(PATIENCE_MS, () => enough.abort());
  const signal = AbortSignal.any([context.signal, enough.signal]);
  try {
    const client = await context.connect();
    if (what === "app" || what === "digest") return appNames(await client.status(signal), what);
    if (what === "namespace") {
      const { items } = await client.list({ group: "", kind: "Namespace" }, signal);
      return [...new Set(["default", ...items.map(({ metadata }) => metadata.name)])].sort();
    }
    const query = { namespace: "default", ...(what === "pod" && { group: "", kind: "Pod" }) };
    const { items } = await client.list(query, signal);
    const known = items.flatMap(({ kind, metadata: { name } }) => {
      const found = KINDS.find((candidate) => candidate.kind === kind);
      return found === undefined || kind === "Event" ? [] : [what === "pod" ? name : `${found.singular}/${name}`];
    });
    return known.sort();
  } catch (error) {
    // No daemon, or a slow one: then there is nothing to offer, and the shell must stay quiet.
    if (error instanceof TrueupError || enough.signal.aborted) return [];
    throw error;
  } finally {
    cancel();
  }
}

/** The apps, or the digests of their plans that wait for approval. */
function appNames({ apps }: DaemonStatus, what: "app" | "digest"): string[] {
  if (what === "app") return apps.map(({ app }) => app).sort();
  return apps.flatMap(({ held, planDigest }) =>
    held.length > 0 && planDigest !== null ? [planDigest.replace(/^sha256:/, "").slice(0, 12)] : [],
  );
}
