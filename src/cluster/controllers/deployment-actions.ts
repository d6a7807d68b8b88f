/** Carries out the plan of one Deployment sync on the object store. */
import { messageOf, TrueupError } from "../../model/errors.ts";
import { type KubeObject, keyOf } from "../../model/object.ts";
import type { EventRecorder, ObjectStore } from "../../model/store.ts";
import type { Deployment, DeploymentStatus, ReplicaSet } from "../../model/workload.ts";
import {
  type DeploymentAction,
  type DeploymentPlan,
  planCreateError,
  planNameTaken,
} from "../../rollout/plan-deployment.ts";
import { controllerReference } from "../../rollout/revisions.ts";

const COMPONENT = "deployment-controller";

export interface ExecutionContext {
  store: ObjectStore;
  events: EventRecorder;
  /** Milliseconds since the Unix epoch. */
  now: number;
}

/**
 * Does what the plan says, in its order, in one transaction.
 *
 * @throws Whatever kept a new ReplicaSet from being created, once the Deployment's status and events say so: the caller
 *   tries again
 */
export function executeDeploymentPlan(context: ExecutionContext, deployment: Deployment, plan: DeploymentPlan): void {
  const { store } = context;
  if (plan.actions.length === 0 && plan.status === undefined) return;
  // The failure is thrown after the transaction: what it says of itself must not be undone with it.
  const failure = store.transaction(() => {
    for (const action of plan.actions) {
      const failed = execute(context, deployment, action);
      if (failed !== undefined) return failed;
    }
    if (plan.status !== undefined) writeStatus(store, deployment, plan.status);
    return undefined;
  });
  if (failure !== undefined) throw failure.error;
}

function execute(
  context: ExecutionContext,
  deployment: Deployment,
  action: DeploymentAction,
): { error: unknown } | undefined {
  const { store, events } = context;
  switch (action.kind) {
    case "create-replica-set":
      return createReplicaSet(context, deployment, action.replicaSet);
    case "update-replica-set":
      store.update(resized(current(store, action.replicaSet), action));
      return undefined;
    case "delete-replica-set":
      store.delete(keyOf(action.replicaSet), deleteOptions(action.replicaSet));
      return undefined;
    case "adopt":
    case "release":
      store.update(reowned(current(store, action.replicaSet), deployment, action.kind));
      return undefined;
    case "update-deployment": {
      const { metadata, spec, ...rest } = current(store, deployment);
      const { annotations, template = spec.template } = action;
      store.update({ ...rest, metadata: { ...metadata, annotations }, spec: { ...spec, template } });
      return undefined;
    }
    case "event":
      events.record(deployment, action.type, action.reason, action.message, COMPONENT);
      return undefined;
    default:
      return action satisfies never;
  }
}

/** Creates it; where that fails, says so on the Deployment and returns the error. */
function createReplicaSet(
  { store, events, now }: ExecutionContext,
  deployment: Deployment,
  replicaSet: ReplicaSet,
): { error: unknown } | undefined {
  try {
    store.create(replicaSet);
    return undefined;
  } catch (error) {
    const existing = store.get(keyOf(replicaSet)) as ReplicaSet | undefined;
    if (error instanceof TrueupError && error.code === "conflict" && existing !== undefined) {
      const status = planNameTaken(deployment, existing);
      if (status !== undefined) writeStatus(store, deployment, status);
      return { error };
    }
    const { message, status } = planCreateError(deployment, replicaSet.metadata.name, messageOf(error), now);
    events.record(deployment, "Warning", "ReplicaSetCreateError", message, COMPONENT);
    writeStatus(store, deployment, status);
    return { error };
  }
}

function resized(
  replicaSet: ReplicaSet,
  change: Extract<DeploymentAction, { kind: "update-replica-set" }>,
): ReplicaSet {
  const { metadata, spec } = replicaSet;
  const {
    annotations = metadata.annotations,
    replicas = spec.replicas,
    minReadySeconds = spec.minReadySeconds,
  } = change;
  return {
    ...replicaSet,
    metadata: { ...metadata, ...(annotations === undefined ? {} : { annotations }) },
    spec: {
      ...spec,
      ...(replicas === undefined ? {} : { replicas }),
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
    },
  };
}

function reowned(replicaSet: ReplicaSet, deployment: Deployment, kind: "adopt" | "release"): ReplicaSet {
  const others = (replicaSet.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== deployment.metadata.uid);
  const ownerReferences = kind === "adopt" ? [...others, controllerReference(deployment)] : others;
  return { ...replicaSet, metadata: { ...replicaSet.metadata, ownerReferences } };
}

function deleteOptions({ metadata: { uid } }: KubeObject): { uid?: string } {
  return uid === undefined ? {} : { uid };
}

function writeStatus(store: ObjectStore, deployment: Deployment, status: DeploymentStatus): void {
  store.updateStatus({ ...current(store, deployment), status });
}

/** The object as it is stored now: an earlier action of the same plan may have changed it. */
function current<T extends KubeObject>(store: ObjectStore, object: T): T {
  const stored = store.get(keyOf(object));
  if (stored === undefined) {
    throw new TrueupError(
      "not-found",
      `Cannot update ${object.kind} ${object.metadata.name} as it must exist: it is gone.`,
    );
  }
  return stored as T;
}
