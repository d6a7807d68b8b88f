/** Runs a kubelet in this process: the way there that loads nothing of the rest of the command line. */
import { closeInherited } from "../kubelet/descriptors.ts";
import { runKubelet } from "../kubelet/process.ts";
import { ERROR_CLASSES, messageOf, TrueupError } from "../model/errors.ts";
import { SystemClock } from "../util/clock.ts";
import { systemRandom } from "../util/random.ts";
import { readVersion } from "./version.ts";

/** Runs until it is told to end; what it has to say goes to standard error, a line each. */
export function runKubeletHere(stateDir: string, socketPath: string): Promise<void> {
  closeInherited();
  return runKubelet({
    stateDir,
    socketPath,
    version: readVersion(),
    clock: new SystemClock(),
    random: systemRandom,
    log: (level, message) => void process.stderr.write(`${new Date().toISOString()} ${level} ${message}\n`),
  });
}

/**
 * The whole process, as the daemon starts it.
 *
 * @returns The exit code
 */
export async function kubeletMain(stateDir: string, socketPath: string): Promise<number> {
  try {
    await runKubeletHere(stateDir, socketPath);
    return 0;
  } catch (error) {
    const known = error instanceof TrueupError;
    // The daemon shows the last lines of this to the person who started it.
    process.stderr.write(
      `trueup: ${messageOf(error)}\n${known && error.hint !== undefined ? `  hint: ${error.hint}\n` : ""}`,
    );
    return known ? ERROR_CLASSES[error.code].exit : 1;
  }
}
