/** Plays version 1, version 2 and the undo on one machine, with the kills asked for, and says what came of it. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import { messageOf } from "../../src/model/errors.ts";
import type { KubeletPodSummary } from "../../src/model/kubelet.ts";
import type { CommitId } from "../../src/model/source.ts";
import type { Pod } from "../../src/model/workload.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";
import { type History, moveMain, REPLICAS, WEB } from "./history.ts";
import { CrashMachine, type Kill, type Moment } from "./machine.ts";
import { pictureOfLedger, pictureOfObjects } from "./picture.ts";

export interface Outcome {
  /** Whether every kill came about. */
  hasKilled: boolean;
  moments: readonly Moment[];
  /** What must not be. */
  violations: readonly string[];
  objects: readonly string[];
  ledger: readonly string[];
  /** How many containers were started. */
  starts: number;
}

/** A rollout of this size takes a few virtual seconds, and a death some more. */
const LONGEST_MS = 120_000;
/** So long it is looked at whether what rests stays at rest. */
const REST_MS = 3_000;

export async function play(history: History, kills: readonly Kill[]): Promise<Outcome> {
  moveMain(history.path, history.first);
  const machine = new CrashMachine(history.repository, kills);
  try {
    await machine.start();
    await rest(machine, history.first);
    for (const commit of [history.second, history.undo]) {
      machine.effect("ref update", commit, () => moveMain(history.path, commit));
      machine.refMoved();
      await rest(machine, commit);
      if (commit === history.second) await checkUndo(machine, history);
    }
    const { cluster, ledger } = machine.daemon;
    const objects = pictureOfObjects(cluster.store);
    const rows = await pictureOfLedger(ledger);
    const ended = {
      hasKilled: machine.hasKilled,
      moments: [...machine.moments],
      violations: machine.violations,
      objects,
      ledger: rows,
      starts: machine.containers.starts.length,
    };
    await machine.close();
    checkFiles(machine, objects);
    return ended;
  } finally {
    await machine.dispose();
  }
}

/** Lets the machine come to rest at a commit, and looks at every part of it then. */
export async function rest(machine: CrashMachine, commit: CommitId): Promise<void> {
  const isAtRest = (): boolean => {
    if (!machine.isAlive) return false;
    const { reconciler, cluster } = machine.daemon;
    const { phase, applied } = reconciler.status();
    const pods = cluster.store.list({ kind: "Pod" });
    const isEnding = pods.some(({ metadata }) => metadata.deletionTimestamp !== undefined);
    return phase === "Synced" && applied === commit && cluster.node.connected && !isEnding;
  };
  // At rest, and so still after a while: a kill may also come when all was quiet.
  for (let since = -1, now = 0; since !== now; now = machine.moments.length) {
    since = machine.moments.length;
    if (!(await machine.run(isAtRest, LONGEST_MS))) {
      const { phase, reason } = machine.daemon.reconciler.status();
      machine.violations.push(`it never came to rest at ${commit}: ${phase} ${reason}`);
      return;
    }
    await machine.run(() => false, REST_MS);
  }
  await checkPods(machine);
}

/** One container for each pod and no other, known to all, and Services that send to just these. */
async function checkPods(machine: CrashMachine): Promise<void> {
  const { cluster } = machine.daemon;
  const { kubelet, proxy } = machine.kubelet;
  const wanted = (cluster.store.list({ kind: "Pod" }) as Pod[]).map(({ metadata }) => metadata.uid ?? "").sort();
  const expect = (what: string, found: readonly string[]): void => {
    const sorted = [...found].sort();
    if (JSON.stringify(sorted) === JSON.stringify(wanted)) return;
    machine.violations.push(`${what}: ${sorted.join(", ")} instead of ${wanted.join(", ")}`);
  };
  if (wanted.length !== REPLICAS) machine.violations.push(`there are ${wanted.length} pods at rest`);
  const known: KubeletPodSummary[] = await kubelet.pods();
  expect(
    "the kubelet has",
    known.map(({ uid }) => uid),
  );
  expect(
    "containers run of",
    [...machine.containers.alive.values()].map(({ podUid }) => podUid),
  );
  expect("Services send to", proxy.pods);
  expect("records are kept of", readdirSync(join(machine.stateDir, "kubelet", "pods")));
  const images = readdirSync(join(machine.stateDir, "images")).filter((name) => name.startsWith("."));
  if (images.length > 0) machine.violations.push(`images are left half-way: ${images.join(", ")}`);
}

/** What `rollout undo` asks the ledger for, so that the commit that was prepared is the one that it would make. */
async function checkUndo({ daemon, violations }: CrashMachine, { first, second }: History): Promise<void> {
  const revisions = await daemon.ledger.revisions({});
  const found = revisions.map(({ revision, commit, file }) => `${revision} ${commit} ${file}`);
  const wanted = [`1 ${first} ${WEB}`, `2 ${second} ${WEB}`];
  if (found.join() !== wanted.join()) violations.push(`undo would find ${found.join("; ")}`);
}

/** What the daemon held in memory is what the next one will read. */
function checkFiles(machine: CrashMachine, objects: readonly string[]): void {
  const path = join(machine.stateDir, "cluster.db");
  if (!existsSync(path)) throw new Error(`${path} is not there`);
  const store = new SqliteObjectStore(path, {
    clock: new VirtualClock(),
    random: seededRandom(1),
    onError: (error) => machine.violations.push(messageOf(error)),
  });
  const read = pictureOfObjects(store);
  store.close();
  if (JSON.stringify(read) !== JSON.stringify(objects)) machine.violations.push("the database holds something else");
}
