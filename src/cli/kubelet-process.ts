/** Runs a kubelet in this process: the way there that loads nothing of the rest of the command line. */
import { join } from "node:path";
import { closeInherited } from "../kubelet/descriptors.ts";
import { kubeletDirectory, runKubelet } from "../kubelet/process.ts";
import { ERROR_CLASSES, messageOf, TrueupError } from "../model/errors.ts";
import { BoundedLog } from "../util/bounded-log.ts";
import { SystemClock } from "../util/clock.ts";
import { systemRandom } from "../util/random.ts";
import { readVersion } from "./version.ts";

/**
 * Runs until it is told to end. What it has to say goes to its log, a line each; to standard error too where a person may
 * see it. The daemon starts it with standard error in that same log, for its last words.
 */
export function runKubeletHere(stateDir: string, socketPath: string): Promise<void> {
  closeInherited();
  const file = new BoundedLog(join(kubeletDirectory(stateDir), "kubelet.log"));
  const note = (count: number): string => `${count} lines before this one could not be written`;
  const say = (line: string): void => {
    if (process.stderr.isTTY) process.stderr.write(`${line}\n`);
    file.write(line, note);
  };
  return runKubelet({
    stateDir,
    socketPath,
    version: readVersion(),
    clock: new SystemClock(),
    random: systemRandom,
    log: (level, message) => say(`${new Date().toISOString()} ${level} ${message}`),
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
