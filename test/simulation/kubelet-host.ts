/** The simulated machine's kubelets, one after the other, over containers that outlive them. */
import { join } from "node:path";
import { Journal } from "../../src/kubelet/journal.ts";
import { LocalKubelet } from "../../src/kubelet/kubelet.ts";
import { SimulatedRuntime } from "../../src/kubelet/simulated-runtime.ts";
import type { Clock } from "../../src/util/clock.ts";
import type { Random } from "../../src/util/random.ts";
import { STARTED_SCENARIO } from "./app.ts";
import { MortalClock } from "./clocks.ts";
import { RememberingProxy, RememberingRuntime, type RuntimeHooks } from "./traffic.ts";

export interface KubeletHostOptions {
  clock: Clock;
  random: Random;
  /** Where pods are recorded, so that a kubelet can be killed; null: nowhere. */
  directory: string | null;
  /** Keeps backends that it is told to drop, which must not be. */
  isDeaf: boolean;
  hooks: RuntimeHooks;
  /** Something went wrong that nothing explains. */
  onError(message: string): void;
}

export class KubeletHost {
  readonly #options: KubeletHostOptions;
  readonly #containers: SimulatedRuntime;
  readonly #journals: Journal[] = [];
  #clock: MortalClock;
  #kubelet: LocalKubelet | null = null;
  #proxy: RememberingProxy;

  constructor(options: KubeletHostOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#containers = new SimulatedRuntime({ clock, random, scenario: STARTED_SCENARIO });
    this.#clock = new MortalClock(clock);
    this.#proxy = new RememberingProxy(this.#clock, random, options.isDeaf);
  }

  /** The one that runs; null while there is none. */
  get running(): LocalKubelet | null {
    return this.#kubelet;
  }

  get proxy(): RememberingProxy {
    return this.#proxy;
  }

  async start(): Promise<void> {
    const { clock, random, directory, isDeaf, hooks, onError } = this.#options;
    const own = new MortalClock(clock);
    this.#clock = own;
    this.#proxy = new RememberingProxy(own, random, isDeaf);
    const journal = directory === null ? Journal.inMemory() : Journal.open(join(directory, "journal"));
    this.#journals.push(journal);
    const kubelet = new LocalKubelet({
      runtime: new RememberingRuntime(this.#containers, own, random, hooks),
      clock: own,
      random,
      proxy: this.#proxy,
      journal,
      directory,
      log: (level, message) => {
        if (level === "error" && !own.isDead) onError(`the kubelet says: ${message}`);
      },
    });
    await kubelet.start();
    this.#kubelet = kubelet;
  }

  /** As kill -9 would: containers run on, and nobody tends them. */
  kill(): void {
    this.#clock.die();
    this.#kubelet = null;
  }

  async dispose(): Promise<void> {
    // The last one closes its own.
    if (this.#kubelet !== null) this.#journals.pop();
    await this.#kubelet?.close();
    this.#clock.die();
    for (const journal of this.#journals) journal.close();
  }
}
