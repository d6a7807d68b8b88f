/** Rules on Deployments and ReplicaSets: selector, strategy, limits and deadlines (reference: Deployment semantics, A1). */
import { type LabelSelector, matchesSelector } from "../model/object.ts";
import type { Field } from "./field.ts";
import { checkLabels, checkLabelsAndAnnotations } from "./metadata.ts";
import { checkLabelValue, checkQualifiedName } from "./names.ts";
import { checkPodSpec } from "./pod.ts";
import type { Report } from "./report.ts";

const NOT_NEGATIVE = "it must be greater than or equal to 0";
/** Kubernetes' default for progressDeadlineSeconds, which counts when none is given. */
const DEFAULT_PROGRESS_DEADLINE = 600;

export function checkDeployment(report: Report, root: Field): void {
  const spec = root.at("spec");
  for (const name of ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"]) {
    checkNotNegative(report, spec.at(name));
  }
  checkSelectorAndTemplate(report, spec, "deployment");
  checkStrategy(report, spec.at("strategy"));
  const minReady = spec.at("minReadySeconds").integer ?? 0;
  const deadline = spec.at("progressDeadlineSeconds");
  const seconds = deadline.isGiven ? deadline.integer : DEFAULT_PROGRESS_DEADLINE;
  if (seconds !== undefined && seconds >= 0 && minReady >= seconds) {
    const culprit = deadline.isGiven ? deadline : spec.at("minReadySeconds");
    const clause = deadline.isGiven
      ? `it must be greater than minReadySeconds (${minReady})`
      : `progressDeadlineSeconds, ${DEFAULT_PROGRESS_DEADLINE} by default, must be greater than minReadySeconds`;
    report.error("progress-deadline", culprit, clause, {
      hint: "Raise progressDeadlineSeconds or lower minReadySeconds.",
    });
  }
}

export function checkReplicaSet(report: Report, root: Field): void {
  const spec = root.at("spec");
  for (const name of ["replicas", "minReadySeconds"]) checkNotNegative(report, spec.at(name));
  // The schema lets a ReplicaSet go without a template; the API server does not.
  if (spec.record !== undefined && !spec.at("template").isGiven) report.missing("schema-required", spec.at("template"));
  checkSelectorAndTemplate(report, spec, "replicaset");
}

function checkNotNegative(report: Report, field: Field): void {
  if ((field.integer ?? 0) < 0) report.error("replicas-negative", field, NOT_NEGATIVE);
}

function checkSelectorAndTemplate(report: Report, spec: Field, kind: "deployment" | "replicaset"): void {
  const selector = spec.at("selector");
  const template = spec.at("template");
  const sound = checkSelector(report, selector);
  const isEmpty = selector.at("matchLabels").entries.length + selector.at("matchExpressions").items.length === 0;
  if (selector.record !== undefined && sound && isEmpty) {
    report.error("selector-empty", selector, `empty selector is invalid for ${kind}`, {
      hint: "Select the template's labels with matchLabels.",
    });
  } else if (selector.record !== undefined && sound && template.record !== undefined) {
    checkMatch(report, selector, template);
  }
  const metadata = template.at("metadata");
  checkLabelsAndAnnotations(report, metadata);
  const podSpec = template.at("spec");
  if (template.record !== undefined && !podSpec.isGiven) report.missing("containers-missing", podSpec.at("containers"));
  checkPodSpec(report, podSpec, metadata);
  const policy = podSpec.at("restartPolicy");
  if (policy.text === "Never" || policy.text === "OnFailure") {
    report.error("template-restart-policy", policy, 'it must be "Always"', {
      hint: `Pods of a ${kind} run until they are replaced; for one that ends, declare a Pod.`,
    });
  }
  const deadline = podSpec.at("activeDeadlineSeconds");
  if (deadline.isGiven) {
    report.error("template-restart-policy", deadline, "activeDeadlineSeconds in ReplicaSet is not Supported");
  }
}

/** Checks a selector's form; returns whether it can be evaluated. */
function checkSelector(report: Report, selector: Field): boolean {
  const before = report.diagnostics.length;
  const labels = selector.at("matchLabels");
  checkLabels(report, labels);
  let sound = labels.entries.every(([, value]) => value.text !== undefined);
  for (const expression of selector.at("matchExpressions").items) sound = checkExpression(report, expression) && sound;
  return sound && report.diagnostics.length === before;
}

/** Checks one requirement of a selector; returns whether its fields have the types that evaluation needs. */
function checkExpression(report: Report, expression: Field): boolean {
  const operator = expression.at("operator");
  const values = expression.at("values");
  const key = expression.at("key");
  if (key.text === undefined || operator.text === undefined) return false;
  const wrong = checkQualifiedName(key.text);
  if (wrong !== null) report.error("label-format", key, wrong);
  for (const value of values.items) {
    const wrongValue = value.text === undefined ? null : checkLabelValue(value.text);
    if (wrongValue !== null) report.error("label-format", value, wrongValue);
  }
  report.oneOf(operator, ["In", "NotIn", "Exists", "DoesNotExist"], "selector-expression");
  const takesValues = operator.text === "In" || operator.text === "NotIn";
  if (takesValues && values.items.length === 0) {
    report.error("selector-expression", values, "it must be specified when `operator` is 'In' or 'NotIn'", {
      at: "key",
    });
  } else if (!takesValues && values.items.length > 0) {
    const clause = "it may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    report.error("selector-expression", values, clause, { at: "key" });
  }
  return !values.isGiven || Array.isArray(values.value);
}

function checkMatch(report: Report, selector: Field, template: Field): void {
  const labels = template.at("metadata", "labels");
  const given = Object.fromEntries(
    labels.entries.flatMap(([key, { text }]) => (text === undefined ? [] : [[key, text]])),
  );
  if (matchesSelector(selector.value as LabelSelector, given)) return;
  const wanted = selector.at("matchLabels").entries.map(([key, { value }]) => `${key}: ${String(value)}`);
  report.error("selector-mismatch", labels, "`selector` does not match template `labels`", {
    at: "key",
    hint:
      wanted.length > 0
        ? `Give the template the labels of spec.selector.matchLabels: ${wanted.join(", ")}.`
        : "Make the template's labels satisfy the selector.",
  });
}

function checkStrategy(report: Report, strategy: Field): void {
  const type = strategy.at("type");
  const rolling = strategy.at("rollingUpdate");
  report.oneOf(type, ["Recreate", "RollingUpdate"]);
  if (type.text === "Recreate" && rolling.isGiven) {
    report.say(
      "error",
      "strategy-recreate",
      rolling.path,
      `Cannot use ${rolling.name} as it may not be specified when strategy \`type\` is 'Recreate'`,
      {
        at: "key",
        hint: "Remove it, or set type: RollingUpdate.",
      },
    );
    return;
  }
  const surge = rolling.at("maxSurge");
  const unavailable = rolling.at("maxUnavailable");
  const sound = [checkLimit(report, surge, false), checkLimit(report, unavailable, true)].every(Boolean);
  if (sound && isZero(surge) && isZero(unavailable)) {
    report.error("strategy-limits", unavailable, "it may not be 0 when `maxSurge` is 0", {
      hint: "Set one of the two to at least 1: otherwise no pod could ever be replaced.",
    });
  }
}

/** Zero as it is written: Kubernetes looks at the literal value, before percentages become counts. */
function isZero(limit: Field): boolean {
  return limit.value === 0 || (limit.text !== undefined && /^0+%$/.test(limit.text));
}

function checkLimit(report: Report, limit: Field, capped: boolean): boolean {
  if (limit.text !== undefined) {
    if (!/^[0-9]+%$/.test(limit.text)) {
      report.error(
        "strategy-limits",
        limit,
        "a valid percent string must be a numeric string followed by an ending '%'",
        {
          hint: 'Write a count without quotes (1) or a percentage ("25%").',
        },
      );
      return false;
    }
    if (capped && Number.parseInt(limit.text, 10) > 100) {
      report.error("strategy-limits", limit, "it must not be greater than 100%");
      return false;
    }
  } else if ((limit.integer ?? 0) < 0) {
    report.error("strategy-limits", limit, NOT_NEGATIVE);
    return false;
  }
  return true;
}
