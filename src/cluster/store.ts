/** The embedded cluster's object store: everything in memory, indexed, and written to one SQLite file. */
import { TrueupError } from "../model/errors.ts";
import type { KubeObject, ObjectKey } from "../model/object.ts";
import type { ObjectStore, StoreEvent, StoreQuery } from "../model/store.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";

export interface StoreOptions {
  clock: Clock;
  random: Random;
}

/** What trueup remembers beside an object: which app applied it, and the part that it applied. */
export interface AppliedRecord {
  owner: string;
  object: KubeObject;
}

/** A change with what trueup remembered of the object: after the change, or, of a deleted one, before. */
export interface RecordedEvent extends StoreEvent {
  record: AppliedRecord | null;
}

function unfinished(): never {
  throw new TrueupError("internal", "Cannot use the object store as it is not built yet");
}

/** An `ObjectStore` in memory that is written through to SQLite, in groups. */
export class SqliteObjectStore implements ObjectStore {
  readonly path: string;

  /** @param path Database file, or `:memory:` for a store that ends with the process */
  constructor(path: string, _options: StoreOptions) {
    this.path = path;
  }
  get(_key: ObjectKey): KubeObject | undefined {
    return unfinished();
  }
  byUid(_uid: string): KubeObject | undefined {
    return unfinished();
  }
  list(_query: StoreQuery): KubeObject[] {
    return unfinished();
  }
  controlledBy(_uid: string): KubeObject[] {
    return unfinished();
  }
  create(_object: KubeObject): KubeObject {
    return unfinished();
  }
  update(_object: KubeObject): KubeObject {
    return unfinished();
  }
  updateStatus(_object: KubeObject): KubeObject {
    return unfinished();
  }
  delete(_key: ObjectKey, _options?: { gracePeriodSeconds?: number; uid?: string }): void {
    unfinished();
  }
  remove(_key: ObjectKey, _uid: string): void {
    unfinished();
  }
  subscribe(_listener: (event: RecordedEvent) => void): () => void {
    return unfinished();
  }
  transaction<T>(_work: () => T): T {
    return unfinished();
  }
  get version(): number {
    return unfinished();
  }
  /** What was applied last; `null` when trueup never applied the object. */
  applied(_key: ObjectKey): AppliedRecord | null {
    return unfinished();
  }
  setApplied(_key: ObjectKey, _record: AppliedRecord | null): void {
    unfinished();
  }
  /** A small value kept beside the objects, such as the number of the last kubelet report. */
  meta(_name: string): string | undefined {
    return unfinished();
  }
  setMeta(_name: string, _value: string): void {
    unfinished();
  }
  /** Makes all writes so far durable against the death of this process. */
  flush(): void {
    unfinished();
  }
  close(): void {
    unfinished();
  }
}
