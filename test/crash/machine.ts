/** A machine on the virtual clock whose daemon and kubelet are killed at a counted moment, and started again on their files. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { EmbeddedBackend } from "../../src/backend/embedded.ts";
import { EmbeddedCluster } from "../../src/cluster/cluster.ts";
import type { Repository } from "../../src/git/repository.ts";
import { removeTree } from "../../src/image/materialise.ts";
import { ImageStore } from "../../src/image/store.ts";
import { Journal } from "../../src/kubelet/journal.ts";
import { LocalKubelet } from "../../src/kubelet/kubelet.ts";
import { parseScenario } from "../../src/kubelet/scenario.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { messageOf } from "../../src/model/errors.ts";
import type { Pod } from "../../src/model/workload.ts";
import { AppReconciler } from "../../src/reconcile/app-reconciler.ts";
import { ClusterView } from "../../src/reconcile/view.ts";
import { isActivePod } from "../../src/rollout/pods.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import type { EffectKind, Fault } from "../../src/util/fault.ts";
import { seededRandom } from "../../src/util/random.ts";
import { MAX_SURGE, REPLICAS } from "./history.ts";
import { Died, Life, LifeClock } from "./life.ts";
import { RealTime } from "./real-time.ts";
import { Severed } from "./severed.ts";
import { Containers, WatchedProxy } from "./watched.ts";

/** The kinds of effects, and the one that the story makes itself. */
export type Kind = EffectKind | "ref update";
export type Victim = "daemon" | "kubelet";

/** Where to kill: moments are counted from 0, two for each effect, one before and one after it. */
export interface Kill {
  moment: number;
  victims: readonly Victim[];
}

export interface Moment {
  when: "before" | "after";
  kind: Kind;
  about: string;
}

const SCENARIO = parseScenario({ containers: [{ image: "*", startMs: 0, readyMs: 500, drainMs: 200 }] });
/** How long a dead process stays so: whoever supervises it needs a moment, and the other half goes on meanwhile. */
const DEAD_FOR_MS = 1_500;

interface Daemon {
  life: Life;
  link: Severed;
  cluster: EmbeddedCluster;
  backend: EmbeddedBackend;
  ledger: SqliteLedger;
  reconciler: AppReconciler;
  view: ClusterView;
}

interface KubeletProcess {
  life: Life;
  kubelet: LocalKubelet;
  proxy: WatchedProxy;
}

/** Files of each half, in the state directory. */
const FILES: Readonly<Record<Victim, readonly string[]>> = {
  daemon: ["cluster.db", "cluster.db-wal", "ledger.db", "ledger.db-wal", "images"],
  kubelet: ["kubelet"],
};

export class CrashMachine {
  readonly clock = new VirtualClock();
  readonly containers: Containers;
  readonly violations: string[] = [];
  /** Every moment so far, in order. */
  readonly moments: Moment[] = [];
  readonly stateDir: string;
  readonly #root: string;
  readonly #random = seededRandom(7);
  readonly #repository: Repository;
  readonly #kills: readonly Kill[];
  readonly #real = new RealTime();
  #daemon: Daemon | null = null;
  #kubelet: KubeletProcess | null = null;

  constructor(repository: Repository, kills: readonly Kill[]) {
    this.#root = mkdtempSync(join(tmpdir(), "trueup-crash-"));
    this.stateDir = join(this.#root, "state");
    mkdirSync(this.stateDir, { mode: 0o700 });
    this.#kills = kills;
    this.#repository = this.#real.timed(repository);
    this.containers = new Containers(
      { clock: this.clock, random: this.#random, scenario: SCENARIO },
      (message) => this.violations.push(message),
      () => this.#kubelet?.proxy ?? null,
      (uid) => this.#daemon?.cluster.store.byUid(uid)?.metadata.deletionTimestamp !== undefined,
    );
  }

  get daemon(): Daemon {
    if (this.#daemon === null) throw new Error("no daemon runs");
    return this.#daemon;
  }

  get kubelet(): KubeletProcess {
    if (this.#kubelet === null) throw new Error("no kubelet runs");
    return this.#kubelet;
  }

  /** Whether every kill that was asked for has happened. */
  get hasKilled(): boolean {
    return this.#kills.every(({ moment }) => moment < this.moments.length);
  }

  /** Tells the daemon that lives that the ref has moved; the next one looks by itself. */
  refMoved(): void {
    if (!this.daemon.life.isDead) this.daemon.reconciler.refChanged();
  }

  get isAlive(): boolean {
    return this.#daemon?.life.isDead === false && this.#kubelet?.life.isDead === false;
  }

  async start(): Promise<void> {
    await this.#startKubelet();
    await this.#startDaemon();
  }

  /** An effect of the story's own. */
  effect(kind: Kind, about: string, work: () => void): void {
    this.#pass({ when: "before", kind, about });
    work();
    this.#pass({ when: "after", kind, about });
  }

  /** Lets time pass until it holds, and brings back whoever died. @returns Whether it held within the limit */
  async run(holds: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.clock.monotonic() + limitMs;
    for (;;) {
      await this.#real.idle();
      const wanted = (): boolean => this.#real.isBusy || this.#someoneDied() || holds();
      const left = end - this.clock.monotonic();
      if (!(await this.clock.runUntil(wanted, left))) return false;
      if (this.#real.isBusy) continue;
      if (!this.#someoneDied()) return true;
      await this.#bringBack();
    }
  }

  /** Ends both halves in order. The containers are left. */
  async close(): Promise<void> {
    const { reconciler, view, cluster, backend, ledger } = this.daemon;
    await reconciler.close();
    await view.close();
    backend.close();
    await cluster.close();
    ledger.close();
    await this.kubelet.kubelet.close();
  }

  async dispose(): Promise<void> {
    await removeTree(this.#root);
  }

  /** Kills one now. The next one is started by `run`, after a while. */
  kill(victim: Victim): void {
    this.#die(victim);
  }

  // ---- Dying --------------------------------------------------------------------------------------------------------

  #fault(life: Life): Fault {
    return (when, kind, about) => {
      if (!life.isDead) this.#pass({ when, kind, about });
      // Its proxy died with it: what it still does to that one nobody sees.
      if (life.isDead && kind !== "endpoint change") throw new Died(`dead ${when} ${kind} ${about}`);
    };
  }

  #pass(moment: Moment): void {
    this.moments.push(moment);
    const kill = this.#kills.find(({ moment: number }) => number === this.moments.length - 1);
    for (const victim of kill?.victims ?? []) this.#die(victim);
  }

  /** From now on the half does nothing that counts; what the next one finds is what is in the files at this very moment. */
  #die(victim: Victim): void {
    const half = victim === "daemon" ? this.#daemon : this.#kubelet;
    if (half === null || half.life.isDead) return;
    half.life.isDead = true;
    this.#daemon?.link.cut();
    const saved = this.#saved(victim);
    mkdirSync(saved, { recursive: true });
    const there = FILES[victim].map((name) => join(this.stateDir, name)).filter((path) => existsSync(path));
    for (const path of there) {
      // What is read-only keeps its mode only so; starting a program for the rest would be most of the time spent.
      if (basename(path) === "images") execFileSync("cp", ["-a", path, saved]);
      else cpSync(path, join(saved, basename(path)), { recursive: true });
    }
  }

  #saved(victim: Victim): string {
    return join(this.#root, `saved-${victim}`);
  }

  #someoneDied(): boolean {
    return this.#daemon?.life.isDead === true || this.#kubelet?.life.isDead === true;
  }

  async #bringBack(): Promise<void> {
    const isDaemonDead = this.#daemon?.life.isDead === true;
    await this.clock.advance(DEAD_FOR_MS);
    await this.#real.idle();
    if (this.#kubelet?.life.isDead === true) await this.#reviveKubelet();
    if (!isDaemonDead) return;
    await this.#buryDaemon();
    await this.#startDaemon();
  }

  async #reviveKubelet(): Promise<void> {
    const dead = this.kubelet;
    dead.proxy.backends.clear();
    await dead.kubelet.close();
    await this.#restoreFiles("kubelet");
    await this.#startKubelet();
  }

  async #buryDaemon(): Promise<void> {
    const { reconciler, view, cluster, backend, ledger } = this.daemon;
    backend.close();
    // Nothing that they want to write is written; what they hold open is closed.
    const closed = Promise.allSettled([reconciler.close(), view.close(), cluster.close()]);
    await this.#real.idle();
    await closed;
    ledger.close();
    await this.#restoreFiles("daemon");
  }

  async #restoreFiles(victim: Victim): Promise<void> {
    for (const name of FILES[victim]) {
      const path = join(this.stateDir, name);
      // Images are read-only, which a plain removal does not get past.
      if (name === "images") await removeTree(path);
      else rmSync(path, { recursive: true, force: true });
      const saved = join(this.#saved(victim), name);
      if (existsSync(saved)) renameSync(saved, path);
    }
  }

  // ---- Living -------------------------------------------------------------------------------------------------------

  async #startKubelet(): Promise<void> {
    const life = new Life();
    const directory = join(this.stateDir, "kubelet");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const fault = this.#fault(life);
    const proxy = new WatchedProxy();
    const kubelet = new LocalKubelet({
      runtime: this.containers,
      clock: new LifeClock(this.clock, life),
      random: this.#random,
      proxy,
      journal: Journal.open(join(directory, "journal.ndjson"), { fault }),
      directory,
      log: (level, message) => {
        if (level !== "info" && !life.isDead) this.violations.push(`the kubelet says: ${message}`);
      },
      fault,
    });
    this.#kubelet = { life, kubelet, proxy };
    await this.#untilDead(life, kubelet.start());
  }

  async #startDaemon(): Promise<void> {
    const life = new Life();
    const fault = this.#fault(life);
    const clock = new LifeClock(this.clock, life);
    const images = await this.#real.counted(ImageStore.open(join(this.stateDir, "images"), fault));
    const link = new Severed(
      () => (this.#kubelet === null || this.#kubelet.life.isDead ? null : this.#kubelet.kubelet),
      () => life.isDead,
      (uid) => this.containers.told(uid),
    );
    const cluster = new EmbeddedCluster({
      path: join(this.stateDir, "cluster.db"),
      clock,
      random: this.#random,
      kubelet: link,
      images,
      onError: (doing, error) => this.#failed(life, `${doing}: ${messageOf(error)}`),
      fault,
    });
    const ledger = new SqliteLedger({ path: join(this.stateDir, "ledger.db"), fault });
    const backend = new EmbeddedBackend(cluster);
    cluster.store.subscribe(({ type, object }) => {
      if (type !== "deleted" && object.kind === "Pod") this.#countPods(cluster.store.list({ kind: "Pod" }) as Pod[]);
    });
    const note = (message: string): void => this.#failed(life, message);
    const view = new ClusterView({ backend, clock });
    const reconciler = new AppReconciler({
      app: { name: "shop", ref: "main", path: "", namespace: "default", target: "local" },
      repository: this.#repository,
      backend,
      view,
      ledger,
      images: this.#real.timed(images),
      imagePaths: [],
      configKey: new Uint8Array(32),
      clock,
      log: { info: () => undefined, warn: note, error: note },
      onImages: () => cluster.node.imagesChanged(),
    });
    this.#daemon = { life, link, cluster, backend, ledger, reconciler, view };
    cluster.start();
    view.start();
    await this.#untilDead(life, reconciler.start());
  }

  /** A start that the kill interrupts is no failure: the next one is started. */
  async #untilDead(life: Life, start: Promise<void>): Promise<void> {
    try {
      await start;
    } catch (error) {
      if (!life.isDead) throw error;
    }
  }

  #failed(life: Life, message: string): void {
    // A daemon whose kubelet has gone says so, and is right.
    if (!life.isDead && !message.includes("Cannot reach the kubelet"))
      this.violations.push(`the daemon says: ${message}`);
  }

  #countPods(pods: readonly Pod[]): void {
    const active = pods.filter(isActivePod).length;
    if (active > REPLICAS + MAX_SURGE) this.violations.push(`there are ${active} pods that are not ending`);
  }
}
