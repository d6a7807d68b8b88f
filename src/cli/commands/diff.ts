/** `trueup diff`: a revision against what runs, or two revisions against each other. */
import { readApps } from "../../daemon/apps.ts";
import { textDiff } from "../../diff/text.ts";
import { openRepository, type Repository } from "../../git/repository.ts";
import { TrueupError } from "../../model/errors.ts";
import type { Declared } from "../../model/manifest.ts";
import { displayId, keyOfId } from "../../model/object.ts";
import { type CommitId, shortId } from "../../model/source.ts";
import { ConfigStamper, numberedDigest, stampOf } from "../../plan/config-digest.ts";
import type { Command, CommandContext, ExitCode, Invocation } from "../command.ts";
import { loadAppAt } from "../manifests.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";
import type { Style } from "../output.ts";
import { plansOf } from "../plans.ts";
import { printableLine } from "../print/escape.ts";
import { printDiagnostics } from "../print-diagnostics.ts";

export const command: Command = {
  options: [{ flags: "--app <name>", summary: "only of this app" }, OUTPUT_OPTION],
  examples: [
    { line: "trueup diff", does: "the head of the ref against what runs" },
    { line: "trueup diff my-branch", does: "a branch against what runs" },
    { line: "trueup diff v1.2..HEAD", does: "two revisions against each other; needs no daemon" },
  ],
  details: "Values of Secrets are masked. Exits 0 when nothing differs, 1 when something does, 2 on an error.",
  async run(context, invocation) {
    try {
      const [revision] = invocation.args;
      const ends = revision?.split("..");
      if (ends?.length === 2) return await between(context, invocation, ends[0] || "HEAD", ends[1] || "HEAD");
      return await againstLive(context, invocation, revision);
    } catch (error) {
      // 1 says "differs": whatever keeps us from comparing must not look like that.
      if (!(error instanceof TrueupError) || context.signal.aborted) throw error;
      throw new TrueupError("usage", error.message, {
        ...(error.hint !== undefined && { hint: error.hint }),
        cause: error,
      });
    }
  },
};

async function againstLive(
  context: CommandContext,
  invocation: Invocation,
  revision: string | undefined,
): Promise<ExitCode> {
  const app = invocation.text("app");
  const client = await context.connect();
  const plans = await plansOf(client, { app, revision, diff: true }, context.signal);
  const diffs: ObjectDiff[] = [];
  for (const plan of plans) {
    if (plan.kind === "rejected") {
      await printDiagnostics(context, plan.diagnostics);
      throw new TrueupError("invalid", `Cannot compare ${shortId(plan.commit)} as its manifests must be valid.`);
    }
    for (const { action, id, diff = "" } of plan.changes) diffs.push({ action, object: displayId(id), diff });
  }
  return print(context, invocation, diffs);
}

interface ObjectDiff {
  action: string;
  object: string;
  diff: string;
}

async function print({ out }: CommandContext, invocation: Invocation, all: readonly ObjectDiff[]): Promise<ExitCode> {
  const diffs = all.filter(({ diff }) => diff !== "");
  const format = dataFormat(invocation);
  if (format !== undefined) await printData(out, format, diffs);
  else for (const { diff } of diffs) await out.write(coloured(diff, out.style));
  return diffs.length === 0 ? 0 : 1;
}

function coloured(diff: string, style: Style): string {
  const paint = (line: string): string => {
    if (line.startsWith("---") || line.startsWith("+++")) return style.bold(line);
    if (line.startsWith("@@")) return style.cyan(line);
    if (line.startsWith("-")) return style.red(line);
    return line.startsWith("+") ? style.green(line) : line;
  };
  return diff.split("\n").map(paint).join("\n");
}

async function between(context: CommandContext, invocation: Invocation, from: string, to: string): Promise<ExitCode> {
  const repository = await openRepository(context.cwd, { signal: context.signal });
  try {
    const [before, after] = [await repository.resolve(from), await repository.resolve(to)];
    const only = invocation.text("app");
    const stamper = new ConfigStamper(numberedDigest());
    const old = await declaredAt(repository, before, only, stamper);
    const next = await declaredAt(repository, after, only, stamper);
    return await print(context, invocation, compare(old, next, shortId(before), shortId(after)));
  } finally {
    await repository.close();
  }
}

async function declaredAt(
  repository: Repository,
  commit: CommitId,
  only: string | undefined,
  stamper: ConfigStamper,
): Promise<Map<string, Declared>> {
  const apps = await readApps(repository, commit);
  const objects = new Map<string, Declared>();
  for (const { name, path, namespace } of apps) {
    if (only !== undefined && name !== only) continue;
    const { declared, diagnostics } = await loadAppAt(repository, commit, path, namespace);
    const [broken] = diagnostics.filter(({ severity }) => severity === "error");
    if (broken !== undefined) {
      const { file, line, column } = broken.location;
      const message = `Cannot compare ${shortId(commit)} as its manifests must be readable: ${file}:${line}:${column}: ${broken.message}`;
      throw new TrueupError("invalid", message, { ...(broken.hint !== undefined && { hint: broken.hint }) });
    }
    for (const object of stamper.stamp(declared)) objects.set(`${name}/${keyOfId(object.id)}`, object);
  }
  return objects;
}

function compare(
  old: ReadonlyMap<string, Declared>,
  next: ReadonlyMap<string, Declared>,
  before: string,
  after: string,
): ObjectDiff[] {
  const keys = [...new Set([...old.keys(), ...next.keys()])].sort();
  return keys.flatMap((key) => {
    const [from, to] = [old.get(key), next.get(key)];
    const id = (to ?? from)?.id;
    if (id === undefined || (from !== undefined && to !== undefined && isSame(from, to))) return [];
    const diff = textDiff(from?.object ?? null, to?.object ?? null, {
      beforeName: `${before} ${printableLine(from?.file ?? "")}`,
      afterName: `${after} ${printableLine(to?.file ?? "")}`,
    });
    const action = from === undefined ? "create" : to === undefined ? "delete" : "update";
    return [{ action, object: displayId(id), diff }];
  });
}

/** The same blob at the same place cannot differ, but for what the content of its configuration adds. */
function isSame(from: Declared, to: Declared): boolean {
  return from.blob === to.blob && from.document === to.document && stampOf(from.object) === stampOf(to.object);
}
