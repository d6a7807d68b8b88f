/** Container ports and the local ports that stand for them, as pods share one host. */
import type { Container, PodSpec } from "../model/workload.ts";
import type { LocalPort } from "./env.ts";

interface DeclaredPort {
  name?: string;
  containerPort: number;
}

/**
 * The ports of a container: those it declares, then those that only its probes name. With neither, a process has no way
 * to learn where to listen.
 */
function portsOf(container: Container): DeclaredPort[] {
  const found: DeclaredPort[] = [];
  for (const { name, containerPort } of container.ports ?? []) {
    found.push({ containerPort, ...(name !== undefined && { name }) });
  }
  for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
    const target = probe?.httpGet ?? probe?.tcpSocket ?? probe?.grpc;
    if (target === undefined || typeof target.port !== "number") continue;
    const { port } = target;
    if (!found.some((each) => each.containerPort === port)) found.push({ containerPort: port });
  }
  return found;
}

function startsBeforeOthers(container: Container): boolean {
  return container.restartPolicy !== "Always";
}

/**
 * Gives each container's ports local ones, by container name. A port declared twice in one container, under two
 * names or for TCP and UDP, is one port; in two containers it is two. Init containers use what the later ones use.
 */
export async function declaredPorts(
  spec: PodSpec,
  allocate: () => Promise<number>,
): Promise<Record<string, LocalPort[]>> {
  const result: Record<string, LocalPort[]> = {};
  const shared = new Map<number, number>();
  const local = async (own: Map<number, number>, port: number, mayShare: boolean): Promise<number> => {
    const known = own.get(port) ?? (mayShare ? shared.get(port) : undefined);
    const found = known ?? (await allocate());
    own.set(port, found);
    if (!shared.has(port)) shared.set(port, found);
    return found;
  };
  const give = async (container: Container, mayShare: boolean): Promise<void> => {
    const own = new Map<number, number>();
    const ports: LocalPort[] = [];
    for (const each of portsOf(container)) {
      ports.push({ ...each, localPort: await local(own, each.containerPort, mayShare) });
    }
    result[container.name] = ports;
  };
  const init = spec.initContainers ?? [];
  for (const container of spec.containers) await give(container, false);
  for (const container of init) await give(container, startsBeforeOthers(container));
  return result;
}

/** Container port (as text) to local port; of a port that two containers declare, the first one's. */
export function hostPortsOf(spec: PodSpec, ports: Record<string, LocalPort[]>): Record<string, number> {
  const result: Record<string, number> = {};
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    for (const { containerPort, localPort } of ports[container.name] ?? []) result[containerPort] ??= localPort;
  }
  return result;
}

/** Ports that two containers declare which run at the same time. */
export function portConflicts(spec: PodSpec): { port: number; first: string; second: string }[] {
  const owners = new Map<number, string>();
  const conflicts: { port: number; first: string; second: string }[] = [];
  const sidecars = (spec.initContainers ?? []).filter((container) => !startsBeforeOthers(container));
  for (const container of [...spec.containers, ...sidecars]) {
    for (const port of new Set((container.ports ?? []).map((each) => each.containerPort))) {
      const first = owners.get(port);
      if (first === undefined) owners.set(port, container.name);
      else conflicts.push({ port, first, second: container.name });
    }
  }
  return conflicts;
}
