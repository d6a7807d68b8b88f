/** Changes an object's manifest, and what goes with it, by one commit: edit, check, show or commit, and tell; whatever lies between is kept. */
import { type AppSettings, readApps } from "../../daemon/apps.ts";
import { textDiff } from "../../diff/text.ts";
import { commitFiles } from "../../git/commit.ts";
import { editObject, type FieldEdit } from "../../manifest/edit.ts";
import type { Diagnostic } from "../../model/diagnostic.ts";
import { TrueupError } from "../../model/errors.ts";
import type { Declared } from "../../model/manifest.ts";
import { type CommitId, shortId } from "../../model/source.ts";
import { dayOf } from "../../validation/index.ts";
import type { CommandContext, CommandOption, ExitCode, Invocation } from "../command.ts";
import { followRollout } from "../follow-rollout.ts";
import { NAMESPACE_OPTION, namespaceOf } from "../options.ts";
import { printableLine } from "../print/escape.ts";
import { qualifiedName } from "../print/get.ts";
import { printDiagnostics } from "../print-diagnostics.ts";
import { readDeployment } from "../workload.ts";
import { checkEdited } from "./check-edit.ts";
import { appOfFile } from "./path-then.ts";
import { type DeclaredAtHead, findManifest, openWorkplace, type Workplace, type WorkplaceRequest } from "./target.ts";
import { requireGoodEnd, waitForCommit } from "./wait.ts";

/** Options of every command that makes a commit. */
export const CHANGE_OPTIONS: readonly CommandOption[] = [
  { flags: "--dry-run", summary: "show the change, make no commit" },
  { flags: "-m, --message <text>", summary: "the commit's message" },
  { flags: "-w, --wait", summary: "follow the rollout to its end" },
  NAMESPACE_OPTION,
];

/** Another object that changes in the same commit, as the head declares it. */
export interface FurtherEdit {
  declared: Declared;
  /** Of its file at the head. */
  text: string;
  edits: FieldEdit[];
}

/** What a command wants changed, decided from the manifest at the head. */
export interface Change {
  edits: FieldEdit[];
  further?: readonly FurtherEdit[];
  /** Files to write that the head does not have. */
  files?: readonly { path: string; content: string }[];
  /** The commit's message. */
  message: string;
  /** Printed after the object's name: `image updated`, `scaled`. */
  done: string;
  /** Printed below: what else was done, a line each. */
  notes?: readonly string[];
  /** Printed when git already says so. */
  unchanged?: string;
  /** What the person should know before: printed to stderr. */
  warnings?: string[];
}

export type Decide = (at: DeclaredAtHead, workplace: Workplace) => Promise<Change> | Change;

/** How often a change is made anew when the branch moved on meanwhile. */
const TRIES = 3;

/**
 * Runs a command that changes one Deployment.
 *
 * @param doing For the error when it is none: `scale`
 */
export async function changeDeployment(
  context: CommandContext,
  invocation: Invocation,
  args: readonly string[],
  doing: string,
  decide: Decide,
): Promise<ExitCode> {
  const object = readDeployment(args, doing);
  const request = { object, namespace: namespaceOf(invocation) };
  const workplace = await openWorkplace(context, request);
  try {
    for (let attempt = 1; ; attempt++) {
      const at = await findManifest(workplace, request);
      const change = await decide(at, workplace);
      const outcome = await applyChange(context, invocation, workplace, request, at, change);
      if (outcome !== "moved") return outcome;
      if (attempt === TRIES) {
        throw new TrueupError("conflict", `Cannot commit on ${branchName(workplace)} as it keeps moving.`, {
          hint: "Somebody else commits to it right now: try again.",
        });
      }
    }
  } finally {
    await workplace.repository.close();
  }
}

async function applyChange(
  context: CommandContext,
  invocation: Invocation,
  workplace: Workplace,
  request: WorkplaceRequest,
  at: DeclaredAtHead,
  change: Change,
): Promise<ExitCode | "moved"> {
  const { head } = at;
  const { out, err } = context;
  const name = qualifiedName(request.object.kind, request.object.name);
  const apps = await readApps(workplace.repository, head);
  const edited = editAll(at, change, request.namespace, { apps, day: dayOf(context.clock.now()) });
  if (edited.length === 0 && (change.files ?? []).length === 0) {
    await out.line(change.unchanged ?? `${name} unchanged: ${branchName(workplace)} already says so`);
    return 0;
  }
  for (const warning of change.warnings ?? []) await err.line(`${err.style.yellow("warning:")} ${warning}`);
  for (const { warnings, text } of edited) await printDiagnostics(context, warnings, () => text);
  const tell = async (remark: string): Promise<void> => {
    await out.line(`${name} ${change.done}${remark}`);
    for (const note of change.notes ?? []) await out.line(printableLine(`${note}${remark}`));
  };
  if (invocation.flag("dry-run")) {
    for (const { before, after } of edited) {
      const names = { beforeName: `a/${before.file}`, afterName: `b/${before.file}` };
      await out.write(textDiff(before.object, after.object, names));
    }
    await tell(" (dry run)");
    return 0;
  }
  const message = invocation.text("message") ?? change.message;
  const contents = new Map(edited.map(({ before, text }) => [before.file, text]));
  const changes = [...contents].map(([path, content]) => ({ path, content }));
  const commit = await commitOrMoved(context, workplace, head, [...changes, ...(change.files ?? [])], message);
  if (commit === "moved") return "moved";
  await tell("");
  await tellCommit(context, workplace, commit, message);
  return finish(context, invocation, workplace, request, commit);
}

/** One object that the change makes another. */
interface Edited {
  before: Declared;
  after: Declared;
  /** Of its whole file, with all that changes in it. */
  text: string;
  warnings: readonly Diagnostic[];
}

/** Edits one object after the other, as several may stand in one file. Those that stay as they are, are left out. */
function editAll(
  at: DeclaredAtHead,
  { edits, further = [] }: Change,
  defaultNamespace: string,
  { apps, day }: { apps: readonly AppSettings[]; day: string },
): Edited[] {
  const texts = new Map<string, string>();
  const touched: Declared[] = [];
  for (const { declared, text, edits: own } of [{ ...at, edits }, ...further]) {
    const before = texts.get(declared.file) ?? text;
    const after = editObject(before, declared.id, own, { file: declared.file, defaultNamespace });
    if (after === before) continue;
    texts.set(declared.file, after);
    touched.push(declared);
  }
  return touched.map((before) => {
    const text = texts.get(before.file) ?? "";
    const by = { app: appOfFile(apps, before.file), day };
    const { declared, warnings } = checkEdited(text, before, defaultNamespace, by);
    return { before, after: declared, text, warnings };
  });
}

/** Commits; "moved" when the branch no longer stands where the change was decided. */
export async function commitOrMoved(
  { signal }: CommandContext,
  { repository, ref }: Pick<Workplace, "repository" | "ref">,
  head: CommitId,
  changes: Parameters<typeof commitFiles>[1]["changes"],
  message: string,
): Promise<CommitId | "moved"> {
  try {
    return await commitFiles(repository, { ref, expectedHead: head, changes, message }, signal);
  } catch (error) {
    // A dirty work tree is a conflict too, but one that trying again does not end: only a moved ref is worth it.
    if (error instanceof TrueupError && error.code === "conflict" && (await repository.readRef(ref)) !== head) {
      return "moved";
    }
    throw error;
  }
}

/** `committed 3f2c1aa "Set image of deployment/web to web:v2" on main` */
export async function tellCommit(
  { out }: CommandContext,
  workplace: Pick<Workplace, "ref">,
  commit: CommitId,
  message: string,
): Promise<void> {
  const [subject = ""] = message.split("\n");
  await out.line(printableLine(`committed ${shortId(commit)} "${subject}" on ${branchName(workplace)}`));
}

/** With `--wait`, follows what the commit brings about. */
export async function finish(
  context: CommandContext,
  invocation: Invocation,
  { daemon }: Workplace,
  { object, namespace }: WorkplaceRequest,
  commit: CommitId,
): Promise<ExitCode> {
  if (!invocation.flag("wait")) return 0;
  if (daemon === null) {
    throw new TrueupError("unavailable", "Cannot wait for the rollout as a daemon must be running: none is.", {
      hint: "The commit is made; start a daemon with trueup run.",
    });
  }
  await waitForCommit(context, daemon.client, daemon.app.app, commit);
  const follow = { name: object.name, namespace, revision: 0, once: false, timeoutMs: undefined };
  await followRollout(context, daemon.client, follow);
  await requireGoodEnd(context, daemon.client, daemon.app.app, commit);
  return 0;
}

/** Of a change that is decided by the whole branch, and not made again by itself when that has moved. */
export function branchMoved(workplace: Pick<Workplace, "ref">): TrueupError {
  return new TrueupError(
    "conflict",
    `Cannot commit on ${branchName(workplace)} as it must stay where it was: it moved.`,
    { hint: "Somebody else committed at this moment: look at it, then try again." },
  );
}

export function branchName({ ref }: Pick<Workplace, "ref">): string {
  return ref.replace(/^refs\/heads\//, "");
}
