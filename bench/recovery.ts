/** How long a new daemon takes over after kill -9 with 1,000 pods, each a real process: until all is Synced, and none was restarted. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient, type DaemonClient } from "../src/cli/client.ts";
import { TrueupError } from "../src/model/errors.ts";
import type { Pod } from "../src/model/workload.ts";
import { SystemClock } from "../src/util/clock.ts";
import { daemonRecords } from "../test/support/daemon.ts";
import { machineLine, median, printTable } from "./support.ts";
import { bundledMain, type Child, git, type Home, inHome, kubeletPid, pause } from "./trueup.ts";

const PODS = Number(process.env.PODS ?? 1_000);
const PER_DEPLOYMENT = 10;
const ROUNDS = Number(process.env.ROUNDS ?? 3);
/** A thousand processes take their time on two processors. */
const LONGEST_MS = 180_000;
/** The API is asked so often; the figures are so exact. */
const ASK_EVERY_MS = 20;

const clock = new SystemClock();
const { signal } = new AbortController();

function deployment(index: number): string {
  const name = `app-${index}`;
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: ${PER_DEPLOYMENT}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{ name: sleep, image: "sleep:v1" }]
`;
}

function prepareRepository(path: string): void {
  mkdirSync(join(path, "images/sleep/v1"), { recursive: true });
  const config = JSON.stringify({ config: { Entrypoint: ["sleep", "100000"] } });
  writeFileSync(join(path, "images/sleep/v1/config.json"), config);
  for (let index = 0; index < PODS / PER_DEPLOYMENT; index++) {
    writeFileSync(join(path, `app-${index}.yaml`), deployment(index));
  }
  git(path, "init", "--quiet", "--initial-branch", "main");
  git(path, "add", "--all");
  git(path, "commit", "--quiet", "--message", "all");
}

/** One story: the first roll-out, then daemons, and at last kubelets, that are killed and replaced. */
class Machine {
  readonly #main: string;
  readonly #home: Home;
  readonly #repository: string;
  readonly #state: string;
  readonly #start: (argv: readonly string[]) => Child;
  #daemon: Child | null = null;

  constructor(main: string, home: Home, start: (argv: readonly string[]) => Child) {
    this.#main = main;
    this.#home = home;
    this.#start = start;
    this.#repository = join(home.dir, "repository");
    this.#state = join(home.dir, "state");
    prepareRepository(this.#repository);
  }

  /** @returns Milliseconds from the start of a daemon until it says that all is Synced, its kubelet connected */
  async takeOver(): Promise<number> {
    const begun = performance.now();
    const daemon = this.#start([this.#main, "run", this.#repository, "--ref", "main", "--state", this.#state]);
    this.#daemon = daemon;
    while (!(await this.#isSynced(daemon))) {
      if (daemon.process.exitCode !== null) throw new Error(`The daemon ended:\n${daemon.output}`);
      if (performance.now() - begun > LONGEST_MS) throw new Error(`Not Synced after ${LONGEST_MS} ms`);
      await pause(ASK_EVERY_MS);
    }
    return performance.now() - begun;
  }

  async #isSynced({ pid }: Child): Promise<boolean> {
    const client = this.#client();
    if (client === null) return false;
    try {
      const status = await client.status(signal);
      const isSynced = status.apps.length > 0 && status.apps.every(({ phase }) => phase === "Synced");
      return status.pid === pid && status.kubelet?.connected === true && isSynced;
    } catch (error) {
      // Nobody answers yet.
      if (error instanceof TrueupError && error.code === "unavailable") return false;
      throw error;
    }
  }

  #client(): DaemonClient | null {
    const [record] = daemonRecords(this.#home);
    return record === undefined ? null : createClient({ socket: record.socket, clock });
  }

  /** Container id by pod uid. */
  async pods(): Promise<Map<string, string>> {
    const list = await this.#client()?.list({ kind: "Pod" }, signal);
    const pods = (list?.items ?? []) as Pod[];
    return new Map(
      pods.map(({ metadata, status }) => [metadata.uid ?? "", status?.containerStatuses?.[0]?.containerID ?? ""]),
    );
  }

  async killDaemon(): Promise<void> {
    this.#daemon?.kill("SIGKILL");
    await this.#daemon?.exited;
  }

  async killKubelet(): Promise<void> {
    const pid = kubeletPid(this.#state);
    if (pid === undefined) throw new Error("There is no kubelet to kill");
    process.kill(pid, "SIGKILL");
    while (kubeletPid(this.#state) !== undefined) await pause(1);
  }
}

/** Kills, times what follows, and makes sure that every pod is the same process as before. */
async function measure(machine: Machine, kill: () => Promise<void>): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = await machine.pods();
    await kill();
    values.push(await machine.takeOver());
    const after = await machine.pods();
    const lost = [...before].filter(([uid, id]) => after.get(uid) !== id).length;
    if (lost > 0 || after.size !== PODS) throw new Error(`${lost} of ${PODS} pods were not adopted`);
  }
  return values;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
const row = (what: string, values: readonly number[]): string[] => [
  what,
  seconds(median(values)),
  seconds(Math.min(...values)),
  seconds(Math.max(...values)),
];

const main = await bundledMain();
console.log(machineLine());
await inHome(async (home, start) => {
  const machine = new Machine(main, home, start);
  const first = await machine.takeOver();
  const daemon = await measure(machine, () => machine.killDaemon());
  const both = await measure(machine, async () => {
    await machine.killDaemon();
    await machine.killKubelet();
  });
  printTable(
    [`${PODS} pods, ${PODS / PER_DEPLOYMENT} Deployments`, "median", "min", "max"],
    [
      row("first roll-out, from nothing to Synced", [first]),
      row("daemon killed: new one to Synced", daemon),
      row("daemon and kubelet killed: new ones to Synced", both),
    ],
  );
  console.log(`${ROUNDS} rounds each; every pod is the same process before and after. Pods are processes that sleep.`);
});
