/** Whether a rollout can still succeed: what a pod says that no waiting changes. Pure. */
import { isPodReady } from "../model/endpoints.ts";
import { type ContainerStatus, type Pod, REASON_CANNOT_RUN } from "../model/workload.ts";
import { getCondition } from "./conditions.ts";
import { containerReason } from "./pod-health.ts";

/** After so many runs of one container, none of which made the pod ready, the next one will not either. */
const EXITS = 3;
/** A run that was shorter did nothing of use. Milliseconds. */
const FLASH_MS = 10_000;

/** Waiting reasons of an image that is not to be had, and of a container that cannot be made as it is written. */
const IMAGE = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
]);
const CONFIGURATION = new Set(["CreateContainerConfigError", "CreateContainerError"]);
/** What no other try changes, whoever fetches the image. */
const NEVER = new Set(["InvalidImageName", "ErrImageNeverPull"]);
/** So often an image was fetched in vain, or a container made, where that may pass by itself. */
const TRIES = 3;

/**
 * How often the start of a container was tried in vain, as far as that is known: on a cluster the nodes fetch images, and a
 * registry that is away for a moment, or a Secret that another controller is about to make, is no reason to give up.
 */
export type KnownTries = (pod: Pod, container: string) => number;

export interface PodFailure {
  pod: Pod;
  /** Name of the container at fault. */
  container: string;
  kind: "image" | "configuration" | "exits";
  /** `container web: ErrImagePull: no directory images/web/v9 in commit 3f2c1aa` */
  reason: string;
}

/**
 * The first pod that cannot get ready, of those that are to: a missing image or a configuration that cannot be used at
 * once, a container after its third exit. A pod that was ready before is given its chance: it did work. But a container
 * without a readiness probe is called ready as soon as it runs: when it ends again and again within seconds, it never worked.
 *
 * @param pods Of the revision that rolls out
 * @param tries Where a missing image or configuration may pass by itself: it counts from the third try on. Absent: at once
 */
export function cannotSucceed(pods: readonly Pod[], tries?: KnownTries): PodFailure | undefined {
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    const didWork = wasEverReady(pod);
    for (const status of containersOf(pod)) {
      const kind = failureOf(status, () => tries?.(pod, status.name) ?? TRIES);
      if (kind !== undefined && (!didWork || isFlash(pod, status)))
        return { pod, container: status.name, kind, reason: reasonOf(status, kind, didWork) };
    }
  }
  return undefined;
}

/**
 * Whether the pod is ready or once was. The kubelet writes all conditions first in one go, and Ready cannot become True
 * before Initialized: a Ready condition that changed after Initialized did was True in between.
 */
export function wasEverReady(pod: Pod): boolean {
  if (isPodReady(pod)) return true;
  const ready = getCondition(pod.status?.conditions, "Ready")?.lastTransitionTime;
  const initialized = getCondition(pod.status?.conditions, "Initialized");
  if (ready === undefined || initialized?.status !== "True" || initialized.lastTransitionTime === undefined)
    return false;
  return Date.parse(ready) > Date.parse(initialized.lastTransitionTime);
}

function containersOf({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** Whether a container that nobody asks whether it is ready has ended too often, the last time right after its start. */
function isFlash({ spec }: Pod, status: ContainerStatus): boolean {
  const container = spec.containers.find(({ name }) => name === status.name);
  if (container === undefined || container.readinessProbe !== undefined || exitsOf(status) < EXITS) return false;
  const { startedAt, finishedAt } = status.state.terminated ?? status.lastState.terminated ?? {};
  if (startedAt === undefined || finishedAt === undefined) return false;
  return Date.parse(finishedAt) - Date.parse(startedAt) < FLASH_MS;
}

function failureOf(status: ContainerStatus, tries: () => number): PodFailure["kind"] | undefined {
  const waiting = status.state.waiting?.reason ?? "";
  if (NEVER.has(waiting)) return "image";
  if (IMAGE.has(waiting)) return tries() >= TRIES ? "image" : undefined;
  if (CONFIGURATION.has(waiting)) return tries() >= TRIES ? "configuration" : undefined;
  // The machine could not start it, for want of descriptors or room: that may pass, and is not the commit's doing.
  if ((status.state.terminated ?? status.lastState.terminated)?.reason === REASON_CANNOT_RUN) return undefined;
  return exitsOf(status) >= EXITS ? "exits" : undefined;
}

/** How often the container has ended: each restart follows an end, and one that is down has ended once more. */
export function exitsOf({ state, lastState, restartCount }: ContainerStatus): number {
  const isDown = state.terminated !== undefined || (state.waiting !== undefined && lastState.terminated !== undefined);
  // An init container that is done, be it after some tries, or a container that ended as it should, is no failure.
  if (state.terminated?.exitCode === 0) return 0;
  return restartCount + (isDown ? 1 : 0);
}

function reasonOf(status: ContainerStatus, kind: PodFailure["kind"], didWork: boolean): string {
  const why = containerReason(status);
  if (kind !== "exits") return why;
  const ends = `it ended ${exitsOf(status)} times`;
  return `${why}; ${didWork ? `${ends}, within seconds` : `${ends} and was never ready`}`;
}
