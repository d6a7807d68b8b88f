/** `describe` of Deployments, ReplicaSets and pods. */
import { controllerOf } from "../../model/object.ts";
import { ANNOTATION, type Deployment, type KubeEvent, type Pod, type ReplicaSet } from "../../model/workload.ts";
import { longTime } from "./age.ts";
import { containerLines, podTemplateLines, volumeLines } from "./describe-containers.ts";
import { annotationLines, conditionLines, eventLines, headLines, labelLines } from "./describe-text.ts";
import { formatSelector, NONE, portMap } from "./labels.ts";
import { summarisePod } from "./pod-state.ts";

/** What is shown beside the object itself. */
export interface Surroundings {
  events: readonly KubeEvent[];
  now: number;
}

/** @param replicaSets Those that the Deployment owns, in any order */
export function deploymentLines(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  { events, now }: Surroundings,
): string[] {
  const { spec, status, metadata } = deployment;
  const { rollingUpdate, type = "RollingUpdate" } = spec.strategy ?? {};
  const counts = [
    `${spec.replicas ?? 1} desired`,
    `${status?.updatedReplicas ?? 0} updated`,
    `${status?.replicas ?? 0} total`,
    `${status?.availableReplicas ?? 0} available`,
    `${status?.unavailableReplicas ?? 0} unavailable`,
  ];
  const limits = `${rollingUpdate?.maxUnavailable ?? "25%"} max unavailable, ${rollingUpdate?.maxSurge ?? "25%"} max surge`;
  return [
    ...headLines(deployment, { created: true }),
    ...labelLines("Labels", metadata.labels),
    ...annotationLines("Annotations", metadata.annotations),
    `Selector:\t${formatSelector(spec.selector)}`,
    `Replicas:\t${counts.join(" | ")}`,
    `StrategyType:\t${type}`,
    `MinReadySeconds:\t${spec.minReadySeconds ?? 0}`,
    ...(type === "RollingUpdate" ? [`RollingUpdateStrategy:\t${limits}`] : []),
    ...podTemplateLines(spec.template),
    ...conditionLines(deployment),
    ...replicaSetSummary(deployment, replicaSets),
    ...eventLines(events, now),
  ];
}

/** Old and new ReplicaSets: the new one carries the Deployment's own revision. */
function replicaSetSummary({ metadata }: Deployment, replicaSets: readonly ReplicaSet[]): string[] {
  const revisionOf = (object: { metadata: { annotations?: Record<string, string> } }): string | undefined =>
    object.metadata.annotations?.[ANNOTATION.revision];
  const current = revisionOf({ metadata });
  const isNew = (replicaSet: ReplicaSet): boolean => current !== undefined && revisionOf(replicaSet) === current;
  const number = (replicaSet: ReplicaSet): number => Number(revisionOf(replicaSet) ?? 0);
  const list = (sets: readonly ReplicaSet[]): string =>
    sets
      .toSorted((a, b) => number(a) - number(b))
      .map((set) => `${set.metadata.name} (${set.status?.replicas ?? 0}/${set.spec.replicas ?? 1} replicas created)`)
      .join(", ") || NONE;
  const old = replicaSets.filter((replicaSet) => !isNew(replicaSet));
  return [`OldReplicaSets:\t${list(old)}`, `NewReplicaSet:\t${list(replicaSets.filter(isNew))}`];
}

/** @param pods Those that the ReplicaSet owns */
export function replicaSetLines(replicaSet: ReplicaSet, pods: readonly Pod[], { events, now }: Surroundings): string[] {
  const { spec, status, metadata } = replicaSet;
  const owner = controllerOf(replicaSet);
  const phases = ["Running", "Pending", "Succeeded", "Failed"].map((phase) => {
    const name = phase === "Pending" ? "Waiting" : phase;
    return `${pods.filter((pod) => (pod.status?.phase ?? "Pending") === phase).length} ${name}`;
  });
  return [
    ...headLines(replicaSet),
    `Selector:\t${formatSelector(spec.selector)}`,
    ...labelLines("Labels", metadata.labels),
    ...annotationLines("Annotations", metadata.annotations),
    ...(owner === undefined ? [] : [`Controlled By:\t${owner.kind}/${owner.name}`]),
    `Replicas:\t${status?.replicas ?? 0} current / ${spec.replicas ?? 1} desired`,
    `Pods Status:\t${phases.join(" / ")}`,
    ...podTemplateLines(spec.template),
    ...conditionLines(replicaSet),
    ...eventLines(events, now),
  ];
}

export function podLines(pod: Pod, { events, now }: Surroundings): string[] {
  const { spec, status, metadata } = pod;
  const owner = controllerOf(pod);
  const { volumes } = spec as { volumes?: readonly { name: string }[] };
  const ports = Object.entries(portMap(metadata.annotations?.[ANNOTATION.hostPorts]));
  return [
    ...headLines(pod),
    `Node:\t${spec.nodeName ?? NONE}`,
    ...(status?.startTime === undefined ? [] : [`Start Time:\t${longTime(status.startTime)}`]),
    ...labelLines("Labels", metadata.labels),
    ...annotationLines("Annotations", metadata.annotations),
    `Status:\t${phaseText(pod, now)}`,
    ...(status?.reason ? [`Reason:\t${status.reason}`] : []),
    ...(status?.message ? [`Message:\t${status.message}`] : []),
    `IP:\t${status?.podIP ?? ""}`,
    ...(ports.length === 0 ? [] : [`Local Ports:\t${ports.map(([from, to]) => `${from} on ${to}`).join(", ")}`]),
    ...(owner === undefined ? [] : [`Controlled By:\t${owner.kind}/${owner.name}`]),
    ...((spec.initContainers ?? []).length === 0
      ? []
      : containerLines("Init Containers", spec.initContainers ?? [], status?.initContainerStatuses ?? [], "")),
    ...containerLines("Containers", spec.containers, status?.containerStatuses ?? [], ""),
    ...conditionLines(pod, { reasons: false }),
    ...volumeLines(volumes as never, ""),
    ...eventLines(events, now),
  ];
}

/** `Running`; `Terminating (lasts 3s)` with its grace period while it is deleted. */
function phaseText(pod: Pod, now: number): string {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp === undefined) return pod.status?.phase ?? summarisePod(pod, now).status;
  return `Terminating (grace period ${deletionGracePeriodSeconds ?? 30}s)`;
}
