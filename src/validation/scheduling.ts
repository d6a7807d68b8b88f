/** Rules on where pods may run: tolerations, affinity, and how they spread. */
import type { Field } from "./field.ts";
import { checkLabelValue, checkQualifiedName } from "./names.ts";
import type { Report } from "./report.ts";
import { checkSelector } from "./selector.ts";

const RULE = "scheduling";
const EFFECTS = ["NoExecute", "NoSchedule", "PreferNoSchedule"];

/** @param spec A pod's */
export function checkScheduling(report: Report, spec: Field): void {
  for (const toleration of spec.at("tolerations").items) checkToleration(report, toleration);
  const affinity = spec.at("affinity");
  checkNodeAffinity(report, affinity.at("nodeAffinity"));
  for (const kind of ["podAffinity", "podAntiAffinity"]) checkPodAffinity(report, affinity.at(kind));
  checkSpread(report, spec.at("topologySpreadConstraints"));
}

function checkToleration(report: Report, toleration: Field): void {
  const key = toleration.at("key");
  const operator = toleration.at("operator");
  const value = toleration.at("value");
  const effect = toleration.at("effect");
  if (key.text) checkKey(report, key);
  if (operator.value !== "") report.oneOf(operator, ["Equal", "Exists"]);
  if (!key.text && operator.text !== "Exists" && toleration.record !== undefined) {
    const clause = "operator must be Exists when key is empty, which means every taint";
    report.say("error", RULE, toleration.path, `Cannot use ${toleration.name} as ${clause}`, {});
  }
  if (operator.text === "Exists" && value.text) {
    report.error(RULE, value, "it must be empty when operator is Exists");
  } else if (value.text && (!operator.text || operator.text === "Equal")) {
    const wrong = checkLabelValue(value.text);
    if (wrong !== null) report.error(RULE, value, wrong);
  }
  if (effect.value !== "") report.oneOf(effect, EFFECTS);
  if (toleration.at("tolerationSeconds").isGiven && effect.text !== "NoExecute") {
    const seconds = toleration.at("tolerationSeconds");
    report.error(RULE, seconds, "effect must be NoExecute where it is given", { at: "key" });
  }
}

function checkNodeAffinity(report: Report, affinity: Field): void {
  const required = affinity.at("requiredDuringSchedulingIgnoredDuringExecution");
  const terms = required.at("nodeSelectorTerms");
  if (required.record !== undefined && terms.items.length === 0) report.missing(RULE, terms);
  for (const term of terms.items) checkNodeTerm(report, term, true);
  for (const preferred of affinity.at("preferredDuringSchedulingIgnoredDuringExecution").items) {
    checkWeight(report, preferred.at("weight"));
    checkNodeTerm(report, preferred.at("preference"), false);
  }
}

/** Checks one term of a node selector, of a pod or of a PersistentVolume. */
export function checkNodeTerm(report: Report, term: Field, isRequired: boolean): void {
  for (const expression of term.at("matchExpressions").items) {
    checkKey(report, expression.at("key"));
    report.oneOf(expression.at("operator"), ["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"], RULE);
    checkCount(report, expression.at("values"), expression.at("operator").text ?? "");
    for (const value of isRequired ? expression.at("values").items : []) {
      const wrong = value.text === undefined ? null : checkLabelValue(value.text);
      if (wrong !== null) report.error(RULE, value, wrong);
    }
  }
  for (const expression of term.at("matchFields").items) {
    report.oneOf(expression.at("key"), ["metadata.name"], RULE);
    report.oneOf(expression.at("operator"), ["In", "NotIn"], RULE);
    checkOne(report, expression.at("values"), "it must be one value");
  }
}

function checkCount(report: Report, values: Field, operator: string): void {
  const count = values.items.length;
  if ((operator === "In" || operator === "NotIn") && count === 0) report.missing(RULE, values);
  if ((operator === "Exists" || operator === "DoesNotExist") && count > 0) {
    report.error(RULE, values, `it must not be given when operator is ${operator}`, { at: "key" });
  }
  if (operator === "Gt" || operator === "Lt")
    checkOne(report, values, `it must be one value when operator is ${operator}`);
}

function checkOne(report: Report, values: Field, clause: string): void {
  const count = values.items.length;
  if (count === 1) return;
  report.say("error", RULE, values.path, `Cannot use ${values.name} as ${clause}: it has ${count}`, { at: "key" });
}

function checkPodAffinity(report: Report, affinity: Field): void {
  for (const term of affinity.at("requiredDuringSchedulingIgnoredDuringExecution").items) checkPodTerm(report, term);
  for (const preferred of affinity.at("preferredDuringSchedulingIgnoredDuringExecution").items) {
    checkWeight(report, preferred.at("weight"));
    checkPodTerm(report, preferred.at("podAffinityTerm"));
  }
}

function checkPodTerm(report: Report, term: Field): void {
  checkSelector(report, term.at("labelSelector"));
  checkSelector(report, term.at("namespaceSelector"));
  checkTopologyKey(report, term.at("topologyKey"));
}

function checkTopologyKey(report: Report, key: Field): void {
  if (key.value === "") report.missing(RULE, key, { hint: "Such as kubernetes.io/hostname." });
  else checkKey(report, key);
}

function checkWeight(report: Report, weight: Field): void {
  const { integer } = weight;
  if (integer !== undefined && (integer < 1 || integer > 100)) {
    report.error(RULE, weight, "it must be between 1 and 100");
  }
}

function checkKey(report: Report, key: Field): void {
  const wrong = key.text === undefined ? null : checkQualifiedName(key.text);
  if (wrong !== null) report.error("label-format", key, wrong);
}

function checkSpread(report: Report, constraints: Field): void {
  const seen = new Set<string>();
  for (const constraint of constraints.items) {
    const skew = constraint.at("maxSkew");
    if ((skew.integer ?? 1) < 1) report.error(RULE, skew, "it must be greater than 0");
    const key = constraint.at("topologyKey");
    if (key.value === "") report.missing(RULE, key, { hint: "Such as topology.kubernetes.io/zone." });
    const otherwise = constraint.at("whenUnsatisfiable");
    report.oneOf(otherwise, ["DoNotSchedule", "ScheduleAnyway"]);
    const pair = JSON.stringify([key.value, otherwise.value]);
    if (seen.has(pair)) {
      report.error(RULE, constraint, "no two may share topologyKey and whenUnsatisfiable");
    }
    seen.add(pair);
    const domains = constraint.at("minDomains");
    if (domains.isGiven && otherwise.text === "ScheduleAnyway") {
      report.error(RULE, domains, "whenUnsatisfiable must be DoNotSchedule where it is given");
    } else if ((domains.integer ?? 1) < 1) report.error(RULE, domains, "it must be greater than 0");
    for (const policy of ["nodeAffinityPolicy", "nodeTaintsPolicy"]) {
      report.oneOf(constraint.at(policy), ["Honor", "Ignore"]);
    }
    checkSelector(report, constraint.at("labelSelector"));
  }
}
