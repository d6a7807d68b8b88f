/** What a kubelet would report of a pod that behaves as a script says, at any moment of its life. Pure: no clock and no I/O. */
import type {
  Condition,
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodStatus,
} from "../../../src/model/workload.ts";

/** How a container behaves. Times are milliseconds from its start. */
export type Play =
  /** Runs and becomes ready; with `readyAfterMs: null`, never. */
  (
    | { does: "run"; readyAfterMs?: number | null }
    /** Ends well. */
    | { does: "complete"; afterMs?: number }
    /** Ends the whole pod for good, as an eviction does: phase Failed. `reason` and `message` are the pod's. */
    | FailPlay
    /** Ends and is started again, at once the first time, after `backOffMs` from then on; after `times` exits it runs. */
    | CrashPlay
    /** Cannot start: `ImagePullBackOff`, `CreateContainerConfigError`, … */
    | { does: "wait"; reason: string; message?: string }
    /** Nobody looks at the pod: it has been scheduled, and that is all. */
    | { does: "nothing" }
  ) & {
    /** How long it takes to end once it is told to; cut off by the grace period. 0 when not said. */
    stopMs?: number;
  };

interface FailPlay {
  does: "fail";
  afterMs?: number;
  exitCode?: number;
  reason?: string;
  message?: string;
}

interface CrashPlay {
  does: "crash";
  exitCode?: number;
  /** How long each run lasts. */
  runsMs?: number;
  backOffMs?: number;
  times?: number;
  /** When each run becomes ready, if it lasts so long; never when not said. */
  readyAfterMs?: number | null;
}

/** Overrides every other script for one pod: its value is a `Play` as JSON. */
export const PLAY_ANNOTATION = "trueup.test/play";

const DEFAULT_EXIT_CODE = 1;
const DEFAULT_BACK_OFF_MS = 200;

/** A container at one moment. */
interface Moment {
  state: ContainerState;
  lastState: ContainerState;
  ready: boolean;
  restartCount: number;
  /** When it will be otherwise, milliseconds from its start; null when it stays so. */
  next: number | null;
}

export interface Scene {
  pod: Pod;
  playOf(container: Container): Play;
  /** When the pod was started, and now: milliseconds since the epoch. */
  since: number;
  now: number;
  /** What was reported last: conditions that stay as they were keep their time. */
  before: PodStatus | undefined;
  podIP: string;
}

/** @returns The report for now, or null for none; and the time at which there will be another, or null for never */
export function statusAt(scene: Scene): { status: PodStatus; nextAt: number | null } | null {
  const { pod, playOf, since, now } = scene;
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  if (all.some((container) => playOf(container).does === "nothing")) return null;
  const nexts: number[] = [];
  let start = since;
  let failed: FailPlay | undefined;
  const show = (container: Container, isInit: boolean): ContainerStatus => {
    if (start > now) return statusOf(container, waiting("PodInitializing"));
    const play = playOf(container);
    const stays = !isInit || container.restartPolicy === "Always";
    const moment = stays ? momentOf(play, now - start, start) : initMomentOf(play, now - start, start);
    if (moment.next !== null) nexts.push(start + moment.next);
    if (play.does === "fail" && moment.state.terminated !== undefined) failed ??= play;
    // Until its time has come, the next one is shown as waiting.
    if (!stays) start += endOf(asInit(play));
    return statusOf(container, moment);
  };
  const initContainerStatuses = pod.spec.initContainers?.map((container) => show(container, true));
  const initialized = start <= now;
  const containerStatuses = pod.spec.containers.map((container) => show(container, false));
  const status: PodStatus = {
    phase: failed === undefined ? phaseOf(containerStatuses) : "Failed",
    conditions: [],
    containerStatuses,
    ...(initContainerStatuses !== undefined && { initContainerStatuses }),
    hostIP: "127.0.0.1",
    podIP: scene.podIP,
    startTime: time(since),
  };
  if (failed?.reason !== undefined) status.reason = failed.reason;
  if (failed?.message !== undefined) status.message = failed.message;
  status.conditions = conditionsOf(scene, status, initialized);
  return { status, nextAt: nexts.length === 0 ? null : Math.min(...nexts) };
}

/** An init container that has nothing else to do ends well at once. */
function asInit(play: Play): Play {
  return play.does === "run" ? { does: "complete", afterMs: 0 } : play;
}

/** When an init container has ended well, milliseconds from its start. */
function endOf(play: Play): number {
  if (play.does === "complete") return play.afterMs ?? 0;
  return play.does === "crash" && play.times !== undefined ? startOfRun(play, play.times) : Number.POSITIVE_INFINITY;
}

/** When the run that follows so many exits begins. */
function startOfRun({ runsMs = 0, backOffMs = DEFAULT_BACK_OFF_MS }: CrashPlay, exits: number): number {
  return exits === 0 ? 0 : exits * runsMs + (exits - 1) * backOffMs;
}

/** An init container that was to run after some exits has then done its work. */
function initMomentOf(play: Play, elapsed: number, start: number): Moment {
  const moment = momentOf(asInit(play), elapsed, start);
  const end = endOf(asInit(play));
  return elapsed < end ? moment : { ...moment, state: ended(0, start, start + end), ready: true, next: null };
}

/** @param elapsed Milliseconds since the container's start, which was at `start` */
function momentOf(play: Play, elapsed: number, start: number): Moment {
  switch (play.does) {
    case "run":
      return running(elapsed, start, 0, play.readyAfterMs === undefined ? 0 : play.readyAfterMs);
    case "complete":
    case "fail": {
      const after = play.afterMs ?? 0;
      if (elapsed < after) return { ...running(elapsed, start, 0, null), next: after };
      const code = play.does === "complete" ? 0 : (play.exitCode ?? DEFAULT_EXIT_CODE);
      return { ...waiting(""), state: ended(code, start, start + after) };
    }
    case "crash":
      return crashing(play, elapsed, start);
    case "wait":
      return waiting(play.reason, play.message);
    case "nothing":
      return waiting("ContainerCreating");
  }
}

function crashing(play: CrashPlay, elapsed: number, start: number): Moment {
  const { runsMs = 0, backOffMs = DEFAULT_BACK_OFF_MS, times = Number.POSITIVE_INFINITY } = play;
  const code = play.exitCode ?? DEFAULT_EXIT_CODE;
  let exits = elapsed < runsMs ? 0 : 1 + Math.floor((elapsed - runsMs) / Math.max(1, runsMs + backOffMs));
  exits = Math.min(exits, times);
  const begun = startOfRun(play, exits);
  const lastState = exits === 0 ? {} : ended(code, start + startOfRun(play, exits - 1), start + begun);
  if (exits === times) {
    const ready = play.readyAfterMs === undefined ? 0 : play.readyAfterMs;
    return { ...running(elapsed - begun, start + begun, exits, ready, begun), lastState };
  }
  const endsAt = begun + runsMs;
  if (elapsed < endsAt) {
    const moment = running(elapsed - begun, start + begun, exits, play.readyAfterMs ?? null, begun);
    return { ...moment, lastState, next: Math.min(endsAt, moment.next ?? endsAt) };
  }
  const message = `back-off ${backOffMs} ms restarting failed container`;
  const again = startOfRun(play, exits + 1);
  return {
    ...waiting("CrashLoopBackOff", message),
    lastState: ended(code, start + begun, start + endsAt),
    restartCount: exits,
    next: again,
  };
}

function running(elapsed: number, start: number, restartCount: number, readyAfter: number | null, offset = 0): Moment {
  const ready = readyAfter !== null && elapsed >= readyAfter;
  const next = readyAfter === null || ready ? null : offset + readyAfter;
  return { state: { running: { startedAt: time(start) } }, lastState: {}, ready, restartCount, next };
}

function waiting(reason: string, message?: string): Moment {
  const state: ContainerState = { waiting: { reason, ...(message !== undefined && { message }) } };
  return { state, lastState: {}, ready: false, restartCount: 0, next: null };
}

function ended(exitCode: number, from: number, to: number): ContainerState {
  const reason = exitCode === 0 ? "Completed" : "Error";
  return { terminated: { exitCode, reason, startedAt: time(from), finishedAt: time(to) } };
}

function statusOf({ name, image = "" }: Container, moment: Moment): ContainerStatus {
  const { state, lastState, ready, restartCount } = moment;
  const started = state.running !== undefined;
  return { name, image, imageID: "", ready, started, restartCount, state, lastState };
}

/** As the kubelet's `getPhase`: what never started keeps the pod pending, what is being restarted does not. */
function phaseOf(containers: readonly ContainerStatus[]): PodStatus["phase"] {
  if (containers.some(({ state, lastState }) => state.waiting !== undefined && lastState.terminated === undefined)) {
    return "Pending";
  }
  return containers.every(({ state }) => state.terminated?.exitCode === 0) ? "Succeeded" : "Running";
}

function conditionsOf(scene: Scene, status: PodStatus, initialized: boolean): Condition[] {
  const unready = (status.containerStatuses ?? []).filter(({ ready }) => !ready).map(({ name }) => name);
  const isReady = initialized && status.phase === "Running" && unready.length === 0;
  const because =
    status.phase === "Failed" || status.phase === "Succeeded"
      ? { reason: status.phase === "Failed" ? "PodFailed" : "PodCompleted" }
      : { reason: "ContainersNotReady", message: `containers with unready status: [${unready.join(" ")}]` };
  const condition = (type: string, is: boolean, why: { reason?: string; message?: string }): Condition => {
    const value = is ? "True" : "False";
    const before = scene.before?.conditions?.find((other) => other.type === type && other.status === value);
    const lastTransitionTime = before?.lastTransitionTime ?? time(scene.now);
    return { type, status: value, lastTransitionTime, ...(!is && why) } as Condition;
  };
  return [
    condition("PodReadyToStartContainers", true, {}),
    condition("Initialized", initialized, { reason: "ContainersNotInitialized" }),
    condition("Ready", isReady, because),
    condition("ContainersReady", isReady, because),
  ];
}

/** As Kubernetes writes times: to the second. */
function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
