/** How a pod does, and why, from its containers' states and its latest warning. Pure. */

import { isPodReady } from "../model/endpoints.ts";
import { latestWarning } from "../model/event-times.ts";
import type { Health } from "../model/health.ts";
import type { ContainerState, ContainerStatus, KubeEvent, Pod } from "../model/workload.ts";
import { getCondition } from "./conditions.ts";

/**
 * How a pod does.
 *
 * @param events Events, of any object; the latest warning about the pod tells why it is not ready
 * @see Argo CD gitops-engine pkg/health/health_pod.go
 */
export function podHealth(pod: Pod, events: readonly KubeEvent[] = []): Health {
  if (pod.metadata.deletionTimestamp !== undefined) return { status: "Progressing", reason: "Pending deletion" };
  const { phase, message = "", reason = "" } = pod.status ?? { phase: "Pending" };
  const restartPolicy = pod.spec.restartPolicy ?? "Always";
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const troubled = containers.find(({ state }) => isTrouble(state.waiting?.reason));
  if (restartPolicy === "Always" && troubled !== undefined) {
    return { status: "Degraded", reason: containerReason(troubled) };
  }
  switch (phase) {
    case "Pending":
      return { status: "Progressing", reason: message || notReadyReason(pod, containers, events) };
    case "Succeeded":
      return { status: "Healthy", reason: "" };
    case "Failed":
      return { status: "Degraded", reason: message || failedContainer(containers) || reason || "pod failed" };
    case "Running":
      return runningHealth(pod, containers, events);
    default:
      return { status: "Unknown", reason: message };
  }
}

/** A pod that runs: Healthy when ready; if it is to end some day (restartPolicy not Always) it is under way until it has. */
function runningHealth(pod: Pod, containers: readonly ContainerStatus[], events: readonly KubeEvent[]): Health {
  const restartPolicy = pod.spec.restartPolicy ?? "Always";
  if (restartPolicy !== "Always") {
    return { status: "Progressing", reason: notReadyReason(pod, containers, events) || "runs until it ends" };
  }
  if (isPodReady(pod)) return { status: "Healthy", reason: "" };
  const crashed = containers.some(({ lastState }) => lastState?.terminated !== undefined);
  return { status: crashed ? "Degraded" : "Progressing", reason: notReadyReason(pod, containers, events) };
}

/** Waiting reasons that do not pass by themselves: ErrImagePull, CreateContainerConfigError, CrashLoopBackOff … */
function isTrouble(reason: string | undefined): boolean {
  return reason !== undefined && (reason.startsWith("Err") || reason.endsWith("Error") || reason.endsWith("BackOff"));
}

/** Why a pod is not ready: from its containers, or else its conditions; and its latest warning, where they say little. */
function notReadyReason(pod: Pod, containers: readonly ContainerStatus[], events: readonly KubeEvent[]): string {
  const byTrouble =
    containers.find(({ state }) => isTrouble(state.waiting?.reason)) ??
    containers.find(({ state }) => hasFailed(state)) ??
    containers.find(({ ready, lastState }) => !ready && lastState !== undefined && hasFailed(lastState));
  if (byTrouble !== undefined) return containerReason(byTrouble);
  const scheduled = getCondition(pod.status?.conditions, "PodScheduled");
  if (scheduled?.status === "False") return [scheduled.reason, scheduled.message].filter(Boolean).join(": ");
  const warning = latestWarning(pod, events);
  const told = warning === undefined ? [] : [`${warning.reason}: ${warning.message}`];
  const own = ownReason(pod, containers);
  return [...(own === "" ? [] : [own]), ...told].join(": ");
}

function ownReason(pod: Pod, containers: readonly ContainerStatus[]): string {
  const waiting = containers.find(({ state }) => state.waiting !== undefined);
  if (waiting !== undefined) return containerReason(waiting);
  const notReady = containers.find(({ ready }) => !ready);
  if (notReady !== undefined) {
    return `container ${notReady.name}: ${notReady.started === false ? "not started yet" : "not ready"}`;
  }
  return getCondition(pod.status?.conditions, "Ready")?.message ?? "";
}

function hasFailed(state: ContainerState): boolean {
  return state.terminated !== undefined && state.terminated.exitCode !== 0;
}

function failedContainer(containers: readonly ContainerStatus[]): string {
  const failed = containers.find(({ state }) => hasFailed(state));
  return failed === undefined ? "" : containerReason(failed);
}

/** `container web: CrashLoopBackOff: exit code 1`: the state, and how the last run ended. */
export function containerReason({ name, state, lastState }: ContainerStatus): string {
  const parts = [`container ${name}`];
  if (state.waiting !== undefined) {
    parts.push(state.waiting.reason);
    const end = endReason(lastState);
    if (end !== "") parts.push(end);
    else if (state.waiting.message !== undefined && state.waiting.message !== "") parts.push(state.waiting.message);
  } else {
    const end = endReason(state) || endReason(lastState);
    parts.push(end || "not ready");
  }
  return parts.join(": ");
}

/** How a run ended: `exit code 1`, `OOMKilled`, or why it is not known. */
function endReason(state: ContainerState | undefined): string {
  const ended = state?.terminated;
  if (ended === undefined) return "";
  const { exitCode, signal, reason, message } = ended;
  const how = exitCode === undefined ? reason : `exit code ${exitCode}`;
  const detail = [
    signal === undefined || signal === 0 ? "" : `signal ${signal}`,
    reason === "Error" || reason === "Completed" || reason === how ? "" : reason,
  ].filter((text) => text !== "");
  const text = detail.length === 0 ? how : `${how} (${detail.join(", ")})`;
  return message === undefined || message === "" ? text : `${text}: ${message}`;
}
