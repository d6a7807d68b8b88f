/** Which pods a Service sends to. Pure, and used by both the daemon (for the object) and the kubelet (for the traffic). */
import type { Container, Pod, ServicePort } from "./workload.ts";

/** Whether the pod's Ready condition is True. */
export function isPodReady(pod: Pod): boolean {
  return (
    pod.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false
  );
}

/** Whether the pod is being deleted or has ended; such a pod gets no traffic. */
export function isPodTerminating(pod: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed"
  );
}

/** Whether the labels carry every pair of a Service's selector. A Service without a selector selects nothing. */
export function isSelected(selector: Record<string, string> | undefined, labels: Record<string, string> = {}): boolean {
  if (selector === undefined) return false;
  const pairs = Object.entries(selector);
  return pairs.length > 0 && pairs.every(([key, value]) => labels[key] === value);
}

/**
 * The container port that a Service's targetPort means in a pod: a number as it is, a name looked up among the
 * containers' ports. `undefined` when no container declares that name.
 */
export function containerPortOf(containers: readonly Container[], targetPort: number | string): number | undefined {
  if (typeof targetPort === "number") return targetPort;
  for (const container of containers) {
    const port = container.ports?.find((candidate) => candidate.name === targetPort);
    if (port !== undefined) return port.containerPort;
  }
  return undefined;
}

/** Whether requests rather than connections are balanced: `appProtocol: http` or a name that starts with `http`. */
export function isHttpPort(port: ServicePort): boolean {
  if (port.appProtocol !== undefined) return port.appProtocol === "http";
  return port.name?.startsWith("http") === true && !port.name.startsWith("https");
}
