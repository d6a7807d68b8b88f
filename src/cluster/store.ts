/** The embedded cluster's object store: everything in memory, indexed, and written to one SQLite file. */

import { applyDefaults } from "../defaulting/defaults.ts";
import { TrueupError } from "../model/errors.ts";
import { displayId, idOf, type KubeObject, keyOf, keyOfId, type ObjectKey, timestamp } from "../model/object.ts";
import type { ObjectStore, StoreEvent, StoreQuery } from "../model/store.ts";
import type { Clock } from "../util/clock.ts";
import type { Fault } from "../util/fault.ts";
import type { Random } from "../util/random.ts";
import { admitCreate, admitDelete, admitNamespace, admitUpdate, admitVersion } from "./admission.ts";
import { deleted, ended, isReleased } from "./deletion.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type AppliedRecord, type Entry, ObjectIndexes } from "./indexes.ts";
import { frozenCopy, sameJson } from "./json.ts";
import { freshUid, named as withName } from "./naming.ts";
import { keepServerFields, specDiffers, withMetadata } from "./object-fields.ts";
import { Persistence } from "./persistence.ts";

export type { AppliedRecord } from "./indexes.ts";

export interface StoreOptions {
  clock: Clock;
  random: Random;
  /** Hears of a group of writes that could not be written and is tried again; must not throw. */
  onError?: (error: unknown) => void;
  /** Hears of every write to the file. */
  fault?: Fault;
}

/** A change with what trueup remembers of the object: after the change, or, of a deleted one, before. */
export interface RecordedEvent extends StoreEvent {
  record: AppliedRecord | null;
}

/** What a transaction changed, to take it back. */
type Undo = () => void;

const META_VERSION = "version";

/**
 * An `ObjectStore` in memory, written behind to SQLite: all writes of one turn become one SQLite transaction at the turn's
 * end, or earlier when `flush` is called. What other processes are shown must be flushed before.
 *
 * `updateStatus` does not look at the resourceVersion: a status has one writer.
 */
export class SqliteObjectStore implements ObjectStore {
  readonly path: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #indexes = new ObjectIndexes();
  readonly #meta = new Map<string, string>();
  readonly #persistence: Persistence;
  readonly #events = new Dispatcher<StoreEvent & { record?: AppliedRecord | null }, RecordedEvent>((event) => ({
    ...event,
    // An object is often created and its record set in one transaction: the record as of now is the one meant.
    record: event.record === undefined ? this.applied(keyOf(event.object)) : event.record,
  }));
  #version = 0;
  #undo: Undo[] = [];
  #depth = 0;

  /**
   * @param path Database file, or `:memory:` for a store that ends with the process
   * @throws {TrueupError} `io` when the file cannot be read, `invalid` when a newer trueup wrote it
   */
  constructor(path: string, { clock, random, onError, fault }: StoreOptions) {
    this.path = path;
    this.#clock = clock;
    this.#random = random;
    this.#persistence = new Persistence({
      path,
      clock,
      entry: (key) => this.#indexes.get(key),
      meta: (name) => (name === META_VERSION ? String(this.#version) : this.#meta.get(name)),
      ...(onError !== undefined && { onError }),
      ...(fault !== undefined && { fault }),
    });
    const { entries, meta } = this.#persistence.load();
    for (const entry of entries) this.#indexes.set(entry);
    for (const [name, value] of meta) this.#meta.set(name, value);
    this.#version = Number(this.#meta.get(META_VERSION) ?? 0);
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };
    if (this.get(keyOf(namespace)) === undefined) this.create(namespace);
  }

  get version(): number {
    return this.#version;
  }

  get(key: ObjectKey): KubeObject | undefined {
    return this.#indexes.get(key)?.object;
  }

  byUid(uid: string): KubeObject | undefined {
    return this.#indexes.byUid(uid)?.object;
  }

  list(query: StoreQuery): KubeObject[] {
    return this.#indexes.list(query).map(({ object }) => object);
  }

  /** Objects that this app applied. */
  ownedBy(owner: string): KubeObject[] {
    return this.#indexes.ownedBy(owner).map(({ object }) => object);
  }

  controlledBy(uid: string): KubeObject[] {
    return this.#indexes.controlledBy(uid).map(({ object }) => object);
  }

  create(object: KubeObject): KubeObject {
    const named = withName(object, this.#random, (candidate) => this.get(keyOf(candidate)) !== undefined);
    const id = idOf(named);
    const namespaced = id.namespace === "" ? named : withMetadata(named, { namespace: id.namespace });
    const complete = applyDefaults(namespaced);
    admitCreate(complete);
    if (id.namespace !== "") {
      const namespaceId = { group: "", kind: "Namespace", namespace: "", name: id.namespace };
      admitNamespace(complete, id.namespace, this.get(keyOfId(namespaceId)));
    }
    const key = keyOfId(id);
    const isTaken = (candidate: string): boolean => this.#indexes.byUid(candidate) !== undefined;
    const { uid = freshUid(this.#random, isTaken) } = complete.metadata;
    if (this.#indexes.get(key) !== undefined) {
      throw new TrueupError("conflict", `Cannot create ${displayId(id)} as its name must be free: it is taken.`);
    }
    if (isTaken(uid)) {
      throw new TrueupError("conflict", `Cannot create ${displayId(id)} as its uid must be new: ${uid} is taken.`);
    }
    const { deletionTimestamp: _deleted, deletionGracePeriodSeconds: _grace, ...metadata } = complete.metadata;
    const { creationTimestamp = timestamp(this.#clock.now()) } = metadata;
    const resourceVersion = this.#nextVersion();
    const stored = frozenCopy({
      ...complete,
      metadata: { ...metadata, uid, resourceVersion, generation: metadata.generation ?? 1, creationTimestamp },
    });
    this.#put({ key, id, object: stored, record: null });
    this.#events.emit({ type: "added", object: stored, version: this.#version });
    return stored;
  }

  update(object: KubeObject): KubeObject {
    const entry = this.#existing(object);
    const { status } = entry.object;
    admitVersion(entry.object, object);
    const { status: _status, ...rest } = applyDefaults(object);
    return this.#replace(entry, { ...rest, ...(status !== undefined && { status }) } as KubeObject, true);
  }

  updateStatus(object: KubeObject): KubeObject {
    const entry = this.#existing(object);
    const { status: _status, ...rest } = entry.object;
    const next: KubeObject = { ...rest, ...(object.status !== undefined && { status: object.status }) };
    return this.#replace(entry, applyDefaults(next), false);
  }

  /**
   * Replaces all of an object, status included, in one write that does not raise its generation: what the node does when it
   * binds a pod or reports of it.
   */
  write(object: KubeObject): KubeObject {
    const entry = this.#existing(object);
    admitVersion(entry.object, object);
    return this.#replace(entry, applyDefaults(object), false);
  }

  delete(key: ObjectKey, options: { gracePeriodSeconds?: number; uid?: string } = {}): void {
    const entry = this.#indexes.get(key);
    if (entry === undefined) return;
    admitDelete(entry.object, options.uid);
    this.#end(entry, deleted(entry.object, options.gracePeriodSeconds, this.#clock.now()));
  }

  remove(key: ObjectKey, uid: string): void {
    const entry = this.#indexes.get(key);
    if (entry === undefined || entry.object.metadata.uid !== uid) return;
    this.#end(entry, ended(entry.object, this.#clock.now()));
  }

  subscribe(listener: (event: RecordedEvent) => void): () => void {
    return this.#events.subscribe(listener);
  }

  /**
   * Runs synchronous work whose writes are whole or absent: when it throws, none of them happened. They reach the database
   * together, with the rest of the turn.
   */
  transaction<T>(work: () => T): T {
    return this.#attempt(work, true);
  }

  /** Runs work and takes all its writes back: what would happen, by the same rules as when it does. */
  rehearse<T>(work: () => T): T {
    return this.#attempt(work, false);
  }

  /** What was applied last; `null` when trueup never applied the object. */
  applied(key: ObjectKey): AppliedRecord | null {
    return this.#indexes.get(key)?.record ?? null;
  }

  /** Remembers what was applied. The object itself does not change, so nobody is told. */
  setApplied(key: ObjectKey, record: AppliedRecord | null): void {
    const entry = this.#indexes.get(key);
    if (entry === undefined) {
      throw new TrueupError("not-found", `Cannot record what was applied as ${key} must exist: it does not.`);
    }
    if (sameJson(entry.record, record)) return;
    this.#put({ ...entry, record: record === null ? null : frozenCopy(record) });
  }

  /** A small value kept beside the objects, such as the number of the last kubelet report. */
  meta(name: string): string | undefined {
    return this.#meta.get(name);
  }

  setMeta(name: string, value: string): void {
    const before = this.#meta.get(name);
    if (before === value) return;
    this.#meta.set(name, value);
    this.#persistence.changedMeta(name);
    this.#undoable(() => (before === undefined ? this.#meta.delete(name) : this.#meta.set(name, before)));
  }

  /**
   * Makes all writes so far durable against the death of this process. Inside a transaction it does nothing: half a
   * transaction is never written.
   *
   * @throws {TrueupError} `io`; the writes are kept and tried again
   */
  flush(): void {
    if (this.#depth === 0) this.#persistence.flush();
  }

  /** Writes what is left and lets go of the file. Later writes fail with `unavailable`. */
  close(): void {
    this.#persistence.close();
  }

  get closed(): boolean {
    return this.#persistence.closed;
  }

  #attempt<T>(work: () => T, keep: boolean): T {
    const undoMark = this.#undo.length;
    const version = this.#version;
    const emitted = this.#events.hold();
    this.#depth++;
    let kept = false;
    try {
      const result = work();
      kept = keep;
      return result;
    } finally {
      this.#depth--;
      if (!kept) {
        for (const undo of this.#undo.splice(undoMark).reverse()) undo();
        this.#version = version;
      }
      if (this.#depth === 0) this.#undo = [];
      this.#events.release(kept ? undefined : emitted);
    }
  }

  #undoable(undo: Undo): void {
    if (this.#depth > 0) this.#undo.push(undo);
  }

  #nextVersion(): string {
    this.#persistence.changedMeta(META_VERSION);
    return String(++this.#version);
  }

  #put(entry: Entry): void {
    this.#persistence.requireOpen();
    const before = this.#indexes.get(entry.key);
    this.#indexes.set(entry);
    this.#persistence.changed(entry.key, before, entry);
    this.#undoable(() => (before === undefined ? this.#indexes.delete(entry.key) : this.#indexes.set(before)));
  }

  #drop(entry: Entry): void {
    this.#persistence.requireOpen();
    this.#nextVersion();
    this.#indexes.delete(entry.key);
    this.#persistence.changed(entry.key, entry, undefined);
    this.#undoable(() => this.#indexes.set(entry));
    const { object, record } = entry;
    this.#events.emit({ type: "deleted", object, previous: object, version: this.#version, record });
  }

  /** Stores another state of an object, unless it is the same one; ends its deletion when nothing holds it any more. */
  #replace(entry: Entry, wanted: KubeObject, raisesGeneration: boolean): KubeObject {
    const before = entry.object;
    const { metadata } = before;
    const kept = keepServerFields(wanted.metadata, metadata);
    const next = { ...wanted, metadata: kept };
    if (sameJson(next, before)) return before;
    admitUpdate(before, next);
    if (raisesGeneration && specDiffers(before, next)) kept.generation = (metadata.generation ?? 0) + 1;
    kept.resourceVersion = this.#nextVersion();
    const stored = frozenCopy(next);
    this.#put({ ...entry, object: stored });
    this.#events.emit({ type: "modified", object: stored, previous: before, version: this.#version });
    if (isReleased(before, stored)) this.#drop({ ...entry, object: stored });
    return stored;
  }

  /** Stores an object as it waits for its end, or lets it go. */
  #end(entry: Entry, waiting: KubeObject | null): void {
    if (waiting === entry.object) return;
    if (waiting === null) {
      this.#drop(entry);
      return;
    }
    const stored = frozenCopy(withMetadata(waiting, { resourceVersion: this.#nextVersion() }));
    this.#put({ ...entry, object: stored });
    this.#events.emit({ type: "modified", object: stored, previous: entry.object, version: this.#version });
  }

  #existing(object: KubeObject): Entry {
    const id = idOf(object);
    const entry = this.#indexes.get(keyOfId(id));
    if (entry === undefined) {
      throw new TrueupError("not-found", `Cannot change ${displayId(id)} as it must exist: it does not.`);
    }
    return entry;
  }
}
