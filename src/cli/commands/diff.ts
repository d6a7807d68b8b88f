/** `trueup diff`: a revision against what runs, or two revisions against each other. */
import { readApps } from "../../daemon/apps.ts";
import { applyDefaults } from "../../defaulting/defaults.ts";
import { compareObjects } from "../../diff/compare.ts";
import { plainSecret, redactChanges } from "../../diff/redact.ts";
import { textDiff } from "../../diff/text.ts";
import { mergeThreeWay } from "../../diff/three-way.ts";
import { openRepository, type Repository } from "../../git/repository.ts";
import { TrueupError } from "../../model/errors.ts";
import type { Declared } from "../../model/manifest.ts";
import { displayId, type KubeObject, keyOfId } from "../../model/object.ts";
import { type CommitId, shortId } from "../../model/source.ts";
import { ConfigStamper, numberedDigest, stampOf } from "../../plan/config-digest.ts";
import type { Command, CommandContext, ExitCode, Invocation } from "../command.ts";
import { loadAppAt } from "../manifests.ts";
import { dataFormat, printData } from "../options.ts";
import { plansOf } from "../plans.ts";
import { diffMarkdown, fieldsText, type ObjectDiff, summaryOf, unifiedText } from "../print/diff.ts";
import { printableLine } from "../print/escape.ts";
import { printDiagnostics } from "../print-diagnostics.ts";
import { partingPoint } from "../validate/since.ts";

export const command: Command = {
  options: [
    { flags: "--app <name>", summary: "only of this app", completes: "app" },
    { flags: "--against <revision>", summary: 'compare with this revision instead of "live"', completes: "revision" },
    {
      flags: "-o, --output <format>",
      summary: "unified (default), a line a field, data, or Markdown for a comment",
      choices: ["unified", "fields", "json", "yaml", "markdown"],
    },
  ],
  examples: [
    { line: "trueup diff", does: "the head of the ref against what runs" },
    { line: "trueup diff my-branch", does: "a branch against what runs" },
    { line: "trueup diff v1.2..HEAD", does: "two revisions against each other; needs no daemon" },
    { line: "trueup diff my-branch --against main -o markdown", does: "the same, as a comment for a pull request" },
  ],
  details:
    "REV..REV compares two revisions; REV...REV the second one with where it left the first, as in git.\n" +
    "Values of Secrets are masked. Exits 0 when nothing differs, 1 when something does, 2 on an error.",
  async run(context, invocation) {
    try {
      const [revision] = invocation.args;
      const ends = endsOf(revision);
      const against = invocation.text("against");
      if (against !== undefined && against !== "live") {
        if (ends !== undefined) {
          throw new TrueupError("usage", "Cannot compare as either REV..REV or --against must be given: both are.");
        }
        return await between(context, invocation, against, revision ?? "HEAD");
      }
      if (ends !== undefined) return await between(context, invocation, ends.from, ends.to, ends.sinceParting);
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

/** `REV..REV`, and `REV...REV`, which as in git begins where the second one left the first. An end that is not given is HEAD. */
function endsOf(revision: string | undefined): { from: string; to: string; sinceParting: boolean } | undefined {
  const given = /^(?<from>.*?)(?<dots>\.{2,3})(?<to>[^.].*|)$/.exec(revision ?? "")?.groups;
  if (given === undefined) return undefined;
  return { from: given.from || "HEAD", to: given.to || "HEAD", sinceParting: given.dots === "..." };
}

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
    for (const { action, id, fields, diff = "" } of plan.changes) {
      diffs.push({ action, object: displayId(id), app: plan.app, fields, diff });
    }
  }
  return print(context, invocation, diffs);
}

async function print({ out }: CommandContext, invocation: Invocation, all: readonly ObjectDiff[]): Promise<ExitCode> {
  const diffs = all.filter(({ diff }) => diff !== "");
  const format = dataFormat(invocation);
  const shape = invocation.text("output");
  if (format !== undefined) await printData(out, format, diffs);
  else if (shape === "markdown") await out.write(diffMarkdown(diffs));
  else {
    for (const each of diffs) {
      await out.write(shape === "fields" ? fieldsText(each, out.style) : unifiedText(each, out.style));
    }
    // As diff(1): nothing at all where nothing differs.
    if (diffs.length > 0) await out.write(`${summaryOf(diffs)}\n`);
  }
  return diffs.length === 0 ? 0 : 1;
}

async function between(
  context: CommandContext,
  invocation: Invocation,
  from: string,
  to: string,
  sinceParting = false,
): Promise<ExitCode> {
  const repository = await openRepository(context.cwd, { signal: context.signal });
  try {
    const [given, after] = [await repository.resolve(from), await repository.resolve(to)];
    const before = sinceParting ? await partingPoint(repository, given, after) : given;
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
    for (const object of stamper.stamp(declared)) {
      const key = keyOfId(object.id);
      // Whose it is, is no part of an object: what moves to another app stays. Only what two declare is told apart.
      objects.set(objects.has(key) ? `${key} ${name}` : key, object);
    }
  }
  return objects;
}

function compare(
  old: ReadonlyMap<string, Declared>,
  next: ReadonlyMap<string, Declared>,
  beforeRevision: string,
  afterRevision: string,
): ObjectDiff[] {
  const keys = [...new Set([...old.keys(), ...next.keys()])].sort();
  return keys.flatMap((key) => {
    const [from, to] = [old.get(key), next.get(key)];
    const id = (to ?? from)?.id;
    if (id === undefined || (from !== undefined && to !== undefined && isSame(from, to))) return [];
    // As an apply would make it of the older one: spelling, and order where it means nothing, are no differences.
    const [before, after] = [plainSecret(from?.object ?? null), plainSecret(to?.object ?? null)];
    const merged = before === null || after === null ? after : mergeThreeWay(before, before, after);
    const fields = before === null || merged === null ? [] : compareObjects(before, merged);
    if (before !== null && merged !== null && fields.length === 0) return [];
    const diff = textDiff(...asShown(before, merged), {
      beforeName: `${beforeRevision} ${printableLine(from?.file ?? "")}`,
      afterName: `${afterRevision} ${printableLine(to?.file ?? "")}`,
    });
    const action = from === undefined ? "create" : to === undefined ? "delete" : "update";
    return [{ action, object: displayId(id), fields: merged === null ? [] : redactChanges(merged, fields), diff }];
  });
}

/** Of one that is on both sides, what only one of them spells out and the API would fill in is no line of its own. */
function asShown(before: KubeObject | null, after: KubeObject | null): [KubeObject | null, KubeObject | null] {
  return before === null || after === null ? [before, after] : [applyDefaults(before), applyDefaults(after)];
}

/** The same blob at the same place cannot differ, but for what the content of its configuration adds. */
function isSame(from: Declared, to: Declared): boolean {
  return from.blob === to.blob && from.document === to.document && stampOf(from.object) === stampOf(to.object);
}
