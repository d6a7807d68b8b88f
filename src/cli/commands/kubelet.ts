/** `trueup kubelet`: the process that runs pods. The daemon starts it; people do not need to. */
import { isAbsolute } from "node:path";
import { runKubelet } from "../../kubelet/process.ts";
import { TrueupError } from "../../model/errors.ts";
import { SystemClock } from "../../util/clock.ts";
import { systemRandom } from "../../util/random.ts";
import type { Command } from "../command.ts";
import { readVersion } from "../version.ts";

export const command: Command = {
  options: [{ flags: "--socket <path>", summary: "unix socket to answer on" }],
  examples: [
    { line: "trueup kubelet --state DIR --socket PATH", does: "run pods for the daemon of that state directory" },
  ],
  async run({ stateDir, err }, { text }) {
    const socketPath = text("socket");
    if (stateDir === undefined || socketPath === undefined || !isAbsolute(socketPath)) {
      throw new TrueupError("usage", "Cannot run a kubelet as --state and an absolute --socket must be given.");
    }
    await runKubelet({
      stateDir,
      socketPath,
      version: readVersion(),
      clock: new SystemClock(),
      random: systemRandom,
      log: (level, message) => void err.line(`${new Date().toISOString()} ${level} ${message}`),
    });
    return 0;
  },
};
