/** The clocks of a simulated machine: one that somebody sets, and one that ends with the process that has it. */
import { type CancelTimer, type Clock, VirtualClock } from "../../src/util/clock.ts";

/** The virtual clock, with a wall clock that somebody sets. */
export class SetClock implements Clock {
  readonly virtual = new VirtualClock();
  #offset = 0;
  #behindMs = 0;

  now(): number {
    return this.virtual.now() + this.#offset;
  }

  monotonic(): number {
    return this.virtual.monotonic();
  }

  setTimer(ms: number, fn: () => void): CancelTimer {
    return this.virtual.setTimer(ms, fn);
  }

  /** How far it was set back in all, milliseconds: what was to happen at a time of day happens so much later. */
  get behindMs(): number {
    return this.#behindMs;
  }

  jump(ms: number): void {
    this.#offset += ms;
    if (ms < 0) this.#behindMs -= ms;
  }
}

/** A process's clock: when the process is killed, none of its timers comes any more. */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  #isDead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  die(): void {
    this.#isDead = true;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  setTimer(ms: number, fn: () => void): CancelTimer {
    return this.#clock.setTimer(ms, () => {
      if (!this.#isDead) fn();
    });
  }
}
