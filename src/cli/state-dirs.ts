/** Which state directories a command means where no daemon can say: those that an earlier daemon of this user recorded. */
import { realpath } from "node:fs/promises";
import { sep } from "node:path";
import { listDaemonRecords } from "../daemon/paths.ts";
import type { DaemonRecord } from "../model/status.ts";
import type { CommandContext } from "./command.ts";

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
