/** Notices a kubelet that is there and says nothing: stopped, stuck, or on a machine that stands still. */
import type { CancelTimer, Clock } from "../util/clock.ts";

/** How often it is asked, milliseconds. */
const ASK_EVERY_MS = 5_000;
/** How long an answer may take, milliseconds: less than that is a busy machine. */
export const ANSWER_MS = 10_000;

export interface HeartbeatOptions {
  clock: Clock;
  /** Settles when the kubelet has answered; fails when there is nobody to answer, which others see to. */
  ask(): Promise<unknown>;
  /** It has fallen silent, or answers again. */
  onChange(silentSince: number | null): void;
}

/** Asks on and on; one question at a time, so that a kubelet that hangs for days holds one connection. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #silentSince: number | null = null;
  #cancels: CancelTimer[] = [];
  #closed = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Since when it does not answer, milliseconds since the epoch; `null` while it does, or while there is none. */
  get silentSince(): number | null {
    return this.#silentSince;
  }

  start(): void {
    this.#later(ASK_EVERY_MS, () => void this.#ask());
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  async #ask(): Promise<void> {
    const { clock, ask } = this.#options;
    const askedAt = clock.now();
    const cancelLate = this.#later(ANSWER_MS, () => this.#set(this.#silentSince ?? askedAt));
    // Whether it answers or there is nobody: it does not hang.
    const over = (): void => this.#set(null);
    await ask().then(over, over);
    cancelLate();
    if (this.#closed) return;
    this.#cancels = [];
    this.#later(ASK_EVERY_MS, () => void this.#ask());
  }

  #later(ms: number, work: () => void): CancelTimer {
    const cancel = this.#options.clock.setTimer(ms, work);
    this.#cancels.push(cancel);
    return cancel;
  }

  #set(silentSince: number | null): void {
    if (this.#closed || silentSince === this.#silentSince) return;
    this.#silentSince = silentSince;
    this.#options.onChange(silentSince);
  }
}
