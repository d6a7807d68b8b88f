/** Checks of the kubelet's files: its journal, its pods' records, and which of the recorded pods run. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { podsDirectory, readIfPresent } from "../../kubelet/files.ts";
import { readJournal } from "../../kubelet/journal-file.ts";
import type { PodRecord } from "../../kubelet/pod-record.ts";
import { kubeletDirectory } from "../../kubelet/process.ts";
import type { PodProcess } from "../../kubelet/process-table.ts";
import { messageOf } from "../../model/errors.ts";
import { type DoctorWorld, type Finding, ok, problem, warning } from "./check.ts";

/** How many pods' records a state directory has. */
export function podCount(stateDir: string): number {
  const directory = podsDirectory(kubeletDirectory(stateDir));
  return existsSync(directory) ? readdirSync(directory).length : 0;
}

export function checkJournal({ stateDir }: Pick<DoctorWorld, "stateDir">): Finding[] {
  const path = join(kubeletDirectory(stateDir), "journal.ndjson");
  try {
    const kept = readJournal(path);
    return [ok("journal", kept === null ? "not there yet" : `${kept} reports kept`)];
  } catch (error) {
    const hint = "Something else changed it. End the pods by their process ids, then remove the kubelet directory.";
    return [problem("journal", messageOf(error), hint)];
  }
}

/** A pod as it is recorded. */
export interface RecordedPod {
  uid: string;
  name: string;
  /** Process ids of its containers that are recorded as running. */
  running: number[];
}

/** The readable records, and what is wrong with the others. */
export function readRecords(stateDir: string): { pods: RecordedPod[]; faults: Finding[] } {
  const directory = podsDirectory(kubeletDirectory(stateDir));
  const pods: RecordedPod[] = [];
  const faults: Finding[] = [];
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const path = join(directory, name, "record.json");
    try {
      const text = readIfPresent(path);
      // Without a record it is a pod that was being removed: the next kubelet removes the rest.
      if (text !== null) pods.push(recordedPod(JSON.parse(text) as PodRecord));
    } catch (error) {
      const hint = `End its processes by their ids, then remove ${join(directory, name)}.`;
      faults.push(problem("pod records", `${path} cannot be read: ${messageOf(error)}`, hint));
    }
  }
  return { pods, faults };
}

function recordedPod({ assignment, containers }: PodRecord): RecordedPod {
  const { uid = "", name } = assignment.pod.metadata;
  const running = Object.values(containers).flatMap((container) => {
    const pid = /^process:\/\/(\d+)$/.exec(container.running ?? "")?.[1];
    return pid === undefined ? [] : [Number(pid)];
  });
  return { uid, name, running };
}

/**
 * Recorded pods against running processes.
 *
 * @param isOwn Whether a process was started from this state directory
 * @param kubeletRuns Then what differs may be about to be mended
 */
export function judgePods(
  pods: readonly RecordedPod[],
  processes: readonly PodProcess[],
  isOwn: (process: PodProcess) => boolean,
  kubeletRuns: boolean,
): Finding[] {
  const findings: Finding[] = [];
  const recorded = new Set(pods.map(({ uid }) => uid));
  const running = new Set(processes.map(({ pid }) => pid));
  const orphans = processes.filter((process) => isOwn(process) && !recorded.has(process.podUid));
  if (orphans.length > 0) {
    const pids = orphans.map(({ pid }) => pid).join(" ");
    const message = `${orphans.length} processes belong to pods that are not recorded: ${pids}`;
    findings.push(problem("pods", message, `Nothing ends them by itself: look at them, then kill ${pids}`));
  }
  const byContainer = Map.groupBy(
    processes.filter(({ pid, group, podUid }) => pid === group && recorded.has(podUid)),
    ({ podUid, container }) => `${podUid} ${container}`,
  );
  for (const twins of byContainer.values()) {
    const [first] = twins;
    if (twins.length < 2 || first === undefined) continue;
    const name = pods.find(({ uid }) => uid === first.podUid)?.name ?? first.podUid;
    const pids = twins.map(({ pid }) => pid).join(" ");
    const hint =
      "Two kubelets had it, or it started a group leader of its own: trueup describe pod says which one counts.";
    findings.push(
      problem("pods", `container ${first.container} of pod ${name} runs ${twins.length} times: ${pids}`, hint),
    );
  }
  const lost = pods.filter((pod) => pod.running.some((pid) => !running.has(pid)));
  if (lost.length > 0) {
    const names = lost.map(({ name }) => name).join(", ");
    const hint = kubeletRuns ? "The kubelet is about to notice: look again." : "The next trueup run starts them again.";
    findings.push(warning("pods", `${lost.length} pods are recorded as running and have ended: ${names}`, hint));
  }
  return findings.length > 0
    ? findings
    : [ok("pods", `${pods.length} recorded, ${processes.filter(isOwn).length} processes`)];
}

export async function checkPods(world: DoctorWorld): Promise<Finding[]> {
  const { stateDir, table, answers, sockets } = world;
  const { pods, faults } = readRecords(stateDir);
  if (faults.length > 0) return faults;
  const own = `${podsDirectory(kubeletDirectory(stateDir))}/`;
  const isRecorded = new Set(pods.map(({ uid }) => uid));
  const isOwn = ({ home, podUid }: PodProcess): boolean => home.startsWith(own) || isRecorded.has(podUid);
  return judgePods(pods, await table.all(), isOwn, await answers(sockets.kubeletSocket));
}
