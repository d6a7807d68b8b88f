/**
 * Promise 7 with real processes: a daemon or a kubelet kills itself with SIGKILL before or after an effect of the story
 * that `test/crash` plays, and the next one takes over. A sample: each kind of effect, before and after, at two places.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import { KubeletClient } from "../../src/kubelet/client.ts";
import { processTable } from "../../src/kubelet/process-table.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { isPodReady } from "../../src/model/endpoints.ts";
import type { CommitId } from "../../src/model/source.ts";
import type { Pod } from "../../src/model/workload.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";
import { type Doom, deathFile, doomFile, tallyFile } from "../crash/doom.ts";
import { type History, makeHistory, moveMain, REPLICAS } from "../crash/history.ts";
import { LOST_START, withoutLostStart } from "../crash/matrix.ts";
import { pictureOfLedger, pictureOfObjects } from "../crash/picture.ts";
import { endHome } from "../support/daemon.ts";
import { Child, type Home, makeHome } from "../support/processes.ts";

/** A server small enough to be started a few hundred times. */
const SERVER = `require("node:net").createServer((socket) => socket.end()).listen(process.env.PORT, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
`;

const DAEMON_KINDS = ["store write", "ledger append", "image laid down", "image index"] as const;
const KUBELET_KINDS = ["journal", "pod record", "services file", "spawn", "signal", "endpoint change"] as const;
/** Places in the story: the first of its kind, and one in the middle. */
const PLACES = ["first", "middle"] as const;

interface End {
  objects: string[];
  ledger: string[];
  hasDied: boolean;
}

let history: History;
let home: Home;
let undisturbed: End;
let tallies: Record<string, string[]>;
const children: Child[] = [];

beforeAll(async () => {
  home = makeHome();
  history = await makeHistory("node", SERVER);
  undisturbed = await play("undisturbed", null);
  tallies = { daemon: momentsOf("undisturbed", "daemon"), kubelet: momentsOf("undisturbed", "kubelet") };
});
afterAll(async () => {
  await endHome(home, children.splice(0));
  await history.dispose();
});

function momentsOf(name: string, half: string): string[] {
  return readFileSync(tallyFile(join(home.dir, name), half), "utf8")
    .trim()
    .split("\n");
}

/** Plays the story in a directory of its own. */
async function play(name: string, doom: { half: string; doom: Doom } | null): Promise<End> {
  const directory = join(home.dir, name);
  const stateDir = join(directory, "state");
  mkdirSync(directory);
  if (doom !== null) writeFileSync(doomFile(directory, doom.half), JSON.stringify(doom.doom));
  moveMain(history.path, history.first);
  const cast = new Cast(directory, stateDir);
  try {
    await cast.rest(history.first);
    for (const commit of [history.second, history.undo]) {
      moveMain(history.path, commit);
      await cast.rest(commit);
    }
    await cast.endDaemon();
    const end = await readEnd(stateDir);
    return { ...end, hasDied: doom !== null && existsSync(deathFile(directory, doom.half)) };
  } finally {
    await cast.endAll();
  }
}

/** The daemon of one story, started again whenever it dies. */
class Cast {
  readonly #directory: string;
  readonly #stateDir: string;
  #daemon: Child;

  constructor(directory: string, stateDir: string) {
    this.#directory = directory;
    this.#stateDir = stateDir;
    this.#daemon = this.#start();
  }

  #start(): Child {
    const main = join(import.meta.dirname, "../crash/daemon-main.ts");
    const argv = [process.execPath, main, history.path, this.#stateDir, this.#directory];
    const child = new Child(argv, { cwd: this.#directory, env: home.env });
    children.push(child);
    return child;
  }

  async rest(commit: CommitId): Promise<void> {
    for (;;) {
      try {
        await this.#daemon.waitFor(new RegExp(`at rest at ${commit}`));
        return;
      } catch (error) {
        const { signal } = await this.#daemon.exited;
        // A daemon whose kubelet dies before it answers for the first time has nothing to go on with, and says so.
        const isLeftAlone = this.#daemon.output.includes("Cannot start the kubelet: it was ended by SIGKILL");
        if (signal !== "SIGKILL" && !isLeftAlone) throw error;
        this.#daemon = this.#start();
      }
    }
  }

  async endDaemon(): Promise<void> {
    this.#daemon.kill("SIGTERM");
    expect(await this.#daemon.exited).toEqual({ code: 0, signal: null });
  }

  /** The pods too, and whatever of it is left after a failure. */
  async endAll(): Promise<void> {
    this.#daemon.kill("SIGKILL");
    await this.#daemon.exited;
    const { socket } = JSON.parse(readFileSync(join(this.#stateDir, "kubelet", "kubelet.json"), "utf8")) as {
      socket: string;
    };
    const client = new KubeletClient(socket);
    try {
      await client.shutdown({ stopPods: true });
    } finally {
      client.close();
    }
  }
}

/** What is in the files, after looking at the processes that should be there. */
async function readEnd(stateDir: string): Promise<Omit<End, "hasDied">> {
  const path = join(stateDir, "cluster.db");
  const store = new SqliteObjectStore(path, { clock: new VirtualClock(), random: seededRandom(1) });
  const ledger = new SqliteLedger({ path: join(stateDir, "ledger.db") });
  try {
    const pods = store.list({ kind: "Pod" }) as Pod[];
    await checkPods(pods, stateDir);
    return { objects: pictureOfObjects(store), ledger: await pictureOfLedger(ledger) };
  } finally {
    store.close();
    ledger.close();
  }
}

/** One process for each pod, the one that its status names, and no other process of this state directory. */
async function checkPods(pods: readonly Pod[], stateDir: string): Promise<void> {
  expect(pods.map(isPodReady)).toEqual(Array.from({ length: REPLICAS }, () => true));
  const wanted: number[] = [];
  for (const { metadata, status } of pods) {
    const id = Number(status?.containerStatuses?.[0]?.containerID?.replace("process://", ""));
    const processes = await processTable().ofPod(metadata.uid ?? "");
    expect(processes.map(({ pid }) => pid)).toEqual([id]);
    wanted.push(id);
  }
  const records = readdirSync(join(stateDir, "kubelet", "pods"));
  expect(records.sort()).toEqual(pods.map(({ metadata }) => metadata.uid).sort());
  if (process.platform === "linux") expect(podProcesses(stateDir)).toEqual(wanted.sort((a, b) => a - b));
}

/** All processes whose environment says that they are a pod's with files in this state directory. */
function podProcesses(stateDir: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        return environment.includes("TRUEUP_POD_UID=") && environment.includes(`${stateDir}/kubelet/pods/`);
      } catch (error) {
        // It ended meanwhile, or is another user's.
        if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
        throw error;
      }
    })
    .map(Number)
    .sort((a, b) => a - b);
}

const CASES = [
  ...DAEMON_KINDS.map((kind) => ({ half: "daemon", kind })),
  ...KUBELET_KINDS.map((kind) => ({ half: "kubelet", kind })),
].flatMap(({ half, kind }) =>
  PLACES.flatMap((place) => (["before", "after"] as const).map((when) => ({ half, kind, place, when }))),
);

describe("a real process that is killed", () => {
  it("has something to be killed at", () => {
    expect(DAEMON_KINDS.filter((kind) => !tallies.daemon?.includes(`before ${kind}`))).toEqual([]);
    expect(KUBELET_KINDS.filter((kind) => !tallies.kubelet?.includes(`before ${kind}`))).toEqual([]);
    expect(undisturbed.objects.filter((object) => LOST_START.test(object))).toEqual([]);
  });

  it.each(CASES)("$half, $when the $place $kind", async ({ half, kind, place, when }) => {
    const count = tallies[half]?.filter((moment) => moment === `${when} ${kind}`).length ?? 0;
    const nth = place === "first" ? 1 : Math.max(1, Math.ceil(count / 2));
    const end = await play(`${half}-${when}-${place}-${kind}`.replaceAll(" ", "-"), {
      half,
      doom: { when, kind, nth },
    });
    expect(end.hasDied).toBe(true);
    const isBetween = kind === "pod record" || (kind === "spawn" && when === "before");
    expect(isBetween ? end.objects.map(withoutLostStart) : end.objects).toEqual(undisturbed.objects);
    expect(end.ledger).toEqual(undisturbed.ledger);
  });
});
