/**
 * What the API server fills in for what extends it: admission webhooks and policies, custom kinds, aggregated APIs
 * (Kubernetes 1.37, pkg/apis/admissionregistration/v1/defaults.go, apiextensions/v1/defaults.go, apiregistration/v1/defaults.go).
 */
import { each, type Fields, fill, fillEmpty, isFields, within, withinAlways } from "./fill.ts";

const MATCHING: Fields = { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} };
const WEBHOOK: Fields = { failurePolicy: "Fail", ...MATCHING, timeoutSeconds: 10 };
const HTTPS = 443;

export function defaultValidatingWebhooks(configuration: Fields): Fields {
  return each(configuration, "webhooks", (webhook) => defaultWebhook(webhook, WEBHOOK));
}

export function defaultMutatingWebhooks(configuration: Fields): Fields {
  return each(configuration, "webhooks", (webhook) =>
    defaultWebhook(webhook, { ...WEBHOOK, reinvocationPolicy: "Never" }),
  );
}

function defaultWebhook(webhook: Fields, defaults: Fields): Fields {
  const filled = each(fill(webhook, defaults), "rules", defaultRule);
  return within(filled, "clientConfig", defaultClient);
}

const defaultRule = (rule: Fields): Fields => fill(rule, { scope: "*" });

/** A webhook's Service is called on the port of HTTPS. */
function defaultClient(client: Fields): Fields {
  return within(client, "service", (service) => fill(service, { port: HTTPS }));
}

export function defaultAdmissionPolicy(policy: Fields): Fields {
  return withinAlways(policy, "spec", (spec) =>
    within(fill(spec, { failurePolicy: "Fail" }), "matchConstraints", defaultMatching),
  );
}

export function defaultAdmissionBinding(binding: Fields): Fields {
  return within(binding, "spec", (spec) => within(spec, "matchResources", defaultMatching));
}

function defaultMatching(matching: Fields): Fields {
  const filled = each(fill(matching, MATCHING), "resourceRules", defaultRule);
  return each(filled, "excludeResourceRules", defaultRule);
}

export function defaultDefinition(definition: Fields): Fields {
  return withinAlways(definition, "spec", (spec) => {
    const { kind } = isFields(spec.names) ? spec.names : {};
    const names =
      typeof kind === "string" && kind !== "" ? { singular: kind.toLowerCase(), listKind: `${kind}List` } : {};
    const named = within(spec, "names", (given) => fillEmpty(given, names));
    const converted = fill(named, { conversion: { strategy: "None" } });
    return within(converted, "conversion", (conversion) =>
      within(conversion, "webhook", (webhook) => within(webhook, "clientConfig", defaultClient)),
    );
  });
}

export function defaultApiService(apiService: Fields): Fields {
  return within(apiService, "spec", defaultClient);
}
