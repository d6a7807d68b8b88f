/** All objects in memory, found by key, uid, kind and namespace, controller, and the app that applied them. */
import { controllerOf, type KubeObject, type ObjectId, type ObjectKey } from "../model/object.ts";
import type { StoreQuery } from "../model/store.ts";

/** What trueup remembers beside an object: which app applied it, and the part that it applied. */
export interface AppliedRecord {
  owner: string;
  object: KubeObject;
}

/** A stored object. Never changed: a write replaces the entry. */
export interface Entry {
  readonly key: ObjectKey;
  readonly id: ObjectId;
  readonly object: KubeObject;
  readonly record: AppliedRecord | null;
}

type Bucket = Map<ObjectKey, Entry>;

/** The indexes. Lists come in the order in which objects were first stored. */
export class ObjectIndexes {
  readonly #byKey: Bucket = new Map();
  readonly #byUid = new Map<string, Entry>();
  /** `group/Kind` to namespace to objects. */
  readonly #byKind = new Map<string, Map<string, Bucket>>();
  readonly #byController = new Map<string, Bucket>();
  readonly #byOwner = new Map<string, Bucket>();

  get(key: ObjectKey): Entry | undefined {
    return this.#byKey.get(key);
  }

  byUid(uid: string): Entry | undefined {
    return this.#byUid.get(uid);
  }

  controlledBy(uid: string): Entry[] {
    return [...(this.#byController.get(uid)?.values() ?? [])];
  }

  /** Objects that this app applied. */
  ownedBy(owner: string): Entry[] {
    return [...(this.#byOwner.get(owner)?.values() ?? [])];
  }

  entries(): IterableIterator<Entry> {
    return this.#byKey.values();
  }

  list({ group, kind, namespace }: StoreQuery): Entry[] {
    const found: Entry[] = [];
    for (const [id, namespaces] of this.#kinds(group, kind)) {
      if (group !== undefined && !id.startsWith(`${group}/`)) continue;
      if (kind !== undefined && !id.endsWith(`/${kind}`)) continue;
      const buckets = namespace === undefined ? namespaces.values() : [namespaces.get(namespace)];
      for (const bucket of buckets) if (bucket !== undefined) found.push(...bucket.values());
    }
    return found;
  }

  #kinds(group: string | undefined, kind: string | undefined): Iterable<[string, Map<string, Bucket>]> {
    if (group === undefined || kind === undefined) return this.#byKind;
    const id = `${group}/${kind}`;
    const namespaces = this.#byKind.get(id);
    return namespaces === undefined ? [] : [[id, namespaces]];
  }

  set(entry: Entry): void {
    const before = this.#byKey.get(entry.key);
    this.#byKey.set(entry.key, entry);
    const { uid } = entry.object.metadata;
    const controller = controllerOf(entry.object)?.uid;
    if (before !== undefined) {
      if (before.object.metadata.uid !== uid) this.#dropUid(before);
      if (controllerOf(before.object)?.uid !== controller) this.#dropController(before);
      if (before.record?.owner !== entry.record?.owner) this.#dropOwner(before);
    }
    if (entry.record !== null) bucketOf(this.#byOwner, entry.record.owner).set(entry.key, entry);
    if (uid !== undefined) this.#byUid.set(uid, entry);
    if (controller !== undefined) bucketOf(this.#byController, controller).set(entry.key, entry);
    const kind = `${entry.id.group}/${entry.id.kind}`;
    const namespaces = this.#byKind.get(kind) ?? new Map<string, Bucket>();
    this.#byKind.set(kind, namespaces);
    bucketOf(namespaces, entry.id.namespace).set(entry.key, entry);
  }

  delete(key: ObjectKey): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return;
    this.#byKey.delete(key);
    this.#dropUid(entry);
    this.#dropController(entry);
    this.#dropOwner(entry);
    const kind = `${entry.id.group}/${entry.id.kind}`;
    const namespaces = this.#byKind.get(kind);
    if (namespaces === undefined) return;
    dropFrom(namespaces, entry.id.namespace, key);
    if (namespaces.size === 0) this.#byKind.delete(kind);
  }

  #dropUid(entry: Entry): void {
    const { uid } = entry.object.metadata;
    if (uid !== undefined) this.#byUid.delete(uid);
  }

  #dropController(entry: Entry): void {
    const uid = controllerOf(entry.object)?.uid;
    if (uid !== undefined) dropFrom(this.#byController, uid, entry.key);
  }

  #dropOwner({ key, record }: Entry): void {
    if (record !== null) dropFrom(this.#byOwner, record.owner, key);
  }
}

function bucketOf(buckets: Map<string, Bucket>, name: string): Bucket {
  const known = buckets.get(name);
  if (known !== undefined) return known;
  const bucket: Bucket = new Map();
  buckets.set(name, bucket);
  return bucket;
}

function dropFrom(buckets: Map<string, Bucket>, name: string, key: ObjectKey): void {
  const bucket = buckets.get(name);
  bucket?.delete(key);
  if (bucket?.size === 0) buckets.delete(name);
}
