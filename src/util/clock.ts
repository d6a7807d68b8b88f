/** Time as an argument: the system's clock, and a virtual one on which two hours pass in milliseconds. */

/** Cancels a timer; calling it again, or after the timer fired, does nothing. */
export type CancelTimer = () => void;

/** All that code below `cli/` may know of time. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump when the machine's clock is set; use `monotonic` for durations. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonic(): number;
  /** Calls `fn` once after `ms` milliseconds (at least 0). Timers of equal due time fire in the order they were set. */
  setTimer(ms: number, fn: () => void): CancelTimer;
}

/** Node refuses delays over 2^31-1 ms and fires them at once; longer waits are chained. */
const LONGEST_NODE_DELAY_MS = 2 ** 31 - 1;

/** The machine's clock. Its timers do not keep a process alive that has nothing else to do. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  setTimer(ms: number, fn: () => void): CancelTimer {
    const due = this.monotonic() + ms;
    let handle: NodeJS.Timeout;
    const arm = (left: number): void => {
      handle = setTimeout(
        () => {
          const rest = due - this.monotonic();
          if (left > LONGEST_NODE_DELAY_MS && rest > 0) arm(rest);
          else fn();
        },
        Math.min(Math.max(0, left), LONGEST_NODE_DELAY_MS),
      );
      handle.unref();
    };
    arm(ms);
    return () => clearTimeout(handle);
  }
}

interface VirtualTimer {
  due: number;
  order: number;
  fn: () => void;
  cancelled: boolean;
}

/**
 * A clock that moves only when told. Between two timers it lets promises that are ready run, so asynchronous code under
 * test behaves as it would in real time, without waiting for it.
 */
export class VirtualClock implements Clock {
  #now: number;
  readonly #start: number;
  #order = 0;
  /** Binary heap by (due, order): a simulation holds thousands of timers. */
  readonly #heap: VirtualTimer[] = [];

  /** @param start Milliseconds since the Unix epoch at which the clock stands first */
  constructor(start: number = Date.UTC(2026, 0, 1)) {
    this.#now = start;
    this.#start = start;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  setTimer(ms: number, fn: () => void): CancelTimer {
    const timer: VirtualTimer = { due: this.#now + Math.max(0, ms), order: this.#order++, fn, cancelled: false };
    this.#push(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** Number of timers that wait, cancelled ones excluded. */
  get pending(): number {
    return this.#heap.reduce((count, timer) => count + (timer.cancelled ? 0 : 1), 0);
  }

  /** Moves on by `ms`, firing what falls due on the way, and lets promises settle before and after each timer. */
  async advance(ms: number): Promise<void> {
    await this.runUntil(() => false, ms);
  }

  /**
   * Moves from timer to timer until `done` holds, no timer is left, or `limitMs` have passed.
   *
   * @param done Asked after each timer, once promises have settled
   * @param limitMs The most time to let pass, in milliseconds
   * @returns Whether `done` held; when it did not, the clock stands at the limit
   */
  async runUntil(done: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs;
    await settle();
    for (;;) {
      if (done()) return true;
      const next = this.#popDue(end);
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.due);
      next.fn();
      await settle();
    }
    this.#now = end;
    return done();
  }

  #popDue(end: number): VirtualTimer | undefined {
    for (let head = this.#heap[0]; head !== undefined && head.due <= end; head = this.#heap[0]) {
      this.#pop();
      if (!head.cancelled) return head;
    }
    return undefined;
  }

  #before(a: number, b: number): boolean {
    const x = this.#heap[a];
    const y = this.#heap[b];
    if (x === undefined || y === undefined) return false;
    return x.due !== y.due ? x.due < y.due : x.order < y.order;
  }

  #swap(a: number, b: number): void {
    const x = this.#heap[a];
    const y = this.#heap[b];
    if (x === undefined || y === undefined) return;
    this.#heap[a] = y;
    this.#heap[b] = x;
  }

  #push(timer: VirtualTimer): void {
    this.#heap.push(timer);
    let at = this.#heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #pop(): void {
    this.#swap(0, this.#heap.length - 1);
    this.#heap.pop();
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (this.#before(left, least)) least = left;
      if (this.#before(right, least)) least = right;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}

/** Lets every promise that is ready, and what it starts, run to its next wait. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Waits on a clock.
 *
 * @throws The signal's reason, at once, when it is or becomes aborted
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.setTimer(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
