/** Rules on Deployments and ReplicaSets: selector, strategy, limits and deadlines (reference: Deployment semantics, A1). */
import type { Field } from "./field.ts";
import { checkCounts, checkLimit, isZero } from "./limits.ts";
import type { Report } from "./report.ts";
import { checkSelectorAndTemplate } from "./template.ts";

/** Kubernetes' default for progressDeadlineSeconds, which counts when none is given. */
const DEFAULT_PROGRESS_DEADLINE = 600;

export function checkDeployment(report: Report, root: Field): void {
  const spec = root.at("spec");
  checkCounts(report, spec, ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"]);
  checkSelectorAndTemplate(report, spec, "Deployment");
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
  checkCounts(report, spec, ["replicas", "minReadySeconds"]);
  // The schema lets a ReplicaSet go without a template; the API server does not.
  if (spec.record !== undefined && !spec.at("template").isGiven) report.missing("schema-required", spec.at("template"));
  checkSelectorAndTemplate(report, spec, "ReplicaSet");
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
