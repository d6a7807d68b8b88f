/** Notices pods that end or go though nobody of this house wanted it: they are replaced by their controllers, and told here. */
import { isPodReady } from "../model/endpoints.ts";
import { displayId, type KubeObject } from "../model/object.ts";
import type { Pod, ReplicaSet } from "../model/workload.ts";
import { containerReason } from "../rollout/pod-health.ts";
import type { Clock } from "../util/clock.ts";
import type { Workloads } from "./workloads.ts";

/** After a loss was told, further ones of the same workload are only counted for so long. Milliseconds. */
const QUIET_MS = 600_000;

export interface PodLoss {
  /** `deployment/web` */
  workload: string;
  action: "restart" | "recreate";
  /** `pod/web-5d4-x2x8z` */
  object: string;
  /** `container web: exit code 137 (signal 9)` */
  why: string;
  /** Losses of the workload since one was told last, this one included. */
  count: number;
}

export class PodLosses {
  readonly #workloads: Workloads;
  readonly #clock: Clock;
  #losses: PodLoss[] = [];
  /** By workload: when one was told, and how many came since. */
  readonly #told = new Map<string, { at: number; since: number }>();

  constructor(workloads: Workloads, clock: Clock) {
    this.#workloads = workloads;
    this.#clock = clock;
  }

  /** A pod changed or went. `before` is how it was. */
  see(object: KubeObject, present: boolean, before: KubeObject | undefined): void {
    if (object.kind !== "Pod" || before === undefined) return;
    const ended = present ? restartOf(object as Pod, before as Pod) : undefined;
    const loss = ended ?? this.#deletionOf(object, present, before);
    if (loss === undefined) return;
    const declared = this.#workloads.workloadOf(object);
    if (declared === undefined) return;
    const why = this.#workloads.masked(loss.why, declared.id.namespace);
    this.#note({ ...loss, why, workload: displayId(declared.id) });
  }

  /** What is to be told now; asked for when the app is at rest, as a rollout ends pods by itself. */
  take(): PodLoss[] {
    const losses = this.#losses;
    this.#losses = [];
    return losses;
  }

  /** What was noted is a rollout's own doing: forgotten, so that a loss that follows is told. */
  drop(): void {
    for (const { workload } of this.#losses) this.#told.delete(workload);
    this.#losses = [];
  }

  #note(loss: Omit<PodLoss, "count">): void {
    const now = this.#clock.monotonic();
    const told = this.#told.get(loss.workload);
    if (told !== undefined && now - told.at < QUIET_MS) {
      told.since++;
      return;
    }
    this.#told.set(loss.workload, { at: now, since: 0 });
    this.#losses.push({ ...loss, count: 1 + (told?.since ?? 0) });
  }

  /** A controller deletes a pod only when it has more than it wants: with fewer left, it was somebody else. */
  #deletionOf(
    object: KubeObject,
    present: boolean,
    before: KubeObject,
  ): Omit<PodLoss, "count" | "workload"> | undefined {
    const isGoing = !present || object.metadata.deletionTimestamp !== undefined;
    if (!isGoing || before.metadata.deletionTimestamp !== undefined) return undefined;
    const controller = this.#workloads.controllerOf(object);
    if (controller?.kind !== "ReplicaSet") return undefined;
    const left = this.#workloads.podsOf(controller).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (left.length >= ((controller as ReplicaSet).spec.replicas ?? 1)) return undefined;
    return { action: "recreate", object: `pod/${object.metadata.name}`, why: "it was deleted" };
  }
}

/** A container that ran in a ready pod ended, and was started again. */
function restartOf(pod: Pod, before: Pod): Omit<PodLoss, "count" | "workload"> | undefined {
  if (!isPodReady(before) || pod.metadata.deletionTimestamp !== undefined) return undefined;
  for (const status of pod.status?.containerStatuses ?? []) {
    const was = before.status?.containerStatuses?.find(({ name }) => name === status.name);
    const hasEnded = was?.state.running !== undefined && status.state.running === undefined;
    if (was !== undefined && (hasEnded || status.restartCount > was.restartCount)) {
      return { action: "restart", object: `pod/${pod.metadata.name}`, why: containerReason(status) };
    }
  }
  return undefined;
}
