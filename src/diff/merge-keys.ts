/**
 * What Kubernetes' API says about the shape of fields: which lists are maps or sets, which maps belong to several writers,
 * which fields exclude each other. Other lists are atomic: who declares one declares all of it.
 *
 * Source: `x-kubernetes-list-type`, `x-kubernetes-list-map-keys`, `x-kubernetes-patch-merge-key` and
 * `x-kubernetes-patch-strategy` in `api/openapi-spec/swagger.json` of Kubernetes 1.37. Where the two sets of markers
 * disagree (container ports: key containerPort, or containerPort and protocol), the list markers count, as for
 * server-side apply.
 */
import { isZeroAbsent } from "../defaulting/zero.ts";
import { groupOf, isBuiltInGroup, type KubeObject } from "../model/object.ts";

export type ListRule =
  | {
      type: "map";
      /** Fields that name an item. */
      keys: readonly string[];
      /** What the API server fills in for a key field that is absent. */
      defaults?: Readonly<Record<string, string>>;
    }
  | { type: "set" };

/** The rules of one kind. Paths are field names joined with dots, `[]` for the items of a list. */
export interface KindRules {
  /** Whether the kind is Kubernetes' own, so that its API server drops empty maps and lists. */
  builtin: boolean;
  lists: ReadonlyMap<string, ListRule>;
  /** Path of the pod spec, "" when the kind has none. */
  podSpec: string;
}

const byName: ListRule = { type: "map", keys: ["name"] };
const PROTOCOL = { protocol: "TCP" } as const;

const CONTAINER_LISTS: Readonly<Record<string, ListRule>> = {
  env: byName,
  ports: { type: "map", keys: ["containerPort", "protocol"], defaults: PROTOCOL },
  volumeMounts: { type: "map", keys: ["mountPath"] },
  volumeDevices: { type: "map", keys: ["devicePath"] },
  "resources.claims": byName,
};

const POD_SPEC_LISTS: Readonly<Record<string, ListRule>> = {
  volumes: byName,
  imagePullSecrets: byName,
  resourceClaims: byName,
  schedulingGates: byName,
  hostAliases: { type: "map", keys: ["ip"] },
  topologySpreadConstraints: { type: "map", keys: ["topologyKey", "whenUnsatisfiable"] },
  ...containerLists("containers"),
  ...containerLists("initContainers"),
  ...containerLists("ephemeralContainers"),
};

const METADATA_LISTS: Readonly<Record<string, ListRule>> = {
  finalizers: { type: "set" },
  ownerReferences: { type: "map", keys: ["uid"] },
};

/** Group and kind to where its pod spec is. */
const POD_SPECS: Readonly<Record<string, string>> = {
  "/Pod": "spec",
  "/PodTemplate": "template.spec",
  "/ReplicationController": "spec.template.spec",
  "apps/Deployment": "spec.template.spec",
  "apps/ReplicaSet": "spec.template.spec",
  "apps/StatefulSet": "spec.template.spec",
  "apps/DaemonSet": "spec.template.spec",
  "extensions/Deployment": "spec.template.spec",
  "extensions/ReplicaSet": "spec.template.spec",
  "extensions/DaemonSet": "spec.template.spec",
  "batch/Job": "spec.template.spec",
  "batch/CronJob": "spec.jobTemplate.spec.template.spec",
};

const KIND_LISTS: Readonly<Record<string, Readonly<Record<string, ListRule>>>> = {
  "/Service": { "spec.ports": { type: "map", keys: ["port", "protocol"], defaults: PROTOCOL } },
  "/ServiceAccount": { secrets: byName },
  "admissionregistration.k8s.io/MutatingWebhookConfiguration": { webhooks: byName },
  "admissionregistration.k8s.io/ValidatingWebhookConfiguration": { webhooks: byName },
};

/** Maps of which several writers may each own some keys; `resources` as quotas and autoscalers fill it in, too. */
const OPEN_MAPS = new Set([
  "labels",
  "annotations",
  "matchLabels",
  "nodeSelector",
  "data",
  "binaryData",
  "stringData",
  "limits",
  "requests",
  "overhead",
  "resources",
]);

/** Fields whose presence means something even when they are empty: pointers to structures in Kubernetes' types. */
const MEANS_SOMETHING_EMPTY = new Set([
  "selector",
  "podSelector",
  "namespaceSelector",
  "objectSelector",
  "labelSelector",
]);

/** Of these, at most one may be set; in probes, lifecycle hooks and environment variables. */
const HANDLERS = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;
const ENV_SOURCES = ["value", "valueFrom"] as const;

const cache = new Map<string, KindRules>();

/** The rules of an object's kind; those of an unknown kind know the metadata only. */
export function rulesOf(object: KubeObject): KindRules {
  const group = groupOf(object.apiVersion);
  const id = `${group}/${object.kind}`;
  const known = cache.get(id);
  if (known !== undefined) return known;
  const podSpec = POD_SPECS[id] ?? "";
  const lists = new Map<string, ListRule>();
  const add = (prefix: string, rules: Readonly<Record<string, ListRule>> = {}): void => {
    for (const [path, rule] of Object.entries(rules)) lists.set(prefix === "" ? path : `${prefix}.${path}`, rule);
  };
  add("metadata", METADATA_LISTS);
  add("", KIND_LISTS[id]);
  if (podSpec !== "") {
    add(podSpec, POD_SPEC_LISTS);
    if (podSpec.endsWith(".spec")) add(`${podSpec.slice(0, -".spec".length)}.metadata`, METADATA_LISTS);
  }
  const rules = { builtin: isBuiltInGroup(group), lists, podSpec };
  cache.set(id, rules);
  return rules;
}

/** Whether several writers may own keys of this map. A Service's selector is such a map; a label selector is not. */
export function isOpenMap(rules: KindRules, path: string): boolean {
  const name = lastName(path);
  return OPEN_MAPS.has(name) || (path === "spec.selector" && rules.lists.has("spec.ports"));
}

/** Whether an empty map or list, or a zero, at this path is the same as none. Items of lists are never "none". */
export function isEmptyAbsent(rules: KindRules, path: string, value: unknown): boolean {
  if (!rules.builtin) return false;
  if (typeof value !== "object" || value === null) return isZeroAbsent(path, value);
  if (Array.isArray(value)) return value.length === 0;
  if (Object.keys(value).length > 0) return false;
  return !MEANS_SOMETHING_EMPTY.has(lastName(path)) && !isVolumeSource(rules, path);
}

/** Empty text, or a zero, that the API server fills in or gives out itself, as Go cannot tell it from none. */
const FILLED_IN_EMPTY = /^(?:(?:roleRef|subjects\[\])\.apiGroup|spec\.clusterIP)$/;
const FILLED_IN_ZERO = /^spec\.(?:ports\[\]\.nodePort|healthCheckNodePort)$/;

/** Whether the API server replaces this declared value by its default, so that it asks for nothing. */
export function asksNothing(path: string, value: unknown): boolean {
  return (value === "" && FILLED_IN_EMPTY.test(path)) || (value === 0 && FILLED_IN_ZERO.test(path));
}

/** Fields of the live map that must go, as git declares one that excludes them. */
export function excludedBy(
  rules: KindRules,
  path: string,
  desired: Readonly<Record<string, unknown>>,
  live: Readonly<Record<string, unknown>>,
): string[] {
  const rivals = rivalsAt(rules, path, desired, live);
  if (!rivals.some((field) => isSet(desired, field))) return [];
  return rivals.filter((field) => !isSet(desired, field) && isSet(live, field));
}

function rivalsAt(
  rules: KindRules,
  path: string,
  desired: Readonly<Record<string, unknown>>,
  live: Readonly<Record<string, unknown>>,
): readonly string[] {
  if (path === "spec.strategy" || path === "spec.updateStrategy") {
    // A strategy's type decides which of its other fields may stand: Recreate has none.
    return desired.type === "Recreate" || desired.type === "OnDelete" ? ["type", "rollingUpdate"] : [];
  }
  if (rules.podSpec === "" || !path.startsWith(rules.podSpec)) return [];
  if (path === `${rules.podSpec}.volumes[]`) {
    return [...new Set([...Object.keys(desired), ...Object.keys(live)])].filter((field) => field !== "name");
  }
  if (/[cC]ontainers\[\]\.env\[\]$/.test(path)) return ENV_SOURCES;
  return /\.(?:(?:readiness|liveness|startup)Probe|preStop|postStart)$/.test(path) ? HANDLERS : [];
}

function isSet(map: Readonly<Record<string, unknown>>, field: string): boolean {
  return Object.hasOwn(map, field) && map[field] !== null && map[field] !== undefined;
}

/** `emptyDir: {}` names a source though it is empty. */
function isVolumeSource(rules: KindRules, path: string): boolean {
  return rules.podSpec !== "" && path.slice(0, path.lastIndexOf(".")) === `${rules.podSpec}.volumes[]`;
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

function containerLists(field: string): Record<string, ListRule> {
  const lists: Record<string, ListRule> = { [field]: byName };
  for (const [path, rule] of Object.entries(CONTAINER_LISTS)) lists[`${field}[].${path}`] = rule;
  return lists;
}
