/** A queue of keys to process: each key once at a time, equal keys merged, failures tried again later, driven by a clock. */
import { type BackoffLimits, backoffMs } from "./backoff.ts";
import type { CancelTimer, Clock } from "./clock.ts";

/** What processing a key may ask for: to be called again after a while, in milliseconds. */
export interface ProcessAgain {
  afterMs: number;
}

/** Does the work of one key, at once or in a promise. Throwing (or rejecting) means: try again, later each time. */
export type Processor =
  | ((key: string) => void)
  | ((key: string) => ProcessAgain | undefined)
  | ((key: string) => Promise<void>)
  | ((key: string) => Promise<ProcessAgain | undefined>);

export interface WorkQueueOptions {
  clock: Clock;
  process: Processor;
  /**
   * Hears of every failure; must not throw.
   *
   * @param failures How often this key has failed in a row, this time included, >= 1
   */
  onError: (key: string, error: unknown, failures: number) => void;
  /** How many keys may be in work at once when `process` is asynchronous; 1 unless given. */
  concurrency?: number;
  /** Waits between tries of a failing key; 5 ms doubling up to 1000 s unless given, as Kubernetes' controllers do. */
  backoff?: BackoffLimits;
  /** How often a failing key is tried again before it is dropped until it is added anew; without end unless given. */
  maxRetries?: number;
}

const DEFAULT_BACKOFF: BackoffLimits = { baseMs: 5, maxMs: 1_000_000 };

/** Keys processed in one turn before timers and I/O get their turn again: two queues that feed each other starve nothing. */
const KEYS_PER_TURN = 64;

/**
 * Processes keys in the order in which they were added. A key that is added while it waits is processed once; one that is
 * added while it is in work is processed again afterwards. Synchronous processors are run in one microtask for all keys
 * that wait, so a write and its consequences follow each other at once, without a timer for each.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #process: Processor;
  readonly #onError: WorkQueueOptions["onError"];
  readonly #concurrency: number;
  readonly #backoff: BackoffLimits;
  readonly #maxRetries: number;
  /** Keys that wait for their turn; a Set keeps the order. */
  readonly #ready = new Set<string>();
  readonly #running = new Set<string>();
  /** Keys that were added while in work. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { due: number; cancel: CancelTimer }>();
  readonly #failures = new Map<string, number>();
  #scheduled = false;
  #cancelTurn: CancelTimer = () => {};
  #keysThisTurn = 0;
  #closed = false;
  #idleWaiters: (() => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#process = options.process;
    this.#onError = options.onError;
    this.#concurrency = options.concurrency ?? 1;
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.#maxRetries = options.maxRetries ?? Number.POSITIVE_INFINITY;
    if (!(this.#concurrency >= 1)) {
      throw new RangeError(`Cannot make a work queue as its concurrency must be >= 1: it is ${this.#concurrency}.`);
    }
  }

  /** Has the key processed soon. Nothing happens after `close`. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#running.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#ready.add(key);
    this.#schedule();
  }

  /** Has the key processed in `ms` milliseconds, or earlier if an earlier time was asked for. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (!(ms > 0)) {
      this.add(key);
      return;
    }
    const due = this.#clock.monotonic() + ms;
    const known = this.#delayed.get(key);
    if (known !== undefined) {
      if (known.due <= due) return;
      known.cancel();
    }
    const cancel = this.#clock.setTimer(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { due, cancel });
  }

  /** Forgets the key's failures and any later time that was asked for; for keys whose object is gone. */
  forget(key: string): void {
    this.#failures.delete(key);
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  /** Keys that wait for their turn or are in work; those that wait for a time are not counted. */
  get size(): number {
    return this.#ready.size + this.#running.size;
  }

  /** Settles when no key waits for its turn and none is in work. Keys that wait for a time (`addAfter`, back-off) do not count. */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Drops all that waits. What is in work ends by itself: `idle` tells when. */
  close(): void {
    this.#closed = true;
    this.#ready.clear();
    this.#again.clear();
    this.#failures.clear();
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#cancelTurn();
    this.#tellIdle();
  }

  /** Arranges for one turn: at once, or through a timer when the last turns had their share. */
  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    if (this.#keysThisTurn < KEYS_PER_TURN) queueMicrotask(() => this.#turn());
    else {
      this.#cancelTurn = this.#clock.setTimer(0, () => {
        this.#keysThisTurn = 0;
        this.#turn();
      });
    }
  }

  #turn(): void {
    for (const key of this.#ready) {
      if (this.#running.size >= this.#concurrency || this.#keysThisTurn >= KEYS_PER_TURN) break;
      this.#ready.delete(key);
      this.#keysThisTurn++;
      this.#start(key);
    }
    this.#scheduled = false;
    if (this.#ready.size > 0 && this.#running.size < this.#concurrency) this.#schedule();
    this.#tellIdle();
  }

  #start(key: string): void {
    this.#running.add(key);
    let result: unknown;
    try {
      result = this.#process(key);
    } catch (error) {
      this.#failed(key, error);
      return;
    }
    if (!(result instanceof Promise)) {
      this.#succeeded(key, result);
      return;
    }
    result
      .then(
        (value: unknown) => this.#succeeded(key, value),
        (error: unknown) => this.#failed(key, error),
      )
      .finally(() => {
        if (this.#ready.size > 0) this.#schedule();
        this.#tellIdle();
      });
  }

  #succeeded(key: string, result: unknown): void {
    this.#failures.delete(key);
    this.#finish(key);
    if (isAgain(result)) this.addAfter(key, result.afterMs);
  }

  #failed(key: string, error: unknown): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#finish(key);
    if (failures > this.#maxRetries) this.#failures.delete(key);
    else if (!this.#closed) {
      this.#failures.set(key, failures);
      this.addAfter(key, backoffMs(failures - 1, this.#backoff));
    }
    this.#onError(key, error, failures);
  }

  #finish(key: string): void {
    this.#running.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  #tellIdle(): void {
    if (this.size > 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

function isAgain(result: unknown): result is ProcessAgain {
  return typeof result === "object" && result !== null && "afterMs" in result && typeof result.afterMs === "number";
}
