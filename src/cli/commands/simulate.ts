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
import type { RolloutForecast } from "../../model/rollout.ts";
import { type CommitId, shortId } from "../../model/source.ts";
import { ConfigStamper, numberedDigest } from "../../plan/config-digest.ts";
import { dayOf, formatDiagnostics, judge, NO_FLOOR, notRunHere } from "../../validation/index.ts";
import type { Command, CommandContext, Invocation } from "../command.ts";
import { checkApp, EMBEDDED, loadAppAt } from "../manifests.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";

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
  const forecast = await simulateRollout({
    before: base === undefined ? [] : await declaredAt(repository, base, path, day, stamper),
    after: await declaredAt(repository, commit, path, day, stamper),
    commit,
    scenario: await readScenario(context.cwd, text("scenario")),
    limitMs: (count("minutes") ?? DEFAULT_MINUTES) * MS_PER_MINUTE,
  });
  const format = dataFormat(invocation);
  if (format !== undefined) await printData(context.out, format, { from: base ?? null, commit, ...forecast });
  else await context.out.write(render(forecast, base, commit));
  return forecast.outcome === "complete" ? 0 : 1;
}

/** The valid objects of a commit, of all its apps; an invalid commit cannot be simulated. */
async function declaredAt(
  repository: Repository,
  commit: CommitId,
  path: string,
  day: string,
  stamper: ConfigStamper,
): Promise<Declared[]> {
  const apps: Pick<AppSettings, "path" | "namespace" | "kubernetesVersion" | "validation">[] =
    path === "" ? await readApps(repository, commit) : [{ path, namespace: "default", validation: NO_FLOOR }];
  const texts = new Map<string, string>();
  const declared: Declared[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const { path: directory, namespace, kubernetesVersion, validation } of apps) {
    const app = await loadAppAt(repository, commit, directory, namespace);
    for (const { file, text } of app.files) texts.set(file, text);
    declared.push(...stamper.stamp(app.declared));
    const found = checkApp(app, { defaultNamespace: namespace, kubernetesVersion, checks: validation });
    const counted = judge(found, { settings: validation, day, objects: () => [] });
    diagnostics.push(...counted.filter(isError), ...notRunHere(app.declared, EMBEDDED));
  }
  if (diagnostics.length > 0) {
    const report = formatDiagnostics(diagnostics, { color: false, sourceOf: (file) => texts.get(file) });
    throw new TrueupError("invalid", `Cannot simulate ${shortId(commit)} as its manifests must be valid:\n${report}`);
  }
  return declared;
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
