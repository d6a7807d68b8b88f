/** Which pods a change concerns: those that refer to a changed ConfigMap or Secret, or whose Services changed. */
import type { KubeObject } from "../model/object.ts";
import type { StoreEvent } from "../model/store.ts";
import type { Pod, Service } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import { sameJson } from "./json.ts";
import { configNamesOf, isSettled, serviceEnvironment } from "./node-assignment.ts";
import type { SqliteObjectStore } from "./store.ts";

/**
 * How long the first start of a pod waits for the local ports of its namespace's Services, milliseconds. On Kubernetes a
 * pod that is made after a Service always has that Service in its environment; here the port is found out first.
 */
const PATIENCE_MS = 1_000;

/** What pods of a namespace need to know of its Services. */
export interface NamespaceServices {
  env: Record<string, string>;
  /** How long new pods should wait for ports that are not known yet, milliseconds; 0: not at all. */
  waitMs: number;
}

export interface Concerned {
  /** Uids. */
  pods: Iterable<string>;
  /** Namespace whose Services changed: what to answer for may be different, and `refresh` says which pods care. */
  namespace?: string;
}

interface KnownServices {
  env: Record<string, string>;
  unsettled: string[];
}

const NOBODY: Concerned = { pods: [] };

export class NodeIndex {
  readonly #store: SqliteObjectStore;
  readonly #clock: Clock;
  /** Uids of all pods, by namespace. */
  readonly #byNamespace = new Map<string, Set<string>>();
  /** `Kind/namespace/name` to uids of the pods that refer to it. */
  readonly #byConfig = new Map<string, Set<string>>();
  /** By namespace; dropped when a Service changes, and found out again when it is needed. */
  readonly #services = new Map<string, KnownServices>();
  /** By namespace, what its pods were last looked at with. */
  readonly #told = new Map<string, KnownServices>();
  /** Uid of a Service to when it was first seen without its ports. */
  readonly #unsettledSince = new Map<string, number>();

  constructor(store: SqliteObjectStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  load(): void {
    for (const pod of this.#store.list({ group: "", kind: "Pod" })) this.#addPod(pod as Pod);
  }

  /** Uids of all pods, oldest first within a namespace. */
  *pods(): Iterable<string> {
    for (const uids of this.#byNamespace.values()) yield* uids;
  }

  /** Takes note of a change, and says whom it concerns. */
  hear({ type, object, previous }: StoreEvent): Concerned {
    switch (object.kind) {
      case "Pod":
        return this.#hearPod(type, object as Pod, previous as Pod | undefined);
      case "Service":
        return this.#hearService(type, object as Service);
      case "ConfigMap":
      case "Secret": {
        const key = configKey(object.kind, object.metadata.namespace ?? "", object.metadata.name);
        return { pods: [...(this.#byConfig.get(key) ?? [])] };
      }
      default:
        return NOBODY;
    }
  }

  services(namespace: string): NamespaceServices {
    const { env, unsettled } = this.#servicesOf(namespace);
    const now = this.#clock.monotonic();
    let waitMs = 0;
    for (const uid of unsettled) {
      const since = this.#unsettledSince.get(uid) ?? now;
      this.#unsettledSince.set(uid, since);
      waitMs = Math.max(waitMs, since + PATIENCE_MS - now);
    }
    return { env, waitMs };
  }

  /** Uids of the pods that are to be looked at again, as their namespace's Services are different from what they were. */
  refresh(namespace: string): Iterable<string> {
    const before = this.#told.get(namespace);
    const now = this.#servicesOf(namespace);
    this.#told.set(namespace, now);
    const isSame = before !== undefined && sameJson(before, now);
    return isSame ? [] : [...(this.#byNamespace.get(namespace) ?? [])];
  }

  #servicesOf(namespace: string): KnownServices {
    const known = this.#services.get(namespace);
    if (known !== undefined) return known;
    const services = this.#store.list({ group: "", kind: "Service", namespace }) as Service[];
    const unsettled = services.filter((service) => !isSettled(service)).map(({ metadata }) => metadata.uid ?? "");
    const found = { env: Object.freeze(serviceEnvironment(services)), unsettled };
    this.#services.set(namespace, found);
    return found;
  }

  #hearPod(type: StoreEvent["type"], pod: Pod, previous: Pod | undefined): Concerned {
    const { uid = "" } = pod.metadata;
    if (type === "deleted") this.#dropPod(pod);
    else if (type === "added") this.#addPod(pod);
    else if (previous !== undefined && !concernsKubelet(previous, pod)) return NOBODY;
    return { pods: [uid] };
  }

  #hearService(type: StoreEvent["type"], service: Service): Concerned {
    const { namespace = "", uid = "" } = service.metadata;
    this.#services.delete(namespace);
    if (type === "deleted" || isSettled(service)) this.#unsettledSince.delete(uid);
    return { pods: [], namespace };
  }

  #addPod(pod: Pod): void {
    const { namespace = "", uid = "" } = pod.metadata;
    addTo(this.#byNamespace, namespace, uid);
    for (const key of configKeys(pod)) addTo(this.#byConfig, key, uid);
  }

  #dropPod(pod: Pod): void {
    const { namespace = "", uid = "" } = pod.metadata;
    dropFrom(this.#byNamespace, namespace, uid);
    for (const key of configKeys(pod)) dropFrom(this.#byConfig, key, uid);
  }
}

/** Parts that did not change are the same frozen values. */
function concernsKubelet(before: KubeObject, after: KubeObject): boolean {
  const { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds } = before.metadata;
  return (
    before.spec !== after.spec ||
    labels !== after.metadata.labels ||
    annotations !== after.metadata.annotations ||
    deletionTimestamp !== after.metadata.deletionTimestamp ||
    deletionGracePeriodSeconds !== after.metadata.deletionGracePeriodSeconds
  );
}

function configKey(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

/** References of a pod never change: those parts of its spec are fixed. */
function configKeys(pod: Pod): string[] {
  const { namespace = "" } = pod.metadata;
  const { configMaps, secrets } = configNamesOf(pod);
  return [
    ...[...configMaps].map((name) => configKey("ConfigMap", namespace, name)),
    ...[...secrets].map((name) => configKey("Secret", namespace, name)),
  ];
}

function addTo(index: Map<string, Set<string>>, key: string, uid: string): void {
  const uids = index.get(key) ?? new Set();
  index.set(key, uids.add(uid));
}

function dropFrom(index: Map<string, Set<string>>, key: string, uid: string): void {
  const uids = index.get(key);
  uids?.delete(uid);
  if (uids?.size === 0) index.delete(key);
}
