/** What the API server fills in inside a pod spec (Kubernetes 1.37, pkg/apis/core/v1/defaults.go). */
import { each, type Fields, fill, fillEmpty, isFields, within, withinAlways } from "./fill.ts";
import { canonicalAmounts } from "./quantity.ts";
import { defaultDivisor, defaultResources, defaultVolume, pullPolicy } from "./volumes.ts";

const POD_SPEC = {
  dnsPolicy: "ClusterFirst",
  restartPolicy: "Always",
  schedulerName: "default-scheduler",
} as const;

const PROBE = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 } as const;
const HTTP_GET = { path: "/", scheme: "HTTP" } as const;

/** Fills in what a pod spec has both in a pod and in a template. */
export function defaultPodSpec(spec: Fields): Fields {
  let filled = fill(fillEmpty(spec, POD_SPEC), { terminationGracePeriodSeconds: 30, securityContext: {} });
  filled = sameServiceAccount(filled);
  filled = each(filled, "volumes", defaultVolume);
  for (const list of ["initContainers", "containers", "ephemeralContainers"]) {
    filled = each(filled, list, defaultContainer);
  }
  return within(within(filled, "overhead", canonicalAmounts), "resources", defaultResources);
}

/** Fills in what only a pod itself gets, not a template: requests from limits, host ports, service links. */
export function defaultPodOnly(spec: Fields): Fields {
  let filled = fill(spec, { enableServiceLinks: true });
  const onHost = filled.hostNetwork === true;
  for (const list of ["initContainers", "containers"]) {
    filled = each(filled, list, (container) => {
      const requested = within(container, "resources", requestsFromLimits);
      return onHost ? each(requested, "ports", (port) => fillEmpty(port, { hostPort: port.containerPort })) : requested;
    });
  }
  return filled;
}

/** `serviceAccount` is the old name of `serviceAccountName`: the API server keeps both equal. */
function sameServiceAccount(spec: Fields): Fields {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (typeof name !== "string" || name === "") return spec;
  return spec.serviceAccount === name && spec.serviceAccountName === name
    ? spec
    : { ...spec, serviceAccount: name, serviceAccountName: name };
}

function defaultContainer(container: Fields): Fields {
  let filled = fillEmpty(container, {
    imagePullPolicy: pullPolicy(container.image),
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
  });
  filled = withinAlways(filled, "resources", defaultResources);
  filled = each(filled, "ports", (port) => fillEmpty(port, { protocol: "TCP" }));
  filled = each(filled, "env", defaultEnv);
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    filled = within(filled, probe, (value) => defaultHandler(fillEmpty(value, PROBE)));
  }
  return within(filled, "lifecycle", (lifecycle) =>
    within(within(lifecycle, "postStart", defaultHandler), "preStop", defaultHandler),
  );
}

function defaultHandler(handler: Fields): Fields {
  const filled = within(handler, "httpGet", (httpGet) => fillEmpty(httpGet, HTTP_GET));
  return within(filled, "grpc", (grpc) => fill(grpc, { service: "" }));
}

function defaultEnv(variable: Fields): Fields {
  return within(variable, "valueFrom", (source) => {
    let filled = within(source, "fieldRef", (ref) => fillEmpty(ref, { apiVersion: "v1" }));
    filled = within(filled, "resourceFieldRef", defaultDivisor);
    return within(filled, "fileKeyRef", (ref) => fill(ref, { optional: false }));
  });
}

function requestsFromLimits(resources: Fields): Fields {
  const { limits } = resources;
  if (!isFields(limits)) return resources;
  return withinAlways(resources, "requests", (requests) => fill(requests, limits));
}
