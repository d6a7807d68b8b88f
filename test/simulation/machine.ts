/** A simulated machine: git, kubelets, and one daemon after the other over the same state files. */
import type { SqliteObjectStore } from "../../src/cluster/store.ts";
import { isPodReady } from "../../src/model/endpoints.ts";
import { messageOf, TrueupError } from "../../src/model/errors.ts";
import { keyOf } from "../../src/model/object.ts";
import type { CommitId } from "../../src/model/source.ts";
import type { StoreEvent } from "../../src/model/store.ts";
import type { Pod } from "../../src/model/workload.ts";
import { type Random, seededRandom } from "../../src/util/random.ts";
import { MemoryGit } from "../support/memory-git.ts";
import { SECRET } from "./app.ts";
import { Changes } from "./changes.ts";
import { SetClock } from "./clocks.ts";
import { ContainerWatch } from "./container-watch.ts";
import { BRANCH, Daemon } from "./daemon.ts";
import { SimulatedImages } from "./images.ts";
import { KubeletHost } from "./kubelet-host.ts";
import type { Bell } from "./ref.ts";
import { Rows } from "./rows.ts";
import { StateFiles } from "./state-files.ts";
import { Tally } from "./tally.ts";
import type { RememberingProxy } from "./traffic.ts";
import { isClaimed, type Past, type Tree, verdictOf } from "./tree.ts";
import { broken, Weather } from "./weather.ts";
import { Witness } from "./witness.ts";

/** Longest virtual time in which a process that is told to end does so. */
const END_LIMIT_MS = 60_000;

/** A promise broken on purpose, to see that the witness notices. */
export type Sabotage = "endpoint stays" | "report lost" | "pod too many" | "pod taken";

export interface MachineOptions {
  seed: number;
  sabotage?: Sabotage | undefined;
  /** The repository is one app. */
  isWhole: boolean;
  /** Kubelets can be killed: their pods are recorded on disk. */
  keepsPods: boolean;
  withDigest: boolean;
  trace?: ((line: string) => void) | undefined;
}

export class Machine {
  readonly clock = new SetClock();
  readonly tally = new Tally();
  readonly git = new MemoryGit();
  readonly bell: Bell = new Set();
  readonly past: Past & { renamed: Set<string>; tagged: Set<string> } = { renamed: new Set(), tagged: new Set() };
  /** What each commit holds. */
  readonly trees = new Map<CommitId, Tree>();
  readonly witness: Witness;
  readonly weather: Weather;
  readonly changes: Changes;
  readonly rows: Rows;
  readonly kubelets: KubeletHost;
  readonly keepsPods: boolean;
  readonly #images = new SimulatedImages();
  readonly #random: Random;
  readonly #files = new StateFiles();
  readonly #containers: ContainerWatch;
  readonly #repository: string;
  readonly #sabotage: Sabotage | undefined;
  #daemon: Daemon | null = null;
  /** Steps until the daemon is killed; `null`: it is not. */
  #killAfter: number | null = null;
  #killed = false;

  constructor({ seed, isWhole, keepsPods, withDigest, sabotage, trace }: MachineOptions) {
    const { clock } = this;
    this.#sabotage = sabotage;
    this.keepsPods = keepsPods;
    // As an app, it is called by the last part.
    this.#repository = isWhole ? "/simulated/s" : "/simulated/apps";
    this.#random = seededRandom(seed ^ 0x5eed);
    this.witness = new Witness(clock, this.tally, withDigest, trace);
    this.weather = new Weather(clock, this.#random, this.tally);
    const verdict = (commit: CommitId, app: string) => {
      const tree = this.trees.get(commit);
      return tree === undefined ? undefined : verdictOf(tree, app, this.past);
    };
    this.changes = new Changes(this.witness, this.tally, verdict, (commit, app, key) => {
      const tree = this.trees.get(commit);
      return tree !== undefined && isClaimed(tree, app, key);
    });
    this.git.failure = () => {
      const isAway = this.weather.hits("git unreadable") || this.weather.hits("git flaky");
      return isAway ? broken("read git") : undefined;
    };
    this.witness.mayGo = this.changes.mayGo;
    this.rows = new Rows(this.witness, this.tally, verdict, (commit) => this.#parentOf(commit));
    this.#containers = new ContainerWatch(this.witness, this.tally, () => this.proxy);
    this.kubelets = new KubeletHost({
      clock,
      random: this.#random,
      directory: keepsPods ? this.#files.make("kubelet") : null,
      isDeaf: sabotage === "endpoint stays",
      onError: (message) => this.witness.violate(message),
      hooks: this.#containers,
    });
  }

  get proxy(): RememberingProxy {
    return this.kubelets.proxy;
  }

  get daemon(): Daemon {
    if (this.#daemon === null) throw new Error("no daemon runs");
    return this.#daemon;
  }

  get cluster(): Daemon["cluster"] {
    return this.daemon.cluster;
  }

  /** Whether the daemon was killed where `killAfter` said, and is to be buried. */
  get killed(): boolean {
    return this.#killed;
  }

  /** The commit at the head. */
  get head(): CommitId | undefined {
    return this.git.refs.get(`refs/heads/${BRANCH}`);
  }

  /**
   * Starts a daemon over the state as it is.
   *
   * @returns Whether it came up; otherwise it has ended, or was killed on the way
   */
  async start(): Promise<boolean> {
    this.weather.rough();
    const daemon = this.#make();
    this.witness.load(daemon.cluster.store.list({}));
    await this.rows.check(daemon.ledger);
    this.#daemon = daemon;
    try {
      await this.#drive(daemon.start());
      return !this.#killed;
    } catch (error) {
      if (this.#killed) return false;
      if (!(error instanceof TrueupError)) throw error;
      this.tally.add("daemon could not start");
      await this.close();
      return false;
    }
  }

  #make(): Daemon {
    const daemon: Daemon = new Daemon(this.#files.databases, {
      clock: this.clock,
      random: this.#random,
      git: this.git,
      repository: this.#repository,
      bell: this.bell,
      images: this.#images,
      kubelet: () => this.kubelets.running,
      weather: this.weather,
      changes: this.changes,
      link: {
        loses: () => this.#sabotage === "report lost" && this.#random.next() < 0.1,
        gap: (message) => this.witness.violate(message),
        assign: (uid) => this.witness.assigned.add(uid),
        stop: (uid) => this.#containers.stopping.add(uid),
      },
      step: () => this.#step(),
      saw: (event) => {
        this.witness.see(event);
        if (this.#sabotage !== undefined) this.#meddle(daemon.cluster.store, event);
        this.#step();
      },
      logged: (message) => {
        // Where the state lies differs from run to run.
        this.witness.note(`log: ${message.replaceAll(this.#files.directory, "")}`);
        if (message.includes(SECRET)) this.witness.violate(`the log tells a secret: ${message}`);
      },
      onError: (doing, error) => this.#failed(doing, error),
    });
    return daemon;
  }

  #failed(doing: string, error: unknown): void {
    if (error instanceof TrueupError && error.code === "unavailable") return;
    if (error instanceof TrueupError && error.code === "io" && this.weather.calmMs < 2_000) {
      this.tally.add("store write failed");
      return;
    }
    this.witness.violate(`${doing} failed: ${messageOf(error)}`);
  }

  /** Kills the daemon at the so manieth step from now: a store event, or before or after a change or a row. */
  killAfter(steps: number): void {
    this.#killAfter = steps;
  }

  /** Kills it no more; whether it was killed already. */
  disarm(): boolean {
    const isDone = this.#killAfter === null;
    this.#killAfter = null;
    return isDone;
  }

  #step(): void {
    if (this.#killAfter !== null && --this.#killAfter < 0) this.#kill();
  }

  /** Kills the daemon now, if that has not happened, and takes its remains away. */
  async bury(): Promise<void> {
    if (!this.#killed) this.#kill();
    await this.#end();
    this.#files.removeLast();
    this.#killed = false;
  }

  /** Ends the daemon as `trueup down` would, pods aside. */
  async close(): Promise<void> {
    this.#killAfter = null;
    this.weather.rough();
    await this.#end();
  }

  async #end(): Promise<void> {
    const { daemon } = this;
    this.#daemon = null;
    await this.#drive(daemon.close());
  }

  /** Ends everything. */
  async dispose(): Promise<void> {
    this.weather.clear();
    if (this.#daemon !== null) await this.close();
    await this.kubelets.dispose();
    this.#files.remove();
  }

  /**
   * Orders something of the daemon.
   *
   * @returns Whether it was done; otherwise it was refused, could not be done, or the daemon was killed meanwhile
   */
  async order(what: (fleet: Daemon["fleet"]) => Promise<void>): Promise<boolean> {
    try {
      await this.#drive(what(this.daemon.fleet));
      return !this.#killed;
    } catch (error) {
      if (!(error instanceof TrueupError) || error.code === "internal") throw error;
      return false;
    }
  }

  /** Lets time pass until something is done, or the daemon was killed meanwhile. */
  async #drive(work: Promise<void>): Promise<void> {
    const { virtual } = this.clock;
    const wasKilled = this.#killed;
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    // It is awaited below, but may fail before.
    done.catch(() => {});
    const isOver = (): boolean => isDone || (this.#killed && !wasKilled);
    if (!(await virtual.runUntil(isOver, END_LIMIT_MS))) throw new Error("a daemon neither starts nor ends");
    if (isDone) await done;
  }

  /** What the next daemon finds is what is in the files at this very moment; what this one still does, nobody hears. */
  #kill(): void {
    this.#killAfter = null;
    this.#killed = true;
    this.weather.rough();
    this.#files.fork();
    this.daemon.die();
    this.witness.note("killed");
  }

  /** Has every write of the object store fail, or no longer. */
  fillStore(isFull: boolean): void {
    if (isFull) this.tally.add("store full");
    this.#files.fillStore(isFull);
  }

  #parentOf(commit: CommitId): CommitId | undefined {
    return this.git.parentsOf(commit)[0];
  }

  #meddle(store: SqliteObjectStore, { type, object }: StoreEvent): void {
    if (object.kind !== "Pod" || type === "deleted" || object.metadata.deletionTimestamp !== undefined) return;
    const isReady = isPodReady(object as Pod);
    if (this.#sabotage === "pod too many" && type === "added" && !object.metadata.name.endsWith("-again")) {
      const { uid: _uid, resourceVersion: _version, ...metadata } = object.metadata;
      queueMicrotask(() => store.create({ ...object, metadata: { ...metadata, name: `${metadata.name}-again` } }));
    } else if (this.#sabotage === "pod taken" && isReady) {
      queueMicrotask(() => store.delete(keyOf(object)));
    }
  }
}
