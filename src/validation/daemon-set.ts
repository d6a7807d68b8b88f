/** Rules on DaemonSets: what they share with other workloads, and how they are updated. */
import type { Field } from "./field.ts";
import { checkCounts, checkLimit, isZero } from "./limits.ts";
import type { Report } from "./report.ts";
import { checkSelectorAndTemplate } from "./template.ts";

export function checkDaemonSet(report: Report, root: Field): void {
  const spec = root.at("spec");
  checkCounts(report, spec, ["minReadySeconds", "revisionHistoryLimit"]);
  checkSelectorAndTemplate(report, spec, "DaemonSet");
  const strategy = spec.at("updateStrategy");
  report.oneOf(strategy.at("type"), ["OnDelete", "RollingUpdate"]);
  // What is given for another type is neither used nor checked.
  if ((strategy.at("type").text ?? "RollingUpdate") === "RollingUpdate")
    checkRolling(report, strategy.at("rollingUpdate"));
}

/** Where a node's pod is replaced, either the new one comes first or the old one goes first: exactly one limit counts. */
function checkRolling(report: Report, rolling: Field): void {
  const surge = rolling.at("maxSurge");
  const unavailable = rolling.at("maxUnavailable");
  const sound = [checkLimit(report, surge, true), checkLimit(report, unavailable, true)].every(Boolean);
  if (!sound || rolling.record === undefined) return;
  const surges = surge.isGiven && !isZero(surge);
  // 1 by default.
  const goes = !unavailable.isGiven || !isZero(unavailable);
  if (surges && goes) {
    const hint = "Set maxUnavailable: 0 beside it, which is 1 by default.";
    report.error("strategy-limits", surge, "it may not be set when maxUnavailable is non-zero", { hint });
  } else if (!surges && !goes) {
    report.error("strategy-limits", unavailable, "it may not be 0 when `maxSurge` is 0", {
      hint: "Set one of the two to at least 1: otherwise no pod could ever be replaced.",
    });
  }
}
