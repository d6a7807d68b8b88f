/** Deletes what depends on objects that are gone, and empties namespaces that are being deleted. */
import { TrueupError } from "../../model/errors.ts";
import { groupOf, idOf, isClusterScoped, type KubeObject, keyOf, keyOfId, type ObjectKey } from "../../model/object.ts";
import type { ObjectStore, StoreEvent } from "../../model/store.ts";
import type { Clock } from "../../util/clock.ts";
import { WorkQueue } from "../../util/work-queue.ts";

export interface GarbageCollectorOptions {
  store: ObjectStore;
  clock: Clock;
  /** Hears of deletions that failed and are tried again; must not throw. */
  onError?: (error: unknown) => void;
}

/** Background deletion, as Kubernetes' garbage collector and namespace controller do it. */
export class GarbageCollector {
  readonly #store: ObjectStore;
  readonly #queue: WorkQueue;
  /** Uid of an owner, of any kind of ownership, to its dependents. */
  readonly #dependents = new Map<string, Set<ObjectKey>>();
  /** Namespaces that are being deleted. */
  readonly #leaving = new Set<string>();
  #unsubscribe: () => void = () => {};

  constructor({ store, clock, onError = () => {} }: GarbageCollectorOptions) {
    this.#store = store;
    this.#queue = new WorkQueue({
      clock,
      process: (key) => this.#process(key as ObjectKey),
      onError: (_key, error) => onError(error),
    });
  }

  start(): void {
    this.#unsubscribe = this.#store.subscribe((event) => this.#hear(event));
    // Owners may have gone while nobody collected: a daemon was killed between a deletion and its consequences.
    for (const object of this.#store.list({})) this.#consider(object);
  }

  close(): void {
    this.#unsubscribe();
    this.#queue.close();
  }

  #hear({ type, object, previous }: StoreEvent): void {
    if (type !== "deleted") {
      if (previous?.metadata.ownerReferences !== object.metadata.ownerReferences && previous !== undefined) {
        this.#forget(previous);
      }
      this.#consider(object);
      return;
    }
    this.#forget(object);
    const { uid, namespace } = object.metadata;
    if (object.kind === "Namespace") this.#leaving.delete(object.metadata.name);
    for (const key of this.#dependents.get(uid ?? "") ?? []) this.#queue.add(key);
    if (namespace !== undefined && this.#leaving.has(namespace)) this.#queue.add(namespaceKey(namespace));
  }

  #consider(object: KubeObject): void {
    const key = keyOf(object);
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const dependents = this.#dependents.get(uid) ?? new Set();
      this.#dependents.set(uid, dependents.add(key));
      if (this.#store.byUid(uid) === undefined) this.#queue.add(key);
    }
    if (object.metadata.deletionTimestamp === undefined) return;
    if (isClusterScoped(groupOf(object.apiVersion), object.kind) && object.kind === "Namespace") {
      this.#leaving.add(object.metadata.name);
      this.#queue.add(key);
    }
  }

  #forget(object: KubeObject): void {
    const key = keyOf(object);
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const dependents = this.#dependents.get(uid);
      dependents?.delete(key);
      if (dependents?.size === 0) this.#dependents.delete(uid);
    }
  }

  #process(key: ObjectKey): void {
    const object = this.#store.get(key);
    if (object === undefined) return;
    if (object.kind === "Namespace") this.#emptyNamespace(object);
    else this.#collect(key, object);
  }

  /** Deletes an object none of whose owners exists; one with other owners only loses the references to those that are gone. */
  #collect(key: ObjectKey, object: KubeObject): void {
    const owners = object.metadata.ownerReferences ?? [];
    const present = owners.filter(({ uid }) => this.#store.byUid(uid) !== undefined);
    if (present.length === owners.length) return;
    const { uid } = object.metadata;
    if (present.length === 0) this.#store.delete(key, uid === undefined ? {} : { uid });
    else this.#store.update({ ...object, metadata: { ...object.metadata, ownerReferences: present } });
  }

  #emptyNamespace(namespace: KubeObject): void {
    const { name, uid, deletionTimestamp } = namespace.metadata;
    if (deletionTimestamp === undefined) return;
    for (const object of this.#store.list({ namespace: name })) {
      if (object.metadata.deletionTimestamp === undefined) this.#store.delete(keyOf(object));
    }
    if (this.#store.list({ namespace: name }).length > 0) return;
    if (uid === undefined) throw new TrueupError("internal", `Cannot remove namespace/${name} as it must have a uid.`);
    this.#store.remove(keyOf(namespace), uid);
  }
}

function namespaceKey(name: string): ObjectKey {
  return keyOfId({ ...idOf({ apiVersion: "v1", kind: "Namespace", metadata: { name } }) });
}
