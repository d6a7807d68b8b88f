/** `trueup kubelet`: the process that runs pods. The daemon starts it; people do not need to. */
import { isAbsolute } from "node:path";
import { TrueupError } from "../../model/errors.ts";
import type { Command } from "../command.ts";
import { runKubeletHere } from "../kubelet-process.ts";

export const command: Command = {
  options: [{ flags: "--socket <path>", summary: "unix socket to answer on" }],
  examples: [
    { line: "trueup kubelet --state DIR --socket PATH", does: "run pods for the daemon of that state directory" },
  ],
  async run({ stateDir }, { text }) {
    const socketPath = text("socket");
    if (stateDir === undefined || socketPath === undefined || !isAbsolute(socketPath)) {
      throw new TrueupError("usage", "Cannot run a kubelet as --state and an absolute --socket must be given.");
    }
    await runKubeletHere(stateDir, socketPath);
    return 0;
  },
};
