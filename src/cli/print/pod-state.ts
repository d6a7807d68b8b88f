/** A pod's STATUS, READY and RESTARTS as kubectl computes them from the pod's status. */
import type { ContainerStatus, Pod } from "../../model/workload.ts";
import { humanDuration } from "./age.ts";

export interface PodSummary {
  ready: number;
  total: number;
  /** `Running`, `Init:0/2`, `CrashLoopBackOff`, `Terminating`, … */
  status: string;
  /** `0`, `3 (12s ago)` */
  restarts: string;
}

interface Tally {
  ready: number;
  restarts: number;
  lastRestart: number;
}

/** @see Kubernetes pkg/printers/internalversion/printers.go, printPod, of which this is the behaviour in our words */
export function summarisePod(pod: Pod, now: number): PodSummary {
  const sidecars = new Set(
    (pod.spec.initContainers ?? []).filter((init) => init.restartPolicy === "Always").map((init) => init.name),
  );
  const phase = pod.status?.phase ?? "Pending";
  const tally: Tally = { ready: 0, restarts: 0, lastRestart: 0 };
  const initial = initState(pod, sidecars, tally);
  let status = initial.status ?? (pod.status?.reason || phase);
  if (initial.status === undefined || isTrue(pod, "Initialized")) {
    // Once all are through, what the init containers did is history; only sidecars' restarts still count.
    tally.restarts = initial.sidecarRestarts;
    status = mainState(pod, status, tally);
  }
  const deleted = pod.metadata.deletionTimestamp !== undefined;
  if (deleted && phase !== "Succeeded" && phase !== "Failed") status = "Terminating";
  return {
    ready: tally.ready,
    total: pod.spec.containers.length + sidecars.size,
    status,
    restarts: restartsText(tally, now),
  };
}

/** The first init container that is not through, as a status; absent when all are. */
function initState(
  pod: Pod,
  sidecars: ReadonlySet<string>,
  tally: Tally,
): { status?: string; sidecarRestarts: number } {
  let sidecarRestarts = 0;
  for (const [index, init] of (pod.status?.initContainerStatuses ?? []).entries()) {
    count(init, tally);
    const sidecar = sidecars.has(init.name);
    if (sidecar) sidecarRestarts += init.restartCount;
    const { terminated, waiting } = init.state;
    if (terminated?.exitCode === 0) continue;
    if (sidecar && init.started) {
      if (init.ready) tally.ready += 1;
      continue;
    }
    if (terminated !== undefined)
      return { status: `Init:${terminated.reason || endText(terminated)}`, sidecarRestarts };
    if (waiting !== undefined && waiting.reason !== "" && waiting.reason !== "PodInitializing") {
      return { status: `Init:${waiting.reason}`, sidecarRestarts };
    }
    return { status: `Init:${index}/${pod.spec.initContainers?.length ?? 0}`, sidecarRestarts };
  }
  return { sidecarRestarts };
}

/** The containers' say: the first one that waits or has ended names the status. */
function mainState(pod: Pod, before: string, tally: Tally): string {
  let status = before;
  let running = false;
  for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
    count(container, tally);
    const { waiting, terminated } = container.state;
    if (waiting !== undefined && waiting.reason !== "") status = waiting.reason;
    else if (terminated !== undefined) status = terminated.reason || endText(terminated);
    else if (container.ready && container.state.running !== undefined) {
      running = true;
      tally.ready += 1;
    }
  }
  if (status === "Completed" && running) return isTrue(pod, "Ready") ? "Running" : "NotReady";
  return status;
}

function count(container: ContainerStatus, tally: Tally): void {
  tally.restarts += container.restartCount;
  const finished = Date.parse(container.lastState.terminated?.finishedAt ?? "");
  if (!Number.isNaN(finished)) tally.lastRestart = Math.max(tally.lastRestart, finished);
}

function endText({ signal, exitCode }: { signal?: number; exitCode?: number }): string {
  if (signal !== undefined && signal !== 0) return `Signal:${signal}`;
  return exitCode === undefined ? "Unknown" : `ExitCode:${exitCode}`;
}

function restartsText({ restarts, lastRestart }: Tally, now: number): string {
  return restarts === 0 || lastRestart === 0
    ? String(restarts)
    : `${restarts} (${humanDuration(now - lastRestart)} ago)`;
}

function isTrue(pod: Pod, type: string): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}
