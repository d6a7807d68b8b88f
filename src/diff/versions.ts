/**
 * One object as another version of its API shows it, for the kind that is declared in one version and read in another: autoscalers. Pure.
 *
 * @see Kubernetes pkg/apis/autoscaling/v1/conversion.go
 */
import type { KubeObject } from "../model/object.ts";
import { isTree, read, type Tree } from "./tree.ts";

const SCALER = "HorizontalPodAutoscaler";
/** In which version autoscalers are read: the one that has a field for all that there is. */
export const SCALER_VERSION = "v2";

/**
 * The object in the version, as far as one is known from the other; else the object itself. What version 1 keeps of other metrics
 * in annotations is left out: who declares these has the server asked.
 */
export function asVersion(object: KubeObject, apiVersion: string): KubeObject {
  if (object.kind !== SCALER || object.apiVersion !== `autoscaling/${SCALER_VERSION}`) return object;
  if (apiVersion !== "autoscaling/v1" || !isTree(object.spec)) return object;
  const { metrics, behavior: _behavior, ...spec } = object.spec;
  const percent = cpuPercent(metrics);
  return {
    ...object,
    apiVersion,
    spec: { ...spec, ...(percent !== undefined && { targetCPUUtilizationPercentage: percent }) },
  };
}

/** Of the first metric that version 1 has a field for. */
function cpuPercent(metrics: unknown): unknown {
  if (!Array.isArray(metrics)) return undefined;
  const cpu = metrics.find(
    (metric: unknown) => at(metric, "type") === "Resource" && at(metric, "resource", "name") === "cpu",
  );
  return at(cpu, "resource", "target", "type") === "Utilization"
    ? at(cpu, "resource", "target", "averageUtilization")
    : undefined;
}

function at(value: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((inner, name) => (isTree(inner) ? read(inner as Tree, name) : undefined), value);
}
