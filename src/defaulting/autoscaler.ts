/** What the API server fills in for autoscalers (Kubernetes 1.37, pkg/apis/autoscaling/{v1,v2}/defaults.go). */
import { each, type Fields, fill, isFields, within, withinAlways } from "./fill.ts";
import { canonicalQuantity } from "./quantity.ts";

const PERIOD_SECONDS = 15;
const DOUBLE: Fields = { type: "Percent", value: 100, periodSeconds: PERIOD_SECONDS };
const FOUR_PODS: Fields = { type: "Pods", value: 4, periodSeconds: PERIOD_SECONDS };

const SCALE_UP: Fields = { stabilizationWindowSeconds: 0, selectPolicy: "Max", policies: [FOUR_PODS, DOUBLE] };
/** How long a lower number must hold is the controller's setting: that stays open. */
const SCALE_DOWN: Fields = { selectPolicy: "Max", policies: [DOUBLE] };

const CPU_PERCENT = 80;
const CPU_METRIC: Fields = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: CPU_PERCENT } },
};

const SOURCES = ["resource", "containerResource", "pods", "object", "external"];

/** Where version 1 keeps the metrics that only version 2 has fields for. */
const METRICS = "autoscaling.alpha.kubernetes.io/metrics";

export function defaultAutoscalerV1(autoscaler: Fields): Fields {
  const { annotations } = isFields(autoscaler.metadata) ? autoscaler.metadata : {};
  const hasMetrics = isFields(annotations) && annotations[METRICS] !== undefined;
  const defaults = { minReplicas: 1, ...(!hasMetrics && { targetCPUUtilizationPercentage: CPU_PERCENT }) };
  return withinAlways(autoscaler, "spec", (spec) => fill(spec, defaults));
}

export function defaultAutoscaler(autoscaler: Fields): Fields {
  return withinAlways(autoscaler, "spec", (spec) => {
    const counted = fill(spec, { minReplicas: 1 });
    const { metrics } = counted;
    const measured = Array.isArray(metrics) && metrics.length > 0 ? counted : { ...counted, metrics: [CPU_METRIC] };
    const spelled = each(measured, "metrics", (metric) =>
      SOURCES.reduce((filled, source) => within(filled, source, spelledTarget), metric),
    );
    return within(spelled, "behavior", (behavior) => {
      const up = withinAlways(behavior, "scaleUp", (rules) => defaultRules(rules, SCALE_UP));
      return withinAlways(up, "scaleDown", (rules) => defaultRules(rules, SCALE_DOWN));
    });
  });
}

function defaultRules(rules: Fields, defaults: Fields): Fields {
  const filled = fill(rules, defaults);
  const { tolerance } = filled;
  const canonical = canonicalQuantity(tolerance);
  return canonical === tolerance ? filled : { ...filled, tolerance: canonical };
}

function spelledTarget(source: Fields): Fields {
  return within(source, "target", (target) => {
    const [value, averageValue] = [canonicalQuantity(target.value), canonicalQuantity(target.averageValue)];
    if (value === target.value && averageValue === target.averageValue) return target;
    return { ...target, ...(value !== undefined && { value }), ...(averageValue !== undefined && { averageValue }) };
  });
}
