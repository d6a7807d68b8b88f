/** The Deployment controller: reads the world, has the planner decide, carries it out. It decides nothing itself. */
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
import type { Deployment, Pod, ReplicaSet } from "../../model/workload.ts";
import { isRollingUpdate } from "../../rollout/limits.ts";
import { planDeployment } from "../../rollout/plan-deployment.ts";
import { hasEnded } from "../../rollout/pods.ts";
import type { Clock } from "../../util/clock.ts";
import { type ProcessAgain, WorkQueue } from "../../util/work-queue.ts";
import { executeDeploymentPlan } from "./deployment-actions.ts";
import { isStatusOnly, namespaceOf, Orphans } from "./replicaset-orphans.ts";

/** Tries of a Deployment whose sync fails, before it is left alone until its next event. */
const MAX_RETRIES = 15;

export interface DeploymentControllerOptions {
  store: ObjectStore;
  events: EventRecorder;
  clock: Clock;
  /** Since when somebody hears how the pods do, milliseconds since the epoch, infinite while nobody does; absent: always. */
  heardSince?: () => number;
  /** Hears of every sync that failed: the object's key, the error, and how often in a row. */
  onError: (key: string, error: unknown, failures: number) => void;
}

export class DeploymentController {
  readonly #store: ObjectStore;
  readonly #events: EventRecorder;
  readonly #clock: Clock;
  readonly #heardSince: () => number;
  readonly #queue: WorkQueue;
  readonly #orphans = new Orphans("apps", "ReplicaSet");
  #unsubscribe: () => void = () => {};

  constructor({ store, events, clock, heardSince = () => 0, onError }: DeploymentControllerOptions) {
    this.#heardSince = heardSince;
    this.#store = store;
    this.#events = events;
    this.#clock = clock;
    this.#queue = new WorkQueue({ clock, process: (key) => this.#sync(key), onError, maxRetries: MAX_RETRIES });
  }

  /** Follows the store from now on, and looks at every Deployment once. */
  start(): void {
    this.#unsubscribe = this.#store.subscribe((event) => this.#observe(event));
    this.#orphans.load(this.#store);
    for (const object of this.#store.list({ group: "apps", kind: "Deployment" })) this.#queue.add(keyOf(object));
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
    if (object.kind === "Pod") this.#observePod(event);
    else if (groupOf(object.apiVersion) !== "apps") return;
    else if (object.kind === "Deployment") {
      if (event.type === "deleted") this.#queue.forget(keyOf(object));
      else if (!isStatusOnly(event)) this.#queue.add(keyOf(object));
    } else if (object.kind === "ReplicaSet") {
      const owner = this.#ownerKey(object);
      if (owner !== undefined) this.#queue.add(owner);
      else if (!isStatusOnly(event) && event.type !== "deleted") this.#addMatching(object);
      const before = previous === undefined ? undefined : this.#ownerKey(previous);
      if (before !== undefined && before !== owner) this.#queue.add(before);
    }
  }

  /** Only Recreate waits for pods themselves: for the end of the old ones. */
  #observePod({ type, object, previous }: StoreEvent): void {
    const pod = object as Pod;
    const ends = type === "deleted" || (hasEnded(pod) && (previous === undefined || !hasEnded(previous as Pod)));
    const owner = ends ? controllerOf(pod) : undefined;
    const replicaSet = owner === undefined ? undefined : this.#store.byUid(owner.uid);
    const key = replicaSet === undefined ? undefined : this.#ownerKey(replicaSet);
    const deployment = key === undefined ? undefined : this.#store.get(key);
    if (key !== undefined && deployment !== undefined && !isRollingUpdate(deployment as Deployment)) {
      this.#queue.add(key);
    }
  }

  #ownerKey(replicaSet: KubeObject): ObjectKey | undefined {
    const owner = controllerOf(replicaSet);
    if (owner?.kind !== "Deployment") return undefined;
    return keyOfId({ group: "apps", kind: "Deployment", namespace: namespaceOf(replicaSet), name: owner.name });
  }

  /** Deployments that may adopt an orphan. */
  #addMatching(replicaSet: KubeObject): void {
    const query = { group: "apps", kind: "Deployment", namespace: namespaceOf(replicaSet) };
    for (const object of this.#store.list(query)) {
      const { selector } = (object as Deployment).spec;
      if (matchesSelector(selector, replicaSet.metadata.labels)) this.#queue.add(keyOf(object));
    }
  }

  #sync(key: string): ProcessAgain | undefined {
    const deployment = this.#store.get(key as ObjectKey) as Deployment | undefined;
    if (deployment === undefined) return undefined;
    const owned = this.#store.controlledBy(deployment.metadata.uid ?? "").filter(isReplicaSet);
    const orphans = this.#orphans.in(namespaceOf(deployment)).filter(isReplicaSet);
    const pods = isRollingUpdate(deployment) ? [] : owned.flatMap((replicaSet) => this.#podsOf(replicaSet));
    const now = this.#clock.now();
    const plan = planDeployment({
      deployment,
      replicaSets: [...owned, ...orphans],
      pods,
      now,
      heardSince: this.#heardSince(),
    });
    executeDeploymentPlan({ store: this.#store, events: this.#events, now }, deployment, plan);
    return plan.requeueAfterMs === undefined ? undefined : { afterMs: plan.requeueAfterMs };
  }

  #podsOf(replicaSet: ReplicaSet): Pod[] {
    return this.#store.controlledBy(replicaSet.metadata.uid ?? "").filter((object) => object.kind === "Pod") as Pod[];
  }
}

function isReplicaSet(object: KubeObject): object is ReplicaSet {
  return object.kind === "ReplicaSet";
}
