/** Checks an object against the policies that are switched on. */
import type { Declared } from "../../model/manifest.ts";
import { Field, withoutNulls } from "../field.ts";
import type { Report } from "../report.ts";
import type { PolicyId } from "../rules.ts";
import type { PolicySetting } from "../settings.ts";
import {
  defaultServiceAccount,
  dropCapabilities,
  hostPath,
  hostPort,
  notShared,
  privileged,
  privilegeEscalation,
  readOnlyRoot,
  runAsNonRoot,
} from "./privileges.ts";
import { hasProbe, hasResource, imageRegistry, minimumReplicas, requiredLabels } from "./running.ts";
import { Findings, type PolicyCheck, Subject } from "./subject.ts";

/** A policy of `POLICY_IDS` that has no check does not compile here. */
const CHECKS: Readonly<Record<PolicyId, PolicyCheck>> = {
  "no-liveness-probe": hasProbe("livenessProbe", "Say how to find out that the container hangs."),
  "no-readiness-probe": hasProbe("readinessProbe", "Say how to find out that the container can serve."),
  "unset-cpu-requirements": hasResource("cpu", "requests"),
  "unset-memory-requirements": hasResource("memory", "limits"),
  "run-as-non-root": runAsNonRoot,
  "privilege-escalation-container": privilegeEscalation,
  "privileged-container": privileged,
  "host-network": notShared("hostNetwork"),
  "host-pid": notShared("hostPID"),
  "host-ipc": notShared("hostIPC"),
  "host-path": hostPath,
  "host-port": hostPort,
  "no-read-only-root-fs": readOnlyRoot,
  "drop-capabilities": dropCapabilities,
  "default-service-account": defaultServiceAccount,
  "image-registry": imageRegistry,
  "required-labels": requiredLabels,
  "minimum-replicas": minimumReplicas,
};

export function checkPolicies(report: Report, { id, object }: Declared, policies: readonly PolicySetting[]): void {
  if (policies.length === 0) return;
  const subject = new Subject(id, new Field(withoutNulls(object)));
  const told = new Set<string>();
  // Errors first: of what is asked twice, the graver finding stands.
  for (const level of ["error", "warning"] as const) {
    for (const setting of policies) {
      if (setting.level === level) CHECKS[setting.rule](subject, new Findings(report, setting, told));
    }
  }
}
