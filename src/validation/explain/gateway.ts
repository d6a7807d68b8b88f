/** Explanations of the rules on the Gateway API, whose kinds Kubernetes does not bring. */
import type { Explanation } from "./explanation.ts";

/** A definition that says nothing of the fields, as the example shall be judged by the rule alone. */
function definitionOf(kind: string, plural: string): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: ${plural}.gateway.networking.k8s.io
  annotations: { api-approved.kubernetes.io: "https://gateway-api.example/approved" }
spec:
  group: gateway.networking.k8s.io
  scope: Namespaced
  names: { plural: ${plural}, singular: ${plural.slice(0, -1)}, kind: ${kind}, listKind: ${kind}List }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;
}

const GATEWAY = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: shop }
spec:
  gatewayClassName: example
  listeners: [{ name: web, port: 80, protocol: HTTP, hostname: 10.0.0.1 }]
`;

const ROUTE = `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: shop }
spec:
  hostnames: [10.0.0.1]
`;

const SOURCE = "Gateway API: the reference of its kinds";

export const GATEWAY_API = {
  gateway: {
    why: "A listener that no request can mean, or two that cannot be told apart, are refused or never used.",
    severity: "error",
    example: { text: definitionOf("Gateway", "gateways") + GATEWAY, line: 21, mend: ["10.0.0.1", "shop.example"] },
    source: SOURCE,
  },
  "gateway-route": {
    why: "A route that fits no request, or sends it to no port, is accepted by the API server and serves nobody.",
    severity: "error",
    example: { text: definitionOf("HTTPRoute", "httproutes") + ROUTE, line: 20, mend: ["10.0.0.1", "shop.example"] },
    source: SOURCE,
  },
} as const satisfies Record<string, Explanation>;
