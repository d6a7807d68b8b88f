/** What a planned change of a Deployment's pods will look like: how many pods at most, how many available at least. */
import type { KubeObject } from "../model/object.ts";
import type { Change } from "../model/plan.ts";
import type { Deployment } from "../model/workload.ts";
import { forecastRollout } from "../rollout/forecast.ts";
import { desiredOf } from "../rollout/limits.ts";
import { type Needs, needsOf, type PastRollouts } from "./plan-needs.ts";

export interface PlanForecast {
  /** Most pods at a time that are not ending. */
  peakPods: number;
  /** Fewest available pods at a time, if the new ones become available at all. */
  lowestAvailable: number;
  /** Nothing is replaced before the rollout is resumed. */
  isPaused: boolean;
  /** Requests of all pods at the peak; empty when no container states any. */
  needs: Needs;
  /** Of this workload, by the ledger; absent when none was deployed yet. */
  past?: PastRollouts;
}

/** As long as any pod takes to start: the counts do not depend on it. */
const STARTUP_MS = 1_000;
/** A larger Deployment is not rehearsed pod by pod just to say two numbers. */
const MOST_REPLICAS = 1_000;

/** `null` for changes that replace no pods of a Deployment. */
export function forecastChange({ declared, observed, restartsPods }: Change): PlanForecast | null {
  if (!restartsPods || declared === undefined || observed === undefined) return null;
  if (!isDeployment(declared.object) || !isDeployment(observed.object)) return null;
  const { spec } = declared.object;
  const desired = spec.replicas ?? desiredOf(observed.object);
  const current = observed.object.status?.availableReplicas ?? 0;
  if (Math.max(desired, current) > MOST_REPLICAS) return null;
  const { maxSurge = "25%", maxUnavailable = "25%" } = spec.strategy?.rollingUpdate ?? {};
  const { peakPods, lowestAvailable } = forecastRollout({
    desired,
    limits: { maxSurge, maxUnavailable },
    strategy: spec.strategy?.type ?? "RollingUpdate",
    current,
    startupMs: STARTUP_MS,
    minReadySeconds: spec.minReadySeconds ?? 0,
  });
  const needs = needsOf(peakPods, [spec.template.spec, observed.object.spec.template.spec]);
  return { peakPods, lowestAvailable, isPaused: spec.paused === true, needs };
}

/** `its rollout: at most 4 pods at a time, at least 3 of them available`. */
export function forecastText({ peakPods, lowestAvailable, isPaused, needs, past }: PlanForecast): string {
  const pods = `at most ${peakPods} ${peakPods === 1 ? "pod" : "pods"} at a time, at least ${lowestAvailable} available`;
  const amounts = Object.entries(needs).map(([name, amount]) => `${amount} ${name}`);
  const quota = amounts.length === 0 ? "" : `; up to ${amounts.join(" and ")} requested`;
  const took =
    past === undefined ? "" : `; took ${(past.medianMs / 1000).toFixed(1)} s before (median of ${past.count})`;
  return `${isPaused ? "its rollout is paused; once resumed: " : "its rollout: "}${pods}${quota}${took}`;
}

function isDeployment(object: KubeObject): object is Deployment {
  return object.kind === "Deployment" && object.apiVersion === "apps/v1";
}
