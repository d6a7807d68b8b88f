/** From a symptom to the commit behind it, a line a link. Pure: logs and lines of git are asked for elsewhere. */

import { isPodReady, isSelected } from "../model/endpoints.ts";
import { latestWarning } from "../model/event-times.ts";
import { controllerOf, displayId, idOf, type KubeObject } from "../model/object.ts";
import type { Deployment, Endpoints, KubeEvent, Pod, ReplicaSet, Service } from "../model/workload.ts";
import { ANNOTATION } from "../model/workload.ts";
import { healthOf } from "../rollout/health.ts";
import type { ChainLink } from "./types.ts";

/** What is in the object's namespace. */
export interface Surroundings {
  pods: readonly Pod[];
  replicaSets: readonly ReplicaSet[];
  deployments: readonly Deployment[];
  endpoints: readonly Endpoints[];
  events: readonly KubeEvent[];
}

/** The links down to the pod in trouble, and what they lead to. */
export interface Descent {
  links: ChainLink[];
  /** Pods among which the trouble is. */
  pods: Pod[];
  /** The Deployment that made them. */
  deployment?: Deployment;
  /** The ReplicaSet whose pods do not do. */
  replicaSet?: ReplicaSet;
  /** Of a Service whose selector matches nothing: the field to blame. */
  field?: string;
}

/** Follows an object that is not well down to its worst pod; no links when all is well. */
export function descend(object: KubeObject, around: Surroundings): Descent {
  switch (object.kind) {
    case "Service":
      return fromService(object as Service, around);
    case "Deployment":
      return fromDeployment(object as Deployment, around);
    case "ReplicaSet":
      return fromReplicaSet(object as ReplicaSet, around);
    case "Pod":
      return fromPods([object as Pod], around);
    default:
      return { links: [], pods: [] };
  }
}

function fromService(service: Service, around: Surroundings): Descent {
  const { selector } = service.spec;
  const name = displayId(idOf(service));
  const own = around.endpoints.find(({ metadata }) => metadata.name === service.metadata.name);
  const isAnswered = own?.subsets?.some(({ addresses = [] }) => addresses.length > 0) === true;
  if (isAnswered || selector === undefined || service.spec.type === "ExternalName") return { links: [], pods: [] };
  const pods = around.pods.filter(
    (pod) => isSelected(selector, pod.metadata.labels) && pod.metadata.deletionTimestamp === undefined,
  );
  if (pods.length === 0) {
    const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
    const text = `has no endpoints: its selector ${labels.join(",")} matches no pod`;
    return { links: [{ about: name, text }], pods, field: "spec.selector" };
  }
  const ready = pods.filter(isPodReady).length;
  if (ready > 0) {
    const text = `has no endpoints: none of the ${ready} ready pods that it selects has a port that answers for it`;
    return { links: [{ about: name, text }], pods: [], field: "spec.ports" };
  }
  const text = `has no endpoints: none of the ${pods.length} pods that it selects is ready`;
  const below = fromPods(pods, around);
  return { ...below, links: [{ about: name, text }, ...below.links] };
}

function fromDeployment(deployment: Deployment, around: Surroundings): Descent {
  const { status, reason } = healthOf(deployment, around);
  if (status === "Healthy" || status === "Suspended") return { links: [], pods: [], deployment };
  const link = { about: displayId(idOf(deployment)), text: `${status}: ${firstPart(reason)}` };
  const owned = around.replicaSets.filter((own) => controllerOf(own)?.uid === deployment.metadata.uid);
  const current = owned.toSorted((a, b) => revisionOf(b) - revisionOf(a))[0];
  if (current === undefined) return { links: [link], pods: [], deployment };
  const below = fromReplicaSet(current, around);
  return { ...below, deployment, links: [link, ...below.links] };
}

function fromReplicaSet(replicaSet: ReplicaSet, around: Surroundings): Descent {
  const { status, reason } = healthOf(replicaSet, around);
  const deployment = around.deployments.find(({ metadata }) => metadata.uid === controllerOf(replicaSet)?.uid);
  const found = { pods: [], replicaSet, ...(deployment !== undefined && { deployment }) };
  if (status === "Healthy") return { links: [], ...found };
  const link = { about: displayId(idOf(replicaSet)), text: `${status}: ${firstPart(reason)}` };
  const own = around.pods.filter((pod) => controllerOf(pod)?.uid === replicaSet.metadata.uid);
  const below = fromPods(own, around);
  return { ...found, ...below, links: [link, ...below.links] };
}

function fromPods(pods: readonly Pod[], around: Surroundings): Descent {
  const worst = worstOf(pods, around);
  if (worst === undefined) return { links: [], pods: [] };
  const { pod, status, reason } = worst;
  const links = [{ about: displayId(idOf(pod)), text: `${status}: ${reason || "not ready"}` }];
  const warning = latestWarning(pod, around.events);
  if (warning !== undefined && !reason.includes(warning.message)) {
    links.push({ about: "event", text: `${warning.reason}: ${warning.message}` });
  }
  const replicaSet = around.replicaSets.find(({ metadata }) => metadata.uid === controllerOf(pod)?.uid);
  const owner = replicaSet === undefined ? undefined : controllerOf(replicaSet)?.uid;
  const deployment = around.deployments.find(({ metadata }) => metadata.uid === owner);
  return {
    links,
    pods: [pod],
    ...(replicaSet !== undefined && { replicaSet }),
    ...(deployment !== undefined && { deployment }),
  };
}

interface Trouble {
  pod: Pod;
  status: string;
  reason: string;
}

/** A pod that fails before one that is still under way. */
function worstOf(pods: readonly Pod[], { events }: Surroundings): Trouble | undefined {
  const troubled = pods.flatMap((pod): Trouble[] => {
    const { status, reason } = healthOf(pod, { events });
    return status === "Healthy" ? [] : [{ pod, status, reason }];
  });
  return troubled.find(({ status }) => status === "Degraded") ?? troubled[0];
}

/** What a workload says of itself; what its pods add to it follows as a link of its own. */
function firstPart(reason: string): string {
  const at = reason.search(/: pod \S+: /);
  return at < 0 ? reason : reason.slice(0, at);
}

function revisionOf({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations?.[ANNOTATION.revision] ?? 0);
}
