/** Rules on PodDisruptionBudgets: one of two limits, and whose pods it is about. */
import type { Field } from "./field.ts";
import { checkLimit } from "./limits.ts";
import type { Report } from "./report.ts";
import { checkSelector } from "./selector.ts";

export function checkDisruptionBudget(report: Report, root: Field): void {
  const spec = root.at("spec");
  const least = spec.at("minAvailable");
  const most = spec.at("maxUnavailable");
  if (least.isGiven && most.isGiven) {
    const message = "Cannot use spec as minAvailable and maxUnavailable may not both be given";
    report.say("error", "disruption-budget", most.path, message, { at: "key", hint: "Remove one of the two." });
  }
  for (const limit of [least, most]) checkLimit(report, limit, true, "disruption-budget");
  checkSelector(report, spec.at("selector"));
  report.oneOf(spec.at("unhealthyPodEvictionPolicy"), ["AlwaysAllow", "IfHealthyBudget"]);
}
