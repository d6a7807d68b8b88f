/** All checks of `trueup doctor` in order, and the removal of what is provably of no use. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readTargetRecord, TARGET_FILE } from "../../daemon/target-record.ts";
import { messageOf } from "../../model/errors.ts";
import { takeLock } from "../../util/state-lock.ts";
import { type Check, type DoctorWorld, type Finding, problem } from "./check.ts";
import { checkChain, checkClock, checkDatabase, DATABASES } from "./databases.ts";
import { checkIdentity, checkOwner, checkRoom } from "./directory.ts";
import { checkImages } from "./images.ts";
import { checkSockets, checkUnfinished } from "./leftovers.ts";
import { checkDaemon, checkKubelet, lockFile } from "./locks.ts";
import { checkGit, checkNode, checkOpenFiles, checkRepository } from "./programs.ts";
import { checkJournal, checkPods } from "./records.ts";
import { checkTarget } from "./target.ts";

/** In the order in which they are printed. */
export const CHECKS: readonly Check[] = [
  { name: "node", run: checkNode },
  { name: "git", run: checkGit },
  { name: "repository", run: checkRepository },
  { name: "open files", run: checkOpenFiles },
  { name: "target", run: checkTarget },
  { name: "state directory", run: checkOwner },
  { name: "identity", run: checkIdentity },
  { name: "disk", run: checkRoom },
  { name: "daemon", run: checkDaemon },
  { name: "kubelet", only: "embedded", run: checkKubelet },
  ...DATABASES.map(({ name, version }) => ({
    name,
    only: name === "cluster.db" ? ("embedded" as const) : ("own ledger" as const),
    run: (world: DoctorWorld) => checkDatabase(world, name, version),
  })),
  { name: "ledger chain", only: "own ledger", run: checkChain },
  { name: "clock", run: checkClock },
  { name: "journal", only: "embedded", run: checkJournal },
  { name: "pods", only: "embedded", run: checkPods },
  { name: "images", only: "embedded", run: checkImages },
  { name: "sockets", run: checkSockets },
  { name: "files", run: checkUnfinished },
];

/** Those that a state directory has something for: of a cluster's, no kubelet, no pods, and not always a ledger. */
export async function checksFor(stateDir: string): Promise<readonly Check[]> {
  if (!existsSync(join(stateDir, TARGET_FILE))) return CHECKS;
  const isLedgerThere = (await readTargetRecord(stateDir))?.ledger === "cluster";
  return CHECKS.filter(({ only }) => only === undefined || (only === "own ledger" && !isLedgerThere));
}

/** Runs one check. That it cannot look is a finding too, and no reason to leave out the others. */
export async function runCheck({ name, run }: Check, world: DoctorWorld): Promise<Finding[]> {
  try {
    return await run(world);
  } catch (error) {
    return [problem(name, `it cannot be looked at: ${messageOf(error)}`, "See that it belongs to you.")];
  }
}

/**
 * Removes what findings name as removable, each while holding the lock that keeps others from needing it.
 *
 * @returns The paths removed; none of a lock that somebody holds by now
 */
export async function fix(findings: readonly Finding[], stateDir: string): Promise<string[]> {
  const removed: string[] = [];
  for (const { removable } of findings) {
    if (removable === undefined) continue;
    const lock = takeLock(lockFile(stateDir, removable.lock), `pid ${process.pid}, trueup doctor --fix`);
    if (!lock.held) continue;
    try {
      for (const path of removable.paths) {
        if (!existsSync(path)) continue;
        await rm(path, { recursive: true, force: true });
        removed.push(path);
      }
    } finally {
      lock.release();
    }
  }
  return removed;
}
