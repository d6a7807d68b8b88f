/** `trueup rollout undo`: a commit that brings back the pod template of an earlier revision, or all of the app's files. */
import type { FileChange } from "../../git/commit.ts";
import type { Repository } from "../../git/repository.ts";
import { TrueupError } from "../../model/errors.ts";
import type { RevisionRecord } from "../../model/ledger.ts";
import { displayId, keyOfId } from "../../model/object.ts";
import { type CommitId, shortId } from "../../model/source.ts";
import { ANNOTATION, type Deployment } from "../../model/workload.ts";
import { branchMoved, CHANGE_OPTIONS, changeDeployment, commitOrMoved, finish, tellCommit } from "../change/edit.ts";
import { movedTo, pathThen } from "../change/path-then.ts";
import { restoredConfig } from "../change/restore-config.ts";
import { chooseRevision } from "../change/revision.ts";
import { describeChanges } from "../change/since.ts";
import { openWorkplace, type Workplace, type WorkplaceRequest } from "../change/target.ts";
import type { Command, CommandContext, ExitCode, Invocation } from "../command.ts";
import { loadAppAt } from "../manifests.ts";
import { namespaceOf } from "../options.ts";
import { printable, printableLine } from "../print/escape.ts";
import { qualifiedName } from "../print/get.ts";
import { readDeployment } from "../workload.ts";

export const command: Command = {
  options: [
    { flags: "--to-revision <number>", summary: "revision to go back to (default: the one before)" },
    {
      flags: "--app",
      summary: "restore all of the app's files as at that revision's commit, not only the pod template",
    },
    ...CHANGE_OPTIONS,
  ],
  examples: [
    { line: "trueup rollout undo deployment/web", does: "back to the revision before, by a new commit" },
    {
      line: "trueup rollout undo deployment/web --to-revision 2 --wait",
      does: "to revision 2, and follow the rollout",
    },
    { line: "trueup rollout undo deployment/web --app", does: "its configuration and everything else, too" },
  ],
  details:
    "History is kept: the undo is a commit like any other, and can be undone.\n" +
    "With trueup/restart-on, the content of the configuration that the pods used then comes back in the same commit.",
  async run(context, invocation) {
    return invocation.flag("app") ? undoApp(context, invocation) : undoTemplate(context, invocation);
  },
};

async function undoTemplate(context: CommandContext, invocation: Invocation): Promise<ExitCode> {
  const namespace = namespaceOf(invocation);
  return changeDeployment(context, invocation, invocation.args, "undo", async ({ declared, head }, workplace) => {
    const { name } = declared.id;
    refusePaused(declared.object as Deployment);
    const target = await targetRevision(context, invocation, workplace, name);
    const { revision } = target;
    const { repository, path } = workplace;
    const sourceText = await fileAt(repository, target.commit, target.file);
    const before = await pathThen(repository, target, path);
    const then = await loadAppAt(repository, target.commit, before, namespace);
    const now = await loadAppAt(repository, head, path, namespace);
    const config = restoredConfig(declared.id, revision, then, now, (file) => movedTo(file, before, path));
    const since = describeChanges(then.declared, now.declared, declared.id, config.ids);
    const names = config.ids.map(displayId);
    const subject = `Undo deployment/${name} to revision ${revision} (${shortId(target.commit)})`;
    const matches = config.isWatching ? "template and configuration already match" : "template already matches";
    return {
      edits: [
        {
          op: "replaceFrom",
          path: ["spec", "template"],
          sourceText,
          sourceId: declared.id,
          sourceFile: target.file,
        },
      ],
      further: config.edits,
      files: config.files,
      message: names.length === 0 ? subject : `${subject}\n\nWith the content that it had then: ${names.join(", ")}.`,
      done: `rolled back to revision ${revision}`,
      notes: names.map((each) => `${each} restored as at revision ${revision}`),
      unchanged: `deployment.apps/${name} skipped rollback (current ${matches} revision ${revision})`,
      warnings: [...config.warnings, ...sinceText(since, revision, names.length > 0)].map(printable),
    };
  });
}

function sinceText(since: readonly string[], revision: number, withConfig: boolean): string[] {
  if (since.length === 0) return [];
  const lines = since.map((line) => `\n  ${printableLine(line)}`).join("");
  const what = withConfig ? "the pod template and that configuration go" : "the pod template goes";
  return [
    `only ${what} back to revision ${revision}; this changed since then, too, and stays (--app restores it):${lines}`,
  ];
}

function refusePaused({ spec }: Deployment): void {
  if (spec.paused !== true) return;
  throw new TrueupError(
    "invalid",
    "you cannot rollback a paused deployment; resume it first with 'trueup rollout resume' and try again",
  );
}

/** The ledger's record of the revision to go back to. */
async function targetRevision(
  context: CommandContext,
  invocation: Invocation,
  { daemon, live }: Workplace,
  name: string,
): Promise<RevisionRecord> {
  if (daemon === null || live === null) {
    throw new TrueupError("unavailable", `Cannot undo deployment/${name} as a daemon must know its revisions.`, {
      hint: "Start one with trueup run; or undo by hand with git revert.",
    });
  }
  const { group, kind, namespace } = {
    group: "apps",
    kind: "Deployment",
    namespace: live.metadata.namespace ?? "default",
  };
  const { uid, annotations } = live.metadata;
  const workload = keyOfId({ group, kind, namespace, name });
  const records = await daemon.client.revisions({ workload, ...(uid !== undefined && { uid }) }, context.signal);
  const current = Number(annotations?.[ANNOTATION.revision] ?? 0);
  return chooseRevision(name, records, current, invocation.count("to-revision") ?? 0);
}

async function fileAt(repository: Repository, commit: CommitId, path: string): Promise<string> {
  const file = (await repository.filesAt(commit, [path])).get(path);
  if (file !== undefined) return repository.text(file.blob);
  throw new TrueupError("not-found", `Cannot find ${path} in commit ${shortId(commit)}.`, {
    hint: "The ledger names it; the commit may have been replaced by one of another content.",
  });
}

async function undoApp(context: CommandContext, invocation: Invocation): Promise<ExitCode> {
  const object = readDeployment(invocation.args, "undo");
  const request: WorkplaceRequest = { object, namespace: namespaceOf(invocation) };
  const workplace = await openWorkplace(context, request);
  try {
    const target = await targetRevision(context, invocation, workplace, object.name);
    return await restore(context, invocation, workplace, request, target);
  } finally {
    await workplace.repository.close();
  }
}

async function restore(
  context: CommandContext,
  invocation: Invocation,
  workplace: Workplace,
  request: WorkplaceRequest,
  target: RevisionRecord,
): Promise<ExitCode> {
  const { repository, ref, path } = workplace;
  const head = await repository.readRef(ref);
  if (head === null) throw new TrueupError("not-found", `Cannot undo on ${ref} as it must have a commit: it has none.`);
  const name = qualifiedName(request.object.kind, request.object.name);
  const before = await pathThen(repository, target, path);
  if (before !== path) throw appMoved(target, before, path);
  const changes = await restoringChanges(repository, head, target.commit, path);
  if (changes.length === 0) {
    await context.out.line(`${name} skipped rollback (all files already are as at revision ${target.revision})`);
    return 0;
  }
  for (const change of changes) await context.out.line(`  ${"delete" in change ? "remove" : "restore"} ${change.path}`);
  if (invocation.flag("dry-run")) {
    await context.out.line(`${name} rolled back with all of its app to revision ${target.revision} (dry run)`);
    return 0;
  }
  const subject = `Undo all of ${target.app} to revision ${target.revision} of deployment/${request.object.name}`;
  const message = invocation.text("message") ?? `${subject} (${shortId(target.commit)})`;
  const commit = await commitOrMoved(context, workplace, head, changes, message);
  if (commit === "moved") {
    throw branchMoved(workplace);
  }
  await context.out.line(`${name} rolled back with all of its app to revision ${target.revision}`);
  await tellCommit(context, workplace, commit, message);
  return finish(context, invocation, workplace, request, commit);
}

/** All of its files at once are only brought back to where they were: who moved them may have changed more than their place. */
function appMoved({ app, commit }: RevisionRecord, then: string, now: string): TrueupError {
  return new TrueupError(
    "conflict",
    `Cannot undo all of ${app} as its directory must be the same: it was "${then}" at ${shortId(commit)}, and is "${now}" now.`,
    { hint: "Without --app, the pod template and its configuration go back." },
  );
}

/** What makes the app's directory the same as at an earlier commit. */
async function restoringChanges(
  repository: Repository,
  head: CommitId,
  then: CommitId,
  path: string,
): Promise<FileChange[]> {
  const [now, before] = [await repository.commit(head), await repository.commit(then)];
  const { added, changed, removed } = await repository.changedFiles(now.tree, before.tree, path);
  const restored: FileChange[] = [];
  for (const file of [...added, ...changed]) {
    restored.push({ path: file.path, content: await repository.blob(file.blob), executable: file.executable });
  }
  return [...restored, ...removed.map((file): FileChange => ({ path: file.path, delete: true }))];
}
