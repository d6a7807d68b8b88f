/** Which state directories a command means where no daemon can say: those that an earlier daemon of this user recorded. */
import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, sep } from "node:path";
import { defaultStateDir, listDaemonRecords } from "../daemon/paths.ts";
import { TrueupError } from "../model/errors.ts";
import type { DaemonRecord } from "../model/status.ts";
import type { CommandContext } from "./command.ts";
import { findDaemon } from "./connect.ts";

export interface KnownStateDirs {
  /** Those of the repository that the command stands in. */
  near: DaemonRecord[];
  /** Those of this user, near ones included. */
  all: DaemonRecord[];
}

/** The records that daemons have left or still hold. */
export async function knownStateDirs({ cwd, env }: Pick<CommandContext, "cwd" | "env">): Promise<KnownStateDirs> {
  const all = await listDaemonRecords(env);
  const here = await realpath(cwd);
  const near = all.filter(({ repository }) => here === repository || here.startsWith(repository + sep));
  return { near, all };
}

/**
 * The one state directory that a command is about, whether or not its daemon runs: as `--state` says, else that of the
 * daemon meant, else the one that a daemon of this repository, or the only one of this user, has left.
 *
 * @throws {TrueupError} `unavailable` when there is none, `usage` when it is left open which
 */
export async function stateDirMeant({
  cwd,
  env,
  stateDir,
}: Pick<CommandContext, "cwd" | "env" | "stateDir">): Promise<string> {
  if (stateDir !== undefined) return stateDir;
  try {
    return (await findDaemon({ cwd, env, stateDir })).stateDir;
  } catch (error) {
    if (!(error instanceof TrueupError) || error.code !== "unavailable") throw error;
  }
  const known = await stateDirsHere({ cwd, env });
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  throw new TrueupError(
    known.length === 0 ? "unavailable" : "usage",
    `Cannot choose a state directory as exactly one must be known: ${known.length} are.`,
    { hint: "Name it with --state." },
  );
}

/** Those that may be meant here: of this repository's daemons, else what `trueup run` here made, else all of this user. */
async function stateDirsHere(context: Pick<CommandContext, "cwd" | "env">): Promise<string[]> {
  const { near, all } = await knownStateDirs(context);
  const own = near.length > 0 ? null : await ownStateDir(context);
  if (own !== null) return [own];
  return [...new Set((near.length > 0 ? near : all).map(({ stateDir }) => stateDir))].sort();
}

/** The state of a plain `trueup run` in this repository: a daemon's record goes when it ends, or when the machine starts anew. */
export async function ownStateDir({ cwd, env }: Pick<CommandContext, "cwd" | "env">): Promise<string | null> {
  for (let directory = await realpath(cwd); ; directory = dirname(directory)) {
    const stateDir = await defaultStateDir(env, { repository: directory, ref: "HEAD", path: "" });
    if (existsSync(stateDir)) return stateDir;
    if (dirname(directory) === directory) return null;
  }
}
