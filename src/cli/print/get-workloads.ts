/** Columns of pods, ReplicaSets and Deployments. */

import type { CommitId } from "../../model/source.ts";
import { shortId } from "../../model/source.ts";
import { ANNOTATION, type Deployment, type Pod, type PodTemplate, type ReplicaSet } from "../../model/workload.ts";
import { ageOf } from "./age.ts";
import type { KindPrinter } from "./kind-printer.ts";
import { formatSelector, NONE, portMap } from "./labels.ts";
import { summarisePod } from "./pod-state.ts";

export const podPrinter: KindPrinter<Pod> = {
  columns: ["READY", "STATUS", "RESTARTS", "AGE"],
  wide: ["IP", "NODE", "NOMINATED NODE", "READINESS GATES", "PORTS"],
  cells: (pod, now) => {
    const { ready, total, status, restarts } = summarisePod(pod, now);
    return [`${ready}/${total}`, status, restarts, ageOf(pod.metadata.creationTimestamp, now)];
  },
  wideCells: (pod) => [pod.status?.podIP ?? NONE, pod.spec.nodeName ?? NONE, NONE, NONE, localPorts(pod)],
};

/** `8080->40123`: the declared container port and the local one that stands for it. */
function localPorts(pod: Pod): string {
  const ports = Object.entries(portMap(pod.metadata.annotations?.[ANNOTATION.hostPorts]));
  return ports.map(([declared, local]) => `${declared}->${local}`).join(",") || NONE;
}

export const deploymentPrinter: KindPrinter<Deployment> = {
  columns: ["READY", "UP-TO-DATE", "AVAILABLE", "AGE"],
  wide: ["CONTAINERS", "IMAGES", "SELECTOR", "COMMIT"],
  cells: ({ spec, status, metadata }, now) => [
    `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
    String(status?.updatedReplicas ?? 0),
    String(status?.availableReplicas ?? 0),
    ageOf(metadata.creationTimestamp, now),
  ],
  wideCells: ({ spec, metadata }) => [
    ...containersAndImages(spec.template),
    formatSelector(spec.selector),
    commitOf(metadata.annotations),
  ],
};

export const replicaSetPrinter: KindPrinter<ReplicaSet> = {
  columns: ["DESIRED", "CURRENT", "READY", "AGE"],
  wide: ["CONTAINERS", "IMAGES", "SELECTOR"],
  cells: ({ spec, status, metadata }, now) => [
    String(spec.replicas ?? 1),
    String(status?.replicas ?? 0),
    String(status?.readyReplicas ?? 0),
    ageOf(metadata.creationTimestamp, now),
  ],
  wideCells: ({ spec }) => [...containersAndImages(spec.template), formatSelector(spec.selector)],
};

function containersAndImages({ spec }: PodTemplate): [string, string] {
  return [
    spec.containers.map((container) => container.name).join(","),
    spec.containers.map((container) => container.image ?? NONE).join(","),
  ];
}

/** The commit that last changed the object, as people quote it. */
export function commitOf(annotations: Readonly<Record<string, string>> | undefined): string {
  const commit = annotations?.[ANNOTATION.commit];
  return commit === undefined ? NONE : shortId(commit as CommitId);
}
