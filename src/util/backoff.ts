/** How long to wait before trying again: exponential, capped, pure. */

export interface BackoffLimits {
  /** First wait, milliseconds. */
  baseMs: number;
  /** Longest wait, milliseconds. */
  maxMs: number;
}

/**
 * The wait before the next try: `baseMs × 2^failures`, at most `maxMs`.
 * With base 10 s and cap 300 s (the kubelet's crash-loop rule): 10, 20, 40, 80, 160, 300, 300 …
 *
 * @param failures How often it failed in a row before this one, >= 0
 */
export function backoffMs(failures: number, { baseMs, maxMs }: BackoffLimits): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(failures, 52));
}
