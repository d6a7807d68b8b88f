/** Checks of what trueup needs of the machine: Node, git and the repository, open files. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { locate } from "../../git/locate.ts";
import { messageOf } from "../../model/errors.ts";
import { type DoctorWorld, type Finding, ok, problem, warning } from "./check.ts";

/** As `engines` in package.json. */
const LEAST_NODE = 24;
const LEAST_GIT = [2, 31];
const GIT_LIMIT_MS = 10_000;
/** A daemon with many watches and a kubelet with a few hundred pods stay below. */
const FEW_FILES = 1024;

export function checkNode({ nodeVersion }: Pick<DoctorWorld, "nodeVersion">): Finding[] {
  const major = Number(/^v?(\d+)\./.exec(nodeVersion)?.[1] ?? Number.NaN);
  if (major >= LEAST_NODE) return [ok("node", `Node ${nodeVersion}`)];
  return [
    problem("node", `Node ${nodeVersion}: it must be at least ${LEAST_NODE}`, `Install Node ${LEAST_NODE} or newer.`),
  ];
}

/** @param version As `git --version` prints it: `git version 2.39.5` */
export function judgeGit(version: string): Finding {
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  const [leastMajor = 0, leastMinor = 0] = LEAST_GIT;
  const isEnough = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  if (isEnough) return ok("git", version.trim());
  return problem("git", `${version.trim()}: it must be at least ${LEAST_GIT.join(".")}`, "Install a newer git.");
}

export async function checkGit(): Promise<Finding[]> {
  try {
    const { stdout } = await promisify(execFile)("git", ["--version"], { timeout: GIT_LIMIT_MS });
    return [judgeGit(stdout)];
  } catch (error) {
    return [problem("git", messageOf(error), "Install git, and see that PATH names its directory.")];
  }
}

export async function checkRepository({ repository }: Pick<DoctorWorld, "repository">): Promise<Finding[]> {
  if (repository === null) return [ok("repository", "no daemon has recorded which one it follows")];
  try {
    await locate(repository, GIT_LIMIT_MS);
    return [ok("repository", repository)];
  } catch (error) {
    return [problem("repository", messageOf(error), "Nothing is changed until it can be read: bring it back.")];
  }
}

export function checkOpenFiles({ openFiles }: Pick<DoctorWorld, "openFiles">): Finding[] {
  if (openFiles === null) return [ok("open files", "the system does not say how many are allowed")];
  if (openFiles >= FEW_FILES) return [ok("open files", `${openFiles} allowed`)];
  const message = `${openFiles} allowed: with many pods and connections they run out`;
  return [warning("open files", message, `ulimit -n ${FEW_FILES * 4}, in the shell that starts trueup.`)];
}
