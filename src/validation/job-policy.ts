/** Rules on when a Job has failed (podFailurePolicy) or succeeded (successPolicy). */
import type { Field } from "./field.ts";
import { checkNotNegative } from "./limits.ts";
import { checkQualifiedName } from "./names.ts";
import type { Report } from "./report.ts";

const MOST_RULES = 20;
const MOST_CODES = 255;

/** @param spec The Job's */
export function checkFailurePolicy(report: Report, policy: Field, spec: Field): void {
  const rules = policy.at("rules");
  checkMost(report, rules, MOST_RULES);
  const podSpec = spec.at("template", "spec");
  const containers = ["containers", "initContainers"].flatMap((list) =>
    podSpec.at(list).items.flatMap((container) => container.at("name").text ?? []),
  );
  for (const rule of rules.items) {
    const action = rule.at("action");
    report.oneOf(action, ["Count", "FailIndex", "FailJob", "Ignore"]);
    if (action.text === "FailIndex" && !spec.at("backoffLimitPerIndex").isGiven) {
      report.error("job-setting", action, "it requires backoffLimitPerIndex");
    }
    const codes = rule.at("onExitCodes");
    const conditions = rule.at("onPodConditions");
    if (codes.isGiven === conditions.items.length > 0) {
      const has = codes.isGiven ? "both" : "neither";
      const clause = `it must have exactly one of onExitCodes and onPodConditions: it has ${has}`;
      report.say("error", "job-setting", rule.path, `Cannot use ${rule.name} as ${clause}`, {});
    }
    if (codes.record !== undefined) checkExitCodes(report, codes, containers);
    checkMost(report, conditions, MOST_RULES);
    for (const condition of conditions.items) {
      const type = condition.at("type");
      const wrong = type.text === undefined ? null : checkQualifiedName(type.text);
      if (wrong !== null) report.error("job-setting", type, wrong);
      report.oneOf(condition.at("status"), ["False", "True", "Unknown"]);
    }
  }
}

function checkExitCodes(report: Report, codes: Field, containers: readonly string[]): void {
  const operator = codes.at("operator");
  report.oneOf(operator, ["In", "NotIn"]);
  const name = codes.at("containerName");
  if (name.text !== undefined && !containers.includes(name.text)) {
    report.error("job-setting", name, "it must be the name of a container of the template");
  }
  const values = codes.at("values");
  if (Array.isArray(values.value) && values.items.length === 0) {
    report.error("job-setting", values, "it must have at least one value");
  }
  checkMost(report, values, MOST_CODES);
  let last = Number.NEGATIVE_INFINITY;
  for (const value of values.items) {
    const code = value.integer;
    if (code === undefined) continue;
    if (operator.text === "In" && code === 0)
      report.error("job-setting", value, "it must not be 0 for the In operator");
    if (code <= last) report.error("job-setting", value, "exit codes must be in order, each given once");
    last = Math.max(last, code);
  }
}

/** @param spec The Job's, of which the completion mode is Indexed */
export function checkSuccessPolicy(report: Report, policy: Field, spec: Field): void {
  if (policy.record === undefined) return;
  const rules = policy.at("rules");
  if (Array.isArray(rules.value) && rules.items.length === 0)
    report.error("job-setting", rules, "it must have at least one rule");
  checkMost(report, rules, MOST_RULES);
  const completions = spec.at("completions").integer;
  for (const rule of rules.items) {
    const count = rule.at("succeededCount");
    const indexes = rule.at("succeededIndexes");
    if (rule.record !== undefined && !count.isGiven && !indexes.isGiven) {
      const clause = "it must have at least one of succeededCount and succeededIndexes: it has neither";
      report.say("error", "job-setting", rule.path, `Cannot use ${rule.name} as ${clause}`, {});
    }
    checkNotNegative(report, count);
    if (completions === undefined) continue;
    if ((count.integer ?? 0) > completions) {
      report.error("job-setting", count, `it must be less than or equal to completions (${completions})`);
    }
    const wrong = indexes.text === undefined ? null : checkIndexes(indexes.text, completions);
    if (wrong !== null) report.error("job-setting", indexes, wrong);
  }
}

/** Indexes and ranges of them in order, such as `0,2-4`. */
function checkIndexes(text: string, completions: number): string | null {
  let last = -1;
  for (const part of text === "" ? [] : text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return "it must be indexes and ranges, such as 0,2-4";
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    if (from <= last || (match[2] !== undefined && to <= from)) return "indexes must be in order, each given once";
    if (to >= completions) return `indexes must be less than completions (${completions})`;
    last = to;
  }
  return null;
}

function checkMost(report: Report, list: Field, most: number): void {
  if (list.items.length <= most) return;
  const message = `Cannot use ${list.name} as it must have at most ${most} items: it has ${list.items.length}`;
  report.say("error", "job-setting", list.path, message, { at: "key" });
}
