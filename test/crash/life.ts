/** One process of the simulated machine: while it is dead none of its timers fires, and nothing that it does counts. */
import type { CancelTimer, Clock } from "../../src/util/clock.ts";

export class Life {
  isDead = false;
}

/** What ends the work of a process that was killed. */
export class Died extends Error {}

/** The clock of one process. */
export class LifeClock implements Clock {
  readonly #clock: Clock;
  readonly #life: Life;

  constructor(clock: Clock, life: Life) {
    this.#clock = clock;
    this.#life = life;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  setTimer(ms: number, fn: () => void): CancelTimer {
    return this.#clock.setTimer(ms, () => {
      if (!this.#life.isDead) fn();
    });
  }
}
