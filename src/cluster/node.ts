/** Joins the object store and a kubelet: pods and Services go there, numbered reports come back. */
import type { ImageCatalog } from "../model/image.ts";
import type { Kubelet } from "../model/kubelet.ts";
import type { EventRecorder } from "../model/store.ts";
import type { Service, ServicePort } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import type { SqliteObjectStore } from "./store.ts";

export interface NodeLinkOptions {
  store: SqliteObjectStore;
  events: EventRecorder;
  kubelet: Kubelet;
  images: ImageCatalog;
  clock: Clock;
  /** Name in `spec.nodeName`; `local` when absent. */
  nodeName?: string;
  /** Where to look for a free local port of a LoadBalancer or NodePort Service that has none yet; 0: any. */
  preferredPort?: (service: Service, port: ServicePort) => number;
}

export class NodeLink {
  constructor(_options: NodeLinkOptions) {}
  /** Whether the kubelet answered last. */
  get connected(): boolean {
    return false;
  }
  start(): void {}
  /** Images may resolve otherwise now: pods whose images changed are assigned again. */
  imagesChanged(): void {}
  async close(): Promise<void> {}
}
