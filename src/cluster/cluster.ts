/** The embedded cluster: store, events, controllers and the link to the kubelet, wired. */
import type { ImageCatalog } from "../model/image.ts";
import type { Kubelet } from "../model/kubelet.ts";
import type { Service, ServicePort } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import type { Fault } from "../util/fault.ts";
import type { Random } from "../util/random.ts";
import { DeploymentController } from "./controllers/deployment.ts";
import { EndpointsController } from "./controllers/endpoints.ts";
import { GarbageCollector } from "./controllers/garbage-collector.ts";
import { ReplicaSetController } from "./controllers/replicaset.ts";
import { EventLog } from "./events.ts";
import { NodeLink } from "./node.ts";
import { SqliteObjectStore } from "./store.ts";

export interface ClusterOptions {
  /** Database file, or `:memory:`. */
  path: string;
  clock: Clock;
  random: Random;
  kubelet: Kubelet;
  images: ImageCatalog;
  /** Where to look for a free local port of a LoadBalancer or NodePort Service that has none yet; 0: any. */
  preferredPort?: (service: Service, port: ServicePort) => number;
  /** Has a kubelet answer, where one can be started; called before each connection but the first. */
  reconnect?: () => Promise<void>;
  /**
   * Hears of what failed and is tried again; must not throw.
   *
   * @param doing Which part failed, with the object's key where there is one: `deployment apps/Deployment/default/web`
   */
  onError?: (doing: string, error: unknown) => void;
  /** Hears of every write to the database. */
  fault?: Fault;
}

/** One cluster. It does nothing before `start`, but its store can be read and written. */
export class EmbeddedCluster {
  readonly store: SqliteObjectStore;
  readonly events: EventLog;
  readonly node: NodeLink;
  readonly kubelet: Kubelet;
  readonly clock: Clock;
  readonly #controllers: { start(): void; close(): void }[];

  /** @throws {TrueupError} `io` when the state cannot be read, `invalid` when a newer trueup wrote it */
  constructor(options: ClusterOptions) {
    const { clock, random, kubelet, onError = () => {}, fault } = options;
    const failing = (part: string) => (error: unknown) => onError(part, error);
    const failingKey = (part: string) => (key: string, error: unknown) => onError(`${part} ${key}`, error);
    this.clock = clock;
    this.kubelet = kubelet;
    this.store = new SqliteObjectStore(options.path, {
      clock,
      random,
      onError: failing("store"),
      ...(fault !== undefined && { fault }),
    });
    const { store } = this;
    this.events = new EventLog({ store, clock });
    const { events } = this;
    this.node = new NodeLink({ ...options, store, events, onError: failing("kubelet") });
    this.#controllers = [
      new GarbageCollector({ store, clock, onError: failing("garbage collector") }),
      new DeploymentController({
        store,
        events,
        clock,
        heardSince: () => this.node.heardSince,
        onError: failingKey("deployment"),
      }),
      new ReplicaSetController({ store, events, clock, random, onError: failingKey("replica set") }),
      new EndpointsController({ store, clock, onError: failing("endpoints") }),
    ];
  }

  /** Starts controllers and the link to the kubelet. */
  start(): void {
    for (const controller of this.#controllers) controller.start();
    this.node.start();
  }

  /** Makes all writes so far durable. */
  flush(): void {
    this.store.flush();
  }

  /** Stops controllers and the link, and writes what is left; pods keep running. */
  async close(): Promise<void> {
    for (const controller of this.#controllers) controller.close();
    await this.node.close();
    this.events.close();
    this.store.close();
  }
}
