/** `trueup revert`: a commit that takes another one back; without a name, the head that failed or was rejected. */
import { TrueupError } from "../../model/errors.ts";
import type { Attempt } from "../../model/ledger.ts";
import { type CommitId, type CommitInfo, shortId } from "../../model/source.ts";
import { branchMoved, branchName, CHANGE_OPTIONS, commitOrMoved, tellCommit } from "../change/edit.ts";
import { planRevert } from "../change/revert.ts";
import { type Branch, openBranch } from "../change/target.ts";
import { waitForEnd } from "../change/wait.ts";
import type { Command, CommandContext, ExitCode, Invocation } from "../command.ts";
import { NAMESPACE_OPTION } from "../options.ts";
import { printable, printableLine } from "../print/escape.ts";

/** How many of an app's attempts are looked through for what became of a commit. */
const ATTEMPTS_LOOKED_AT = 200;
/** Longest reason in a message, characters. */
const LONGEST_REASON = 600;
const BAD_ENDINGS: ReadonlySet<string> = new Set(["failed", "rejected", "rolled back"]);

export const command: Command = {
  options: CHANGE_OPTIONS.filter((option) => option !== NAMESPACE_OPTION),
  examples: [
    { line: "trueup revert --wait", does: "take the head back that failed, and wait until what it was before runs" },
    { line: "trueup revert 3f2c1aa", does: "take that commit back" },
    { line: "trueup revert HEAD --dry-run", does: "show which files would change" },
  ],
  details:
    "As git revert, without a work tree: each file goes back to what it was before the commit, unless it was changed since.\n" +
    "A merge is taken back against its first parent, as git revert -m 1 does. Needs no daemon when the commit is named.",
  async run(context, invocation) {
    const branch = await openBranch(context);
    try {
      return await revert(context, invocation, branch);
    } finally {
      await branch.repository.close();
    }
  },
};

async function revert(context: CommandContext, invocation: Invocation, branch: Branch): Promise<ExitCode> {
  const { repository, ref } = branch;
  const { out, signal } = context;
  const head = await repository.readRef(ref);
  if (head === null) throw new TrueupError("not-found", `Cannot revert on ${ref} as it must have a commit: none.`);
  const [wanted] = invocation.args;
  const id = wanted === undefined ? await failedHead(context, branch, head) : await repository.resolve(wanted, signal);
  const commit = await repository.commit(id);
  const title = printableLine(`${shortId(id)} "${commit.subject}"`);
  const changes = await planRevert(repository, commit, head, signal);
  if (changes.length === 0) {
    await out.line(`${title} unchanged: ${branchName(branch)} already is without it`);
    return 0;
  }
  const [parent] = commit.parents;
  if (commit.parents.length > 1 && parent !== undefined) {
    await context.err.line(
      `trueup: ${shortId(id)} is a merge; it is taken back against its first parent ${shortId(parent)}`,
    );
  }
  for (const change of changes) {
    await out.line(printableLine(`  ${"delete" in change ? "remove" : "restore"} ${change.path}`));
  }
  if (invocation.flag("dry-run")) {
    await out.line(`reverted ${title} (dry run)`);
    return 0;
  }
  const message = invocation.text("message") ?? messageFor(commit, await badEnding(context, branch, id));
  const made = await commitOrMoved(context, branch, head, changes, message);
  if (made === "moved") {
    throw branchMoved(branch);
  }
  await out.line(`reverted ${title}`);
  await tellCommit(context, branch, made, message);
  return invocation.flag("wait") ? follow(context, branch, made) : 0;
}

/** The head, when an app of the daemon tried it and it did not end well. */
async function failedHead(context: CommandContext, branch: Branch, head: CommitId): Promise<CommitId> {
  const cannot = "Cannot tell which commit to revert as";
  if (branch.daemon === null) {
    throw new TrueupError("usage", `${cannot} it must be named: no daemon runs that would know which one failed.`, {
      hint: `The head of ${branchName(branch)} is ${shortId(head)}: trueup revert ${shortId(head)}.`,
    });
  }
  if ((await badEnding(context, branch, head)) !== null) return head;
  const { subject } = await branch.repository.commit(head);
  const known = branch.daemon.apps.map(({ app, phase }) => `${app} is ${phase}`).join(", ");
  throw new TrueupError(
    "usage",
    printableLine(`${cannot} the head must have failed: ${shortId(head)} "${subject}" did not (${known}).`),
    { hint: `Name it to take it back all the same: trueup revert ${shortId(head)}.` },
  );
}

/** The commit's newest attempt that ended badly, of any app; `null` when there is none. */
async function badEnding({ signal }: CommandContext, { daemon }: Branch, commit: CommitId): Promise<Attempt | null> {
  for (const { app } of daemon?.apps ?? []) {
    const attempts = (await daemon?.client.attempts({ app, limit: ATTEMPTS_LOOKED_AT }, signal)) ?? [];
    const newest = attempts.find((attempt) => attempt.commit === commit);
    if (newest?.ending !== undefined && BAD_ENDINGS.has(newest.ending.outcome)) return newest;
  }
  return null;
}

/** As git words it, and why, when the ledger knows: its reasons hold no secret. */
function messageFor({ id, parents, subject }: CommitInfo, attempt: Attempt | null): string {
  const [parent] = parents;
  const merge = parents.length > 1 ? `, reversing\nchanges made to ${parent}` : "";
  const ending = attempt?.ending;
  const why =
    ending === undefined || ending.reason === "" ? "" : `\n\nIt ${PAST[ending.outcome]}: ${trimmed(ending.reason)}`;
  return `Revert "${subject}"\n\nThis reverts commit ${id}${merge}.${why}`;
}

const PAST: Readonly<Record<string, string>> = {
  failed: "failed",
  rejected: "was rejected",
  "rolled back": "was rolled back",
};

function trimmed(reason: string): string {
  const text = printable(reason.replaceAll(/\s+/g, " ").trim());
  return text.length <= LONGEST_REASON ? text : `${text.slice(0, LONGEST_REASON - 1)}…`;
}

async function follow(context: CommandContext, { daemon }: Branch, commit: CommitId): Promise<ExitCode> {
  if (daemon === null) {
    throw new TrueupError("unavailable", "Cannot wait for the rollout as a daemon must be running: none is.", {
      hint: "The commit is made; start a daemon with trueup run.",
    });
  }
  let code: ExitCode = 0;
  for (const { app } of daemon.apps) {
    const { phase, reason } = await waitForEnd(context, daemon.client, app, commit);
    await context.out.line(printableLine(`${app}: ${phase}${reason === "" ? "" : `: ${reason}`}`));
    if (phase !== "Synced" && phase !== "Held") code = 1;
  }
  return code;
}
