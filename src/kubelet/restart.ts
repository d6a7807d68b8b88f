/** Whether an ended container runs again, and after which wait. Pure. */
import { backoffMs } from "../util/backoff.ts";
import { BACK_OFF } from "./container-record.ts";

/** A run of this length shows that the container is well: the next failure starts at the first wait again. */
export const BACK_OFF_RESET_MS = 600_000;

export interface RestartQuestion {
  policy: "Always" | "OnFailure" | "Never";
  /** Whether it ended with anything but exit code 0. */
  failed: boolean;
  /** Whether a probe or a hook had it killed: then its exit code does not matter. */
  wanted: boolean;
  /** Ends in a row before this one, runs of ten minutes and more not counted. */
  ends: number;
}

/**
 * Milliseconds until it runs again; `null` when it does not. As the kubelet: at once after the first end, then after
 * 10 s, 20 s, 40 s, 80 s, 160 s, and 300 s each further time.
 */
export function restartAfterMs({ policy, failed, wanted, ends }: RestartQuestion): number | null {
  const again = policy === "Always" || (policy === "OnFailure" && (failed || wanted));
  if (!again) return null;
  return ends === 0 ? 0 : backoffMs(ends - 1, BACK_OFF);
}
