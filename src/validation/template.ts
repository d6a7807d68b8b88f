/** Rules on pod templates, and on selectors beside them: what all workloads share. */
import type { Field } from "./field.ts";
import { checkLabelsAndAnnotations } from "./metadata.ts";
import { checkPodSpec } from "./pod.ts";
import type { Report } from "./report.ts";
import { checkMatch, checkSelector, isEmptySelector } from "./selector.ts";

/** Workloads whose pods run until they are replaced. */
export type LastingKind = "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet";

/**
 * Checks the selector and the template of a workload whose pods run until they are replaced.
 *
 * @param claims Names of the volumes that a StatefulSet's claim templates give each pod
 */
export function checkSelectorAndTemplate(
  report: Report,
  spec: Field,
  kind: LastingKind,
  claims: readonly string[] = [],
): void {
  const selector = spec.at("selector");
  const template = spec.at("template");
  const sound = checkSelector(report, selector);
  if (selector.record !== undefined && sound && isEmptySelector(selector)) {
    report.error("selector-empty", selector, `empty selector is invalid for ${kind.toLowerCase()}`, {
      hint: "Select the template's labels with matchLabels.",
    });
  } else if (selector.record !== undefined && sound && template.record !== undefined) {
    checkMatch(report, selector, template);
  }
  checkTemplate(report, template, claims);
  const podSpec = template.at("spec");
  const policy = podSpec.at("restartPolicy");
  if (policy.text === "Never" || policy.text === "OnFailure") {
    const job = kind === "Deployment" || kind === "ReplicaSet" ? "a Pod" : "a Job";
    report.error("template-restart-policy", policy, 'it must be "Always"', {
      hint: `Pods of a ${kind.toLowerCase()} run until they are replaced; for one that ends, declare ${job}.`,
    });
  }
  const deadline = podSpec.at("activeDeadlineSeconds");
  if (deadline.isGiven) {
    // A Deployment is refused in the words of the ReplicaSet that it makes.
    const owner = kind === "Deployment" ? "ReplicaSet" : kind;
    report.error("template-restart-policy", deadline, `activeDeadlineSeconds in ${owner} is not Supported`);
  }
}

/** Checks a pod template by itself: its metadata and its pod spec. */
export function checkTemplate(report: Report, template: Field, claims: readonly string[] = []): void {
  const metadata = template.at("metadata");
  checkLabelsAndAnnotations(report, metadata);
  const podSpec = template.at("spec");
  if (template.record !== undefined && !podSpec.isGiven) report.missing("containers-missing", podSpec.at("containers"));
  checkPodSpec(report, podSpec, metadata, claims);
}
