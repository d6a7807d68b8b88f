/** Rules on label selectors, which workloads, budgets, network policies and claims share. */
import { type LabelSelector, matchesSelector } from "../model/object.ts";
import type { Field } from "./field.ts";
import { checkLabels } from "./metadata.ts";
import { checkLabelValue, checkQualifiedName } from "./names.ts";
import type { Report } from "./report.ts";

/** Checks a selector's form; returns whether it can be evaluated. An empty one is the caller's case to judge. */
export function checkSelector(report: Report, selector: Field): boolean {
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

/** Checks that a workload's selector, which must be sound, selects its own template. */
export function checkMatch(report: Report, selector: Field, template: Field): void {
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

/** Whether a selector has neither labels nor expressions. */
export function isEmptySelector(selector: Field): boolean {
  return selector.at("matchLabels").entries.length + selector.at("matchExpressions").items.length === 0;
}
