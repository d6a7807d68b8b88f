/** One reading for all who ask for the same thing before it begins: a thousand apps that read one ref cost two reads. */

interface Reading<V> {
  /** For those who ask while this one is under way: what it finds may be older than their question. */
  next: PromiseWithResolvers<V> | null;
}

export class SharedReads<K, V> {
  readonly #read: (key: K) => Promise<V>;
  readonly #running = new Map<K, Reading<V>>();

  constructor(read: (key: K) => Promise<V>) {
    this.#read = read;
  }

  /** What is read after this was called. @throws What the reading throws */
  read(key: K): Promise<V> {
    const running = this.#running.get(key);
    if (running === undefined) return this.#begin(key);
    running.next ??= Promise.withResolvers<V>();
    return running.next.promise;
  }

  #begin(key: K): Promise<V> {
    const own: Reading<V> = { next: null };
    this.#running.set(key, own);
    const reading = this.#read(key);
    const over = (): void => {
      this.#running.delete(key);
      if (own.next !== null) this.#begin(key).then(own.next.resolve, own.next.reject);
    };
    reading.then(over, over);
    return reading;
  }
}
