/** Checks of the state directory itself: whose it is, whether it is a copy, and how much room it has. */
import { accessSync, constants, statfsSync, statSync } from "node:fs";
import { messageOf } from "../../model/errors.ts";
import { lookAtIdentity } from "../../util/state-identity.ts";
import { type DoctorWorld, type Finding, ok, problem, warning } from "./check.ts";

const MEGABYTE = 1024 * 1024;
/** Less than this is a problem: SQLite's journals alone take a few megabytes. */
const LEAST_BYTES = 16 * MEGABYTE;
const LITTLE_BYTES = 200 * MEGABYTE;
const LEAST_INODES = 100;

export function checkOwner({ stateDir, userId }: Pick<DoctorWorld, "stateDir" | "userId">): Finding[] {
  const { uid, mode } = statSync(stateDir);
  const findings: Finding[] = [];
  if (uid !== userId) {
    const message = `${stateDir} belongs to user ${uid}: it must belong to user ${userId}, who runs this`;
    findings.push(problem("state directory", message, "Run trueup as its owner, or choose another --state."));
  }
  if ((mode & 0o077) !== 0) {
    const message = `others may enter ${stateDir} (mode ${(mode & 0o777).toString(8)}), and it holds Secrets`;
    findings.push(problem("state directory", message, `chmod 700 ${stateDir}`));
  }
  try {
    accessSync(stateDir, constants.W_OK);
  } catch (error) {
    const hint = "Make it writable: a daemon that runs goes on by itself then.";
    findings.push(problem("state directory", `it cannot be written: ${messageOf(error)}`, hint));
  }
  return findings.length > 0 ? findings : [ok("state directory", stateDir)];
}

export function checkIdentity({ stateDir }: Pick<DoctorWorld, "stateDir">): Finding[] {
  const { standing, recorded } = lookAtIdentity(stateDir);
  if (standing === "new") return [ok("identity", "it has none yet: the next daemon gives it one")];
  if (standing !== "copy") return [ok("identity", recorded?.id ?? "")];
  const original = recorded?.path ?? "";
  const hint = `Use --state ${original}; or end that one first, remove it, and go on with this one.`;
  return [problem("identity", `it is a copy of ${original}: its pods are not its own`, hint)];
}

/** Room on a file system; inode numbers are 0 where it has no limit. */
export interface Room {
  bytesFree: number;
  inodes: number;
  inodesFree: number;
}

export function judgeRoom({ bytesFree, inodes, inodesFree }: Room): Finding[] {
  const free = `${Math.floor(bytesFree / MEGABYTE)} MB`;
  const hint = "Make room on that file system: a daemon that runs goes on by itself then.";
  const findings: Finding[] = [];
  if (bytesFree < LEAST_BYTES) findings.push(problem("disk", `only ${free} are free`, hint));
  else if (bytesFree < LITTLE_BYTES) findings.push(warning("disk", `only ${free} are free`, hint));
  if (inodes > 0 && inodesFree < LEAST_INODES) {
    findings.push(problem("disk", `only ${inodesFree} more files can be made (inodes)`, hint));
  }
  return findings.length > 0 ? findings : [ok("disk", `${free} free`)];
}

export function checkRoom({ stateDir }: Pick<DoctorWorld, "stateDir">): Finding[] {
  const { bavail, bsize, files, ffree } = statfsSync(stateDir);
  return judgeRoom({ bytesFree: bavail * bsize, inodes: files, inodesFree: ffree });
}
