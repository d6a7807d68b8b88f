/** What the API server fills in for the core kinds that run nothing (Kubernetes 1.37, pkg/apis/core/v1/defaults.go). */
import { each, type Fields, fill, fillEmpty, isFields, textForNull, within, withinAlways, without } from "./fill.ts";
import { canonicalAmounts } from "./quantity.ts";

export const defaultConfigMap = (map: Fields): Fields => textForNull(textForNull(map, "data"), "binaryData");

export function defaultService(service: Fields): Fields {
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
export function defaultSecret(secret: Fields): Fields {
  const texts = textForNull(textForNull(secret, "data"), "stringData");
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

export function defaultNamespace(namespace: Fields): Fields {
  const name = isFields(namespace.metadata) ? namespace.metadata.name : undefined;
  const filled = within(namespace, "metadata", (metadata) =>
    withinAlways(metadata, "labels", (labels) => fill(labels, { "kubernetes.io/metadata.name": name })),
  );
  const finalized = withinAlways(filled, "spec", (spec) => fill(spec, { finalizers: ["kubernetes"] }));
  return withinAlways(finalized, "status", (status) => fill(status, { phase: "Active" }));
}

export function defaultEndpoints(endpoints: Fields): Fields {
  return each(endpoints, "subsets", (subset) => each(subset, "ports", (port) => fillEmpty(port, { protocol: "TCP" })));
}

export function defaultQuota(quota: Fields): Fields {
  return within(quota, "spec", (spec) => within(spec, "hard", canonicalAmounts));
}

const LIMITS = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];

export function defaultLimitRange(range: Fields): Fields {
  return within(range, "spec", (spec) =>
    each(spec, "limits", (limit) => {
      const spelled = LIMITS.reduce((item, key) => within(item, key, canonicalAmounts), limit);
      return spelled.type === "Container" ? defaultContainerLimit(spelled) : spelled;
    }),
  );
}

/** A container's limit comes from the maximum, its request from the limit, then from the minimum. */
function defaultContainerLimit(limit: Fields): Fields {
  const limited = filledFrom(limit, "default", limit.max);
  return filledFrom(filledFrom(limited, "defaultRequest", limited.default), "defaultRequest", limited.min);
}

function filledFrom(limit: Fields, key: string, amounts: unknown): Fields {
  return isFields(amounts) ? withinAlways(limit, key, (given) => fill(given, amounts)) : limit;
}

/** What a node offers to pods is all it has, unless it says less. */
export function defaultNode(node: Fields): Fields {
  return within(node, "status", (status) =>
    isFields(status.capacity) ? fill(status, { allocatable: status.capacity }) : status,
  );
}
