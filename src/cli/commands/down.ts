/** `trueup down`: ends a daemon and its pods, or the pods that a daemon left running. */
import { realpath } from "node:fs/promises";
import { runtimeRoot, socketPaths, userId } from "../../daemon/paths.ts";
import { KubeletClient } from "../../kubelet/client.ts";
import { TrueupError } from "../../model/errors.ts";
import type { DaemonClient } from "../client.ts";
import type { Command, CommandContext } from "../command.ts";
import { findStateDirs } from "../state-dirs.ts";

export const command: Command = {
  options: [],
  examples: [
    { line: "trueup down", does: "end the daemon of this repository, and its pods" },
    { line: "trueup down --state DIR", does: "the same for a state directory, also when only pods are left" },
  ],
  details: "Pods get their grace period. State and history are kept: the next trueup run goes on with them.",
  async run(context) {
    const daemon = await runningDaemon(context);
    if (daemon !== null) {
      await daemon.shutdown({ stopPods: true }, context.signal);
      await context.out.line("The daemon and its pods have ended.");
      return 0;
    }
    const stopped = await stopKubelets(context);
    if (stopped === 0) {
      throw new TrueupError("unavailable", "Cannot end anything as neither a daemon nor its pods run here.", {
        hint: "Name the state directory with --state, or stand in the repository.",
      });
    }
    await context.out.line("No daemon was running; the pods that it had left have ended.");
    return 0;
  },
};

async function runningDaemon(context: CommandContext): Promise<DaemonClient | null> {
  try {
    return await context.connect();
  } catch (error) {
    if (error instanceof TrueupError && error.code === "unavailable") return null;
    throw error;
  }
}

/** Ends the kubelets of the state directories that are meant, with their pods. */
async function stopKubelets(context: CommandContext): Promise<number> {
  let stopped = 0;
  for (const stateDir of await findStateDirs(context)) {
    const { kubeletSocket } = socketPaths(runtimeRoot(context.env, userId()), await realpath(stateDir));
    const kubelet = new KubeletClient(kubeletSocket);
    try {
      await kubelet.shutdown({ stopPods: true });
      stopped++;
    } catch (error) {
      if (!(error instanceof TrueupError) || error.code !== "unavailable") throw error;
    } finally {
      kubelet.close();
    }
  }
  return stopped;
}
