/** From a commit to what it causes: a new process, a plan in a large repository, a no-op; and the first pass after a restart. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EmbeddedBackend } from "../src/backend/embedded.ts";
import { EmbeddedCluster } from "../src/cluster/cluster.ts";
import { Fleet } from "../src/daemon/fleet.ts";
import { openRepository } from "../src/git/repository.ts";
import { ImageStore } from "../src/image/store.ts";
import { Journal } from "../src/kubelet/journal.ts";
import { LocalKubelet } from "../src/kubelet/kubelet.ts";
import { nullProxy } from "../src/kubelet/proxy-contract.ts";
import { parseScenario } from "../src/kubelet/scenario.ts";
import { SimulatedRuntime } from "../src/kubelet/simulated-runtime.ts";
import { SqliteLedger } from "../src/ledger/sqlite-ledger.ts";
import { SystemClock } from "../src/util/clock.ts";
import { seededRandom } from "../src/util/random.ts";
import { machineLine, median, printTable } from "./support.ts";
import { bundledMain, git, inHome, pause, until } from "./trueup.ts";

const ROUNDS = 15;
const PROCESS_AIM_MS = 150;
const PLAN_AIM_MS = 100;
const NO_OP_AIM_MS = 30;
const DIRECTORIES = 100;
const PER_DIRECTORY = Number(process.env.MANIFESTS ?? 10_000) / DIRECTORIES;
/** Long enough for a rollout of one pod to be over, and for the watcher to be at rest. */
const BETWEEN_ROUNDS_MS = 1_000;

const run = promisify(execFile);
const now = (): number => performance.timeOrigin + performance.now();

/** Moves the branch as `git commit` does last; milliseconds since the epoch just before git was started. */
async function moveBranch(repository: string, commit: string): Promise<number> {
  const begun = now();
  await run("git", ["update-ref", "refs/heads/main", commit], { cwd: repository });
  return begun;
}

/** Writes files and commits them, on the branch that is checked out. @returns The commit's id */
function commitFiles(repository: string, files: Record<string, string>, message: string): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(repository, path, ".."), { recursive: true });
    writeFileSync(join(repository, path), content);
  }
  git(repository, "add", "--all");
  git(repository, "commit", "--quiet", "--message", message);
  return git(repository, "rev-parse", "HEAD");
}

/** A repository whose `main` is at its first commit, and further commits made from it that no ref of interest shows yet. */
function prepareRepository(
  repository: string,
  first: Record<string, string>,
  further: readonly Record<string, string>[],
): string[] {
  mkdirSync(repository, { recursive: true });
  git(repository, "init", "--quiet", "--initial-branch", "main");
  commitFiles(repository, first, "first");
  git(repository, "checkout", "--quiet", "-b", "prepared");
  return further.map((files, index) => commitFiles(repository, files, `prepared ${index}`));
}

// ---- Commit to process ----------------------------------------------------------------------------------------------

function stampingDeployment(round: number): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: stamp }
spec:
  replicas: 1
  selector: { matchLabels: { app: stamp } }
  template:
    metadata: { labels: { app: stamp } }
    spec:
      containers:
        - { name: stamp, image: "stamp:v1", env: [{ name: ROUND, value: "${round}" }] }
`;
}

/** `trueup run` on a real repository; each pod's first act is to write down the time. */
async function commitToProcess(main: string): Promise<number[]> {
  return inHome(async (home, start) => {
    const repository = join(home.dir, "repository");
    const stamps = join(home.dir, "stamps");
    const script = `echo "$ROUND $(date +%s%N)" >> ${stamps}; exec sleep 1000`;
    const first = {
      "stamp.yaml": stampingDeployment(0),
      "images/stamp/v1/config.json": JSON.stringify({ config: { Entrypoint: ["sh", "-c", script] } }),
    };
    const rounds = Array.from({ length: ROUNDS }, (_, index) => ({ "stamp.yaml": stampingDeployment(index + 1) }));
    const commits = prepareRepository(repository, first, rounds);
    start([main, "run", repository, "--ref", "main"]);
    const stampOf = (round: number): number | undefined => {
      const line = existsSync(stamps) && new RegExp(`^${round} (\\d+)$`, "m").exec(readFileSync(stamps, "utf8"));
      return line ? Number(line[1]) / 1e6 : undefined;
    };
    await until("the first process", () => stampOf(0));
    const values: number[] = [];
    for (const [index, commit] of commits.entries()) {
      await pause(BETWEEN_ROUNDS_MS);
      const begun = await moveBranch(repository, commit);
      values.push((await until("the new process", () => stampOf(index + 1))) - begun);
    }
    return values;
  });
}

// ---- A large repository ---------------------------------------------------------------------------------------------

function configMap(directory: number, index: number, value: string): Record<string, string> {
  const name = `config-${directory}-${index}`;
  const text = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n  mode: plain\n`;
  return { [`apps/${directory}/${name}.yaml`]: text };
}

/** The daemon's own parts on files, as it wires them, without its socket. */
async function startFleet(repositoryPath: string, state: string, onEnded: (commit: string) => void) {
  const clock = new SystemClock();
  const random = seededRandom(1);
  const repository = await openRepository(repositoryPath);
  const images = await ImageStore.open(join(state, "images"));
  const runtime = new SimulatedRuntime({ clock, random, scenario: parseScenario({ containers: [] }) });
  const journal = Journal.inMemory();
  const kubelet = new LocalKubelet({ runtime, clock, random, proxy: nullProxy, journal, directory: null });
  const cluster = new EmbeddedCluster({ path: join(state, "cluster.db"), clock, random, kubelet, images });
  const backend = new EmbeddedBackend(cluster);
  cluster.start();
  const ledger = new SqliteLedger({ path: join(state, "ledger.db") });
  const end = ledger.end.bind(ledger);
  ledger.end = async (...args) => {
    const ended = await end(...args);
    onEnded(args[0].commit);
    return ended;
  };
  const log = { info: () => undefined, warn: console.error, error: console.error };
  const onImages = (): void => cluster.node.imagesChanged();
  const parts = {
    target: "local",
    repository,
    ref: "main",
    backend,
    ledger,
    images,
    imagePaths: [],
    clock,
    configKey: new Uint8Array(32),
    log,
    onImages,
  };
  const fleet = new Fleet(parts);
  await fleet.start();
  return {
    fleet,
    close: async () => {
      await fleet.close();
      backend.close();
      await cluster.close();
      await kubelet.close();
      ledger.close();
      await repository.close();
    },
  };
}

interface LargeFigures {
  first: number;
  plan: number[];
  noOp: number[];
  restart: number;
  updateRef: number[];
  gitCommit: number[];
}

async function largeRepository(): Promise<LargeFigures> {
  const folder = mkdtempSync(join(tmpdir(), "trueup-bench-"));
  try {
    const repository = join(folder, "repository");
    const all: Record<string, string> = { "README.md": "0\n" };
    for (let directory = 0; directory < DIRECTORIES; directory++) {
      for (let index = 0; index < PER_DIRECTORY; index++) Object.assign(all, configMap(directory, index, "first"));
    }
    const rounds = Array.from({ length: ROUNDS }, (_, round) => round + 1);
    const commits = prepareRepository(
      repository,
      all,
      rounds.flatMap((round) => [configMap(round * 5, round, `round ${round}`), { "README.md": `${round}\n` }]),
    );
    return await measureLarge(folder, repository, commits);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureLarge(folder: string, repository: string, commits: readonly string[]): Promise<LargeFigures> {
  const ended = new Map<string, number>();
  const state = join(folder, "state");
  mkdirSync(state);
  const start = () => startFleet(repository, state, (commit) => ended.set(commit, now()));
  let begun = now();
  let { fleet, close } = await start();
  await fleet.settled();
  const figures: LargeFigures = { first: now() - begun, plan: [], noOp: [], restart: 0, updateRef: [], gitCommit: [] };
  try {
    let planned = Number.NaN;
    const stop = fleet.onChange(() => {
      const [status] = fleet.statuses();
      if (status?.reason.startsWith("applying ") === true) planned = now();
    });
    for (const [index, commit] of commits.entries()) {
      await pause(BETWEEN_ROUNDS_MS / 4);
      planned = Number.NaN;
      begun = await moveBranch(repository, commit);
      const end = await until("the attempt's end", () => ended.get(commit));
      if (index % 2 === 0) figures.plan.push(planned - begun);
      else figures.noOp.push(end - begun);
    }
    stop();
    await close();
    begun = now();
    ({ fleet, close } = await start());
    await fleet.settled();
    figures.restart = now() - begun;
  } finally {
    await close();
  }
  for (const commit of commits) figures.updateRef.push(-(await moveBranch(repository, commit)) + now());
  for (let round = 0; round < ROUNDS; round++) {
    writeFileSync(join(repository, "README.md"), `again ${round}\n`);
    begun = now();
    await run("git", ["-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qam", "again"], { cwd: repository });
    figures.gitCommit.push(now() - begun);
  }
  return figures;
}

// ---- The table ------------------------------------------------------------------------------------------------------

const ms = (value: number): string => `${value.toFixed(0)} ms`;

function row(what: string, values: readonly number[], aim?: number): string[] {
  const middle = median(values);
  const aims = aim === undefined ? ["", ""] : [`< ${aim} ms`, (middle / aim).toFixed(2)];
  return [what, ms(middle), ms(Math.min(...values)), ms(Math.max(...values)), ...aims];
}

console.log(machineLine());
const wanted = process.argv[2];
const rows: string[][] = [];
if (wanted !== "large") {
  rows.push(row("commit → first new process (trueup run)", await commitToProcess(await bundledMain()), PROCESS_AIM_MS));
}
if (wanted !== "process") {
  const { first, plan, noOp, restart, updateRef, gitCommit } = await largeRepository();
  const size = `${(DIRECTORIES * PER_DIRECTORY).toLocaleString("en")} manifests`;
  rows.push(row(`one-file commit → plan, ${size}`, plan, PLAN_AIM_MS));
  rows.push(row(`commit without a manifest → no-op, ${size}`, noOp, NO_OP_AIM_MS));
  rows.push(row(`first start and deployment, ${size}`, [first]));
  rows.push(row(`first pass after a restart, ${size}`, [restart]));
  rows.push(row("for comparison: git update-ref alone", updateRef));
  rows.push(row(`for comparison: git commit alone, ${size}`, gitCommit));
}
printTable(["what", "median", "min", "max", "aim", "of aim"], rows);
console.log(`${ROUNDS} rounds; the time runs from just before git update-ref is started, which is in every figure.`);
