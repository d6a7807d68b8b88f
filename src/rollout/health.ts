/** How an object does, in Argo CD's words, with the reason from as deep as is known: pod, container, exit code. Pure. */
import { isPodReady } from "../model/endpoints.ts";
import { latestWarning } from "../model/event-times.ts";
import type { Health, HealthStatus } from "../model/health.ts";
import { controllerOf, groupOf, type KubeObject } from "../model/object.ts";
import type { Deployment, KubeEvent, Pod, ReplicaSet, Service } from "../model/workload.ts";
import { ANNOTATION } from "../model/workload.ts";
import { getCondition } from "./conditions.ts";
import { kindHealth } from "./kind-health.ts";
import { podHealth } from "./pod-health.ts";
import { REASON } from "./progress.ts";
import { availableOf, sizeOf } from "./replicasets.ts";
import { findNewReplicaSet } from "./revisions.ts";
import { pendingCounts } from "./rollout-status.ts";

/** What is known around an object; each list may hold objects that have nothing to do with it. */
export interface HealthContext {
  pods?: readonly Pod[];
  /** Pods that are the object's, at whatever depth; absent: those of `pods` that it controls itself. */
  ownPods?: readonly Pod[];
  replicaSets?: readonly ReplicaSet[];
  events?: readonly KubeEvent[];
}

/**
 * How an object does. What has no status and no rule is Healthy once it exists.
 *
 * It agrees with Argo CD (gitops-engine pkg/health) but for its annotation `argocd.argoproj.io/ignore-restart-policy`, which
 * is not read here; and for LoadBalancer Services, which are Healthy as soon as trueup answers for them on a local port.
 */
export function healthOf(object: KubeObject, context: HealthContext = {}): Health {
  const kind = `${groupOf(object.apiVersion)}/${object.kind}`;
  if (kind === "/Pod") return podHealth(object as Pod, context.events);
  if (object.metadata.deletionTimestamp !== undefined) return health("Progressing", "Pending deletion");
  switch (kind) {
    case "apps/Deployment":
      return deploymentHealth(object as Deployment, context);
    case "apps/ReplicaSet":
      return replicaSetHealth(object as ReplicaSet, context);
    case "/Service":
      return serviceHealth(object as Service);
    default:
      return withReasonBelow(kindHealth(object), object, context);
  }
}

/** What its pods say, or else the latest warning about it: why a StatefulSet is not ready, or what a quota refused. */
function withReasonBelow(own: Health, object: KubeObject, context: HealthContext): Health {
  if (own.status !== "Progressing" && own.status !== "Degraded") return own;
  const { pods = [], events = [] } = context;
  const { uid } = object.metadata;
  const ownPods = context.ownPods ?? (uid === undefined ? [] : pods.filter((pod) => controllerOf(pod)?.uid === uid));
  const below = podsReason(ownPods, events);
  if (below !== "") return { ...own, reason: join(own.reason, below) };
  const warning = latestWarning(object, events);
  return warning === undefined ? own : { ...own, reason: join(own.reason, `${warning.reason}: ${warning.message}`) };
}

function health(status: HealthStatus, reason: string): Health {
  return { status, reason };
}

function deploymentHealth(deployment: Deployment, context: HealthContext): Health {
  const { metadata, spec, status = {} } = deployment;
  if (spec.paused === true) return health("Suspended", "Deployment is paused");
  if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return health("Progressing", "the new spec is not observed yet");
  }
  const owned = (context.replicaSets ?? []).filter((own) => controllerOf(own)?.uid === metadata.uid);
  const current = findNewReplicaSet(deployment, owned);
  const below = (): string => {
    const failure = getCondition(status.conditions, "ReplicaFailure")?.message;
    return failure ?? (current === undefined ? endingReason(owned, context) : replicaSetReason(current, context));
  };
  const progressing = getCondition(status.conditions, "Progressing");
  if (progressing?.reason === REASON.timedOut) {
    return health("Degraded", join(`deployment "${metadata.name}" exceeded its progress deadline`, below()));
  }
  const pending = pendingCounts(deployment);
  if (pending === undefined) return health("Healthy", "");
  const own = progressing?.reason === REASON.createError ? (progressing.message ?? "") : "";
  return health("Progressing", join(pending, own === "" ? below() : own));
}

function replicaSetHealth(replicaSet: ReplicaSet, context: HealthContext): Health {
  const { metadata, status } = replicaSet;
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) {
    return health("Progressing", "the new spec is not observed yet");
  }
  const failure = getCondition(status?.conditions, "ReplicaFailure");
  if (failure?.status === "True") return health("Degraded", failure.message ?? failure.reason ?? "");
  const available = availableOf(replicaSet);
  const wanted = sizeOf(replicaSet);
  if (available >= wanted) return health("Healthy", "");
  const pending = `${available} out of ${wanted} new replicas are available`;
  return health("Progressing", join(pending, replicaSetReason(replicaSet, context)));
}

function serviceHealth(service: Service): Health {
  if (service.spec.type !== "LoadBalancer") return health("Healthy", "");
  const { status } = service;
  const ingress = (status as { loadBalancer?: { ingress?: unknown[] } } | undefined)?.loadBalancer?.ingress ?? [];
  const isAnswered = ingress.length > 0 || service.metadata.annotations?.[ANNOTATION.localPorts] !== undefined;
  return isAnswered ? health("Healthy", "") : health("Progressing", "nothing has given it an address yet");
}

function replicaSetReason({ metadata: { uid } }: ReplicaSet, { pods = [], events = [] }: HealthContext): string {
  return podsReason(
    pods.filter((pod) => controllerOf(pod)?.uid === uid),
    events,
  );
}

/** What is wrong with pods, from the worst of them: `pod web-5d4-x2x8z: container web: exit code 1`. */
function podsReason(pods: readonly Pod[], events: readonly KubeEvent[]): string {
  let found = "";
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined || isPodReady(pod)) continue;
    const { status, reason } = podHealth(pod, events);
    if (reason === "" || status === "Healthy") continue;
    const text = `pod ${pod.metadata.name}: ${reason}`;
    if (status === "Degraded") return text;
    if (found === "") found = text;
  }
  return found;
}

/** What a Recreate waits for before it begins: `pod web-5d4-x2x8z is still ending`. */
function endingReason(owned: readonly ReplicaSet[], { pods = [] }: HealthContext): string {
  const uids = new Set(owned.map(({ metadata }) => metadata.uid));
  const isOwn = (pod: Pod): boolean => uids.has(controllerOf(pod)?.uid);
  const ending = pods.find((pod) => isOwn(pod) && pod.metadata.deletionTimestamp !== undefined);
  return ending === undefined ? "" : `pod ${ending.metadata.name} is still ending`;
}

function join(what: string, why: string): string {
  return why === "" ? what : `${what}: ${why}`;
}
