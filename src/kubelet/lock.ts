/** One kubelet per state directory, and the file that says which. */
import { join } from "node:path";
import { TrueupError } from "../model/errors.ts";
import { takeLock } from "../util/state-lock.ts";

/** What `<state>/kubelet/kubelet.json` says of the kubelet that runs, or ran last. */
export interface KubeletFile {
  pid: number;
  socket: string;
  version: string;
  /** RFC 3339. */
  startedAt: string;
}

/**
 * Takes the lock.
 *
 * @param directory `<state>/kubelet`
 * @returns What gives it back
 * @throws {TrueupError} `conflict`, naming the holder, when another kubelet has it
 */
export function lockDirectory(directory: string): () => void {
  const attempt = takeLock(join(directory, "lock"), `the kubelet with process id ${process.pid}`);
  if (attempt.held) return attempt.release;
  throw new TrueupError(
    "conflict",
    `Cannot start a kubelet as it must be the only one of ${directory}: ${attempt.holder || "another kubelet"} is.`,
    { hint: "`trueup down` ends it." },
  );
}
