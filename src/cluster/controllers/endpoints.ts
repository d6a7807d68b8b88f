/** Keeps each Service's Endpoints object equal to the pods that stand behind it. */
import { isSelected } from "../../model/endpoints.ts";
import { type KubeObject, keyOfId, type ObjectId } from "../../model/object.ts";
import type { ObjectStore, StoreEvent } from "../../model/store.ts";
import type { Endpoints, Pod, Service } from "../../model/workload.ts";
import type { Clock } from "../../util/clock.ts";
import { WorkQueue } from "../../util/work-queue.ts";
import { planEndpoints } from "../endpoints-plan.ts";
import { LabelIndex } from "../label-index.ts";

export interface EndpointsControllerOptions {
  store: ObjectStore;
  clock: Clock;
  /** Hears of writes that failed and are tried again; must not throw. */
  onError?: (error: unknown) => void;
}

/** Services without a selector, and ExternalName ones, keep whatever Endpoints they have. */
export class EndpointsController {
  readonly #store: ObjectStore;
  readonly #queue: WorkQueue;
  /** Pods by each of their labels; Services by one pair of their selector, which every pod of theirs carries. */
  readonly #pods = new LabelIndex();
  readonly #services = new LabelIndex();
  #unsubscribe: () => void = () => {};

  constructor({ store, clock, onError = () => {} }: EndpointsControllerOptions) {
    this.#store = store;
    this.#queue = new WorkQueue({
      clock,
      process: (key) => this.#sync(key),
      onError: (_key, error) => onError(error),
    });
  }

  start(): void {
    this.#unsubscribe = this.#store.subscribe((event) => this.#hear(event));
    for (const pod of this.#store.list({ group: "", kind: "Pod" })) this.#index(pod);
    for (const service of this.#store.list({ group: "", kind: "Service" })) {
      this.#index(service);
      this.#queue.add(nameOf(service));
    }
    for (const endpoints of this.#store.list({ group: "", kind: "Endpoints" })) this.#queue.add(nameOf(endpoints));
  }

  close(): void {
    this.#unsubscribe();
    this.#queue.close();
  }

  #hear({ type, object, previous }: StoreEvent): void {
    if (object.apiVersion !== "v1") return;
    if (object.kind === "Pod") {
      if (previous !== undefined) this.#enqueueServicesOf(previous);
      this.#unindex(previous);
      if (type !== "deleted") this.#index(object);
      if (type !== "deleted" && previous?.metadata.labels !== object.metadata.labels) this.#enqueueServicesOf(object);
    } else if (object.kind === "Service") {
      this.#unindex(previous);
      if (type !== "deleted") this.#index(object);
      this.#queue.add(nameOf(object));
    } else if (object.kind === "Endpoints") this.#queue.add(nameOf(object));
  }

  #index(object: KubeObject): void {
    const { namespace = "" } = object.metadata;
    if (object.kind === "Pod") this.#pods.add(namespace, object.metadata.labels ?? {}, object.metadata.name);
    else this.#services.add(namespace, firstPair(object as Service), object.metadata.name);
  }

  #unindex(object: KubeObject | undefined): void {
    if (object === undefined) return;
    const { namespace = "" } = object.metadata;
    if (object.kind === "Pod") this.#pods.delete(namespace, object.metadata.labels ?? {}, object.metadata.name);
    else this.#services.delete(namespace, firstPair(object as Service), object.metadata.name);
  }

  #enqueueServicesOf(pod: KubeObject): void {
    const { namespace = "", labels = {} } = pod.metadata;
    for (const name of this.#services.anyOf(namespace, labels)) {
      const service = this.#store.get(keyOfId(idNamed("Service", namespace, name))) as Service | undefined;
      if (isSelected(service?.spec.selector, labels)) this.#queue.add(`${namespace}/${name}`);
    }
  }

  #sync(key: string): void {
    const [namespace = "", name = ""] = key.split("/");
    const service = this.#store.get(keyOfId(idNamed("Service", namespace, name))) as Service | undefined;
    const endpointsKey = keyOfId(idNamed("Endpoints", namespace, name));
    const existing = this.#store.get(endpointsKey) as Endpoints | undefined;
    if (service === undefined) {
      this.#store.delete(endpointsKey);
      return;
    }
    const { selector, type } = service.spec;
    if (selector === undefined || Object.keys(selector).length === 0 || type === "ExternalName") return;
    if (this.#isLeaving(namespace) && existing === undefined) return;
    const subsets = planEndpoints(service, this.#podsOf(namespace, firstPair(service)));
    const { labels } = service.metadata;
    const wanted: Endpoints = {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { ...existing?.metadata, name, namespace, ...(labels !== undefined && { labels }) },
      ...(subsets !== undefined && { subsets }),
    };
    if (existing === undefined) this.#store.create(wanted);
    else this.#store.update(wanted);
  }

  #podsOf(namespace: string, pair: Record<string, string>): Pod[] {
    return this.#pods.anyOf(namespace, pair).flatMap((name) => {
      const pod = this.#store.get(keyOfId(idNamed("Pod", namespace, name)));
      return pod === undefined ? [] : [pod as Pod];
    });
  }

  #isLeaving(namespace: string): boolean {
    const object = this.#store.get(keyOfId({ group: "", kind: "Namespace", namespace: "", name: namespace }));
    return object?.metadata.deletionTimestamp !== undefined;
  }
}

function firstPair(service: Service): Record<string, string> {
  const [pair] = Object.entries(service.spec.selector ?? {});
  return pair === undefined ? {} : { [pair[0]]: pair[1] };
}

function nameOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}

function idNamed(kind: string, namespace: string, name: string): ObjectId {
  return { group: "", kind, namespace, name };
}
