/** Which state directories a command means when no daemon runs: the one given, or those whose daemon was of this repository. */
import { realpath } from "node:fs/promises";
import { sep } from "node:path";
import { listDaemonRecords } from "../daemon/paths.ts";
import type { CommandContext } from "./command.ts";

/** State directories with a record left by a daemon; the repository that the command stands in goes first, else all. */
export async function findStateDirs({ stateDir, cwd, env }: CommandContext): Promise<string[]> {
  if (stateDir !== undefined) return [stateDir];
  const records = await listDaemonRecords(env);
  const here = await realpath(cwd);
  const near = records.filter(({ repository }) => here === repository || here.startsWith(repository + sep));
  return (near.length > 0 ? near : records).map((record) => record.stateDir);
}
