/** Columns of Services and Endpoints, with the local addresses on which trueup answers for them. */
import { isHttpPort } from "../../model/endpoints.ts";
import { ANNOTATION, type Endpoints, type Service, type ServicePort } from "../../model/workload.ts";
import { ageOf } from "./age.ts";
import type { KindPrinter } from "./kind-printer.ts";
import { formatLabels, NONE, portMap } from "./labels.ts";

/** Most addresses that a line lists. */
const LISTED_ENDPOINTS = 3;

export const servicePrinter: KindPrinter<Service> = {
  columns: ["TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"],
  wide: ["SELECTOR", "LOCAL URL"],
  cells: (service, now) => [
    service.spec.type ?? "ClusterIP",
    service.spec.clusterIP || NONE,
    externalAddress(service),
    portsText(service),
    ageOf(service.metadata.creationTimestamp, now),
  ],
  wideCells: (service) => [formatLabels(service.spec.selector), localUrls(service).join(",") || NONE],
};

/** The local port on which trueup answers for a Service port: as the kubelet reported it, else as it is planned. */
export function localPortOf(service: Service, port: ServicePort): number | undefined {
  if (isElsewhere(service)) return undefined;
  return portMap(service.metadata.annotations?.[ANNOTATION.localPorts])[String(port.port)] ?? port.nodePort;
}

/** Whether a cluster's own network answers for it: that gives each Service an address, and trueup here gives none. */
function isElsewhere({ spec: { clusterIP = "" }, metadata: { annotations } }: Service): boolean {
  return clusterIP !== "" && clusterIP !== "None" && annotations?.[ANNOTATION.localPorts] === undefined;
}

/** Where the Service answers on this machine, one entry a port. */
export function localUrls(service: Service): string[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const local = localPortOf(service, port);
    if (local === undefined) return [];
    return isHttpPort(port) ? `http://localhost:${local}` : `localhost:${local}`;
  });
}

function externalAddress(service: Service): string {
  const { type, externalName, externalIPs } = service.spec;
  if (type === "ExternalName") return typeof externalName === "string" ? externalName : NONE;
  const fixed = Array.isArray(externalIPs) ? externalIPs.join(",") : "";
  if (type !== "LoadBalancer") return fixed || NONE;
  const answers = (service.spec.ports ?? []).some((port) => localPortOf(service, port) !== undefined);
  // What answers on this machine is named as people type it, whatever address its status has.
  const addresses = answers ? ["localhost"] : balancers(service);
  return [...addresses, ...(fixed === "" ? [] : [fixed])].join(",") || "<pending>";
}

/** Addresses at which a cluster's load balancers answer. */
function balancers({ status }: Service): string[] {
  const { ingress = [] } =
    (status as { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } } | undefined)?.loadBalancer ?? {};
  return ingress.flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
}

/** `80:8080/TCP`: the Service's port, the local one, and the protocol. */
export function portsText(service: Service): string {
  const ports = (service.spec.ports ?? []).map((port) => {
    const local = localPortOf(service, port) ?? port.nodePort;
    return `${port.port}${local === undefined ? "" : `:${local}`}/${port.protocol ?? "TCP"}`;
  });
  return ports.join(",") || NONE;
}

export const endpointsPrinter: KindPrinter<Endpoints> = {
  columns: ["ENDPOINTS", "AGE"],
  wide: [],
  cells: (endpoints, now) => [endpointsText(endpoints), ageOf(endpoints.metadata.creationTimestamp, now)],
  wideCells: () => [],
};

/** `127.0.0.1:40001,127.0.0.1:40002,127.0.0.1:40003 + 2 more...` */
export function endpointsText(endpoints: Endpoints | undefined, portName?: string): string {
  const all = (endpoints?.subsets ?? []).flatMap(({ addresses = [], ports = [] }) => {
    const wanted = portName === undefined ? ports : ports.filter(({ name }) => (name ?? "") === portName);
    return addresses.flatMap(({ ip }) => (ports.length === 0 ? [ip] : wanted.map(({ port }) => `${ip}:${port}`)));
  });
  if (all.length === 0) return NONE;
  const more = all.length - LISTED_ENDPOINTS;
  return `${all.slice(0, LISTED_ENDPOINTS).join(",")}${more > 0 ? ` + ${more} more...` : ""}`;
}
