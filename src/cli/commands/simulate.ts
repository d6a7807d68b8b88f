/** `trueup simulate`: a revision's rollout on a virtual clock, before anybody has to live through it. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type AppSettings, readApps } from "../../daemon/apps.ts";
import { simulateRollout } from "../../daemon/simulate.ts";
import { openRepository, type Repository } from "../../git/repository.ts";
import { parseScenario, type Scenario } from "../../kubelet/scenario.ts";
import { type Diagnostic, isError } from "../../model/diagnostic.ts";
import { messageOf, TrueupError } from "../../model/errors.ts";
import type { Declared } from "../../model/manifest.ts";
import { displayId, type ObjectId } from "../../model/object.ts";
import type { RolloutForecast } from "../../model/rollout.ts";
import { type CommitId, shortId } from "../../model/source.ts";
import { ConfigStamper, numberedDigest } from "../../plan/config-digest.ts";
import { dayOf, formatDiagnostics, isDefinition, judge, NO_FLOOR, notRunHere } from "../../validation/index.ts";
import type { Command, CommandContext, Invocation } from "../command.ts";
import { checkApp, EMBEDDED, loadAppAt } from "../manifests.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";
import { printableLine } from "../print/escape.ts";
import { readDefinitions } from "../validate/check.ts";
import { CommitSource } from "../validate/sources.ts";

const MS_PER_MINUTE = 60_000;
const DEFAULT_MINUTES = 120;

export const command: Command = {
  options: [
    {
      flags: "--from <revision>",
      summary: "what runs before (default: the revision's first parent)",
      completes: "revision",
    },
    {
      flags: "--path <dir>",
      summary: "only this directory, as one app (default: the apps of trueup.yaml)",
      completes: "directory",
    },
    {
      flags: "--scenario <file>",
      summary: "JSON: how long containers of which image take, and how they fail",
      completes: "file",
    },
    { flags: "--minutes <n>", summary: `call it stuck after so much virtual time (default: ${DEFAULT_MINUTES})` },
    OUTPUT_OPTION,
  ],
  examples: [
    { line: "trueup simulate", does: "play the head's rollout over what its parent declares" },
    { line: "trueup simulate feature --from main", does: "play a branch over another" },
    { line: "trueup simulate --scenario slow.json", does: "with containers that need as long as the file says" },
  ],
  details:
    'A scenario: {"seed": 1, "containers": [{"image": "*:v2", "startMs": 500, "readyMs": [1000, 4000]}]}. Exit 1: stuck.',
  async run(context, invocation) {
    const repository = await openRepository(context.cwd);
    try {
      return await simulate(context, invocation, repository);
    } finally {
      await repository.close();
    }
  },
};

async function simulate(context: CommandContext, invocation: Invocation, repository: Repository): Promise<0 | 1> {
  const { args, text, count } = invocation;
  const path = text("path") ?? "";
  const commit = await repository.resolve(args[0] ?? "HEAD");
  const from = text("from");
  const base = from === undefined ? (await repository.commit(commit)).parents[0] : await repository.resolve(from);
  const day = dayOf(context.clock.now());
  const stamper = new ConfigStamper(numberedDigest());
  const before = base === undefined ? null : await declaredAt(repository, base, path, day, stamper);
  const after = await declaredAt(repository, commit, path, day, stamper);
  if (after.strangers.length > 0) await tellLeftOut(context, after.strangers);
  const forecast = await simulateRollout({
    before: before?.declared ?? [],
    after: after.declared,
    commit,
    scenario: await readScenario(context.cwd, text("scenario")),
    limitMs: (count("minutes") ?? DEFAULT_MINUTES) * MS_PER_MINUTE,
  });
  const format = dataFormat(invocation);
  if (format !== undefined) await printData(context.out, format, { from: base ?? null, commit, ...forecast });
  else await context.out.write(render(forecast, base, commit));
  return forecast.outcome === "complete" ? 0 : 1;
}

/** How many objects are named that the simulator leaves out. */
const MOST_NAMED = 5;

async function tellLeftOut({ err }: CommandContext, strangers: readonly ObjectId[]): Promise<void> {
  const names = strangers.slice(0, MOST_NAMED).map(displayId).join(", ");
  const more = strangers.length > MOST_NAMED ? ` and ${strangers.length - MOST_NAMED} more` : "";
  const text = printableLine(
    `left out, as neither the simulator nor ${EMBEDDED.name} runs their kinds: ${names}${more}`,
  );
  await err.line(`${err.style.yellow("warning:")} ${text}`);
}

type PlayedApp = Pick<AppSettings, "path" | "namespace" | "kubernetesVersion" | "validation"> &
  Partial<Pick<AppSettings, "schemas" | "allowUnknownKinds">>;

/**
 * The valid objects of a commit, of all its apps, as far as the simulator runs them.
 *
 * @param strangers Told which ones it does not: they are left out
 * @throws {TrueupError} `invalid`: such a commit cannot be simulated
 */
async function declaredAt(
  repository: Repository,
  commit: CommitId,
  path: string,
  day: string,
  stamper: ConfigStamper,
): Promise<{ declared: Declared[]; strangers: ObjectId[] }> {
  const apps: PlayedApp[] =
    path === "" ? await readApps(repository, commit) : [{ path, namespace: "default", validation: NO_FLOOR }];
  const source = new CommitSource(repository, commit, "");
  const texts = new Map<string, string>();
  const loaded = await Promise.all(
    apps.map(async (settings) => ({
      settings,
      app: await loadAppAt(repository, commit, settings.path, settings.namespace),
    })),
  );
  // What the app declares itself counts first, then what it names, then what others have.
  const shared = loaded.flatMap(({ app }) => app.declared.filter(({ object }) => isDefinition(object)));
  const played: Declared[] = [];
  const strangers: ObjectId[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const { settings, app } of loaded) {
    const { namespace, kubernetesVersion, validation, schemas = [], allowUnknownKinds = false } = settings;
    for (const { file, text } of app.files) texts.set(file, text);
    const definitions = [...(await readDefinitions(source, schemas)), ...shared];
    const check = {
      defaultNamespace: namespace,
      kubernetesVersion,
      checks: validation,
      definitions,
      allowUnknownKinds,
    };
    const counted = judge(checkApp(app, check), { settings: validation, day, objects: () => [] });
    diagnostics.push(...counted.filter(isError));
    const strange = new Set(notRunHere(app.declared, EMBEDDED).flatMap(({ object }) => object ?? []));
    strangers.push(...strange);
    played.push(...stamper.stamp(app.declared).filter(({ id }) => !strange.has(id)));
  }
  if (diagnostics.length > 0) {
    const report = formatDiagnostics(diagnostics, { color: false, sourceOf: (file) => texts.get(file) });
    throw new TrueupError("invalid", `Cannot simulate ${shortId(commit)} as its manifests must be valid:\n${report}`);
  }
  return { declared: played, strangers };
}

async function readScenario(cwd: string, file: string | undefined): Promise<Scenario> {
  if (file === undefined) return parseScenario({});
  try {
    return parseScenario(JSON.parse(await readFile(resolve(cwd, file), "utf8")));
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    throw new TrueupError("usage", `Cannot read the scenario ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function render({ samples, ...forecast }: RolloutForecast, base: CommitId | undefined, commit: CommitId): string {
  const lines = [
    `${base === undefined ? "nothing" : shortId(base)} → ${shortId(commit)}, on a virtual clock`,
    "",
    "     TIME  PODS  AVAILABLE  WHAT",
    ...samples.map(
      ({ atMs, pods, available, message }) =>
        `${seconds(atMs).padStart(9)}  ${String(pods).padStart(4)}  ${String(available).padStart(9)}  ${message}`,
    ),
    "",
    `${forecast.outcome === "complete" ? `complete after ${seconds(forecast.durationMs)}` : `stuck: ${forecast.reason}`}; ` +
      `at most ${forecast.peakPods} pods, at least ${forecast.lowestAvailable} available`,
  ];
  return `${lines.join("\n")}\n`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
