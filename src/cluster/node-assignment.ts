/** What a kubelet is told of a pod and of the Services. Pure. */
import { configUses } from "../model/config-use.ts";
import { isHttpPort } from "../model/endpoints.ts";
import type { ImageCatalog, ImageResolution } from "../model/image.ts";
import type { PodAssignment, ServiceAssignment, ServicePortAssignment } from "../model/kubelet.ts";
import {
  ANNOTATION,
  type ConfigMap,
  type Container,
  type Pod,
  type Secret,
  type Service,
  type ServicePort,
} from "../model/workload.ts";
import { localPortsOf } from "./endpoints-plan.ts";
import { sameJson } from "./json.ts";

/** Where Services answer: on this machine's loopback interface. */
const LOOPBACK = "127.0.0.1";

export interface ConfigNames {
  configMaps: Set<string>;
  secrets: Set<string>;
}

function containersOf(pod: Pod): Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

/** Names of the ConfigMaps and Secrets that a pod refers to: in environments and volumes. */
export function configNamesOf(pod: Pod): ConfigNames {
  const names: ConfigNames = { configMaps: new Set(), secrets: new Set() };
  for (const { kind, name } of configUses(pod.spec)) {
    (kind === "ConfigMap" ? names.configMaps : names.secrets).add(name);
  }
  return names;
}

export interface AssignmentSources {
  images: ImageCatalog;
  configMap: (name: string) => ConfigMap | undefined;
  secret: (name: string) => Secret | undefined;
  serviceEnv: Record<string, string>;
}

/** Everything that the kubelet needs to run a pod, as things are now. */
export function podAssignment(pod: Pod, sources: AssignmentSources): PodAssignment {
  const names = configNamesOf(pod);
  const images: Record<string, ImageResolution> = {};
  for (const { name, image = "" } of containersOf(pod)) images[name] = sources.images.resolve(image);
  const read = <T>(from: Set<string>, data: (name: string) => T | null): Record<string, T | null> =>
    Object.fromEntries([...from].sort().map((name) => [name, data(name)]));
  return {
    pod: withoutReports(pod),
    images,
    configMaps: read(names.configMaps, (name) => {
      const found = sources.configMap(name);
      return found === undefined ? null : (found.data ?? {});
    }),
    secrets: read(names.secrets, (name) => {
      const found = sources.secret(name);
      return found === undefined ? null : decoded(found.data ?? {});
    }),
    serviceEnv: pod.spec.enableServiceLinks === false ? {} : sources.serviceEnv,
  };
}

/** The pod without what the kubelet itself reported, so that a report is no reason to assign the pod again. */
function withoutReports(pod: Pod): Pod {
  const { status: _status, metadata, ...rest } = pod;
  const { resourceVersion: _version, annotations, ...kept } = metadata;
  const { [ANNOTATION.hostPorts]: _ports, ...others } = annotations ?? {};
  const isEmpty = Object.keys(others).length === 0;
  return { ...rest, metadata: { ...kept, ...(!isEmpty && { annotations: others }) } } as Pod;
}

function decoded(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
  );
}

/** Whether two assignments say the same. */
export function sameAssignment(a: PodAssignment | undefined, b: PodAssignment): boolean {
  return a !== undefined && sameJson(a, b);
}

/** Whether the kubelet answers for this Service: it selects pods, and is more than a name for something outside. */
export function isServed(service: Service): boolean {
  return service.spec.type !== "ExternalName" && Object.keys(service.spec.selector ?? {}).length > 0;
}

export type PreferredPort = (service: Service, port: ServicePort) => number;

/** The Services to answer for, ordered by namespace and name. */
export function serviceAssignments(services: readonly Service[], preferred: PreferredPort): ServiceAssignment[] {
  return services
    .filter((service) => isServed(service) && service.metadata.deletionTimestamp === undefined)
    .map((service) => ({
      uid: service.metadata.uid ?? "",
      namespace: service.metadata.namespace ?? "default",
      name: service.metadata.name,
      selector: service.spec.selector ?? {},
      ports: tcpPorts(service).map((port) => portAssignment(service, port, preferred)),
      includeNotReady: service.spec.publishNotReadyAddresses === true,
    }))
    .sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
}

function portAssignment(service: Service, port: ServicePort, preferred: PreferredPort): ServicePortAssignment {
  const known = localPortsOf(service)?.[String(port.port)] || undefined;
  const preferredLocalPort = isExternal(service)
    ? (port.nodePort ?? known ?? preferred(service, port))
    : // A ClusterIP Service keeps its port as well: pods have it in their environment.
      (known ?? 0);
  return {
    name: port.name ?? "",
    port: port.port,
    targetPort: port.targetPort ?? port.port,
    protocol: isHttpPort(port) ? "http" : "tcp",
    preferredLocalPort,
  };
}

/** Whether a Service gets a local port that people use: the type asks for one. */
export function isExternal(service: Service): boolean {
  return service.spec.type === "LoadBalancer" || service.spec.type === "NodePort";
}

function tcpPorts(service: Service): ServicePort[] {
  return (service.spec.ports ?? []).filter(({ protocol = "TCP" }) => protocol === "TCP");
}

/** Whether all local ports of a Service are known, or never will be. */
export function isSettled(service: Service): boolean {
  if (!isServed(service) || service.metadata.deletionTimestamp !== undefined) return true;
  const known = localPortsOf(service);
  return tcpPorts(service).every(({ port }) => known?.[String(port)] !== undefined);
}

/**
 * The variables by which pods find the Services of their namespace: `<NAME>_SERVICE_HOST`, `<NAME>_SERVICE_PORT` (of the
 * first port) and `<NAME>_SERVICE_PORT_<PORT NAME>`, upper case, dashes as underscores, as Kubernetes' kubelet sets them.
 * The ports are local ones. Headless Services have none, nor have Services whose ports are not known yet.
 */
export function serviceEnvironment(services: readonly Service[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const service of [...services].sort((a, b) => compareText(a.metadata.name, b.metadata.name))) {
    if (!isServed(service) || service.spec.clusterIP === "None") continue;
    const known = localPortsOf(service) ?? {};
    const prefix = `${variableName(service.metadata.name)}_SERVICE`;
    tcpPorts(service).forEach(({ name, port }, index) => {
      const local = known[String(port)];
      if (local === undefined || local === 0) return;
      env[`${prefix}_HOST`] = LOOPBACK;
      if (index === 0) env[`${prefix}_PORT`] = String(local);
      if (name !== undefined && name !== "") env[`${prefix}_PORT_${variableName(name)}`] = String(local);
    });
  }
  return env;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
