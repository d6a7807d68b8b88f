/** Waits of a container that a timer, a newer assignment or its end can cut short. */
import type { Clock } from "../util/clock.ts";

export type Wake = "timer" | "assignment" | "stop";

export class Waiter {
  readonly #clock: Clock;
  #wake: ((why: Wake) => void) | null = null;
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the present wait, if there is one. */
  wake(why: "assignment"): void {
    this.#wake?.(why);
  }

  /** Ends the present wait, and every later one at once. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.("stop");
  }

  /** @param ms `null`: no timer */
  wait(ms: number | null): Promise<Wake> {
    if (this.#stopped) return Promise.resolve("stop");
    return new Promise((resolve) => {
      const cancel = ms === null ? undefined : this.#clock.setTimer(ms, () => finish("timer"));
      const finish = (why: Wake): void => {
        cancel?.();
        this.#wake = null;
        resolve(why);
      };
      this.#wake = finish;
    });
  }

  /** Waits on, through assignments that do not make `met` hold, until it holds, the time is up or all waiting ends. */
  async waitFor(met: () => boolean, ms: number): Promise<Wake> {
    const until = this.#clock.monotonic() + ms;
    for (;;) {
      const why = await this.wait(Math.max(0, until - this.#clock.monotonic()));
      if (why !== "assignment" || met()) return why;
    }
  }
}
