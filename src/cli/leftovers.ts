/** Pods without a daemon: whether a state directory has some, and how they are ended. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { KubeletKeeper } from "../daemon/kubelet-keeper.ts";
import {
  prepareSocketPaths,
  readDaemonRecord,
  removeDaemonRecord,
  runtimeRoot,
  type SocketPaths,
  socketPaths,
  userId,
} from "../daemon/paths.ts";
import { KubeletClient } from "../kubelet/client.ts";
import { podsDirectory } from "../kubelet/files.ts";
import { kubeletDirectory } from "../kubelet/process.ts";
import { TrueupError } from "../model/errors.ts";
import { takeLock } from "../util/state-lock.ts";
import type { CommandContext } from "./command.ts";
import { kubeletArgv } from "./launch.ts";

type World = Pick<CommandContext, "env" | "clock">;

/** Whether a kubelet runs on the state directory, or one that was killed has left records of pods. */
export async function hasLeftovers(stateDir: string, { env }: World): Promise<boolean> {
  return recordsOfPods(stateDir) > 0 || (await answers(pathsOf(stateDir, env).kubeletSocket));
}

/**
 * Ends the pods of a state directory, each within its grace period, and their kubelet. Where that was killed, a new one
 * takes up the pods that its records name and ends them.
 *
 * @throws {TrueupError} `conflict` when a daemon has the directory: it would start the pods again
 */
export async function endLeftovers(stateDir: string, { env, clock }: World): Promise<void> {
  const release = lock(stateDir);
  try {
    // The directory may have been removed under a kubelet that still runs.
    const paths = existsSync(stateDir) ? await prepareSocketPaths(stateDir, env) : pathsOf(stateDir, env);
    const { kubeletSocket: socketPath } = paths;
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const options = { stateDir, socketPath, argv: kubeletArgv(stateDir, socketPath), clock };
    const keeper = await KubeletKeeper.start(options, silent);
    try {
      await keeper.stopWithPods();
    } finally {
      keeper.close();
    }
    const record = await readDaemonRecord(paths.daemonRecord);
    if (record !== null) await removeDaemonRecord(paths, record.pid);
  } finally {
    release();
  }
}

function lock(stateDir: string): () => void {
  if (!existsSync(stateDir)) return () => undefined;
  const attempt = takeLock(join(stateDir, "daemon.lock"), `pid ${process.pid}, trueup down`);
  if (attempt.held) return attempt.release;
  throw new TrueupError(
    "conflict",
    `Cannot end the pods of ${stateDir} as no daemon must have it: ${attempt.holder || "another process"} has, and does not answer.`,
    { hint: "It may be starting or ending: try again." },
  );
}

function recordsOfPods(stateDir: string): number {
  const directory = podsDirectory(kubeletDirectory(stateDir));
  return existsSync(directory) ? readdirSync(directory).length : 0;
}

function pathsOf(stateDir: string, env: World["env"]): SocketPaths {
  return socketPaths(runtimeRoot(env, userId()), existsSync(stateDir) ? realpathSync(stateDir) : stateDir);
}

async function answers(socketPath: string): Promise<boolean> {
  const client = new KubeletClient(socketPath);
  try {
    await client.info();
    return true;
  } catch (error) {
    if (error instanceof TrueupError && error.code === "unavailable") return false;
    throw error;
  } finally {
    client.close();
  }
}
