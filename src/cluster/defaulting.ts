/**
 * What a Kubernetes 1.37 API server fills in when it stores an object of a supported kind: defaults, canonical values, the
 * first status. Pure; an object that needs nothing is handed back as it is.
 */
import type { KubeObject } from "../model/object.ts";
import { each, type Fields, fill, fillEmpty, isFields, within, withinAlways, without } from "./fill.ts";
import { defaultPodOnly, defaultPodSpec } from "./pod-defaults.ts";
import { qosClass } from "./qos.ts";

const BY_KIND: Readonly<Record<string, (object: Fields) => Fields>> = {
  "v1/Pod": defaultPod,
  "v1/Service": defaultService,
  "v1/Secret": defaultSecret,
  "v1/ConfigMap": (object) => emptyForNull(emptyForNull(object, "data"), "binaryData"),
  "v1/Namespace": defaultNamespace,
  "apps/v1/Deployment": defaultDeployment,
  "apps/v1/ReplicaSet": defaultReplicaSet,
};

/**
 * The object as the API server would store it, but for what needs the store (uid, versions, times, namespace).
 * Objects of other kinds only lose their nulls, which mean "absent".
 */
export function applyDefaults(object: KubeObject): KubeObject {
  const defaults = BY_KIND[`${object.apiVersion}/${object.kind}`];
  const named = within(within(object, "metadata", labelText), "metadata", annotationText);
  // Values of ConfigMaps are text, and null text is empty: that has to be seen before nulls go.
  const prepared = object.kind === "ConfigMap" || object.kind === "Secret" ? (defaults?.(named) ?? named) : named;
  const present = withoutNulls(prepared);
  return (defaults?.(present) ?? present) as KubeObject;
}

const labelText = (metadata: Fields): Fields => emptyForNull(metadata, "labels");
const annotationText = (metadata: Fields): Fields => emptyForNull(metadata, "annotations");

/** A null in a map of text is read as empty text. */
function emptyForNull(object: Fields, key: string): Fields {
  return within(object, key, (map) =>
    Object.values(map).includes(null)
      ? Object.fromEntries(Object.entries(map).map(([name, value]) => [name, value ?? ""]))
      : map,
  );
}

/** Without fields that are null; null items of lists stay, as dropping them would move the others. */
function withoutNulls(object: Fields): Fields {
  let changed: Record<string, unknown> | undefined;
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === null) {
      changed ??= { ...object };
      delete changed[key];
    } else if (typeof value === "object") {
      const next = Array.isArray(value) ? listWithoutNulls(value) : withoutNulls(value as Fields);
      if (next === value) continue;
      changed ??= { ...object };
      changed[key] = next;
    }
  }
  return changed ?? object;
}

function listWithoutNulls(list: readonly unknown[]): readonly unknown[] {
  const next = list.map((item) =>
    Array.isArray(item) ? listWithoutNulls(item) : isFields(item) ? withoutNulls(item) : item,
  );
  return next.every((item, index) => item === list[index]) ? list : next;
}

function defaultPod(pod: Fields): Fields {
  const filled = withinAlways(pod, "spec", (spec) => defaultPodOnly(defaultPodSpec(spec)));
  return withinAlways(filled, "status", (status) =>
    fill(status, { phase: "Pending", qosClass: qosClass(isFields(filled.spec) ? filled.spec : {}) }),
  );
}

function defaultTemplate(spec: Fields): Fields {
  return withinAlways(spec, "template", (template) => withinAlways(template, "spec", defaultPodSpec));
}

function defaultDeployment(deployment: Fields): Fields {
  const filled = withinAlways(deployment, "spec", (spec) => {
    const counted = fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
    return withinAlways(defaultTemplate(counted), "strategy", defaultStrategy);
  });
  return fill(filled, { status: {} });
}

function defaultStrategy(strategy: Fields): Fields {
  const typed = fillEmpty(strategy, { type: "RollingUpdate" });
  if (typed.type !== "RollingUpdate") return typed;
  return withinAlways(typed, "rollingUpdate", (limits) => fill(limits, { maxSurge: "25%", maxUnavailable: "25%" }));
}

function defaultReplicaSet(replicaSet: Fields): Fields {
  const filled = withinAlways(replicaSet, "spec", (spec) => defaultTemplate(fill(spec, { replicas: 1 })));
  return withinAlways(filled, "status", (status) => fill(status, { replicas: 0 }));
}

function defaultService(service: Fields): Fields {
  const filled = withinAlways(service, "spec", (spec) => defaultServiceSpec(defaultAffinity(spec)));
  return withinAlways(filled, "status", (status) =>
    withinAlways(status, "loadBalancer", (balancer) =>
      each(balancer, "ingress", (ingress) => (ingress.ip ? fill(ingress, { ipMode: "VIP" }) : ingress)),
    ),
  );
}

function defaultServiceSpec(spec: Fields): Fields {
  let filled = fillEmpty(spec, { type: "ClusterIP" });
  filled = each(filled, "ports", (port) => fillEmpty(port, { protocol: "TCP", targetPort: port.port }));
  const { type } = filled;
  if (type !== "ExternalName") filled = fill(filled, { internalTrafficPolicy: "Cluster" });
  const external = type === "NodePort" || type === "LoadBalancer";
  const hasExternalIps = type === "ClusterIP" && Array.isArray(filled.externalIPs) && filled.externalIPs.length > 0;
  if (external || hasExternalIps) filled = fillEmpty(filled, { externalTrafficPolicy: "Cluster" });
  if (type === "LoadBalancer") filled = fill(filled, { allocateLoadBalancerNodePorts: true });
  return filled.clusterIP === "None" && type !== "ExternalName" ? fill(filled, { clusterIPs: ["None"] }) : filled;
}

/** Three hours: how long a client stays with its pod unless the Service says otherwise. */
const AFFINITY_SECONDS = 10_800;

function defaultAffinity(spec: Fields): Fields {
  const filled = fillEmpty(spec, { sessionAffinity: "None" });
  if (filled.sessionAffinity === "None") return without(filled, "sessionAffinityConfig");
  if (filled.sessionAffinity !== "ClientIP") return filled;
  return withinAlways(filled, "sessionAffinityConfig", (config) =>
    withinAlways(config, "clientIP", (clientIp) => fill(clientIp, { timeoutSeconds: AFFINITY_SECONDS })),
  );
}

/** `stringData` is how people write a Secret; it is stored as `data`, which it overrides, and never read back. */
function defaultSecret(secret: Fields): Fields {
  const texts = emptyForNull(emptyForNull(secret, "data"), "stringData");
  const filled = fillEmpty(without(texts, "stringData"), { type: "Opaque" });
  const { stringData } = texts;
  if (!isFields(stringData)) return filled;
  return withinAlways(filled, "data", (data) => ({
    ...data,
    ...Object.fromEntries(
      Object.entries(stringData).map(([key, text]) => [key, Buffer.from(String(text), "utf8").toString("base64")]),
    ),
  }));
}

function defaultNamespace(namespace: Fields): Fields {
  const name = isFields(namespace.metadata) ? namespace.metadata.name : undefined;
  const filled = within(namespace, "metadata", (metadata) =>
    withinAlways(metadata, "labels", (labels) => fill(labels, { "kubernetes.io/metadata.name": name })),
  );
  const finalized = withinAlways(filled, "spec", (spec) => fill(spec, { finalizers: ["kubernetes"] }));
  return withinAlways(finalized, "status", (status) => fill(status, { phase: "Active" }));
}
