/** What the API server fills in inside a pod spec (Kubernetes 1.37, pkg/apis/core/v1/defaults.go). */
import { each, type Fields, fill, fillEmpty, isFields, within, withinAlways } from "./fill.ts";
import { canonicalQuantity } from "./quantity.ts";

/** Octal 0644: the mode of files made from configuration. */
const FILE_MODE = 0o644;

const POD_SPEC = {
  dnsPolicy: "ClusterFirst",
  restartPolicy: "Always",
  schedulerName: "default-scheduler",
} as const;

const PROBE = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 } as const;
const HTTP_GET = { path: "/", scheme: "HTTP" } as const;

/** Defaults of one volume source each; the empty ones of Go's non-pointer fields are filled too. */
const VOLUME_SOURCES: Readonly<Record<string, Fields>> = {
  secret: { defaultMode: FILE_MODE },
  configMap: { defaultMode: FILE_MODE },
  downwardAPI: { defaultMode: FILE_MODE },
  projected: { defaultMode: FILE_MODE },
  hostPath: { type: "" },
  iscsi: { iscsiInterface: "default" },
  rbd: { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" },
  azureDisk: { cachingMode: "ReadWrite", kind: "Shared", fsType: "ext4", readOnly: false },
  scaleIO: { storageMode: "ThinProvisioned", fsType: "xfs" },
};

/** Fills in what a pod spec has both in a pod and in a template. */
export function defaultPodSpec(spec: Fields): Fields {
  let filled = fill(fillEmpty(spec, POD_SPEC), { terminationGracePeriodSeconds: 30, securityContext: {} });
  filled = sameServiceAccount(filled);
  filled = each(filled, "volumes", defaultVolume);
  for (const list of ["initContainers", "containers", "ephemeralContainers"]) {
    filled = each(filled, list, defaultContainer);
  }
  return within(filled, "overhead", canonicalQuantities);
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
  filled = withinAlways(filled, "resources", (resources) =>
    within(within(resources, "limits", canonicalQuantities), "requests", canonicalQuantities),
  );
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
    const filled = within(source, "fieldRef", (ref) => fillEmpty(ref, { apiVersion: "v1" }));
    return within(filled, "fileKeyRef", (ref) => fill(ref, { optional: false }));
  });
}

function defaultVolume(volume: Fields): Fields {
  const sources = Object.keys(volume).filter(
    (key) => key !== "name" && volume[key] !== undefined && volume[key] !== null,
  );
  if (sources.length === 0) return { ...volume, emptyDir: {} };
  let filled = volume;
  for (const [source, defaults] of Object.entries(VOLUME_SOURCES)) {
    filled = within(filled, source, (value) => fill(value, defaults));
  }
  filled = within(filled, "image", (image) => fillEmpty(image, { pullPolicy: pullPolicy(image.reference) }));
  filled = within(filled, "downwardAPI", defaultDownwardApi);
  filled = within(filled, "ephemeral", (ephemeral) =>
    within(ephemeral, "volumeClaimTemplate", (template) =>
      within(template, "spec", (claim) => fill(claim, { volumeMode: "Filesystem" })),
    ),
  );
  return within(filled, "projected", (projected) =>
    each(projected, "sources", (source) => {
      const named = within(source, "downwardAPI", defaultDownwardApi);
      return within(named, "serviceAccountToken", (token) => fill(token, { expirationSeconds: 3600 }));
    }),
  );
}

function defaultDownwardApi(source: Fields): Fields {
  return each(source, "items", (item) => within(item, "fieldRef", (ref) => fillEmpty(ref, { apiVersion: "v1" })));
}

/** Always for the tag `latest`, written or implied; a digest alone implies no tag. */
function pullPolicy(image: unknown): "Always" | "IfNotPresent" {
  if (typeof image !== "string" || image === "") return "IfNotPresent";
  const at = image.indexOf("@");
  const name = at < 0 ? image : image.slice(0, at);
  const colon = name.lastIndexOf(":");
  const tag = colon > name.lastIndexOf("/") ? name.slice(colon + 1) : at < 0 ? "latest" : "";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function requestsFromLimits(resources: Fields): Fields {
  const { limits } = resources;
  if (!isFields(limits)) return resources;
  return withinAlways(resources, "requests", (requests) => fill(requests, limits));
}

function canonicalQuantities(amounts: Fields): Fields {
  let changed: Record<string, unknown> | undefined;
  for (const [name, amount] of Object.entries(amounts)) {
    const canonical = canonicalQuantity(amount);
    if (canonical === amount) continue;
    changed ??= { ...amounts };
    changed[name] = canonical;
  }
  return changed ?? amounts;
}
