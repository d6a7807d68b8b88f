/** `trueup validate`: checks manifests in files, on stdin or at a commit; needs no daemon. */
import { realpathSync } from "node:fs";
import { normalize, relative, resolve, sep } from "node:path";
import type { Repository } from "../../git/repository.ts";
import { compareDiagnostics, isError } from "../../model/diagnostic.ts";
import { TrueupError } from "../../model/errors.ts";
import { dayOf, KUBERNETES_VERSIONS } from "../../validation/index.ts";
import { programCache } from "../check/program-cache.ts";
import type { Command, CommandContext, ExitCode, Invocation } from "../command.ts";
import { readOperatorFile } from "../operator-config.ts";
import { type Checked, type CheckRequest, checkSource, readDefinitions } from "../validate/check.ts";
import { readLevels, withLevels } from "../validate/levels.ts";
import { FORMAT_OPTION, FORMATS, type Format, printChecked } from "../validate/print.ts";
import { changedOnly, partingPoint } from "../validate/since.ts";
import { CommitSource, DiskSource, type ManifestSource, readStdin, STDIN } from "../validate/sources.ts";

export const command: Command = {
  options: [
    { flags: "-n, --namespace <name>", summary: "namespace of objects that name none (default: default)" },
    {
      flags: "--kubernetes-version <version>",
      summary: `schemas to check with (default: what trueup.yaml says, else ${KUBERNETES_VERSIONS.at(-1)})`,
      choices: KUBERNETES_VERSIONS,
    },
    { flags: "--schema <path...>", summary: "files or folders of CustomResourceDefinitions", completes: "file" },
    { flags: "--allow-unknown-kinds", summary: "let kinds pass that no schema is known of" },
    {
      flags: "--config <file>",
      summary: "the operator's configuration: what it asks of every repository counts, too",
      completes: "file",
    },
    { flags: "--rev <revision>", summary: "check a commit instead, without a checkout", completes: "revision" },
    {
      flags: "--changed-since <revision>",
      summary: "say only what changed since the branch left this revision",
      completes: "revision",
    },
    { flags: "--filename <path>", summary: "name of what comes on standard input" },
    { flags: "--level <levels>", summary: "RULE=error,RULE=off: make warnings errors, or leave them out" },
    { flags: "--max-warnings <count>", summary: "exit 1 when there are more warnings" },
    { flags: "--fix", summary: "mend in the files what has one right mending, keeping comments" },
    { flags: "--dry-run", summary: "with --fix: show the changes, write nothing" },
    { flags: "-q, --quiet", summary: "print errors only, and no count" },
    { flags: "--schemas-only", summary: "check YAML and schemas, and nothing else" },
    { flags: "--no-cache", summary: "check every file anew; else unchanged files of a large directory are not" },
    FORMAT_OPTION,
  ],
  examples: [
    { line: "trueup validate", does: "check all manifests below this directory" },
    { line: "trueup validate deploy/ extra.yaml", does: "check these together" },
    { line: "trueup validate --kubernetes-version 1.34", does: "find what an older cluster does not serve" },
    { line: "trueup validate deploy --schema crds/", does: "check custom resources with these definitions" },
    { line: "helm template chart | trueup validate -", does: "check what another tool printed" },
    { line: "trueup validate --changed-since main -o github", does: "check a pull request, in a pipeline" },
    { line: "trueup validate --fix --dry-run", does: "show what could be mended" },
  ],
  details:
    "Directories are searched for .yaml, .yml and .json files; images/ and names that begin with a dot are passed over.\n" +
    "Where this directory has a trueup.yaml, that is checked too, and each app that it names by itself.\n" +
    "Paths that are named are checked as one app, without what trueup.yaml asks of its own.\n" +
    "With --changed-since everything is still checked together: what a change breaks in another file is said.\n" +
    "`trueup explain RULE` says more of a rule. Exits 0 when there is no error, 1 when there is one or there are more " +
    "warnings than allowed, 2 when something could not be read.",
  async run(context, invocation) {
    const repository = new LazyRepository(context);
    try {
      return await validate(context, invocation, repository);
    } catch (error) {
      // 1 says "invalid": whatever keeps us from checking must not look like that.
      if (!(error instanceof TrueupError) || error.code === "internal" || context.signal.aborted) throw error;
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      throw new TrueupError("usage", error.message, { ...hint, cause: error });
    } finally {
      await repository.close();
    }
  },
};

async function validate(context: CommandContext, invocation: Invocation, lazy: LazyRepository): Promise<ExitCode> {
  const levels = readLevels(invocation.text("level")?.split(",") ?? []);
  const allowed = invocation.count("max-warnings");
  refuseMixtures(invocation);
  const found = await check(context, invocation, lazy);
  const diagnostics = withLevels(found.diagnostics, levels).sort(compareDiagnostics);
  const format = FORMATS.find((each) => each === invocation.text("output")) as Format | undefined;
  const prefix = (): Promise<string> => lazy.prefixOrNone();
  await printChecked(context, { ...found, diagnostics }, { format, quiet: invocation.flag("quiet"), prefix });
  const warnings = diagnostics.filter((each) => !isError(each)).length;
  if (allowed !== undefined && warnings > allowed) {
    await context.err.line(`${warnings} warnings are more than the ${allowed} that --max-warnings allows`);
  }
  return warnings < diagnostics.length || warnings > (allowed ?? warnings) ? 1 : 0;
}

function refuseMixtures(invocation: Invocation): void {
  const refuse = (what: string, why: string): never => {
    throw new TrueupError("usage", `Cannot use ${what} as ${why}.`);
  };
  const stdin = invocation.args.includes("-");
  const fix = invocation.flag("fix");
  if (invocation.flag("dry-run") && !fix) refuse("--dry-run", "--fix must be given with it: it is not");
  if (invocation.text("filename") !== undefined && !stdin) refuse("--filename", "- must be among the paths: it is not");
  if (invocation.text("rev") === undefined) {
    if (fix && stdin) refuse("--fix with -", "there must be a file to write to: standard input is none");
    return;
  }
  if (stdin) refuse("--rev with -", "what is checked must be in the commit: standard input is not");
  if (fix) refuse("--fix with --rev", "there must be a file to write to: a commit is never changed");
}

async function check(context: CommandContext, invocation: Invocation, lazy: LazyRepository): Promise<Checked> {
  const { args: paths } = invocation;
  const namespace = invocation.text("namespace");
  const kubernetesVersion = invocation.text("kubernetes-version");
  const configured = invocation.text("config");
  const operators = configured === undefined ? undefined : await readOperatorFile(resolve(context.cwd, configured));
  const own = await readDefinitions(new DiskSource(context.cwd), invocation.list("schema"));
  const custom = {
    // From the disk also with --rev: definitions need not be in the repository.
    definitions: [...(operators?.definitions ?? []), ...own],
    allowUnknownKinds: invocation.flag("allow-unknown-kinds"),
    ...(operators !== undefined && { operator: operators.config.floor }),
    day: dayOf(context.clock.now()),
  };
  const schemasOnly = invocation.flag("schemas-only");
  const [revision, since] = [invocation.text("rev"), invocation.text("changed-since")];
  if (revision !== undefined) {
    const { repository, prefix } = await lazy.open();
    const commit = await repository.resolve(revision, context.signal);
    const request: CheckRequest = { paths, namespace, kubernetesVersion, schemasOnly, ...custom, stdin: undefined };
    const found = await checkSource(new CommitSource(repository, commit, prefix), request);
    if (since === undefined) return found;
    const base = await partingPoint(repository, await repository.resolve(since, context.signal), commit);
    return changedOnly(found, repository, base, prefix, request);
  }
  const opened = since === undefined ? undefined : await lazy.open();
  const disk = new DiskSource(context.cwd, opened?.repository.objectFormat);
  const stdin = paths.includes("-")
    ? await readStdin(context.stdin, disk, normalize(invocation.text("filename") ?? STDIN))
    : undefined;
  const cacheFor = invocation.flag("no-cache") ? undefined : programCache(context.env);
  const request: CheckRequest = { paths, namespace, kubernetesVersion, schemasOnly, cacheFor, ...custom, stdin };
  const source = invocation.flag("fix") ? await fix(context, invocation, disk, request) : disk;
  const found = await checkSource(source, request);
  if (opened === undefined || since === undefined) return found;
  const { repository, prefix } = opened;
  const from = await repository.resolve(since, context.signal);
  const base = await partingPoint(repository, from, await repository.resolve("HEAD", context.signal));
  return changedOnly(found, repository, base, prefix, { ...request, stdin: undefined });
}

/** Loaded when it is asked for. */
async function fix(
  context: CommandContext,
  invocation: Invocation,
  disk: DiskSource,
  request: CheckRequest,
): Promise<ManifestSource> {
  const { fixFiles } = await import("../validate/fix.ts");
  return fixFiles(context, disk, request, invocation.flag("dry-run"));
}

/** The repository that the command stands in, opened when it is asked for. */
class LazyRepository {
  readonly #context: CommandContext;
  #opened: { repository: Repository; prefix: string } | undefined;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  /** `prefix`: the directory that the command stands in, from the repository's root; "" for the root. */
  async open(): Promise<{ repository: Repository; prefix: string }> {
    const { cwd, signal } = this.#context;
    if (this.#opened === undefined) {
      // Files on disk are checked without git, and without loading what reads it.
      const { openRepository } = await import("../../git/repository.ts");
      const repository = await openRepository(cwd, { signal });
      const { workTree } = repository;
      const below = workTree === null ? "" : relative(realpathSync(workTree), realpathSync(cwd));
      this.#opened = { repository, prefix: below.split(sep).join("/") };
    }
    return this.#opened;
  }

  /** As `open`, but outside of repositories paths stay as they are. */
  async prefixOrNone(): Promise<string> {
    try {
      return (await this.open()).prefix;
    } catch (error) {
      if (error instanceof TrueupError && error.code === "not-found") return "";
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#opened?.repository.close();
  }
}
