/** Completion scripts, made from the command table; names of objects are asked of the daemon while typing. Pure. */
import type { CommandEntry, CommandOption } from "./command.ts";

export type Shell = "bash" | "zsh" | "fish";
export const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];

/** A command as completion sees it. */
export interface CompletedCommand {
  entry: CommandEntry;
  options: readonly CommandOption[];
}

/** Words of an option: `-o`, `--output`. */
export function optionWords({ flags }: Pick<CommandOption, "flags">): string[] {
  return flags.split(/[ ,|]+/).filter((word) => word.startsWith("-"));
}

/** Whether an option takes a value. */
export function takesValue({ flags }: Pick<CommandOption, "flags">): boolean {
  return /[<[]/.test(flags);
}

export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  switch (shell) {
    case "bash":
      return bashScript(commands);
    case "zsh":
      // zsh reads bash's completions through its own emulation; one generator is one place for mistakes.
      return `#compdef trueup\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
    case "fish":
      return fishScript(commands);
    default:
      return shell satisfies never;
  }
}

function firstWords(commands: readonly CompletedCommand[]): string[] {
  return [...new Set(commands.map(({ entry }) => entry.name.split(" ")[0] ?? ""))];
}

function groupsOf(commands: readonly CompletedCommand[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { entry } of commands) {
    const [group = "", leaf] = entry.name.split(" ");
    if (leaf !== undefined) groups.set(group, [...(groups.get(group) ?? []), leaf]);
  }
  return groups;
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const groups = [...groupsOf(commands)].map(([group, leaves]) => `    "${group}") words="${leaves.join(" ")}" ;;`);
  const options = commands.map(({ entry, options: own }) => {
    const words = [...own.flatMap(optionWords), "-C", "--state", "--help"];
    return `    "${entry.name}") words="${words.join(" ")}" ;;`;
  });
  const values = commands.flatMap(({ entry, options: own }) =>
    own.flatMap((option) => {
      // A value that nobody knows is no argument either: nothing is offered.
      const action = bashValues(option.choices, option.completes) ?? (takesValue(option) ? "return" : undefined);
      if (action === undefined) return [];
      return optionWords(option).map((word) => `    "${entry.name} ${word}") ${action} ;;`);
    }),
  );
  const args = commands.flatMap(({ entry }) => {
    const action = bashValues(undefined, entry.completes?.[0]);
    return action === undefined ? [] : [`    "${entry.name}") ${action} ;;`];
  });
  return `# Completion of trueup for bash. Load it with: source <(trueup completion bash)
_trueup_names() { trueup completion --names "$1" 2>/dev/null; }
_trueup_revisions() { git for-each-ref --format="%(refname:short)" 2>/dev/null; echo HEAD; }
# Names come from a repository: compgen -W would run what they hold, so they are compared, and odd ones are not offered.
_trueup_offer() {
  local word
  while IFS= read -r word; do
    case "$word" in "" | -* | *[!A-Za-z0-9._/@+=-]*) ;; "$cur"*) COMPREPLY+=("$word") ;; esac
  done
}
_trueup() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" first="" name="" words="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
    -C | --state) ((i++)) ;;
    -*) ;;
    *) if [ -z "$first" ]; then first="\${COMP_WORDS[i]}"; name="$first"; else
         case "$first" in ${[...groupsOf(commands).keys()].join(" | ")}) [ "$name" = "$first" ] && name="$first \${COMP_WORDS[i]}" ;; esac
       fi ;;
    esac
  done
  case "$prev" in -C | --state) COMPREPLY=($(compgen -d -- "$cur")); return ;; esac
  if [ -z "$first" ]; then COMPREPLY=($(compgen -W "${firstWords(commands).join(" ")} help" -- "$cur")); return; fi
  case "$name" in
${groups.join("\n")}
  esac
  if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$cur")); return; fi
  case "$name $prev" in
${values.join("\n")}
  esac
  if [ -n "$words" ] || [ \${#COMPREPLY[@]} -gt 0 ]; then COMPREPLY+=($(compgen -W "$words" -- "$cur")); return; fi
  if [ "\${cur#-}" != "$cur" ]; then
    case "$name" in
${options.join("\n")}
    esac
  else
    case "$name" in
${args.join("\n")}
    esac
  fi
  COMPREPLY+=($(compgen -W "$words" -- "$cur"))
}
complete -F _trueup trueup
`;
}

/** Shell text that offers values: sets \`words\`, or fills COMPREPLY. */
function bashValues(choices: readonly string[] | undefined, completes: CommandOption["completes"]): string | undefined {
  if (choices !== undefined) return `words="${choices.join(" ")}"`;
  switch (completes) {
    case undefined:
      return undefined;
    case "directory":
      return 'COMPREPLY=($(compgen -d -- "$cur"))';
    case "file":
      return 'COMPREPLY=($(compgen -f -- "$cur"))';
    case "revision":
      return "_trueup_offer < <(_trueup_revisions)";
    default:
      return `_trueup_offer < <(_trueup_names ${completes})`;
  }
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = [
    "# Completion of trueup for fish. Load it with: trueup completion fish | source",
    "complete -c trueup -f",
    "complete -c trueup -s C -r -a '(__fish_complete_directories)' -d 'act as if started in this directory'",
    "complete -c trueup -l state -r -a '(__fish_complete_directories)' -d 'state directory of the daemon meant'",
  ];
  const groups = groupsOf(commands);
  for (const word of firstWords(commands)) {
    const entry = commands.find(({ entry: { name } }) => name === word)?.entry;
    lines.push(`complete -c trueup -n __fish_use_subcommand -a ${word}${description(entry?.summary)}`);
  }
  for (const [group, leaves] of groups) {
    const none = `__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${leaves.join(" ")}`;
    lines.push(`complete -c trueup -n '${none}' -a '${leaves.join(" ")}'`);
  }
  for (const { entry, options } of commands) {
    const [first = "", leaf] = entry.name.split(" ");
    const seen = `__fish_seen_subcommand_from ${first}`;
    const condition = leaf === undefined ? seen : `${seen}; and __fish_seen_subcommand_from ${leaf}`;
    const values = fishValues(undefined, entry.completes?.[0]);
    if (values !== undefined) lines.push(`complete -c trueup -n '${condition}' -a "${values}"`);
    for (const option of options) {
      const words = optionWords(option).map((word) =>
        word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`,
      );
      const offered = fishValues(option.choices, option.completes);
      const value = takesValue(option) ? ` -r${offered === undefined ? "" : ` -a "${offered}"`}` : "";
      lines.push(`complete -c trueup -n '${condition}' ${words.join(" ")}${value}${description(option.summary)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function fishValues(choices: readonly string[] | undefined, completes: CommandOption["completes"]): string | undefined {
  if (choices !== undefined) return choices.join(" ");
  switch (completes) {
    case undefined:
      return undefined;
    case "directory":
      return "(__fish_complete_directories)";
    case "file":
      return "(__fish_complete_path)";
    case "revision":
      return "(git for-each-ref --format='%(refname:short)' 2>/dev/null)";
    default:
      return `(trueup completion --names ${completes} 2>/dev/null)`;
  }
}

function description(text: string | undefined): string {
  return text === undefined ? "" : ` -d '${text.replaceAll("'", "\\'")}'`;
}
