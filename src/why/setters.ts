/** Fields that nobody declares and that the API server, a controller or trueup itself writes. Pure. */
import type { Leaf } from "../diff/leaves.ts";
import { SERVER_METADATA } from "../diff/three-way.ts";
import { controllerOf, type KubeObject } from "../model/object.ts";
import { ANNOTATION, LABEL_PART_OF, LABEL_POD_TEMPLATE_HASH } from "../model/workload.ts";
import type { OriginKind } from "./types.ts";

export interface Setter {
  origin: OriginKind;
  by: string;
}

const DEPLOYMENT: Setter = { origin: "controller", by: "deployment-controller" };
const REPORTS: Setter = { origin: "controller", by: "the kubelet's reports (trueup)" };

/** By the kind whose status it is. */
const STATUS_OF: Readonly<Record<string, string>> = {
  Deployment: "deployment-controller",
  ReplicaSet: "replicaset-controller",
  Pod: "the kubelet",
  Service: "what answers for it",
  StatefulSet: "statefulset-controller",
  DaemonSet: "daemonset-controller",
  Job: "job-controller",
  CronJob: "cronjob-controller",
  Namespace: "the API server",
};

const ANNOTATIONS: Readonly<Record<string, Setter>> = {
  [ANNOTATION.commit]: { origin: "trueup", by: "trueup: the commit that was applied" },
  [ANNOTATION.source]: { origin: "trueup", by: "trueup: where the commit declares it" },
  [ANNOTATION.declared]: { origin: "trueup", by: "trueup: digest of what the commit declares of it" },
  [ANNOTATION.changeCause]: { origin: "trueup", by: "trueup: the commit that brought its pod template" },
  [ANNOTATION.configDigest]: { origin: "trueup", by: "trueup: content of the configuration that it watches" },
  [ANNOTATION.hostPorts]: REPORTS,
  [ANNOTATION.localPorts]: REPORTS,
  [ANNOTATION.revision]: DEPLOYMENT,
  [ANNOTATION.revisionHistory]: DEPLOYMENT,
  [ANNOTATION.desiredReplicas]: DEPLOYMENT,
  [ANNOTATION.maxReplicas]: DEPLOYMENT,
  "deprecated.daemonset.template.generation": { origin: "server", by: "the API server" },
  [ANNOTATION.lastApplied]: { origin: "other", by: "kubectl apply" },
};

/** What a controller makes for another object without saying so in the owner references. */
const MADE_BY: Readonly<Record<string, string>> = {
  Endpoints: "endpoints-controller, which made it",
  EndpointSlice: "endpointslice-controller, which made it",
};

/** Written by the API server or by what it asks, kind by kind; paths as rules know them. */
const ALLOCATED: Readonly<Record<string, readonly string[]>> = {
  Service: [
    "spec.clusterIP",
    "spec.clusterIPs",
    "spec.ipFamilies",
    "spec.ipFamilyPolicy",
    "spec.ports[].nodePort",
    "spec.healthCheckNodePort",
  ],
  PersistentVolumeClaim: ["spec.volumeName", "spec.storageClassName"],
  PersistentVolume: ["spec.claimRef"],
  Job: ["spec.selector.matchLabels"],
};

/** Labels by which a Job finds its pods: the API server sets them when the Job is made. */
const JOB_LABEL = /^(?:batch\.kubernetes\.io\/)?(?:controller-uid|job-name)$/;

/** Who sets a field whatever anybody declares; null when that is not known by the field alone. */
export function alwaysSetBy(object: KubeObject, { path }: Leaf): Setter | null {
  const [top, second, third] = path;
  if (top === "status") {
    return { origin: "controller", by: STATUS_OF[object.kind] ?? "the controller of its kind" };
  }
  if (top !== "metadata") return null;
  if (second === "uid" || SERVER_METADATA.has(String(second))) return { origin: "server", by: "the API server" };
  if (second === "ownerReferences") {
    const owner = controllerOf(object);
    const by = owner === undefined ? "whoever made it" : `${owner.kind.toLowerCase()}-controller, which made it`;
    return { origin: "controller", by };
  }
  if (second === "annotations" && third === ANNOTATION.lastApplied) return ANNOTATIONS[ANNOTATION.lastApplied] ?? null;
  return null;
}

/** Who sets a field that nothing declares; null when nobody known does. */
export function setBy(object: KubeObject, { path, rule }: Leaf): Setter | null {
  const key = String(path.at(-1));
  const parent = path.at(-2);
  if (parent === "annotations") return ANNOTATIONS[key] ?? null;
  if (key === LABEL_POD_TEMPLATE_HASH) return DEPLOYMENT;
  if (key === LABEL_PART_OF) return { origin: "trueup", by: "trueup: the app that it belongs to" };
  const maker = controllerOf(object) === undefined ? MADE_BY[object.kind] : undefined;
  if (maker !== undefined) return { origin: "controller", by: maker };
  if (rule === "metadata.namespace") return { origin: "trueup", by: "the app's namespace" };
  const isAllocated = ALLOCATED[object.kind]?.some((known) => rule === known || rule.startsWith(`${known}.`)) === true;
  if (isAllocated || (object.kind === "Job" && parent === "labels" && JOB_LABEL.test(key)))
    return { origin: "server", by: "allocated by the API server" };
  const owner = controllerOf(object);
  if (owner === undefined) return null;
  if (object.kind === "Pod" && rule === "spec.nodeName") return { origin: "controller", by: "the scheduler" };
  return { origin: "controller", by: `${owner.kind.toLowerCase()}-controller, which made it` };
}
