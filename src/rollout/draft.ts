/** The plan of one Deployment sync while it is being made: a copy of the world that changes as decisions are taken. Pure. */
import { controllerOf, matchesSelector } from "../model/object.ts";
import {
  ANNOTATION,
  type Condition,
  type Deployment,
  type DeploymentStatus,
  type ReplicaSet,
} from "../model/workload.ts";
import { makeCondition, setCondition } from "./conditions.ts";
import { jsonEqual } from "./equal.ts";
import { desiredOf, isRollingUpdate, maxPodsOf } from "./limits.ts";
import { progressDeadlineOf, REASON } from "./progress.ts";
import {
  actualOf,
  replicasAnnotations,
  replicasAnnotationsNeedUpdate,
  revisionOf,
  sizeOf,
  sum,
} from "./replicasets.ts";
import {
  controllerReference,
  currentAnnotations,
  findNewReplicaSet,
  findOldReplicaSets,
  newReplicaSet,
  nextRevision,
} from "./revisions.ts";
import { newReplicasWithin } from "./rolling.ts";

/** One thing to do. ReplicaSets are named by `replicaSet.metadata`; fields that are absent stay as they are. */
export type DeploymentAction =
  /** Make the Deployment its controller. */
  | { kind: "adopt"; replicaSet: ReplicaSet }
  /** Take the Deployment's ownerReference off. */
  | { kind: "release"; replicaSet: ReplicaSet }
  /** May find the name taken: `planNameTaken` says what then. */
  | { kind: "create-replica-set"; replicaSet: ReplicaSet }
  | {
      kind: "update-replica-set";
      replicaSet: ReplicaSet;
      replicas?: number;
      minReadySeconds?: number;
      /** All annotations, as they are to be. */
      annotations?: Record<string, string>;
    }
  | { kind: "delete-replica-set"; replicaSet: ReplicaSet }
  /** The Deployment itself, all but its status. */
  | { kind: "update-deployment"; annotations: Record<string, string>; template?: Deployment["spec"]["template"] }
  /** An event about the Deployment; to be recorded once what stands before it is done. */
  | { kind: "event"; type: "Normal" | "Warning"; reason: string; message: string };

/** What one sync does, in order; then the status; then it may ask to be called again. */
export interface DeploymentPlan {
  actions: DeploymentAction[];
  /** The status to write, last; `undefined` when it stays as it is. */
  status?: DeploymentStatus;
  /** Milliseconds after which time alone may change the plan. */
  requeueAfterMs?: number;
}

/** Collects decisions, and shows each of them to the ones that follow. */
export class DeploymentDraft {
  deployment: Deployment;
  /** ReplicaSets that the Deployment owns, as they will be once the actions are done. */
  replicaSets: ReplicaSet[] = [];
  readonly actions: DeploymentAction[] = [];
  readonly now: number;
  readonly heardSince: number;
  readonly #before: DeploymentStatus | undefined;

  constructor(deployment: Deployment, now: number, heardSince = 0) {
    this.deployment = deployment;
    this.now = now;
    this.heardSince = heardSince;
    this.#before = deployment.status;
  }

  /** Takes the ReplicaSets that belong to the Deployment, adopting orphans and releasing those that no longer match. */
  claim(replicaSets: readonly ReplicaSet[]): void {
    const { metadata, spec } = this.deployment;
    const isGoing = metadata.deletionTimestamp !== undefined;
    for (const replicaSet of replicaSets) {
      const owner = controllerOf(replicaSet);
      const matches = matchesSelector(spec.selector, replicaSet.metadata.labels);
      if (owner !== undefined) {
        if (owner.uid !== metadata.uid) continue;
        if (matches) this.replicaSets.push(replicaSet);
        else if (!isGoing) this.actions.push({ kind: "release", replicaSet });
      } else if (matches && !isGoing && replicaSet.metadata.deletionTimestamp === undefined) {
        this.actions.push({ kind: "adopt", replicaSet });
        const ownerReferences = [...(replicaSet.metadata.ownerReferences ?? []), controllerReference(this.deployment)];
        this.replicaSets.push({ ...replicaSet, metadata: { ...replicaSet.metadata, ownerReferences } });
      }
    }
  }

  get current(): ReplicaSet | undefined {
    return findNewReplicaSet(this.deployment, this.replicaSets);
  }

  /** All but the new ReplicaSet, oldest first. */
  get old(): ReplicaSet[] {
    return findOldReplicaSets(this.deployment, this.replicaSets).old;
  }

  /**
   * Pods to count against `desired + maxSurge`. Kubernetes counts what ReplicaSets are told to have; here those that are
   * told to shrink count in full until their pods go, so that a new pod never starts before its room is free.
   */
  get total(): number {
    return sum(this.replicaSets, (replicaSet) => Math.max(sizeOf(replicaSet), actualOf(replicaSet)));
  }

  event(type: "Normal" | "Warning", reason: string, message: string): void {
    this.actions.push({ kind: "event", type, reason, message });
  }

  /**
   * Brings the new ReplicaSet's annotations and minReadySeconds up to date, and the Deployment's revision with it; when there
   * is none and `create` is given, creates it.
   */
  syncCurrent(create: boolean): void {
    const current = this.current;
    const revision = nextRevision(this.old);
    if (current === undefined) {
      if (create) this.#create(this.#unused(revision));
      return;
    }
    const annotations = currentAnnotations(this.deployment, current, revision);
    const minReadySeconds = this.deployment.spec.minReadySeconds ?? 0;
    if (
      !jsonEqual(annotations, current.metadata.annotations ?? {}) ||
      (current.spec.minReadySeconds ?? 0) !== minReadySeconds
    ) {
      this.#update(current, { annotations, minReadySeconds });
    }
    this.#setRevision(annotations[ANNOTATION.revision]);
    if (this.deployment.status?.conditions?.some(({ type }) => type === "Progressing") !== true) {
      this.#sayProgressing(REASON.found, `Found new replica set "${current.metadata.name}"`);
    }
  }

  /**
   * A number that no revision had. Where no ReplicaSet remembers the last one (a paused Deployment without pods may lose them
   * all to its history limit) the Deployment does; Kubernetes would start again at 1.
   */
  #unused(revision: number): number {
    const last = this.deployment.status?.observedGeneration === undefined ? 0 : revisionOf(this.deployment);
    return revision < last || (revision === last && this.replicaSets.length === 0) ? last + 1 : revision;
  }

  #create(revision: number): void {
    const desired = desiredOf(this.deployment);
    const surge = maxPodsOf(this.deployment) - desired;
    const replicas = isRollingUpdate(this.deployment) ? newReplicasWithin(desired, surge, 0, this.total) : desired;
    const replicaSet = newReplicaSet(this.deployment, revision, replicas);
    this.actions.push({ kind: "create-replica-set", replicaSet });
    if (replicas > 0) this.#sayScaled(replicaSet, 0, replicas);
    this.replicaSets.push(replicaSet);
    this.#setRevision(String(revision));
    this.#sayProgressing(REASON.created, `Created new replica set "${replicaSet.metadata.name}"`);
  }

  /** Sets a size, with the annotations that remember at which size of the Deployment; tells whether the size changed. */
  scale(replicaSet: ReplicaSet, replicas: number): boolean {
    const desired = desiredOf(this.deployment);
    const max = maxPodsOf(this.deployment);
    const from = sizeOf(replicaSet);
    if (from === replicas && !replicasAnnotationsNeedUpdate(replicaSet, desired, max)) return false;
    const annotations = { ...replicaSet.metadata.annotations, ...replicasAnnotations(desired, max) };
    this.#update(replicaSet, from === replicas ? { annotations } : { replicas, annotations });
    if (from !== replicas) this.#sayScaled(replicaSet, from, replicas);
    return from !== replicas;
  }

  delete(replicaSet: ReplicaSet): void {
    this.actions.push({ kind: "delete-replica-set", replicaSet });
    this.replicaSets = this.replicaSets.filter(({ metadata }) => metadata.name !== replicaSet.metadata.name);
  }

  updateDeployment(annotations: Record<string, string>, template?: Deployment["spec"]["template"]): void {
    this.actions.push({ kind: "update-deployment", annotations, ...(template === undefined ? {} : { template }) });
    this.deployment = { ...this.deployment, metadata: { ...this.deployment.metadata, annotations } };
  }

  setCondition(condition: Condition): void {
    const status = this.deployment.status ?? {};
    const conditions = setCondition(status.conditions, condition);
    this.deployment = { ...this.deployment, status: { ...status, conditions } };
  }

  /** The plan, with this status. */
  finish(status: DeploymentStatus, requeueAfterMs?: number): DeploymentPlan {
    return {
      actions: this.actions,
      ...(jsonEqual(status, this.#before ?? {}) ? {} : { status }),
      ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
    };
  }

  #setRevision(revision: string | undefined): void {
    const { annotations = {} } = this.deployment.metadata;
    if (revision === undefined || revisionOf(this.deployment) === Number(revision)) return;
    this.updateDeployment({ ...annotations, [ANNOTATION.revision]: revision });
  }

  #sayProgressing(reason: string, message: string): void {
    if (progressDeadlineOf(this.deployment) === undefined) return;
    this.setCondition(makeCondition("Progressing", "True", reason, message, this.now));
  }

  #sayScaled(replicaSet: ReplicaSet, from: number, to: number): void {
    const direction = to > from ? "up" : "down";
    const message = `Scaled ${direction} replica set ${replicaSet.metadata.name} from ${from} to ${to}`;
    this.event("Normal", "ScalingReplicaSet", message);
  }

  #update(
    replicaSet: ReplicaSet,
    change: { replicas?: number; minReadySeconds?: number; annotations?: Record<string, string> },
  ): void {
    const { annotations, ...spec } = change;
    this.actions.push({ kind: "update-replica-set", replicaSet, ...change });
    const updated: ReplicaSet = {
      ...replicaSet,
      metadata: { ...replicaSet.metadata, ...(annotations === undefined ? {} : { annotations }) },
      spec: { ...replicaSet.spec, ...spec },
    };
    this.replicaSets = this.replicaSets.map((own) => (own.metadata.name === updated.metadata.name ? updated : own));
  }
}
