/** A copy of the store made from its events alone, with the questions that the promises ask of it. */
import { controllerOf, type KubeObject, keyOf } from "../../src/model/object.ts";
import type { StoreEvent } from "../../src/model/store.ts";
import type { Deployment, Pod, ReplicaSet } from "../../src/model/workload.ts";
import { isActivePod } from "../../src/rollout/pods.ts";

export class Mirror {
  readonly objects = new Map<string, KubeObject>();
  readonly byUid = new Map<string, KubeObject>();
  /** Keys by the uid of the controller. */
  readonly #controlled = new Map<string, Set<string>>();

  load(objects: readonly KubeObject[]): void {
    this.objects.clear();
    this.byUid.clear();
    this.#controlled.clear();
    for (const object of objects) this.#put(object);
  }

  apply({ type, object }: StoreEvent): void {
    this.#drop(this.objects.get(keyOf(object)));
    if (type !== "deleted") this.#put(object);
  }

  controlledBy(uid: string): KubeObject[] {
    return [...(this.#controlled.get(uid) ?? [])].map((key) => this.objects.get(key) as KubeObject);
  }

  replicaSetsOf(deployment: Deployment): ReplicaSet[] {
    return this.controlledBy(deployment.metadata.uid ?? "").filter(({ kind }) => kind === "ReplicaSet") as ReplicaSet[];
  }

  podsOf(replicaSet: ReplicaSet): Pod[] {
    return this.controlledBy(replicaSet.metadata.uid ?? "").filter(({ kind }) => kind === "Pod") as Pod[];
  }

  activePodsOf(deployment: Deployment): Pod[] {
    return this.replicaSetsOf(deployment).flatMap((replicaSet) => this.podsOf(replicaSet).filter(isActivePod));
  }

  /** The Deployment to which a pod or a ReplicaSet belongs, if all between them is there. */
  deploymentOf(object: KubeObject): Deployment | undefined {
    if (object.kind === "Deployment") return object as Deployment;
    const owner = controllerOf(object);
    const found = owner === undefined ? undefined : this.byUid.get(owner.uid);
    return found === undefined ? undefined : this.deploymentOf(found);
  }

  #put(object: KubeObject): void {
    const key = keyOf(object);
    this.objects.set(key, object);
    this.byUid.set(object.metadata.uid ?? "", object);
    const owner = controllerOf(object)?.uid;
    if (owner === undefined) return;
    const keys = this.#controlled.get(owner) ?? new Set();
    this.#controlled.set(owner, keys.add(key));
  }

  #drop(object: KubeObject | undefined): void {
    if (object === undefined) return;
    const key = keyOf(object);
    this.objects.delete(key);
    this.byUid.delete(object.metadata.uid ?? "");
    this.#controlled.get(controllerOf(object)?.uid ?? "")?.delete(key);
  }
}
