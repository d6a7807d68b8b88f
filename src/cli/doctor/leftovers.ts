/** Checks of what killed processes leave behind: sockets that nobody answers on, and files that were never finished. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { INCOMING, LEAVING } from "../../image/materialise.ts";
import { podsDirectory } from "../../kubelet/files.ts";
import { kubeletDirectory } from "../../kubelet/process.ts";
import { lookAtLock } from "../../util/state-lock.ts";
import { type DoctorWorld, type Finding, type LockName, ok, warning } from "./check.ts";
import { lockFile } from "./locks.ts";

const FIX = "trueup doctor --fix removes it; so does the next daemon.";

type SocketWorld = Pick<DoctorWorld, "stateDir" | "sockets" | "answers">;

/** A socket is stale when nobody holds the lock of those who could listen on it, and nobody answers. */
export async function checkSockets({ stateDir, sockets, answers }: SocketWorld): Promise<Finding[]> {
  const findings: Finding[] = [];
  const all = [
    { lock: "daemon", path: sockets.daemonSocket },
    { lock: "kubelet", path: sockets.kubeletSocket },
  ] as const;
  for (const { lock, path } of all) {
    if (!existsSync(path) || lookAtLock(lockFile(stateDir, lock)).held || (await answers(path))) continue;
    findings.push({
      ...warning("sockets", `nobody answers on ${path}`, FIX),
      removable: { paths: [path], lock },
    });
  }
  return findings.length > 0 ? findings : [ok("sockets", `in ${sockets.directory}`)];
}

/** Files under a name that only an unfinished write has; while the lock is free, no write is under way. */
export function unfinishedFiles(stateDir: string): { lock: LockName; path: string }[] {
  const kubelet = kubeletDirectory(stateDir);
  const pods = podsDirectory(kubelet);
  const images = join(stateDir, "images");
  const isNew = (name: string): boolean => name.endsWith(".new");
  const isPart = (name: string): boolean => name.startsWith(INCOMING) || name.startsWith(LEAVING);
  return [
    ...named(stateDir, "daemon", (name) => /^identity\.json\.\d+\.new$/.test(name)),
    ...named(images, "daemon", (name) => isPart(name) || name === "index.json.new"),
    ...named(kubelet, "kubelet", isNew),
    ...list(pods).flatMap((pod) => named(join(pods, pod), "kubelet", (name) => name === "record.json.new")),
  ];
}

function named(directory: string, lock: LockName, fits: (name: string) => boolean): { lock: LockName; path: string }[] {
  return list(directory)
    .filter(fits)
    .map((name) => ({ lock, path: join(directory, name) }));
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

export function checkUnfinished({ stateDir }: Pick<DoctorWorld, "stateDir">): Finding[] {
  const findings: Finding[] = [];
  for (const lock of ["daemon", "kubelet"] as const) {
    if (lookAtLock(lockFile(stateDir, lock)).held) continue;
    const paths = unfinishedFiles(stateDir)
      .filter((file) => file.lock === lock)
      .map(({ path }) => path);
    if (paths.length === 0) continue;
    const message = `${paths.length} files were never finished: ${paths.join(", ")}`;
    findings.push({ ...warning("files", message, FIX), removable: { paths, lock } });
  }
  return findings.length > 0 ? findings : [ok("files", "none left unfinished")];
}
