/** Rules on StatefulSets: what they share with other workloads, claim templates, and how they are updated. */
import { checkClaimSpec } from "./claim.ts";
import type { Field } from "./field.ts";
import { checkCounts, checkLimit, checkNotNegative, isZero } from "./limits.ts";
import { checkName } from "./metadata.ts";
import { checkDnsLabel } from "./names.ts";
import type { Report } from "./report.ts";
import { checkSelectorAndTemplate } from "./template.ts";

export function checkStatefulSet(report: Report, root: Field): void {
  const spec = root.at("spec");
  checkCounts(report, spec, ["replicas", "minReadySeconds", "revisionHistoryLimit"]);
  checkNotNegative(report, spec.at("ordinals", "start"));
  report.oneOf(spec.at("podManagementPolicy"), ["OrderedReady", "Parallel"]);
  const service = spec.at("serviceName");
  if (service.value !== "") checkName(report, service, checkDnsLabel);
  const retention = spec.at("persistentVolumeClaimRetentionPolicy");
  for (const when of ["whenDeleted", "whenScaled"]) report.oneOf(retention.at(when), ["Delete", "Retain"]);
  const claims = spec.at("volumeClaimTemplates").items;
  for (const claim of claims) checkClaimSpec(report, claim.at("spec"));
  const names = claims.flatMap((claim) => claim.at("metadata", "name").text ?? []);
  checkSelectorAndTemplate(report, spec, "StatefulSet", names);
  checkStrategy(report, spec.at("updateStrategy"));
}

function checkStrategy(report: Report, strategy: Field): void {
  const type = strategy.at("type");
  const rolling = strategy.at("rollingUpdate");
  report.oneOf(type, ["OnDelete", "RollingUpdate"]);
  if (type.text === "OnDelete" && rolling.isGiven) {
    report.say(
      "error",
      "strategy-recreate",
      rolling.path,
      `Cannot use ${rolling.name} as it is only allowed for updateStrategy 'RollingUpdate'`,
      { at: "key", hint: "Remove it, or set type: RollingUpdate." },
    );
    return;
  }
  checkNotNegative(report, rolling.at("partition"));
  const unavailable = rolling.at("maxUnavailable");
  if (unavailable.isGiven && checkLimit(report, unavailable, true) && isZero(unavailable)) {
    report.error("strategy-limits", unavailable, "it may not be 0", {
      hint: "Set it to at least 1: otherwise no pod could ever be replaced.",
    });
  }
}
