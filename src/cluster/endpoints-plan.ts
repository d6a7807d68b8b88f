/** Which pods stand behind a Service, and on which local ports. Pure. */
import { containerPortOf, isPodReady, isPodTerminating, isSelected } from "../model/endpoints.ts";
import { ANNOTATION, type EndpointAddress, type Endpoints, type Pod, type Service } from "../model/workload.ts";
import { parseRecord } from "../util/json.ts";

type Subset = NonNullable<Endpoints["subsets"]>[number];

/** Pods run on this machine: they are reached over the loopback interface. */
const LOOPBACK = "127.0.0.1";

/**
 * The subsets of a Service's Endpoints, one per pod, ordered by pod name; `undefined` when there are none.
 *
 * A pod counts when it is selected, not terminating, and the kubelet has said where at least one of the Service's ports is.
 * Not ready pods are listed apart, unless the Service asks to publish them all the same.
 */
export function planEndpoints(service: Service, pods: readonly Pod[]): Subset[] | undefined {
  const { namespace } = service.metadata;
  const subsets = pods
    .filter(
      (pod) =>
        pod.metadata.namespace === namespace &&
        isSelected(service.spec.selector, pod.metadata.labels) &&
        !isPodTerminating(pod),
    )
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((pod) => subsetOf(service, pod))
    .filter((subset) => subset !== null);
  return subsets.length === 0 ? undefined : subsets;
}

function subsetOf(service: Service, pod: Pod): Subset | null {
  const hostPorts = hostPortsOf(pod);
  const ports = (service.spec.ports ?? []).flatMap(({ name, port, targetPort = port, protocol = "TCP" }) => {
    const containerPort = containerPortOf(pod.spec.containers, targetPort);
    const local = containerPort === undefined ? undefined : hostPorts[String(containerPort)];
    return local === undefined ? [] : [{ ...(name !== undefined && { name }), port: local, protocol }];
  });
  if (ports.length === 0) return null;
  const { namespace = "default", name, uid = "" } = pod.metadata;
  const address: EndpointAddress = {
    ip: pod.status?.podIP ?? LOOPBACK,
    targetRef: { kind: "Pod", namespace, name, uid },
  };
  const ready = isPodReady(pod) || service.spec.publishNotReadyAddresses === true;
  return ready ? { addresses: [address], ports } : { notReadyAddresses: [address], ports };
}

/** Container port, as text, to local port, as the kubelet reported them; empty before it did. */
export function hostPortsOf(pod: Pod): Record<string, number> {
  return portMap(pod.metadata.annotations?.[ANNOTATION.hostPorts]);
}

/** Service port, as text, to local port, as the kubelet reported them; `undefined` before it did. */
export function localPortsOf(service: Service): Record<string, number> | undefined {
  const text = service.metadata.annotations?.[ANNOTATION.localPorts];
  return text === undefined ? undefined : portMap(text);
}

/** Reads a map of ports; what is not one (people can edit annotations) counts as not reported. */
function portMap(text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  const pairs = Object.entries(parseRecord(text) ?? {});
  return Object.fromEntries(pairs.filter((pair): pair is [string, number] => Number.isInteger(pair[1])));
}
