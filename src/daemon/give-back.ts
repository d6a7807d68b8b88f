/**
 * Gives memory back when a burst of work is over. V8 collects when it needs room, so an idle daemon would keep for good what
 * its start left behind: with a thousand apps, more than all that it uses (measured, Node 26.10).
 */
import type { CancelTimer, Clock } from "../util/clock.ts";

/** Without a change for so long, the burst is over: nobody waits for what a collection holds up for a moment. */
const QUIET_MS = 10_000;
/** Less is not worth a collection; nor is less than a share of what is used, as that is what it takes to look through. */
const WORTH_BYTES = 32 * 2 ** 20;
const WORTH_SHARE = 0.25;

export interface GiveBackOptions {
  clock: Clock;
  /** Calls its listener whenever something happens. */
  onChange: (listener: () => void) => () => void;
  /** Bytes that are held for the heap. */
  held: () => number;
  collect: () => void;
}

/** @returns What ends it */
export function giveBackMemory({ clock, onChange, held, collect }: GiveBackOptions): () => void {
  /** The least that was held before a burst since the last collection; null right after it, as pages are given back only then. */
  let least: number | null = held();
  let last = 0;
  let cancel: CancelTimer | null = null;
  const arm = (ms: number): void => {
    cancel = clock.setTimer(ms, () => {
      cancel = null;
      const rest = last + QUIET_MS - clock.monotonic();
      if (rest > 0) arm(rest);
      else if (least !== null && held() - least >= Math.max(WORTH_BYTES, least * WORTH_SHARE)) {
        collect();
        least = null;
      }
    });
  };
  const stop = onChange(() => {
    // Apps change by the thousand: of each, only the time is noted.
    last = clock.monotonic();
    if (cancel !== null) return;
    least = Math.min(least ?? Number.POSITIVE_INFINITY, held());
    arm(QUIET_MS);
  });
  return () => {
    stop();
    cancel?.();
  };
}
