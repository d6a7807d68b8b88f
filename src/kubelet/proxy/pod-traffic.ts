/** Counts what is under way to each pod, over all its Services, so that its end can be waited for. */
import type { Clock } from "../../util/clock.ts";

/** Requests, and connections not yet accepted, by pod uid. */
export class PodTraffic {
  readonly #clock: Clock;
  readonly #underWay = new Map<string, number>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How much is under way to that pod. */
  count(podUid: string): number {
    return this.#underWay.get(podUid) ?? 0;
  }

  begin(podUid: string): void {
    this.#underWay.set(podUid, this.count(podUid) + 1);
  }

  end(podUid: string): void {
    const left = this.count(podUid) - 1;
    if (left > 0) {
      this.#underWay.set(podUid, left);
      return;
    }
    this.#underWay.delete(podUid);
    for (const wake of this.#waiting.get(podUid) ?? []) wake();
  }

  /** Resolves when nothing is under way to that pod, or after `limitMs` milliseconds. */
  idle(podUid: string, limitMs: number): Promise<void> {
    if (this.count(podUid) === 0 || limitMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(podUid) ?? new Set();
      this.#waiting.set(podUid, waiting);
      const wake = (): void => {
        cancel();
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(podUid);
        resolve();
      };
      const cancel = this.#clock.setTimer(limitMs, wake);
      waiting.add(wake);
    });
  }
}
