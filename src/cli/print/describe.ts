/** `describe`: everything about an object as text, in kubectl's layout, with the commit and the manifest it comes from. */
import { reporterOf, timesOf } from "../../model/event-times.ts";
import type { KubeObject } from "../../model/object.ts";
import type {
  ConfigMap,
  Deployment,
  Endpoints,
  KubeEvent,
  Pod,
  ReplicaSet,
  Secret,
  Service,
} from "../../model/workload.ts";
import { longTime } from "./age.ts";
import { annotationLines, eventLines, headLines, labelLines } from "./describe-text.ts";
import { deploymentLines, podLines, replicaSetLines, type Surroundings } from "./describe-workloads.ts";
import { printable } from "./escape.ts";
import { endpointsText, localPortOf, localUrls } from "./get-services.ts";
import { formatLabels, NONE } from "./labels.ts";
import { expandTabs } from "./tabwriter.ts";

/** What belongs to the object and is told with it. */
export interface Related extends Surroundings {
  /** ReplicaSets of a Deployment, pods of a ReplicaSet: those that it controls. */
  children: readonly KubeObject[];
  /** Of a Service. */
  endpoints?: Endpoints | undefined;
}

/** The text, ending in a line end. */
export function describeObject(object: KubeObject, related: Related): string {
  return `${printable(expandTabs(linesOf(object, related).join("\n")))}\n`;
}

/** Objects come as the daemon sends them, so their kind says their shape. */
function linesOf(object: KubeObject, related: Related): string[] {
  switch (object.kind) {
    case "Deployment":
      return deploymentLines(object as Deployment, related.children as readonly ReplicaSet[], related);
    case "ReplicaSet":
      return replicaSetLines(object as ReplicaSet, related.children as readonly Pod[], related);
    case "Pod":
      return podLines(object as Pod, related);
    case "Service":
      return serviceLines(object as Service, related);
    case "ConfigMap":
      return configMapLines(object as ConfigMap, related);
    case "Secret":
      return secretLines(object as Secret, related);
    case "Event":
      return describeEvent(object as KubeEvent);
    default:
      return plainLines(object, related);
  }
}

function namedLines(object: KubeObject): string[] {
  return [
    ...headLines(object),
    ...labelLines("Labels", object.metadata.labels),
    ...annotationLines("Annotations", object.metadata.annotations),
  ];
}

function serviceLines(service: Service, { endpoints, events, now }: Related): string[] {
  const { spec } = service;
  const ports = (spec.ports ?? []).flatMap((port) => {
    const local = localPortOf(service, port);
    const protocol = port.protocol ?? "TCP";
    const name = port.name === undefined ? "<unset>" : port.name;
    return [
      `Port:\t${name}\t${port.port}/${protocol}`,
      `TargetPort:\t${port.targetPort ?? port.port}/${protocol}`,
      ...(local === undefined ? [] : [`Local Port:\t${name}\t${local}/${protocol}`]),
      ...(local !== undefined || port.nodePort === undefined
        ? []
        : [`NodePort:\t${name}\t${port.nodePort}/${protocol}`]),
      `Endpoints:\t${endpointsText(endpoints, port.name ?? "")}`,
    ];
  });
  const urls = localUrls(service);
  return [
    ...namedLines(service),
    `Selector:\t${formatLabels(spec.selector)}`,
    `Type:\t${spec.type ?? "ClusterIP"}`,
    `IP:\t${spec.clusterIP || NONE}`,
    ...(urls.length === 0 ? [] : [`Local URL:\t${urls.join(", ")}`]),
    ...ports,
    ...eventLines(events, now),
  ];
}

function configMapLines(configMap: ConfigMap, { events, now }: Related): string[] {
  const entries = Object.entries(configMap.data ?? {}).flatMap(([key, value]) => [`${key}:`, "----", value, ""]);
  const binary = Object.entries(configMap.binaryData ?? {}).map(([key, value]) => `${key}: ${sizeText(value)}`);
  return [
    ...namedLines(configMap),
    "",
    "Data",
    "====",
    ...entries,
    "BinaryData",
    "====",
    ...binary,
    "",
    ...eventLines(events, now),
  ];
}

function sizeText(base64: string): string {
  return `${Buffer.from(base64, "base64").length} bytes`;
}

/** Keys only: values never leave the daemon. */
function secretLines(secret: Secret, { events, now }: Related): string[] {
  const keys = Object.keys(secret.data ?? {}).map((key) => `${key}:\t(hidden)`);
  return [
    ...namedLines(secret),
    "",
    `Type:\t${secret.type ?? "Opaque"}`,
    "",
    "Data",
    "====",
    ...keys,
    "",
    ...eventLines(events, now),
  ];
}

function describeEvent(event: KubeEvent): string[] {
  const { kind, name, namespace } = event.involvedObject;
  const { first, last, count } = timesOf(event);
  return [
    ...namedLines(event),
    `Type:\t${event.type}`,
    `Reason:\t${event.reason}`,
    `Message:\t${event.message}`,
    `Object:\t${kind}/${name} in ${namespace}`,
    `From:\t${reporterOf(event)}`,
    `Count:\t${count}`,
    `First Seen:\t${longTime(first)}`,
    `Last Seen:\t${longTime(last)}`,
  ];
}

function plainLines(object: KubeObject, { events, now }: Related): string[] {
  return [
    ...namedLines(object),
    `API Version:\t${object.apiVersion}`,
    `Kind:\t${object.kind}`,
    `Created:\t${longTime(object.metadata.creationTimestamp)}`,
    ...eventLines(events, now),
  ];
}
