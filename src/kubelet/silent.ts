/** What is said of a kubelet that takes connections and does not answer. */
import { TrueupError } from "../model/errors.ts";

/** What to do about it. Nobody kills it by itself: it is the parent of the pods, and owner of their addresses. */
export function silentKubeletHint(pid: number | null): string {
  const process = pid === null ? "PID" : String(pid);
  return (
    `If it was stopped, kill -CONT ${process} lets it go on. If it hangs, kill -KILL ${process} ends it: ` +
    "its pods run on, and the next kubelet adopts them."
  );
}

/** @param pid Its process id, where it is known */
export function silentKubelet(socketPath: string, pid: number | null, limitMs: number): TrueupError {
  const who = pid === null ? "the one there" : `process ${pid}`;
  return new TrueupError(
    "timeout",
    `Cannot reach the kubelet at ${socketPath} as it must answer within ${limitMs / 1000} s: ${who} does not.`,
    { hint: silentKubeletHint(pid) },
  );
}
