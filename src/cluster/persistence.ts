/** Which writes the database does not have yet, and when it gets them: at the end of the turn, or when asked. */
import { TrueupError } from "../model/errors.ts";
import { idOf, type ObjectKey } from "../model/object.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import type { Fault } from "../util/fault.ts";
import type { Entry } from "./indexes.ts";
import { type StateChanges, StateFile } from "./state-file.ts";

/** How long after a failed group of writes the next try is made. */
const RETRY_MS = 1_000;

export interface PersistenceOptions {
  /** `:memory:` keeps nothing: there is nobody who could read it later. */
  path: string;
  clock: Clock;
  /** The present entry of a key. */
  entry: (key: ObjectKey) => Entry | undefined;
  /** The present value of a name. */
  meta: (name: string) => string | undefined;
  onError?: (error: unknown) => void;
  fault?: Fault;
}

export class Persistence {
  readonly #options: PersistenceOptions;
  readonly #file: StateFile | null;
  readonly #objects = new Set<ObjectKey>();
  readonly #records = new Set<ObjectKey>();
  readonly #meta = new Set<string>();
  #cancel: CancelTimer | null = null;
  #closed = false;

  constructor(options: PersistenceOptions) {
    this.#options = options;
    this.#file = options.path === ":memory:" ? null : new StateFile(options.path, options.fault);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws {TrueupError} `unavailable` after `close` */
  requireOpen(): void {
    if (this.#closed)
      throw new TrueupError("unavailable", "Cannot use the object store as it must be open: it is closed.");
  }

  load(): { entries: Entry[]; meta: Map<string, string> } {
    if (this.#file === null) return { entries: [], meta: new Map() };
    const { objects, applied, meta } = this.#file.read();
    const entries = objects.map(({ key, object }) => ({
      key,
      id: idOf(object),
      object,
      record: applied.get(key) ?? null,
    }));
    return { entries, meta };
  }

  changed(key: ObjectKey, before: Entry | undefined, after: Entry | undefined): void {
    if (this.#file === null) return;
    if (before?.object !== after?.object) this.#objects.add(key);
    if ((before?.record ?? null) !== (after?.record ?? null)) this.#records.add(key);
    this.#schedule(0);
  }

  changedMeta(name: string): void {
    if (this.#file === null) return;
    this.#meta.add(name);
    this.#schedule(0);
  }

  /** @throws {TrueupError} `io`; what could not be written is kept for the next time */
  flush(): void {
    if (this.#file === null || this.#objects.size + this.#records.size + this.#meta.size === 0) return;
    this.#file.write(this.#changes());
    this.#objects.clear();
    this.#records.clear();
    this.#meta.clear();
    this.#cancel?.();
    this.#cancel = null;
  }

  close(): void {
    if (this.#closed) return;
    try {
      this.flush();
    } finally {
      this.#closed = true;
      this.#cancel?.();
      this.#file?.close();
    }
  }

  #changes(): StateChanges {
    const { entry, meta } = this.#options;
    const changes: StateChanges = { objects: new Map(), applied: new Map(), meta: new Map() };
    for (const key of this.#objects) changes.objects.set(key, entry(key)?.object ?? null);
    for (const key of this.#records) changes.applied.set(key, entry(key)?.record ?? null);
    for (const name of this.#meta) changes.meta.set(name, meta(name) ?? null);
    return changes;
  }

  #schedule(ms: number): void {
    if (this.#cancel !== null || this.#closed) return;
    this.#cancel = this.#options.clock.setTimer(ms, () => {
      this.#cancel = null;
      try {
        this.flush();
      } catch (error) {
        // Nobody called: it is said, and tried again. Whoever shows state to others flushes first, and fails there.
        this.#options.onError?.(error);
        this.#schedule(RETRY_MS);
      }
    });
  }
}
