/** Tells listeners of events, one event after the other and never inside each other. */

/**
 * Events that a listener causes wait until all listeners have heard the present one; events of a transaction are held until
 * it ends. A listener that throws is a defect: the others still hear, and the error ends the process.
 */
export class Dispatcher<Raw, Event> {
  readonly #finish: (raw: Raw) => Event;
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #queue: Raw[] = [];
  #held: Raw[] = [];
  #holds = 0;
  #telling = false;

  /** @param finish Completes an event just before it is told */
  constructor(finish: (raw: Raw) => Event) {
    this.#finish = finish;
  }

  subscribe(listener: (event: Event) => void): () => void {
    // Wrapped, so that the same function can be subscribed twice.
    const entry = (event: Event): void => listener(event);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  emit(raw: Raw): void {
    if (this.#holds > 0) {
      this.#held.push(raw);
      return;
    }
    this.#queue.push(raw);
    this.#tell();
  }

  /** Holds events back. Returns a mark for `release`. */
  hold(): number {
    this.#holds++;
    return this.#held.length;
  }

  /** Ends one hold; with a mark, what was held since then is forgotten. */
  release(forgetAfter?: number): void {
    this.#holds--;
    if (forgetAfter !== undefined) this.#held.length = forgetAfter;
    if (this.#holds > 0) return;
    for (const raw of this.#held) this.#queue.push(raw);
    this.#held = [];
    this.#tell();
  }

  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let next = 0; next < this.#queue.length; next++) {
        const event = this.#finish(this.#queue[next] as Raw);
        for (const listener of this.#listeners) this.#call(listener, event);
      }
    } finally {
      this.#queue.length = 0;
      this.#telling = false;
    }
  }

  #call(listener: (event: Event) => void, event: Event): void {
    try {
      listener(event);
    } catch (error) {
      // Neither the writer's failure nor to be lost: it surfaces as an uncaught error.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
