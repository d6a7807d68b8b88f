/** trueup on a real Kubernetes API server: beside a bare loop of the same writes, and beside kubectl. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { Fleet } from "../src/daemon/fleet.ts";
import { openRepository } from "../src/git/repository.ts";
import { SqliteLedger } from "../src/ledger/sqlite-ledger.ts";
import type { JsonObject, KubeObject } from "../src/model/object.ts";
import { SystemClock } from "../src/util/clock.ts";
import { pathOf } from "../test/support/kubernetes/api.ts";
import { type Answer, BenchCluster, CONCURRENCY, type Counts, now } from "./kubernetes-control-plane.ts";
import { measureDaemon } from "./kubernetes-daemon.ts";
import { machineLine, median, printTable } from "./support.ts";
import { git, pause, until } from "./trueup.ts";

const APPS = Number(process.argv[2] ?? 1_000);
const PER_APP = 4;
/** Apps of each bare loop, two before and two after trueup's: the machine is not as busy at both times. */
const FLOOR_APPS = Math.ceil(APPS / 8);
const ROUNDS = Number(process.env.ROUNDS ?? 15);
const BETWEEN_ROUNDS_MS = 250;
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

function commit(repository: string, files: Readonly<Record<string, string>>, message: string): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(repository, path, ".."), { recursive: true });
    writeFileSync(join(repository, path), text);
  }
  git(repository, "add", "--all");
  git(repository, "commit", "--quiet", "--message", message);
  return git(repository, "rev-parse", "HEAD");
}

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
 * @returns Milliseconds an object
 */
async function floor(cluster: BenchCluster, prefix: string, rehearses: boolean): Promise<number> {
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
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const took = now() - begun;
  await api.close();
  console.error(`the bare loop, ${prefix}: ${(took / (FLOOR_APPS * PER_APP)).toFixed(2)} ms an object`);
  await cluster.rest();
  return took / (FLOOR_APPS * PER_APP);
}

// ---- trueup ---------------------------------------------------------------------------------------------------------

/** Whether an answer is to a write of an app's object, neither to its rehearsal nor to a write of trueup's own records. */
function isApplied({ call: { method, path, query } }: Answer): boolean {
  return method === "PATCH" && query?.dryRun === undefined && !path.includes("/trueup-system/");
}

class World {
  readonly fleet: Fleet;
  readonly #applied: Answer[];
  readonly #ends: (() => unknown)[];

  private constructor(fleet: Fleet, applied: Answer[], ends: (() => unknown)[]) {
    this.fleet = fleet;
    this.#applied = applied;
    this.#ends = ends;
  }

  static async make(cluster: BenchCluster, repositoryPath: string, state: string): Promise<World> {
    mkdirSync(state, { recursive: true });
    const applied: Answer[] = [];
    const backend = await cluster.backend(OWNER, (answer) => {
      if (isApplied(answer)) applied.push(answer);
    });
    const repository = await openRepository(repositoryPath);
    const ledger = new SqliteLedger({ path: join(state, "ledger.db") });
    const fleet = new Fleet({
      target: "bench",
      repository,
      ref: "main",
      backend,
      ledger,
      images: { update: () => Promise.resolve(), digests: () => ({}) },
      imagePaths: [],
      clock: new SystemClock(),
      configKey: new Uint8Array(32),
      log: { info: () => undefined, warn: console.error, error: console.error },
      onImages: () => undefined,
    });
    const ends = [() => fleet.close(), () => backend.close(), () => ledger.close(), () => repository.close()];
    return new World(fleet, applied, ends);
  }

  async close(): Promise<void> {
    for (const end of this.#ends) await end();
  }

  /** Milliseconds since the epoch of the answer to the last of this many writes of objects, from now on. */
  async applies(count: number, doIt: () => unknown): Promise<number> {
    const last = this.#applied.length + count - 1;
    await doIt();
    for (;;) {
      const answer = this.#applied[last];
      if (answer !== undefined) return answer.at;
      const failed = this.fleet.statuses().find(({ phase }) => phase === "Rejected" || phase === "Failed");
      if (failed !== undefined) throw new Error(`${failed.app} is ${failed.phase}: ${failed.reason}`);
      await pause(count > 1 ? 500 : 10);
    }
  }
}

interface Figures {
  /** Of the bare loops, milliseconds an object. */
  floors: number[];
  /** The same with a dry run of each object. */
  rehearsed: number[];
  firstMs: number;
  first: Counts;
  syncedMs: number;
  commits: number[];
  oneCommit: Counts;
  passes: number[];
  passed: Counts;
  empty: number[];
  restartMs: number;
  restart: Counts;
  load: number[];
}

async function measure(cluster: BenchCluster, repository: string, state: string): Promise<Figures> {
  const commits = prepare(repository);
  const load = loadavg();
  const floors: number[] = [];
  const rehearsed: number[] = [];
  const loops = async (when: string): Promise<void> => {
    floors.push(await floor(cluster, when, false));
    rehearsed.push(await floor(cluster, `${when}-rehearsed`, true));
  };
  await loops("before");
  const running = await measureRunning(cluster, repository, state, commits);
  const restarted = await measureRestart(cluster, repository, state);
  await loops("after");
  return { ...running, ...restarted, floors, rehearsed, load: [load[0] ?? 0, loadavg()[0] ?? 0] };
}

async function measureRunning(
  cluster: BenchCluster,
  repository: string,
  state: string,
  commits: readonly string[],
): Promise<Omit<Figures, "restartMs" | "restart" | "floors" | "rehearsed" | "load">> {
  const world = await World.make(cluster, repository, state);
  const { fleet } = world;
  try {
    let mark = await cluster.mark();
    const begun = now();
    const firstMs = (await world.applies(APPS * PER_APP, () => fleet.start())) - begun;
    console.error(`first applied: ${(firstMs / (APPS * PER_APP)).toFixed(2)} ms an object`);
    await fleet.settled();
    const syncedMs = now() - begun;
    const first = await cluster.counts(mark);
    await cluster.rest();
    await fleet.settled();
    mark = await cluster.mark();
    const changing: number[] = [];
    const empty: number[] = [];
    for (const [index, id] of commits.entries()) {
      const moved = now();
      const move = (): string => git(repository, "update-ref", "refs/heads/main", id);
      if (index % 2 === 0) changing.push((await world.applies(1, move)) - moved);
      else move();
      await until("all apps at the head", () => fleet.statuses().every(({ head }) => head?.commit === id) || undefined);
      await fleet.settled();
      if (index % 2 === 1) empty.push(now() - moved);
      await pause(BETWEEN_ROUNDS_MS);
    }
    const oneCommit = await cluster.counts(mark);
    mark = await cluster.mark();
    const passes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const asked = now();
      await fleet.settled();
      passes.push(now() - asked);
    }
    return {
      firstMs,
      first,
      syncedMs,
      commits: changing,
      oneCommit,
      passes,
      passed: await cluster.counts(mark),
      empty,
    };
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
  const world = await World.make(cluster, repository, state);
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

function report(figures: Figures, kubectl: { diff: number; apply: number }): void {
  const objects = APPS * PER_APP;
  const { floors, firstMs, first, syncedMs, commits, oneCommit, passes, passed, empty, restartMs, restart } = figures;
  const floorMs = median(floors) * objects;
  const rehearsedMs = median(figures.rehearsed) * objects;
  const rows = [
    ["for comparison: a bare loop of server-side applies", ms(floorMs), `${objects} + 0 + 0`, "", "1.00"],
    [
      "for comparison: the same loop with a dry run of each",
      ms(rehearsedMs),
      `${objects} + ${objects} + 0`,
      "",
      (rehearsedMs / floorMs).toFixed(2),
    ],
    ["first applied", ms(firstMs), asked(first), `${FIRST_AIM} × the loop`, (firstMs / floorMs).toFixed(2)],
    ["first applied, until the controllers have followed", ms(syncedMs), "", "", (syncedMs / floorMs).toFixed(2)],
    [
      `a commit that changes one object → answer`,
      ms(median(commits)),
      asked(each(oneCommit)),
      `< ${COMMIT_AIM_MS} ms`,
      (median(commits) / COMMIT_AIM_MS).toFixed(2),
    ],
    ["a commit that changes none → every app says so", ms(median(empty)), "", "", ""],
    [
      "no-op pass",
      ms(median(passes)),
      asked(passed),
      `< ${NO_OP_AIM_MS} ms, 0 requests`,
      (median(passes) / NO_OP_AIM_MS).toFixed(2),
    ],
    ["first pass after a restart", ms(restartMs), asked(restart), "", ""],
  ];
  rows.push([
    `for comparison: kubectl diff --server-side, ${KUBECTL_APPS * PER_APP} objects`,
    ms(kubectl.diff),
    "",
    "",
    (kubectl.diff / NO_OP_AIM_MS).toFixed(0),
  ]);
  rows.push([
    `for comparison: kubectl apply --server-side, ${KUBECTL_APPS * PER_APP} objects`,
    ms(kubectl.apply),
    "",
    "",
    (kubectl.apply / NO_OP_AIM_MS).toFixed(0),
  ]);
  console.log(machineLine());
  console.log(
    `${APPS} apps of ${PER_APP} objects; load average ${figures.load.map((each) => each.toFixed(1)).join(" at the start, ")} at the end`,
  );
  printTable(["what", "median", "writes + dry runs + reads", "aim", "of aim"], rows);
  console.log(
    `The loop: ${FLOOR_APPS} apps before and ${FLOOR_APPS} after (${floors.map((each) => each.toFixed(2)).join(" and ")} ms an object), ${CONCURRENCY} requests at a time.`,
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
  report(figures, await measureKubectl(cluster, repository));
  printTable(
    ["daemon process, idle", "figure", "aim"],
    [
      [
        `memory (RSS), ${daemon.watched} objects watched`,
        `${daemon.rssMb.toFixed(0)} MB`,
        `< ${MEMORY_AIM_MB} MB with 10,000`,
      ],
      ["of it its own", `${daemon.ownMb.toFixed(0)} MB`, ""],
      [`processor time of an hour, from ${daemon.measuredS} s`, `${daemon.hourS.toFixed(1)} s`, ""],
    ],
  );
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
