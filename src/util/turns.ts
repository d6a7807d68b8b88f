/** Lets so many do something at a time; the others wait for their turn, first come, first served. */

export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  /** @param width How many at a time, >= 1 */
  constructor(width: number) {
    if (!(width >= 1)) throw new RangeError(`Cannot take turns as their number must be >= 1: it is ${width}.`);
    this.#free = width;
  }

  /**
   * Does the work when it has its turn.
   *
   * @throws What the work throws, or the signal's reason when that is aborted first
   */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const take = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(take);
        reject(signal.reason);
      };
      this.#waiting.add(take);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** To the next one, or back. */
  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free++;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}
