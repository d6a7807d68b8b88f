/** A simulated machine: a kubelet that lives on, and one daemon after the other over the same state file. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedBackend } from "../../src/backend/embedded.ts";
import { EmbeddedCluster } from "../../src/cluster/cluster.ts";
import type { SqliteObjectStore } from "../../src/cluster/store.ts";
import { Journal } from "../../src/kubelet/journal.ts";
import { LocalKubelet } from "../../src/kubelet/kubelet.ts";
import { scenarioCatalog } from "../../src/kubelet/scenario.ts";
import { isPodReady } from "../../src/model/endpoints.ts";
import { messageOf, TrueupError } from "../../src/model/errors.ts";
import { keyOf } from "../../src/model/object.ts";
import type { StoreEvent } from "../../src/model/store.ts";
import type { Pod } from "../../src/model/workload.ts";
import type { CancelTimer, Clock } from "../../src/util/clock.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { type Random, seededRandom } from "../../src/util/random.ts";
import { SCENARIO } from "./app.ts";
import { FaultyLink, LinkWeather } from "./link.ts";
import { Tally } from "./tally.ts";
import { RememberingProxy, RememberingRuntime } from "./traffic.ts";
import { Witness } from "./witness.ts";

/** The virtual clock, with a wall clock that somebody sets. */
export class SetClock implements Clock {
  readonly virtual = new VirtualClock();
  #offset = 0;
  #behindMs = 0;

  now(): number {
    return this.virtual.now() + this.#offset;
  }

  monotonic(): number {
    return this.virtual.monotonic();
  }

  setTimer(ms: number, fn: () => void): CancelTimer {
    return this.virtual.setTimer(ms, fn);
  }

  /** How far it was set back in all, milliseconds: what was to happen at a time of day happens so much later. */
  get behindMs(): number {
    return this.#behindMs;
  }

  jump(ms: number): void {
    this.#offset += ms;
    if (ms < 0) this.#behindMs -= ms;
  }
}

interface Daemon {
  cluster: EmbeddedCluster;
  backend: EmbeddedBackend;
  link: FaultyLink;
  stopWatching: () => void;
}

/** A promise broken on purpose, to see that the witness notices. */
export type Sabotage = "endpoint stays" | "report lost" | "pod too many" | "pod taken";

export interface MachineOptions {
  seed: number;
  sabotage?: Sabotage | undefined;
  /** State in a file, so that daemons can be killed. */
  onDisk: boolean;
  withDigest: boolean;
}

export class Machine {
  readonly clock = new SetClock();
  readonly tally = new Tally();
  readonly witness: Witness;
  readonly weather: LinkWeather;
  readonly proxy: RememberingProxy;
  readonly kubelet: LocalKubelet;
  /** Pods that the kubelet was told to end. */
  readonly stopping = new Set<string>();
  readonly #random: Random;
  readonly #directory: string | null;
  readonly #runs = new Set<string>();
  readonly #signalled = new Map<string, "SIGTERM" | "SIGKILL">();
  readonly #sabotage: Sabotage | undefined;
  #files = 0;
  #daemon: Daemon | null = null;
  /** Store events until the daemon is killed; `null`: it is not. */
  #killAfter: number | null = null;
  #killed = false;

  constructor({ seed, onDisk, withDigest, sabotage }: MachineOptions) {
    const { clock } = this;
    this.#sabotage = sabotage;
    this.#random = seededRandom(seed ^ 0x5eed);
    this.witness = new Witness(clock, this.tally, withDigest);
    this.weather = new LinkWeather(clock, this.#random, this.tally);
    this.proxy = new RememberingProxy(clock, this.#random, sabotage === "endpoint stays");
    this.#directory = onDisk ? mkdtempSync(join(tmpdir(), "trueup-simulation-")) : null;
    const runtime = new RememberingRuntime(
      { clock, random: this.#random, scenario: SCENARIO },
      {
        started: ({ podUid, container, run }) => this.#started(podUid, container, run),
        signalled: ({ podUid, container, run }, name) => this.#signal(podUid, `${container}/${run}`, name),
        exited: ({ podUid, container, run }, code) => this.#exited(podUid, `${container}/${run}`, code),
      },
    );
    this.kubelet = new LocalKubelet({
      runtime,
      clock,
      random: this.#random,
      proxy: this.proxy,
      journal: Journal.inMemory(),
      directory: null,
      log: (level, message) => {
        if (level === "error") this.witness.violate(`the kubelet says: ${message}`);
      },
    });
  }

  get onDisk(): boolean {
    return this.#directory !== null;
  }

  get cluster(): EmbeddedCluster {
    return this.#required.cluster;
  }

  get backend(): EmbeddedBackend {
    return this.#required.backend;
  }

  /** Whether the daemon was killed where `killAfter` said, and is to be buried. */
  get killed(): boolean {
    return this.#killed;
  }

  get #required(): Daemon {
    if (this.#daemon === null) throw new Error("no daemon runs");
    return this.#daemon;
  }

  /** Starts a daemon over the state as it is. */
  start(): void {
    const link = new FaultyLink(this.kubelet, this.weather, {
      loses: () => this.#sabotage === "report lost" && this.#random.next() < 0.1,
      gap: (message) => this.witness.violate(message),
      assign: (uid) => this.witness.assigned.add(uid),
      stop: (uid) => this.stopping.add(uid),
    });
    const cluster = new EmbeddedCluster({
      path: this.#directory === null ? ":memory:" : this.#file(),
      clock: this.clock,
      random: this.#random,
      kubelet: link,
      images: scenarioCatalog(SCENARIO),
      onError: (doing, error) => {
        if (error instanceof TrueupError && error.code === "unavailable") return;
        this.witness.violate(`${doing} failed: ${messageOf(error)}`);
      },
    });
    const backend = new EmbeddedBackend(cluster);
    this.witness.load(cluster.store.list({}));
    const stopWatching = cluster.store.subscribe((event) => {
      this.witness.see(event);
      if (this.#sabotage !== undefined) this.#meddle(cluster.store, event);
      if (this.#killAfter !== null && --this.#killAfter < 0) this.#kill();
    });
    this.#daemon = { cluster, backend, link, stopWatching };
    cluster.start();
  }

  /** Kills the daemon at the so manieth store event from now. */
  killAfter(events: number): void {
    this.#killAfter = events;
  }

  /** Kills the daemon now, if that has not happened, and takes its remains away. */
  async bury(): Promise<void> {
    if (!this.#killed) this.#kill();
    const { cluster, backend } = this.#required;
    const path = cluster.store.path;
    backend.close();
    await cluster.close();
    for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
    this.#daemon = null;
    this.#killed = false;
  }

  /** Ends the daemon as `trueup down` would, pods aside. */
  async close(): Promise<void> {
    this.#killAfter = null;
    const { cluster, backend, link, stopWatching } = this.#required;
    backend.close();
    const closed = cluster.close();
    // The process ends: what it had not sent yet is never sent.
    link.cut();
    await closed;
    stopWatching();
    this.#daemon = null;
  }

  /** Ends everything. */
  async dispose(): Promise<void> {
    if (this.#daemon !== null) await this.close();
    await this.kubelet.close();
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
  }

  #file(): string {
    return join(this.#directory ?? "", `state-${this.#files}.db`);
  }

  /** What the next daemon finds is what is in the files at this very moment; what this one still does, nobody hears. */
  #kill(): void {
    this.#killAfter = null;
    this.#killed = true;
    const { link, stopWatching } = this.#required;
    const from = this.#file();
    this.#files++;
    for (const end of ["", "-wal"])
      if (existsSync(`${from}${end}`)) copyFileSync(`${from}${end}`, `${this.#file()}${end}`);
    stopWatching();
    link.cut();
    this.witness.note("killed");
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

  #started(podUid: string, container: string, run: number): void {
    const name = `${podUid}/${container}/${run}`;
    if (this.#runs.has(name)) this.witness.violate(`run ${run} of container ${container} was started twice in one pod`);
    this.#runs.add(name);
    this.witness.note(`start ${name}`);
  }

  #signal(podUid: string, run: string, name: "SIGTERM" | "SIGKILL"): void {
    this.witness.note(`${name} ${podUid} ${run}`);
    this.#signalled.set(`${podUid}/${run}`, name);
    const from = this.proxy.sendingTo(podUid);
    const isEnding = this.stopping.has(podUid);
    // A container that a probe has restarted stays where pods that are not ready are sent to as well.
    const wrong = isEnding ? from : from.filter((key) => !this.#includesNotReady(key));
    if (wrong.length > 0) this.witness.violate(`a pod got ${name} while ${wrong.join(", ")} still sent to it`);
    if (isEnding) this.tally.add("endpoint removed before its signal");
    else this.tally.add("killed by liveness");
  }

  #includesNotReady(key: string): boolean {
    const uid = key.slice(0, key.lastIndexOf(":"));
    const service = this.witness.mirror.byUid.get(uid)?.spec as { publishNotReadyAddresses?: boolean } | undefined;
    return service?.publishNotReadyAddresses === true;
  }

  #exited(podUid: string, run: string, code: number | undefined): void {
    this.witness.note(`exit ${podUid} ${run} ${code}`);
    const signal = this.#signalled.get(`${podUid}/${run}`);
    if (signal === undefined) {
      if (code !== 0) this.tally.add("container crashed");
    } else if (this.stopping.has(podUid)) {
      this.tally.add(signal === "SIGTERM" ? "pod gone after SIGTERM" : "pod gone after SIGKILL");
    }
  }
}
