/** A Deployment, its ReplicaSets and its pods in memory, moved by the planners alone: for forecasts and for tests of the planners. */
import { isPodReady } from "../model/endpoints.ts";
import { controllerOf, timestamp } from "../model/object.ts";
import type { Condition, Deployment, Pod, PodTemplate, ReplicaSet } from "../model/workload.ts";
import { type DeploymentAction, type DeploymentPlan, planDeployment } from "./plan-deployment.ts";
import { planReplicaSet, type ReplicaSetPlan, replicaSetStatus } from "./plan-replicaset.ts";
import { isActivePod, isPodAvailable } from "./pods.ts";
import { controllerReference } from "./revisions.ts";

export interface RehearsalHooks {
  /** A pod was created; it is Pending and not ready. */
  created?: (pod: Pod) => void;
  /** A pod is to go. Without this hook it is gone at once. */
  deleted?: (pod: Pod) => void;
  /** A Deployment event was recorded. */
  event?: (message: string) => void;
}

/** Sync after sync a controller may need to come to rest; more means that it never will. */
const MAX_SYNCS = 10_000;

export class Rehearsal {
  now: number;
  deployment: Deployment;
  readonly replicaSets = new Map<string, ReplicaSet>();
  readonly pods = new Map<string, Pod>();
  readonly #hooks: RehearsalHooks;
  #made = 0;

  constructor(deployment: Deployment, now: number, hooks: RehearsalHooks = {}) {
    this.deployment = deployment;
    this.now = now;
    this.#hooks = hooks;
  }

  /** Pods that are neither terminating nor ended. */
  get active(): Pod[] {
    return [...this.pods.values()].filter(isActivePod);
  }

  get available(): number {
    const minReadySeconds = this.deployment.spec.minReadySeconds ?? 0;
    return this.active.filter((pod) => isPodAvailable(pod, minReadySeconds, this.now)).length;
  }

  /** Changes the Deployment's spec as a user does. */
  edit(spec: Partial<Deployment["spec"]>): void {
    const { metadata } = this.deployment;
    this.deployment = {
      ...this.deployment,
      metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 },
      spec: { ...this.deployment.spec, ...spec },
    };
  }

  /** One sync of the Deployment; tells whether it changed anything. */
  syncDeployment(): boolean {
    const plan = planDeployment({
      deployment: this.deployment,
      replicaSets: [...this.replicaSets.values()],
      pods: [...this.pods.values()],
      now: this.now,
    });
    this.carryOut(plan);
    return plan.actions.length > 0 || plan.status !== undefined;
  }

  /** One sync of a ReplicaSet; tells whether it changed anything. */
  syncReplicaSet(name: string): boolean {
    const replicaSet = this.replicaSets.get(name);
    if (replicaSet === undefined) return false;
    const plan = planReplicaSet({ replicaSet, pods: [...this.pods.values()], now: this.now });
    this.#carryOutReplicaSet(replicaSet, plan);
    return plan.create > 0 || plan.remove.length > 0 || plan.status !== undefined;
  }

  /** Syncs all until none has anything more to do. */
  settle(): void {
    for (let syncs = 0; syncs < MAX_SYNCS; syncs++) {
      const moved = [...this.replicaSets.keys()].map((name) => this.syncReplicaSet(name));
      if (!this.syncDeployment() && !moved.includes(true)) return;
    }
    throw new RangeError(`Cannot rehearse a rollout as it must come to rest: it has not after ${MAX_SYNCS} syncs.`);
  }

  /** Makes a pod ready or not ready, as its kubelet would. */
  setReady(name: string, ready: boolean): void {
    const pod = this.pods.get(name);
    if (pod === undefined || isPodReady(pod) === ready) return;
    const condition: Condition = {
      type: "Ready",
      status: ready ? "True" : "False",
      lastTransitionTime: new Date(this.now).toISOString(),
    };
    this.pods.set(name, { ...pod, status: { ...pod.status, phase: "Running", conditions: [condition] } });
  }

  /** The pod's processes have ended. */
  removePod(name: string): void {
    this.pods.delete(name);
  }

  carryOut(plan: DeploymentPlan): void {
    for (const action of plan.actions) this.#do(action);
    if (plan.status !== undefined) this.deployment = { ...this.deployment, status: plan.status };
  }

  #do(action: DeploymentAction): void {
    switch (action.kind) {
      case "create-replica-set": {
        const { replicaSet } = action;
        const metadata = {
          ...replicaSet.metadata,
          uid: `${replicaSet.metadata.name}-uid`,
          generation: 1,
          creationTimestamp: timestamp(this.now),
        };
        this.replicaSets.set(metadata.name, { ...replicaSet, metadata });
        return;
      }
      case "update-replica-set":
        this.#updateReplicaSet(action);
        return;
      case "delete-replica-set":
        this.replicaSets.delete(action.replicaSet.metadata.name);
        return;
      case "adopt":
      case "release": {
        const { metadata } = action.replicaSet;
        const ownerReferences = action.kind === "adopt" ? [controllerReference(this.deployment)] : [];
        this.replicaSets.set(metadata.name, { ...action.replicaSet, metadata: { ...metadata, ownerReferences } });
        return;
      }
      case "update-deployment":
        this.#updateDeployment(action.annotations, action.template);
        return;
      case "event":
        this.#hooks.event?.(action.message);
        return;
      default:
        action satisfies never;
    }
  }

  #updateReplicaSet(action: Extract<DeploymentAction, { kind: "update-replica-set" }>): void {
    const stored = this.replicaSets.get(action.replicaSet.metadata.name);
    if (stored === undefined) return;
    const { metadata, spec } = stored;
    const { replicas = spec.replicas, minReadySeconds = spec.minReadySeconds, annotations } = action;
    const isNewSpec = replicas !== spec.replicas || minReadySeconds !== spec.minReadySeconds;
    this.replicaSets.set(metadata.name, {
      ...stored,
      metadata: {
        ...metadata,
        ...(annotations === undefined ? {} : { annotations }),
        generation: (metadata.generation ?? 0) + (isNewSpec ? 1 : 0),
      },
      spec: {
        ...spec,
        ...(replicas === undefined ? {} : { replicas }),
        ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      },
    });
  }

  #updateDeployment(annotations: Record<string, string>, template: PodTemplate | undefined): void {
    if (template !== undefined) this.edit({ template });
    this.deployment = { ...this.deployment, metadata: { ...this.deployment.metadata, annotations } };
  }

  #carryOutReplicaSet(replicaSet: ReplicaSet, plan: ReplicaSetPlan): void {
    for (let i = 0; i < plan.create; i++) this.#createPod(replicaSet);
    for (const pod of plan.remove) {
      const { name } = pod.metadata;
      if (this.#hooks.deleted === undefined) this.pods.delete(name);
      else {
        const gone: Pod = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: timestamp(this.now) } };
        this.pods.set(name, gone);
        this.#hooks.deleted(gone);
      }
    }
    const isOther = plan.create > 0 || plan.remove.length > 0;
    const status = isOther ? replicaSetStatus(replicaSet, this.#podsOf(replicaSet), this.now) : plan.status;
    if (status !== undefined) this.replicaSets.set(replicaSet.metadata.name, { ...replicaSet, status });
  }

  #podsOf({ metadata }: ReplicaSet): Pod[] {
    return [...this.pods.values()].filter((pod) => controllerOf(pod)?.uid === metadata.uid);
  }

  #createPod(replicaSet: ReplicaSet): void {
    const { template } = replicaSet.spec;
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...template.metadata,
        name: `${replicaSet.metadata.name}-${++this.#made}`,
        creationTimestamp: timestamp(this.now),
        ownerReferences: [controllerReference(replicaSet)],
      },
      spec: template.spec,
      status: { phase: "Pending" },
    };
    this.pods.set(pod.metadata.name, pod);
    this.#hooks.created?.(pod);
  }
}
