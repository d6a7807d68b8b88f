/** A pod's status from its containers' states: phase and conditions as Kubernetes' kubelet computes them. Pure. */
import { timestamp } from "../model/object.ts";
import type { ContainerExit } from "../model/runtime.ts";
import type {
  Condition,
  ConditionStatus,
  ContainerState,
  ContainerStatus,
  PodPhase,
  PodSpec,
  PodStatus,
} from "../model/workload.ts";
import { REASON_CANNOT_RUN } from "../model/workload.ts";

/** All pods are on this machine, and reached over its loopback interface. */
export const LOOPBACK = "127.0.0.1";

export interface StatusInput {
  spec: PodSpec;
  /** In the order of the spec. */
  initContainers: readonly ContainerStatus[];
  containers: readonly ContainerStatus[];
  /** RFC 3339. */
  startTime: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** Conditions reported before: a condition whose status stays keeps its transition time. */
  previous: readonly Condition[];
}

/** Whether an init container runs beside the others (restartPolicy Always). */
export function isSidecar(spec: PodSpec, name: string): boolean {
  return spec.initContainers?.some((init) => init.name === name && init.restartPolicy === "Always") ?? false;
}

/** The status of a pod. */
export function podStatus(input: StatusInput): PodStatus {
  const phase = podPhase(input.spec, input.initContainers, input.containers);
  return {
    phase,
    conditions: conditions(input, phase),
    hostIP: LOOPBACK,
    podIP: LOOPBACK,
    startTime: input.startTime,
    ...(input.initContainers.length > 0 && { initContainerStatuses: [...input.initContainers] }),
    containerStatuses: [...input.containers],
  };
}

/**
 * The phase, by the rules of `getPhase` (Kubernetes pkg/kubelet/kubelet_pods.go): Pending until every init container is
 * done and every container has run at least once; then Running until all have ended for good.
 */
export function podPhase(
  spec: PodSpec,
  initContainers: readonly ContainerStatus[],
  containers: readonly ContainerStatus[],
): PodPhase {
  const policy = spec.restartPolicy ?? "Always";
  for (const status of initContainers) {
    if (isSidecar(spec, status.name)) {
      if (!status.started && !containers.some(hasRun)) return "Pending";
      continue;
    }
    const { terminated } = status.state;
    if (terminated === undefined) return "Pending";
    if (terminated.exitCode !== 0) return policy === "Never" ? "Failed" : "Pending";
  }
  const waiting = containers.filter((status) => !hasRun(status));
  if (waiting.length > 0) return "Pending";
  const sidecarRuns = initContainers.some((status) => status.state.running !== undefined);
  if (sidecarRuns || containers.some((status) => status.state.running !== undefined)) return "Running";
  if (policy === "Always") return "Running";
  const ended = containers.filter((status) => status.state.terminated !== undefined);
  if (ended.length < containers.length) return "Running";
  if (ended.every((status) => status.state.terminated?.exitCode === 0)) return "Succeeded";
  return policy === "Never" ? "Failed" : "Running";
}

function hasRun(status: ContainerStatus): boolean {
  return status.state.waiting === undefined || status.lastState.terminated !== undefined;
}

function conditions(input: StatusInput, phase: PodPhase): Condition[] {
  const { spec, initContainers, containers } = input;
  const incomplete = initContainers.filter((status) =>
    isSidecar(spec, status.name) ? !status.started : status.state.terminated?.exitCode !== 0,
  );
  const sidecars = initContainers.filter((status) => isSidecar(spec, status.name));
  const unready = [...sidecars, ...containers].filter((status) => !status.ready);
  const initialized = incomplete.length === 0 || phase === "Succeeded" || containers.some(hasRun);
  const readiness = readyCondition(phase, unready);
  const make = (type: string, status: ConditionStatus, why: { reason?: string; message?: string }): Condition => {
    const before = input.previous.find((condition) => condition.type === type);
    const kept = before?.status === status ? before.lastTransitionTime : undefined;
    return { type, status, ...why, lastTransitionTime: kept ?? timestamp(input.now) };
  };
  return [
    make(
      "Initialized",
      initialized ? "True" : "False",
      initialized
        ? phase === "Succeeded"
          ? { reason: "PodCompleted" }
          : {}
        : { reason: "ContainersNotInitialized", message: `containers with incomplete status: ${list(incomplete)}` },
    ),
    make("Ready", readiness.status, readiness.why),
    make("ContainersReady", readiness.status, readiness.why),
    make("PodScheduled", "True", {}),
  ];
}

function readyCondition(
  phase: PodPhase,
  unready: readonly ContainerStatus[],
): { status: ConditionStatus; why: { reason?: string; message?: string } } {
  if (phase === "Succeeded") return { status: "False", why: { reason: "PodCompleted" } };
  if (phase === "Failed") return { status: "False", why: { reason: "PodFailed" } };
  if (unready.length === 0) return { status: "True", why: {} };
  const message = `containers with unready status: ${list(unready)}`;
  return { status: "False", why: { reason: "ContainersNotReady", message } };
}

function list(statuses: readonly ContainerStatus[]): string {
  return `[${statuses.map((status) => status.name).join(" ")}]`;
}

/** Signal numbers that are the same on Linux and macOS, for `128 + n`. */
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGSYS: process.platform === "darwin" ? 12 : 31,
  SIGBUS: process.platform === "darwin" ? 10 : 7,
  SIGUSR1: process.platform === "darwin" ? 30 : 10,
  SIGUSR2: process.platform === "darwin" ? 31 : 12,
};

/**
 * The terminated state of an ended run. A run that nobody saw end has no exit code, and says so.
 *
 * @param output What the run printed last, for the message of a failure; may be empty
 */
export function terminatedState(
  exit: ContainerExit,
  startedAt: string | undefined,
  now: number,
  output: string,
): NonNullable<ContainerState["terminated"]> {
  const times = { ...(startedAt !== undefined && { startedAt }), finishedAt: timestamp(now) };
  if (exit.signal !== undefined) {
    const signal = SIGNALS[exit.signal] ?? 0;
    const message = exit.message ?? output;
    return { exitCode: 128 + signal, signal, reason: "Error", ...(message !== "" && { message }), ...times };
  }
  if (exit.exitCode === undefined) {
    const message = exit.message ?? "The container ended while no kubelet watched it: its exit code is not known.";
    return { reason: "ContainerStatusUnknown", message, ...times };
  }
  const message = exit.message ?? (exit.exitCode === 0 ? "" : output);
  const reason = exit.exitCode === 0 ? "Completed" : "Error";
  return { exitCode: exit.exitCode, reason, ...(message !== "" && { message }), ...times };
}

/**
 * The terminated state of a run that never came to be: code and times as containerd gives them.
 *
 * @param isWrong Whether what was to be started is at fault (`StartError`), or the machine, which may do better later
 *   (`ContainerCannotRun`)
 */
export function startErrorState(
  message: string,
  isWrong: boolean,
  now: number,
): NonNullable<ContainerState["terminated"]> {
  const reason = isWrong ? "StartError" : REASON_CANNOT_RUN;
  return { exitCode: 128, reason, message, startedAt: timestamp(0), finishedAt: timestamp(now) };
}

/** A whole number of seconds as Go prints durations: `10s`, `1m20s`, `5m0s`. */
export function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = `${seconds % 60}s`;
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest;
}
