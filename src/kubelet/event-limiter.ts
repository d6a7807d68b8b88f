/** Keeps a pod that fails all the time from filling the journal with events. */
import type { Clock } from "../util/clock.ts";

/** So many events of one reason at once … */
const BURST = 25;

/** … and then one every so often, milliseconds: as Kubernetes' event client does per object. */
const REFILL_MS = 300_000;

/** A token bucket for each reason. */
export class EventLimiter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one more event of this reason may be told now. */
  allow(reason: string): boolean {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(reason) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) / REFILL_MS);
    bucket.at = now;
    this.#buckets.set(reason, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
