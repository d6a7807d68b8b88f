/** trueup on a real Kubernetes API server: beside a bare loop of the same writes, and beside kubectl. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject, KubeObject } from "../src/model/object.ts";
import { pathOf } from "../test/support/kubernetes/api.ts";
import { BenchCluster, CONCURRENCY, type Counts, now } from "./kubernetes-control-plane.ts";
import { type DaemonFigures, measureDaemon } from "./kubernetes-daemon.ts";
import { measureOneApp, type OneAppFigures } from "./kubernetes-one-app.ts";
import { commit, measureRounds, type Rounds, World } from "./kubernetes-world.ts";
import { machineLine, median, printTable } from "./support.ts";
import { git } from "./trueup.ts";

const APPS = Number(process.argv[2] ?? 1_000);
const PER_APP = 4;
/** Apps of each bare loop, two before and two after trueup's: the machine is not as busy at both times. */
const FLOOR_APPS = Math.ceil(APPS / 8);
const ROUNDS = Number(process.env.ROUNDS ?? 15);
/** kubectl is slow enough with fewer. */
const KUBECTL_APPS = Math.min(APPS, 100);
const FIRST_AIM = 1.2;
const COMMIT_AIM_MS = 200;
const NO_OP_AIM_MS = 50;
const MEMORY_AIM_MB = 200;
const OWNER = "bench";
const APPLY_PATCH = "application/apply-patch+yaml";
const NEVER = new AbortController().signal;

function objectsOf(name: string, value: string): KubeObject[] {
  const labels = { app: name };
  const metadata = { name, namespace: name };
  const container = { name: "web", image: "web:v1" };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { replicas: 0, selector: { matchLabels: labels }, template },
    },
  ];
}

// ---- The repository -------------------------------------------------------------------------------------------------

const appName = (app: number): string => `app-${app}`;
const fileOf = (app: number): string => `apps/${app}/all.yaml`;

function manifest(app: number, value: string): Record<string, string> {
  const documents = objectsOf(appName(app), value).map((object) => `${JSON.stringify(object)}\n`);
  return { [fileOf(app)]: documents.join("---\n") };
}

/** `main` at its first commit, and the commits to come: one object changes, then none, and so on. */
function prepare(repository: string): string[] {
  mkdirSync(repository);
  git(repository, "init", "--quiet", "--initial-branch", "main");
  const all = Array.from({ length: APPS }, (_, app) => app);
  const named = all.map((app) => `- { name: ${appName(app)}, path: apps/${app}, namespace: ${appName(app)} }\n`);
  const files = Object.assign(
    { "trueup.yaml": `apps:\n${named.join("")}` },
    ...all.map((app) => manifest(app, "first")),
  );
  commit(repository, files, "first");
  git(repository, "checkout", "--quiet", "-b", "prepared");
  return Array.from({ length: ROUNDS }, (_, round) => [
    commit(repository, manifest((round * 7) % APPS, `round ${round}`), `change one object, ${round}`),
    commit(repository, { "README.md": `${round}\n` }, `change none, ${round}`),
  ]).flat();
}

// ---- The bare loop --------------------------------------------------------------------------------------------------

/**
 * Applies the same objects under other names, as fast as the same client can.
 *
 * @param rehearses Whether each object of an app is dry-run before the first of them is written, as far as it can be
 * @returns Milliseconds an object, by the wall and of this process
 */
async function floor(
  cluster: BenchCluster,
  prefix: string,
  rehearses: boolean,
): Promise<{ ms: number; cpuMs: number }> {
  const api = await cluster.client("admin");
  const apps = Array.from({ length: FLOOR_APPS }, (_, app) => objectsOf(`${prefix}-${app}`, "first"));
  const query = { fieldManager: "bench", fieldValidation: "Strict", force: true };
  const send = (object: KubeObject, dryRun?: string): Promise<JsonObject> => {
    const body = object as unknown as JsonObject;
    const call = { path: pathOf(object), query: { ...query, dryRun }, body, contentType: APPLY_PATCH };
    return api.request({ method: "PATCH", ...call }, NEVER);
  };
  const worker = async (): Promise<void> => {
    for (let objects = apps.pop(); objects !== undefined; objects = apps.pop()) {
      const [namespace, ...others] = objects as [KubeObject, ...KubeObject[]];
      if (rehearses) await send(namespace, "All");
      await send(namespace);
      for (const object of rehearses ? others : []) await send(object, "All");
      for (const object of others) await send(object);
    }
  };
  const begun = now();
  const cpu = process.cpuUsage();
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const took = now() - begun;
  const cpuMs = cpuSince(cpu);
  await api.close();
  console.error(`the bare loop, ${prefix}: ${(took / (FLOOR_APPS * PER_APP)).toFixed(2)} ms an object`);
  await cluster.rest();
  return { ms: took / (FLOOR_APPS * PER_APP), cpuMs: cpuMs / (FLOOR_APPS * PER_APP) };
}

/** Processor time of this process since then, milliseconds. */
function cpuSince(then: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(then);
  return (user + system) / 1_000;
}

// ---- trueup ---------------------------------------------------------------------------------------------------------

interface Figures extends Rounds {
  /** Of the bare loops, milliseconds an object. */
  floors: number[];
  /** The same with a dry run of each object. */
  rehearsed: number[];
  /** Processor time of this process for it, the bare loop's an object beside it. */
  firstCpu: number;
  floorsCpu: number[];
  firstMs: number;
  first: Counts;
  syncedMs: number;
  restartMs: number;
  restart: Counts;
  load: number[];
}

async function measure(cluster: BenchCluster, repository: string, state: string): Promise<Figures> {
  const commits = prepare(repository);
  const load = loadavg();
  const floors: number[] = [];
  const rehearsed: number[] = [];
  const floorsCpu: number[] = [];
  const loops = async (when: string): Promise<void> => {
    const bare = await floor(cluster, when, false);
    floors.push(bare.ms);
    floorsCpu.push(bare.cpuMs);
    rehearsed.push((await floor(cluster, `${when}-rehearsed`, true)).ms);
  };
  await loops("before");
  const running = await measureRunning(cluster, repository, state, commits);
  const restarted = await measureRestart(cluster, repository, state);
  await loops("after");
  return { ...running, ...restarted, floors, floorsCpu, rehearsed, load: [load[0] ?? 0, loadavg()[0] ?? 0] };
}

async function measureRunning(
  cluster: BenchCluster,
  repository: string,
  state: string,
  commits: readonly string[],
): Promise<Omit<Figures, "restartMs" | "restart" | "floors" | "floorsCpu" | "rehearsed" | "load">> {
  const world = await World.make(cluster, repository, state, OWNER);
  const { fleet } = world;
  try {
    const mark = await cluster.mark();
    const begun = now();
    const cpu = process.cpuUsage();
    const firstMs = (await world.applies(APPS * PER_APP, () => fleet.start())) - begun;
    const firstCpu = cpuSince(cpu);
    console.error(`first applied: ${(firstMs / (APPS * PER_APP)).toFixed(2)} ms an object`);
    await fleet.settled();
    const syncedMs = now() - begun;
    const first = await cluster.counts(mark);
    await cluster.rest();
    await fleet.settled();
    return { firstMs, firstCpu, first, syncedMs, ...(await measureRounds(cluster, world, repository, commits)) };
  } finally {
    await world.close();
  }
}

async function measureRestart(
  cluster: BenchCluster,
  repository: string,
  state: string,
): Promise<Pick<Figures, "restartMs" | "restart">> {
  const mark = await cluster.mark();
  const world = await World.make(cluster, repository, state, OWNER);
  try {
    const begun = now();
    await world.fleet.start();
    await world.fleet.settled();
    return { restartMs: now() - begun, restart: await cluster.counts(mark) };
  } finally {
    await world.close();
  }
}

/** kubectl on the files of so many apps: their objects are there, just so. Milliseconds. */
async function measureKubectl(cluster: BenchCluster, repository: string): Promise<{ diff: number; apply: number }> {
  git(repository, "checkout", "--quiet", "--force", "main");
  const files = Array.from({ length: KUBECTL_APPS }, (_, app) => ["--filename", join(repository, fileOf(app))]).flat();
  const apply = ["apply", "--server-side", ...files];
  // The first time it notes itself as a manager of each object.
  await cluster.kubectl(apply);
  const diff = await cluster.kubectl(["diff", "--server-side", ...files], [0, 1]);
  return { diff, apply: await cluster.kubectl(apply) };
}

// ---- The table ------------------------------------------------------------------------------------------------------

const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
const asked = ({ writes, dryRuns, reads }: Counts): string => `${writes} + ${dryRuns} + ${reads}`;

type Row = [what: string, figure: string, requests: string, aim: string, ofAim: string];

const ofAim = (value: number, aim: number): string => (value / aim).toFixed(2);
const compared = (what: string, took: number): Row => [`for comparison: ${what}`, ms(took), "", "", ""];

/** What is the same of a thousand apps and of one app that has as many objects. */
function roundRows(of: string, { commits, oneCommit, passes, passed, empty }: Rounds): Row[] {
  const aim = `< ${COMMIT_AIM_MS} ms`;
  const noOpAim = `< ${NO_OP_AIM_MS} ms, 0 requests`;
  const [commitMs, passMs] = [median(commits), median(passes)];
  return [
    [
      `${of}: a commit of one object → answer`,
      ms(commitMs),
      asked(each(oneCommit)),
      aim,
      ofAim(commitMs, COMMIT_AIM_MS),
    ],
    [`${of}: a commit of none → all say so`, ms(median(empty)), "", "", ""],
    [`${of}: no-op pass`, ms(passMs), asked(passed), noOpAim, ofAim(passMs, NO_OP_AIM_MS)],
  ];
}

function report(
  figures: Figures,
  oneApp: OneAppFigures,
  daemon: DaemonFigures,
  kubectl: { diff: number; apply: number },
): void {
  const objects = APPS * PER_APP;
  const { floors, firstMs, first, syncedMs, restartMs, restart } = figures;
  const floorMs = median(floors) * objects;
  const rehearsedMs = median(figures.rehearsed) * objects;
  const firstAim = `${FIRST_AIM} × the loop`;
  const many = `${APPS} apps`;
  const one = `one app of ${objects} objects`;
  const rows: Row[] = [
    ["for comparison: a bare loop of server-side applies", ms(floorMs), `${objects} + 0 + 0`, "", "1.00"],
    [
      "for comparison: that with a dry run of each",
      ms(rehearsedMs),
      `${objects} + ${objects} + 0`,
      "",
      ofAim(rehearsedMs, floorMs),
    ],
    [`${many}: first applied`, ms(firstMs), asked(first), firstAim, ofAim(firstMs, floorMs)],
    [`${many}: until the controllers have followed`, ms(syncedMs), "", "", ofAim(syncedMs, floorMs)],
    ...roundRows(many, figures),
    [`${many}: first pass after a restart`, ms(restartMs), asked(restart), "", ""],
    [`${one}: first applied`, ms(oneApp.firstMs), asked(oneApp.first), "", ofAim(oneApp.firstMs, floorMs)],
    ...roundRows(one, oneApp),
    compared(`kubectl diff --server-side, ${KUBECTL_APPS * PER_APP} objects`, kubectl.diff),
    compared(`kubectl apply --server-side, ${KUBECTL_APPS * PER_APP} objects`, kubectl.apply),
    [
      `daemon, idle: memory (RSS), ${daemon.watched} objects watched`,
      `${daemon.rssMb.toFixed(0)} MB`,
      "",
      `< ${MEMORY_AIM_MB} MB with 10,000`,
      ofAim(daemon.rssMb, MEMORY_AIM_MB),
    ],
    ["daemon, idle: of it its own", `${daemon.ownMb.toFixed(0)} MB`, "", "", ""],
    [`daemon, idle: processor time of an hour, from ${daemon.measuredS} s`, `${daemon.hourS.toFixed(1)} s`, "", "", ""],
  ];
  console.log(machineLine());
  console.log(
    `${APPS} apps of ${PER_APP} objects; load average ${figures.load.map((each) => each.toFixed(1)).join(" at the start, ")} at the end`,
  );
  printTable(["what", "median", "writes + dry runs + reads", "aim", "of aim"], rows);
  console.log(
    `The loop: ${FLOOR_APPS} apps before and ${FLOOR_APPS} after (${floors.map((each) => each.toFixed(2)).join(" and ")} ms an object), ${CONCURRENCY} requests at a time.`,
  );
  console.log(
    `Processor time of this process an object: the loop ${median(figures.floorsCpu).toFixed(2)} ms, first applied ${(figures.firstCpu / objects).toFixed(2)} ms.`,
  );
}

function each({ writes, dryRuns, reads }: Counts): Counts {
  return { writes: writes / ROUNDS, dryRuns: dryRuns / ROUNDS, reads: reads / ROUNDS };
}

const folder = mkdtempSync(join(tmpdir(), "trueup-bench-"));
const cluster = await BenchCluster.start();
try {
  const repository = join(folder, "repository");
  const figures = await measure(cluster, repository, join(folder, "state"));
  const daemon = await measureDaemon(cluster, repository, OWNER);
  const kubectl = await measureKubectl(cluster, repository);
  const oneApp = await measureOneApp(cluster, folder, { objects: APPS * PER_APP, rounds: ROUNDS });
  report(figures, oneApp, daemon, kubectl);
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
