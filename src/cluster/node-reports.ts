/** What a kubelet's reports do to the objects. */
import type { KubeletReport } from "../model/kubelet.ts";
import { keyOf } from "../model/object.ts";
import type { EventRecorder } from "../model/store.ts";
import { ANNOTATION, type Condition, type Pod, type Service, type ServicePort } from "../model/workload.ts";
import { isExternal } from "./node-assignment.ts";
import type { SqliteObjectStore } from "./store.ts";

/** Where Services answer: on this machine's loopback interface. */
const LOOPBACK = "127.0.0.1";

type Report<Type extends KubeletReport["type"]> = Extract<KubeletReport, { type: Type }>;

/** Writes one report's effect. A report about an object that is gone has none. */
export function applyReport(store: SqliteObjectStore, events: EventRecorder, report: KubeletReport): void {
  const object = store.byUid(report.uid);
  if (object === undefined) return;
  switch (report.type) {
    case "pod-status":
      applyPodStatus(store, object as Pod, report);
      break;
    case "pod-gone":
      applyPodGone(store, object as Pod);
      break;
    case "pod-event":
      events.record(object, report.eventType, report.reason, report.message, "kubelet");
      break;
    case "service-ports":
      applyServicePorts(store, object as Service, report);
      break;
    default:
      report satisfies never;
  }
}

function applyPodStatus(store: SqliteObjectStore, pod: Pod, report: Report<"pod-status">): void {
  const before = pod.status as (Pod["status"] & { qosClass?: string }) | undefined;
  const { qosClass } = before ?? {};
  const status = {
    ...report.status,
    conditions: mergeConditions(before?.conditions ?? [], report.status.conditions ?? []),
    ...(qosClass !== undefined && { qosClass }),
  };
  store.write({ ...withAnnotation(pod, ANNOTATION.hostPorts, report.hostPorts), status });
}

/** The kubelet's conditions, and those of others (PodScheduled) that it does not know. */
function mergeConditions(before: readonly Condition[], reported: readonly Condition[]): Condition[] {
  const types = new Set(reported.map(({ type }) => type));
  return [...before.filter(({ type }) => !types.has(type)), ...reported];
}

function applyPodGone(store: SqliteObjectStore, pod: Pod): void {
  const { uid, deletionTimestamp } = pod.metadata;
  if (uid === undefined) return;
  const hasEnded = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  if (deletionTimestamp === undefined) {
    // A pod that ran to its end stays to be looked at; one that was lost makes room, so that its owner makes another.
    if (hasEnded) return;
    store.delete(keyOf(pod), { uid, gracePeriodSeconds: 0 });
  }
  store.remove(keyOf(pod), uid);
}

function applyServicePorts(store: SqliteObjectStore, service: Service, report: Report<"service-ports">): void {
  const { localPorts } = report;
  const next = withAnnotation(service, ANNOTATION.localPorts, localPorts);
  if (!isExternal(service)) {
    store.write(next);
    return;
  }
  const applied = store.applied(keyOf(service))?.object as Service | undefined;
  const ports = (service.spec.ports ?? []).map((port): ServicePort => {
    const local = localPorts[String(port.port)] ?? 0;
    // A nodePort from git stays as it is declared: writing another would be drift, undone and redone for ever.
    const isDeclared = applied?.spec.ports?.some((other) => other.port === port.port && other.nodePort !== undefined);
    return local === 0 || isDeclared === true ? port : { ...port, nodePort: local };
  });
  const status =
    service.spec.type === "LoadBalancer" ? { status: { loadBalancer: { ingress: [{ ip: LOOPBACK }] } } } : {};
  store.write({ ...next, spec: { ...service.spec, ports }, ...status });
}

/** The object with a map of ports as an annotation; without the annotation when there are none. Keys are in numeric order. */
function withAnnotation<T extends Pod | Service>(object: T, name: string, ports: Record<string, number>): T {
  const { [name]: _before, ...others } = object.metadata.annotations ?? {};
  const annotations = Object.keys(ports).length === 0 ? others : { ...others, [name]: JSON.stringify(ports) };
  const { annotations: _annotations, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
  };
}
