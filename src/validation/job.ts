/** Rules on Jobs: counts, completion mode, selector, restart policy, and when a job has failed or succeeded. */
import type { Field } from "./field.ts";
import { checkFailurePolicy, checkSuccessPolicy } from "./job-policy.ts";
import { checkCounts } from "./limits.ts";
import { checkDnsLabel } from "./names.ts";
import type { Report } from "./report.ts";
import { checkMatch, checkSelector } from "./selector.ts";
import { checkTemplate } from "./template.ts";

const COUNTS = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex",
  "maxFailedIndexes",
];
const MOST_INDEXES = 100_000;

export function checkJob(report: Report, root: Field): void {
  const spec = root.at("spec");
  checkJobName(report, root.at("metadata", "name"), spec);
  checkJobSpec(report, spec);
  const selector = spec.at("selector");
  const sound = checkSelector(report, selector);
  if (spec.at("manualSelector").value !== true) {
    if (selector.entries.length > 0) {
      report.error("job-setting", selector, "it is generated unless manualSelector is true", {
        at: "key",
        hint: "Remove it.",
      });
    }
  } else if (!selector.isGiven) report.missing("job-setting", selector);
  else if (sound) checkMatch(report, selector, spec.at("template"));
}

/** A job's name becomes a label of its pods, and with an index their host name. */
function checkJobName(report: Report, name: Field, spec: Field): void {
  const { text } = name;
  if (text === undefined || text.length > 253) return;
  const completions = spec.at("completions").integer ?? 0;
  const host = `${text}-${completions - 1}`;
  if (text.length > 63 && spec.at("manualSelector").value !== true) {
    report.error("name-format", name, "it must be no more than 63 characters", {
      hint: "It becomes a label of its pods.",
    });
  } else if (spec.at("completionMode").text === "Indexed" && completions > 0 && checkDnsLabel(host) !== null) {
    report.error("name-format", name, `"${host}" must be a host name, of its last pod`, {
      hint: "Use a shorter name without dots.",
    });
  }
}

/** Checks what a Job and the template of a CronJob share. */
export function checkJobSpec(report: Report, spec: Field): void {
  if (spec.record === undefined) return;
  checkCounts(report, spec, COUNTS);
  const mode = spec.at("completionMode");
  report.oneOf(mode, ["Indexed", "NonIndexed"]);
  const perIndex = spec.at("backoffLimitPerIndex");
  const mostFailed = spec.at("maxFailedIndexes");
  const success = spec.at("successPolicy");
  if (mostFailed.isGiven && !perIndex.isGiven) report.missing("job-setting", perIndex);
  if (mode.text === "Indexed") checkIndexed(report, spec);
  else if (!mode.isGiven || mode.text === "NonIndexed") {
    for (const field of [perIndex, mostFailed, success]) {
      if (field.isGiven)
        report.say("error", "job-setting", field.path, `Cannot use ${field.name} as completionMode must be Indexed`, {
          at: "key",
        });
    }
  }
  checkTemplate(report, spec.at("template"));
  const failure = spec.at("podFailurePolicy");
  checkRestartPolicy(report, spec.at("template", "spec", "restartPolicy"), failure.isGiven);
  const replacement = spec.at("podReplacementPolicy");
  report.oneOf(replacement, failure.isGiven ? ["Failed"] : ["Failed", "TerminatingOrFailed"]);
  checkFailurePolicy(report, failure, spec);
  if (mode.text === "Indexed") checkSuccessPolicy(report, success, spec);
}

function checkIndexed(report: Report, spec: Field): void {
  const completions = spec.at("completions");
  const parallelism = spec.at("parallelism");
  const mostFailed = spec.at("maxFailedIndexes");
  if (!completions.isGiven) report.missing("job-setting", completions);
  if ((parallelism.integer ?? 0) > MOST_INDEXES) {
    report.error(
      "job-setting",
      parallelism,
      `it must be less than or equal to ${MOST_INDEXES} when completionMode is Indexed`,
    );
  }
  const failed = mostFailed.integer ?? 0;
  if (failed > MOST_INDEXES)
    report.error("job-setting", mostFailed, `it must be less than or equal to ${MOST_INDEXES}`);
  else if (completions.integer !== undefined && failed > completions.integer) {
    report.error("job-setting", mostFailed, `it must be less than or equal to completions (${completions.integer})`);
  }
}

function checkRestartPolicy(report: Report, policy: Field, hasFailurePolicy: boolean): void {
  const hint = { hint: "Pods of a Job end: set restartPolicy: Never or OnFailure." };
  if (!policy.isGiven || policy.value === "") report.missing("template-restart-policy", policy, hint);
  else if (policy.text === "Always") {
    report.error("template-restart-policy", policy, 'it must be "OnFailure" or "Never"', hint);
  } else if (hasFailurePolicy && policy.text === "OnFailure") {
    report.error("template-restart-policy", policy, 'it must be "Never" when podFailurePolicy is given');
  }
}
