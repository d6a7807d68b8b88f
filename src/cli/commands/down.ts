/** `trueup down`: ends a daemon and its pods, or the pods that a daemon left running. */
import { TrueupError } from "../../model/errors.ts";
import type { DaemonRecord } from "../../model/status.ts";
import type { DaemonClient } from "../client.ts";
import type { Command, CommandContext } from "../command.ts";
import { findDaemon } from "../connect.ts";
import { endLeftovers, hasLeftovers } from "../leftovers.ts";
import { knownStateDirs } from "../state-dirs.ts";

export const command: Command = {
  options: [],
  examples: [
    { line: "trueup down", does: "end the daemon of this repository, and its pods" },
    { line: "trueup down --state DIR", does: "the same for a state directory, also when only pods are left" },
  ],
  details:
    "Pods get their grace period. State and history are kept: the next trueup run goes on with them. On a Kubernetes " +
    "cluster only the daemon ends: nothing there is deleted.",
  async run(context) {
    const { near, all } = context.stateDir === undefined ? await knownStateDirs(context) : NONE;
    // Standing where a daemon was killed means its pods, never the daemon of another repository.
    const daemon = near.length > 0 && !(await oneRuns(context, near)) ? null : await runningDaemon(context);
    if (daemon !== null) {
      const { kubelet, target } = await daemon.status(context.signal);
      await daemon.shutdown({ stopPods: true }, context.signal);
      await context.out.line(
        kubelet === undefined
          ? `The daemon has ended. What it applied stays on ${target.name}: a commit takes it away.`
          : "The daemon and its pods have ended.",
      );
      return 0;
    }
    const stateDirs =
      context.stateDir !== undefined
        ? await keep([context.stateDir], context)
        : near.length > 0
          ? await keep(near.map(stateDirOf), context)
          : onlyOne(await keep(all.map(stateDirOf), context));
    if (stateDirs.length === 0) {
      throw new TrueupError("unavailable", "Cannot end anything as neither a daemon nor its pods run here.", {
        hint: "Name the state directory with --state, or stand in the repository.",
      });
    }
    for (const stateDir of stateDirs) await endLeftovers(stateDir, context);
    await context.out.line("No daemon was running; the pods that it had left have ended.");
    return 0;
  },
};

const NONE = { near: [], all: [] };

function stateDirOf({ stateDir }: DaemonRecord): string {
  return stateDir;
}

async function keep(stateDirs: string[], context: CommandContext): Promise<string[]> {
  const left = await Promise.all(stateDirs.map((stateDir) => hasLeftovers(stateDir, context)));
  return stateDirs.filter((_, index) => left[index]);
}

/** Far from any of them, pods are ended only where there is no doubt whose they are. */
function onlyOne(stateDirs: string[]): string[] {
  if (stateDirs.length <= 1) return stateDirs;
  const list = stateDirs.map((stateDir) => `\n  --state ${stateDir}`).sort();
  throw new TrueupError(
    "usage",
    `Cannot choose whose pods to end as exactly one state directory must have some: ${stateDirs.length} have.${list.join("")}`,
    { hint: "Use -C with a directory of the repository meant, or --state." },
  );
}

async function oneRuns({ cwd, env }: CommandContext, records: readonly DaemonRecord[]): Promise<boolean> {
  const runs = await Promise.all(
    records.map(({ stateDir }) => orNull(findDaemon({ cwd, env, stateDir })).then((found) => found !== null)),
  );
  return runs.includes(true);
}

function runningDaemon(context: CommandContext): Promise<DaemonClient | null> {
  return orNull(context.connect());
}

async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof TrueupError && error.code === "unavailable") return null;
    throw error;
  }
}
