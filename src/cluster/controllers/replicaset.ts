/** The ReplicaSet controller: reads the world, has the planner decide, creates and deletes pods. */
import {
  controllerOf,
  groupOf,
  type KubeObject,
  keyOf,
  keyOfId,
  matchesSelector,
  type ObjectKey,
} from "../../model/object.ts";
import type { EventRecorder, ObjectStore, StoreEvent } from "../../model/store.ts";
import type { Pod, ReplicaSet } from "../../model/workload.ts";
import { getCondition } from "../../rollout/conditions.ts";
import { planReplicaSet } from "../../rollout/plan-replicaset.ts";
import type { Clock } from "../../util/clock.ts";
import type { Random } from "../../util/random.ts";
import { type ProcessAgain, WorkQueue } from "../../util/work-queue.ts";
import { isStatusOnly, namespaceOf, Orphans } from "./replicaset-orphans.ts";
import { executeReplicaSetPlan } from "./replicaset-pods.ts";

export interface ReplicaSetControllerOptions {
  store: ObjectStore;
  events: EventRecorder;
  clock: Clock;
  /** Chooses the pods' names. */
  random: Random;
  /** Hears of every sync that failed: the object's key, the error, and how often in a row. */
  onError: (key: string, error: unknown, failures: number) => void;
}

export class ReplicaSetController {
  readonly #store: ObjectStore;
  readonly #events: EventRecorder;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #queue: WorkQueue;
  readonly #orphans = new Orphans("", "Pod");
  #unsubscribe: () => void = () => {};

  constructor({ store, events, clock, random, onError }: ReplicaSetControllerOptions) {
    this.#store = store;
    this.#events = events;
    this.#clock = clock;
    this.#random = random;
    this.#queue = new WorkQueue({ clock, process: (key) => this.#sync(key), onError });
  }

  /** Follows the store from now on, and looks at every ReplicaSet once. */
  start(): void {
    this.#unsubscribe = this.#store.subscribe((event) => this.#observe(event));
    this.#orphans.load(this.#store);
    for (const object of this.#store.list({ group: "apps", kind: "ReplicaSet" })) this.#queue.add(keyOf(object));
  }

  /** Stops; what is due stays undone. */
  close(): void {
    this.#unsubscribe();
    this.#queue.close();
  }

  /** Settles when nothing waits to be looked at now. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  #observe(event: StoreEvent): void {
    const { object, previous } = event;
    this.#orphans.observe(event);
    if (object.kind === "ReplicaSet" && groupOf(object.apiVersion) === "apps") {
      if (event.type === "deleted") this.#queue.forget(keyOf(object));
      else if (!isStatusOnly(event)) this.#queue.add(keyOf(object));
    } else if (object.kind === "Pod" && matters(event)) {
      const owner = ownerKey(object);
      if (owner !== undefined) this.#queue.add(owner);
      else if (event.type !== "deleted" && controllerOf(object) === undefined) this.#addMatching(object);
      const before = previous === undefined ? undefined : ownerKey(previous);
      if (before !== undefined && before !== owner) this.#queue.add(before);
    }
  }

  /** ReplicaSets that may adopt an orphan. */
  #addMatching(pod: KubeObject): void {
    for (const object of this.#store.list({ group: "apps", kind: "ReplicaSet", namespace: namespaceOf(pod) })) {
      const { selector } = (object as ReplicaSet).spec;
      if (matchesSelector(selector, pod.metadata.labels)) this.#queue.add(keyOf(object));
    }
  }

  #sync(key: string): ProcessAgain | undefined {
    const replicaSet = this.#store.get(key as ObjectKey) as ReplicaSet | undefined;
    if (replicaSet === undefined) return undefined;
    const pods = [
      ...this.#store.controlledBy(replicaSet.metadata.uid ?? ""),
      ...this.#orphans.in(namespaceOf(replicaSet)),
    ].filter(isPod);
    const now = this.#clock.now();
    const plan = planReplicaSet({ replicaSet, pods, now });
    executeReplicaSetPlan({ store: this.#store, events: this.#events, random: this.#random, now }, replicaSet, plan);
    return plan.requeueAfterMs === undefined ? undefined : { afterMs: plan.requeueAfterMs };
  }
}

function isPod(object: KubeObject): object is Pod {
  return object.kind === "Pod";
}

function ownerKey(pod: KubeObject): ObjectKey | undefined {
  const owner = controllerOf(pod);
  if (owner?.kind !== "ReplicaSet") return undefined;
  return keyOfId({ group: "apps", kind: "ReplicaSet", namespace: namespaceOf(pod), name: owner.name });
}

/** Whether a change of a pod can change anything for its ReplicaSet: kubelets also report much that does not. */
function matters(event: StoreEvent): boolean {
  if (event.type !== "modified" || event.previous === undefined || !isStatusOnly(event)) return true;
  const before = (event.previous as Pod).status;
  const after = (event.object as Pod).status;
  const ready = getCondition(after?.conditions, "Ready");
  const wasReady = getCondition(before?.conditions, "Ready");
  return (
    before?.phase !== after?.phase ||
    ready?.status !== wasReady?.status ||
    ready?.lastTransitionTime !== wasReady?.lastTransitionTime
  );
}
