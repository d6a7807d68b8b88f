/** Rules on HorizontalPodAutoscalers: bounds, what is scaled, metrics, and how fast. */
import type { Field } from "./field.ts";
import { checkNotNegative } from "./limits.ts";
import { checkDnsLabel, checkPathSegment } from "./names.ts";
import { parseQuantity } from "./quantity.ts";
import type { Report } from "./report.ts";

/** Metric types, and the field that each takes its source from. */
const SOURCES: Readonly<Record<string, string>> = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
};
const RULE = "autoscaler";

export function checkAutoscaler(report: Report, root: Field): void {
  const spec = root.at("spec");
  if (spec.record === undefined) return;
  const least = spec.at("minReplicas");
  const most = spec.at("maxReplicas");
  checkNotNegative(report, least, RULE);
  if ((most.integer ?? 1) < 1) report.error(RULE, most, "it must be greater than 0");
  // 1 by default.
  else if (most.integer !== undefined && (least.integer ?? 1) > most.integer) {
    report.error(RULE, most, `it must be greater than or equal to minReplicas (${least.integer ?? 1})`);
  }
  const target = spec.at("scaleTargetRef");
  for (const key of ["kind", "name"]) checkText(report, target.at(key));
  const version = target.at("apiVersion");
  if (
    version.text?.includes("/") === false &&
    version.text !== "" &&
    target.at("kind").text !== "ReplicationController"
  ) {
    report.error(RULE, version, "it must name the API's group", { hint: "Such as apps/v1 for a Deployment." });
  }
  const metrics = spec.at("metrics");
  for (const metric of metrics.items) checkMetric(report, metric);
  const outside = metrics.items.some((metric) => ["External", "Object"].includes(metric.at("type").text ?? ""));
  if (least.integer === 0 && !outside) {
    report.error(RULE, least, "there must be a metric of type Object or External to scale to zero");
  }
  for (const direction of ["scaleDown", "scaleUp"]) checkScaling(report, spec.at("behavior", direction));
}

/** A name that is not empty and fits into a path. */
function checkText(report: Report, field: Field): void {
  if (field.value === "") report.missing(RULE, field);
  const wrong = field.text === undefined ? null : checkPathSegment(field.text);
  if (wrong !== null) report.error(RULE, field, wrong);
}

function checkMetric(report: Report, metric: Field): void {
  const type = metric.at("type");
  report.oneOf(type, Object.keys(SOURCES));
  const expected = SOURCES[type.text ?? ""];
  if (expected === undefined) return;
  const source = metric.at(expected);
  if (!source.isGiven)
    report.missing(RULE, source, { hint: `A metric of type ${type.text} says there what it measures.` });
  for (const other of Object.values(SOURCES)) {
    const field = metric.at(other);
    if (other === expected || !field.isGiven) continue;
    const message = `Cannot use ${field.name} as a metric of type ${type.text} must have ${expected} only`;
    report.say("error", RULE, field.path, message, { at: "key" });
  }
  if (source.record === undefined) return;
  if (expected === "containerResource") {
    const container = source.at("container");
    const wrong = container.text === undefined ? null : checkDnsLabel(container.text);
    if (wrong !== null) report.error(RULE, container, wrong);
  }
  if (source.at("metric").isGiven) checkText(report, source.at("metric", "name"));
  checkTarget(report, source.at("target"), expected);
}

function checkTarget(report: Report, target: Field, source: string): void {
  if (target.record === undefined) return;
  report.oneOf(target.at("type"), ["AverageValue", "Utilization", "Value"]);
  for (const key of ["value", "averageValue"]) {
    const amount = parseQuantity(target.at(key).value);
    if (amount !== undefined && amount <= 0) report.error(RULE, target.at(key), "it must be positive");
  }
  const use = target.at("averageUtilization");
  if ((use.integer ?? 1) < 1) report.error(RULE, use, "it must be greater than 0");
  const isResource = source === "resource" || source === "containerResource";
  const choice = isResource
    ? ["averageUtilization", "averageValue"]
    : source === "pods"
      ? ["averageValue"]
      : ["value", "averageValue"];
  const given = choice.filter((key) => target.at(key).isGiven);
  // Of an Object metric both may be given.
  const most = source === "object" ? 2 : 1;
  if (given.length >= 1 && given.length <= most) return;
  const one =
    choice.length === 1 ? (choice[0] ?? "") : `${most === 2 ? "at least" : "exactly"} one of ${choice.join(", ")}`;
  const has = given.length === 0 ? "none" : given.join(", ");
  report.say("error", RULE, target.path, `Cannot use ${target.name} as it must have ${one}: it has ${has}`, {
    at: "key",
  });
}

const LONGEST_WINDOW = 3_600;
const LONGEST_PERIOD = 1_800;

function checkScaling(report: Report, rules: Field): void {
  if (rules.record === undefined) return;
  checkBetween(report, rules.at("stabilizationWindowSeconds"), 0, LONGEST_WINDOW);
  report.oneOf(rules.at("selectPolicy"), ["Disabled", "Max", "Min"]);
  const policies = rules.at("policies");
  // Where none is given at all, Kubernetes fills in its own.
  if (Array.isArray(policies.value) && policies.items.length === 0) {
    report.error(RULE, policies, "it must have at least one policy", { hint: "Remove the field for Kubernetes' own." });
  }
  for (const policy of policies.items) {
    report.oneOf(policy.at("type"), ["Percent", "Pods"]);
    const value = policy.at("value");
    if ((value.integer ?? 1) < 1) report.error(RULE, value, "it must be greater than 0");
    checkBetween(report, policy.at("periodSeconds"), 1, LONGEST_PERIOD);
  }
  const tolerance = parseQuantity(rules.at("tolerance").value);
  if (tolerance !== undefined && tolerance < 0) {
    report.error(RULE, rules.at("tolerance"), "it must be greater than or equal to 0");
  }
}

function checkBetween(report: Report, field: Field, least: number, most: number): void {
  const { integer } = field;
  if (integer !== undefined && (integer < least || integer > most)) {
    report.error(RULE, field, `it must be between ${least} and ${most}, inclusive`);
  }
}
