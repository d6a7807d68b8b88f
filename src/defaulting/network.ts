/** What the API server fills in for policies, classes and slices (Kubernetes 1.37, pkg/apis/{networking,discovery}/v1). */
import { each, type Fields, fill, within, withinAlways } from "./fill.ts";

/** A policy that does not say so is about what comes in, and about what goes out only if it has rules for that. */
export function defaultNetworkPolicy(policy: Fields): Fields {
  return withinAlways(policy, "spec", (spec) => {
    let filled = withinAlways(spec, "podSelector", (selector) => selector);
    for (const direction of ["ingress", "egress"]) {
      filled = each(filled, direction, (rule) => each(rule, "ports", (port) => fill(port, { protocol: "TCP" })));
    }
    const { policyTypes, egress } = filled;
    if (Array.isArray(policyTypes) && policyTypes.length > 0) return filled;
    const hasEgress = Array.isArray(egress) && egress.length > 0;
    return { ...filled, policyTypes: hasEgress ? ["Ingress", "Egress"] : ["Ingress"] };
  });
}

export function defaultIngressClass(ingressClass: Fields): Fields {
  return within(ingressClass, "spec", (spec) =>
    within(spec, "parameters", (parameters) => fill(parameters, { scope: "Cluster" })),
  );
}

export function defaultEndpointSlice(slice: Fields): Fields {
  const named = each(slice, "ports", (port) => fill(port, { name: "", protocol: "TCP" }));
  return each(named, "endpoints", (endpoint) => fill(endpoint, { conditions: {} }));
}
