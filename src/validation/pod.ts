/** Rules on pod specs: what holds for the pod as a whole, and what its containers share. */
import { checkContainer } from "./container.ts";
import type { Field } from "./field.ts";
import { checkNotNegative } from "./limits.ts";
import { checkLabels, checkName } from "./metadata.ts";
import { checkDnsLabel, checkSubdomain } from "./names.ts";
import { checkPodNetwork } from "./pod-network.ts";
import { warnAboutPod } from "./process.ts";
import type { Report } from "./report.ts";
import { checkScheduling } from "./scheduling.ts";
import { checkPodSecurity } from "./security.ts";
import { checkVolumes } from "./volumes.ts";

export function checkPod(report: Report, root: Field): void {
  const spec = root.at("spec");
  if (!spec.isGiven) report.missing("containers-missing", spec.at("containers"));
  checkPodSpec(report, spec, root.at("metadata"));
}

/**
 * Checks a pod spec.
 *
 * @param metadata The pod's or template's
 * @param claims Names of the volumes that a StatefulSet's claim templates give each pod
 */
export function checkPodSpec(report: Report, spec: Field, metadata: Field, claims: readonly string[] = []): void {
  if (spec.record === undefined) return;
  const containers = spec.at("containers");
  if (Array.isArray(containers.value) && containers.items.length === 0) {
    report.error("containers-missing", containers, "a pod must have at least one container", { at: "key" });
  }
  report.oneOf(spec.at("restartPolicy"), ["Always", "Never", "OnFailure"]);
  report.oneOf(spec.at("dnsPolicy"), ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]);
  checkNotNegative(report, spec.at("terminationGracePeriodSeconds"));
  const deadline = spec.at("activeDeadlineSeconds");
  if ((deadline.integer ?? 1) < 1)
    report.error("replicas-negative", deadline, "it must be between 1 and 2147483647, inclusive");
  checkLabels(report, spec.at("nodeSelector"));
  checkName(report, spec.at("serviceAccountName"), checkSubdomain);
  checkName(report, spec.at("hostname"), checkDnsLabel);
  checkName(report, spec.at("subdomain"), checkDnsLabel);
  checkName(report, spec.at("priorityClassName"), checkSubdomain);
  checkName(report, spec.at("runtimeClassName"), checkSubdomain);
  report.oneOf(spec.at("preemptionPolicy"), ["Never", "PreemptLowerPriority"]);
  checkScheduling(report, spec);
  checkPodSecurity(report, spec);
  checkPodNetwork(report, spec);
  const volumes = checkVolumes(report, spec.at("volumes"), claims);
  const seen = new Map<string, string>();
  const hostPorts = new Map<string, string>();
  for (const list of ["initContainers", "containers"] as const) {
    for (const container of spec.at(list).items) {
      checkContainerName(report, container.at("name"), seen);
      checkContainer(report, container, { isInit: list === "initContainers", volumes, hostPorts });
    }
  }
  warnAboutPod(report, spec, metadata);
}

function checkContainerName(report: Report, name: Field, seen: Map<string, string>): void {
  const { text } = name;
  if (text === undefined) return;
  const wrong = checkDnsLabel(text);
  const earlier = seen.get(text);
  if (wrong !== null) report.error("container-name", name, wrong);
  else if (earlier !== undefined) {
    report.error("container-name", name, `a pod's container names must be unique: ${earlier} has it too`, {
      hint: "Give each container its own name.",
    });
  } else seen.set(text, name.name.replace(/\.name$/, ""));
}
