/** The end of a grace period: it can be brought forward, and every step of a termination waits for the same one. */
import type { CancelTimer, Clock } from "../util/clock.ts";

/** What a container gets after SIGTERM even when its preStop hook used up the grace period (Kubernetes' minimum). */
export const LEAST_SHUTDOWN_MS = 2_000;

export class Deadline {
  readonly #clock: Clock;
  /** Resolves when the time is up. */
  readonly passed: Promise<void>;
  /** Resolves when there is no grace at all any more. */
  readonly hurried: Promise<void>;
  #resolve: () => void = () => undefined;
  #hurry: () => void = () => undefined;
  #cancel: CancelTimer = () => undefined;
  #at: number;
  #forced: boolean;

  /** @param ms From now; 0: at once, and without any grace */
  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#at = clock.monotonic() + ms;
    this.#forced = ms <= 0;
    this.passed = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.hurried = new Promise((resolve) => {
      this.#hurry = resolve;
    });
    this.#arm();
  }

  /** Whether there is no grace at all: SIGKILL, nothing before it. */
  get forced(): boolean {
    return this.#forced;
  }

  /** Milliseconds left, at least 0. */
  get leftMs(): number {
    return Math.max(0, this.#at - this.#clock.monotonic());
  }

  /** Brings it forward to `ms` from now; a later time than the present one changes nothing. */
  shorten(ms: number): void {
    if (ms <= 0) {
      this.#forced = true;
      this.#arm();
      return;
    }
    const at = this.#clock.monotonic() + ms;
    if (at >= this.#at) return;
    this.#at = at;
    this.#arm();
  }

  /** Ends the wait for it. */
  cancel(): void {
    this.#cancel();
  }

  #arm(): void {
    this.#cancel();
    if (this.#forced) {
      this.#resolve();
      this.#hurry();
    } else this.#cancel = this.#clock.setTimer(this.leftMs, this.#resolve);
  }
}
