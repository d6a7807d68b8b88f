/** Calls that take real time, as git's and the disk's do, beside a virtual clock: it has to stand still meanwhile. */

export class RealTime {
  #busy = 0;
  #onIdle: () => void = () => undefined;

  /** Whether a call is under way. */
  get isBusy(): boolean {
    return this.#busy > 0;
  }

  /** The same object, whose calls the clock waits for. */
  timed<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (inner, name) => {
        const value: unknown = Reflect.get(inner, name, inner);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          const result: unknown = Reflect.apply(value, inner, args);
          return result instanceof Promise ? this.counted(result) : result;
        };
      },
    });
  }

  async counted<T>(promise: Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await promise;
    } finally {
      if (--this.#busy === 0) this.#onIdle();
    }
  }

  /** Until no call is under way, and what follows from the last one has been done. */
  async idle(): Promise<void> {
    do {
      if (this.#busy > 0) {
        await new Promise<void>((resolve) => {
          this.#onIdle = resolve;
        });
      }
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#busy > 0);
  }
}
