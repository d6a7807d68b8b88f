/** Refuses a state of which a part is gone: a cluster without objects would end every pod that runs for the ones it had. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { podsDirectory } from "../kubelet/files.ts";
import { kubeletDirectory } from "../kubelet/process.ts";
import { TrueupError } from "../model/errors.ts";

/**
 * Makes sure that `cluster.db` is there when pods are recorded. A crash never takes it away: somebody, or a full disk
 * under a copy, did.
 *
 * @throws {TrueupError} `io`
 */
export function requireWholeState(stateDir: string): void {
  const path = join(stateDir, "cluster.db");
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 0) return;
  const pods = countOf(podsDirectory(kubeletDirectory(stateDir)));
  if (pods === 0) return;
  throw new TrueupError(
    "io",
    `Cannot use the state directory ${stateDir} as cluster.db must be whole: it is missing or empty, and ${pods} pods are recorded.`,
    { hint: "trueup restore brings back a backup. trueup down ends the pods, after which trueup run begins anew." },
  );
}

function countOf(directory: string): number {
  try {
    return readdirSync(directory).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
