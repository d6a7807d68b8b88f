/** The last changes of a store, so that a watch can begin at a version that was seen a while ago. */
import type { ListQuery, WatchEvent } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import { groupOf } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";

/** Changes that are kept, and that a watcher may lag behind. */
const CAPACITY = 10_000;
/** After so many changes that do not concern a watcher it is told how far it has come. */
const BOOKMARK_EVERY = 1_000;

export interface LoggedChange {
  type: "added" | "modified" | "deleted";
  observed: Observed;
  version: number;
}

/** Whether a list or watch query means this object. */
export function matchesQuery({ group, kind, namespace, name, owner }: ListQuery, observed: Observed): boolean {
  const { object } = observed;
  return (
    (kind === undefined || object.kind === kind) &&
    (group === undefined || groupOf(object.apiVersion) === group) &&
    (namespace === undefined || (object.metadata.namespace ?? "") === namespace) &&
    (name === undefined || object.metadata.name === name) &&
    (owner === undefined || observed.owner === owner)
  );
}

interface Watcher {
  waiting: WatchEvent[];
  /** Version of the last event that waits or was sent. */
  version: number;
  query: ListQuery;
  wake: () => void;
  failed: TrueupError | null;
}

export class WatchLog {
  readonly #capacity: number;
  #changes: LoggedChange[] = [];
  /** Changes up to this version are not in the log. */
  #start: number;
  #version: number;
  readonly #watchers = new Set<Watcher>();

  /** @param version Version of the store now: nothing before it can be replayed */
  constructor(version: number, capacity: number = CAPACITY) {
    this.#start = version;
    this.#version = version;
    this.#capacity = capacity;
  }

  add(change: LoggedChange): void {
    this.#changes.push(change);
    this.#version = change.version;
    // Cut in one go, when it is twice as long as needed, rather than shift with every change.
    if (this.#changes.length >= 2 * this.#capacity) {
      const dropped = this.#changes.splice(0, this.#changes.length - this.#capacity);
      this.#start = dropped.at(-1)?.version ?? this.#start;
    }
    for (const watcher of this.#watchers) this.#offer(watcher, change);
  }

  /** Ends all watches with an error. */
  close(error: TrueupError): void {
    for (const watcher of this.#watchers) {
      watcher.failed = error;
      watcher.wake();
    }
  }

  /**
   * Changes after `version` that the query means, then a bookmark, then what comes.
   *
   * @param beforeSending Called before events leave: makes them durable
   * @throws {TrueupError} `not-found` when the version is too old, or the reader too slow
   */
  async *watch(
    query: ListQuery,
    version: string,
    beforeSending: () => void,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    signal.throwIfAborted();
    const watcher = this.#open(query, this.#versionOf(version));
    const wake = (): void => watcher.wake();
    signal.addEventListener("abort", wake);
    try {
      for (;;) {
        signal.throwIfAborted();
        if (watcher.failed !== null) throw watcher.failed;
        const batch = watcher.waiting.splice(0);
        if (batch.length === 0) {
          await new Promise<void>((resolve) => {
            watcher.wake = resolve;
          });
          continue;
        }
        beforeSending();
        for (const event of batch) {
          signal.throwIfAborted();
          yield event;
        }
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#watchers.delete(watcher);
    }
  }

  #versionOf(text: string): number {
    const version = Number(text);
    if (/^\d+$/.test(text) && version >= this.#start && version <= this.#version) return version;
    throw tooOld(text);
  }

  #open(query: ListQuery, version: number): Watcher {
    const watcher: Watcher = { waiting: [], version, query, wake: () => {}, failed: null };
    const first = this.#changes.findIndex((change) => change.version > version);
    if (first >= 0) {
      for (const change of this.#changes.slice(first)) {
        if (matchesQuery(query, change.observed)) watcher.waiting.push(eventOf(change));
      }
    }
    watcher.waiting.push({ type: "bookmark", version: String(this.#version) });
    watcher.version = this.#version;
    this.#watchers.add(watcher);
    return watcher;
  }

  #offer(watcher: Watcher, change: LoggedChange): void {
    if (matchesQuery(watcher.query, change.observed)) watcher.waiting.push(eventOf(change));
    else if (change.version - watcher.version < BOOKMARK_EVERY) return;
    else watcher.waiting.push({ type: "bookmark", version: String(change.version) });
    watcher.version = change.version;
    if (watcher.waiting.length > this.#capacity) {
      watcher.waiting = [];
      watcher.failed = tooOld(String(watcher.version));
    }
    watcher.wake();
  }
}

function eventOf({ type, observed, version }: LoggedChange): WatchEvent {
  return { type, observed, version: String(version) };
}

function tooOld(version: string): TrueupError {
  return new TrueupError(
    "not-found",
    `Cannot watch from version ${version} as the changes since must be known: they are not.`,
    {
      hint: "List again, and watch from the list's version.",
    },
  );
}
