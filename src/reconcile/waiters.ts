/** Those who wait until a reconciler has settled: each hears after a whole pass that began after it asked. */
import type { AppStatus } from "../model/status.ts";

export class Waiters {
  #begun = 0;
  #waiting: { pass: number; resolve: (status: AppStatus) => void }[] = [];

  /** Resolves after a pass that has not begun yet. */
  wait(): Promise<AppStatus> {
    return new Promise((resolve) => this.#waiting.push({ pass: this.#begun + 1, resolve }));
  }

  passBegins(): void {
    this.#begun++;
  }

  /** It has settled: those whose pass is through hear of it. */
  tell(status: AppStatus): void {
    const ready = this.#waiting.filter(({ pass }) => pass <= this.#begun);
    this.#waiting = this.#waiting.filter(({ pass }) => pass > this.#begun);
    for (const { resolve } of ready) resolve(status);
  }
}
