/** One simulated daemon: store, ledger, controllers and reconcilers over the machine's state files, until it is killed or closed. */
import { EmbeddedBackend } from "../../src/backend/embedded.ts";
import { EmbeddedCluster } from "../../src/cluster/cluster.ts";
import { Fleet } from "../../src/daemon/fleet.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { Kubelet } from "../../src/model/kubelet.ts";
import type { StoreEvent } from "../../src/model/store.ts";
import type { Clock } from "../../src/util/clock.ts";
import type { Random } from "../../src/util/random.ts";
import type { MemoryGit } from "../support/memory-git.ts";
import { MemoryRepository } from "../support/memory-repository.ts";
import { FaultyBackend } from "./backend.ts";
import type { Changes } from "./changes.ts";
import { MortalClock } from "./clocks.ts";
import { FaultyLedger } from "./faulty-ledger.ts";
import type { SimulatedImages } from "./images.ts";
import { FaultyLink, type LinkHooks } from "./link.ts";
import { type Bell, watchByBell } from "./ref.ts";
import type { Weather } from "./weather.ts";

/** Any key will do, as long as all daemons of the machine have it. */
const CONFIG_KEY = new Uint8Array(32);
/** The branch that is followed. */
export const BRANCH = "main";

export interface DaemonParts {
  clock: Clock;
  random: Random;
  git: MemoryGit;
  /** Where the repository says to be. */
  repository: string;
  bell: Bell;
  images: SimulatedImages;
  kubelet: () => Kubelet | null;
  weather: Weather;
  changes: Changes;
  link: LinkHooks;
  /** A place at which it can be killed. */
  step(): void;
  saw(event: StoreEvent): void;
  logged(message: string): void;
  onError(doing: string, error: unknown): void;
}

export class Daemon {
  readonly cluster: EmbeddedCluster;
  readonly backend: EmbeddedBackend;
  readonly ledger: SqliteLedger;
  readonly fleet: Fleet;
  readonly clock: MortalClock;
  readonly #link: FaultyLink;
  readonly #logged: (message: string) => void;
  readonly #stopWatching: () => void;
  readonly #repository: MemoryRepository;

  constructor(files: { cluster: string; ledger: string }, parts: DaemonParts) {
    const { random, git, repository: path, images, weather, changes, saw, step, logged } = parts;
    const clock = new MortalClock(parts.clock);
    this.clock = clock;
    this.#logged = logged;
    this.#link = new FaultyLink(parts.kubelet, weather, parts.link);
    this.ledger = new SqliteLedger({ path: files.ledger });
    this.cluster = new EmbeddedCluster({
      path: files.cluster,
      clock,
      random,
      kubelet: this.#link,
      images: images.catalog,
      onError: (doing, error) => {
        if (!clock.isDead) parts.onError(doing, error);
      },
    });
    const { store } = this.cluster;
    this.#stopWatching = store.subscribe(saw);
    this.backend = new EmbeddedBackend(this.cluster);
    const isDead = (): boolean => clock.isDead;
    const backend = new FaultyBackend(this.backend, weather, {
      isDead,
      step,
      listing: (query) => changes.listing(query),
      failed: (query) => changes.failed(query),
      applying: (request) => changes.applying(request, store),
      deleting: (request) => changes.deleting(request, store),
    });
    const ledger = new FaultyLedger(this.ledger, weather, {
      isDead,
      step,
      opened: (key) => changes.opened(key),
      told: (key, event) => changes.told(key, event),
      ended: (key, ending) => changes.ended(key, ending),
    });
    this.#repository = new MemoryRepository(git, path, clock);
    this.fleet = new Fleet({
      target: "local",
      repository: this.#repository,
      ref: BRANCH,
      backend,
      ledger,
      images,
      imagePaths: [],
      configKey: CONFIG_KEY,
      clock,
      log: { info: logged, warn: logged, error: logged },
      watch: watchByBell(parts.bell),
      onImages: () => this.cluster.node.imagesChanged(),
    });
  }

  /** @throws {TrueupError} When it cannot be read which apps there are */
  async start(): Promise<void> {
    this.cluster.start();
    await this.fleet.start();
  }

  /** From now on nobody hears of it, and none of its timers comes. */
  die(): void {
    this.#stopWatching();
    this.#link.cut();
    this.clock.die();
  }

  /** Ends it as its program would, pods aside; of a killed one it takes the remains away. */
  async close(): Promise<void> {
    await this.fleet.close();
    this.backend.close();
    const closed = this.cluster.close();
    // The process ends: what it had not sent yet is never sent.
    this.#link.cut();
    try {
      await closed;
    } catch (error) {
      // The disk is full: what was not written is lost, which the real one says in its log.
      if (!(error instanceof TrueupError && error.code === "io")) throw error;
      this.#logged(error.message);
    }
    this.#stopWatching();
    this.ledger.close();
    await this.#repository.close();
  }
}
