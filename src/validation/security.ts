/** Rules on security contexts, of a pod and of its containers: ids, profiles, kernel settings, privileges. */
import type { Field } from "./field.ts";
import type { Report } from "./report.ts";

const RULE = "security-context";
const LARGEST_ID = 2_147_483_647;
const PROFILES = ["Localhost", "RuntimeDefault", "Unconfined"];
const SYSCTL = /^[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?(?:[./][a-z0-9](?:[-_a-z0-9]*[a-z0-9])?)*$/;
/** Kernel settings that pods have of their own, unless they share the host's, by what they begin with. */
const NETWORK_SYSCTL = /^net[./]/;
const IPC_SYSCTL = /^(?:kernel[./](?:shm|msg|sem)|fs[./]mqueue[./])/;

/** @param spec A pod's */
export function checkPodSecurity(report: Report, spec: Field): void {
  const context = spec.at("securityContext");
  checkIds(report, context);
  const fsGroup = context.at("fsGroup");
  checkId(report, fsGroup);
  for (const group of context.at("supplementalGroups").items) checkId(report, group);
  report.oneOf(context.at("fsGroupChangePolicy"), ["Always", "OnRootMismatch"]);
  report.oneOf(context.at("supplementalGroupsPolicy"), ["Merge", "Strict"]);
  report.oneOf(context.at("seLinuxChangePolicy"), ["MountOption", "Recursive"]);
  checkProfiles(report, context);
  checkSysctls(report, context.at("sysctls"), spec);
  const share = spec.at("shareProcessNamespace");
  if (share.value === true && spec.at("hostPID").value === true) {
    report.error(RULE, share, "it must not stand beside hostPID");
  }
}

/** @param context A container's */
export function checkContainerSecurity(report: Report, context: Field): void {
  checkIds(report, context);
  checkProfiles(report, context);
  report.oneOf(context.at("procMount"), ["Default", "Unmasked"]);
  const escalation = context.at("allowPrivilegeEscalation");
  if (escalation.value !== false) return;
  if (context.at("privileged").value === true) {
    report.error(RULE, escalation, "a privileged container cannot do without", {
      hint: "Remove privileged, or allowPrivilegeEscalation.",
    });
  }
  for (const capability of context.at("capabilities", "add").items) {
    if (capability.text !== "CAP_SYS_ADMIN") continue;
    report.error(RULE, capability, "allowPrivilegeEscalation must not be false with it");
  }
}

function checkIds(report: Report, context: Field): void {
  for (const id of ["runAsUser", "runAsGroup"]) checkId(report, context.at(id));
}

function checkId(report: Report, id: Field): void {
  const { integer } = id;
  if (integer === undefined || (integer >= 0 && integer <= LARGEST_ID)) return;
  report.error(RULE, id, `it must be between 0 and ${LARGEST_ID}, inclusive`);
}

function checkProfiles(report: Report, context: Field): void {
  for (const name of ["seccompProfile", "appArmorProfile"]) {
    const profile = context.at(name);
    if (profile.record === undefined) continue;
    const type = profile.at("type");
    const file = profile.at("localhostProfile");
    report.oneOf(type, PROFILES);
    const isLocal = type.text === "Localhost";
    if (isLocal && (!file.isGiven || file.value === "")) report.missing(RULE, file);
    else if (!isLocal && file.isGiven) report.error(RULE, file, "type must be Localhost where it is given");
    else if (name === "seccompProfile" && (file.text?.startsWith("/") || file.text?.split("/").includes(".."))) {
      report.error(RULE, file, "it must be a path inside the kubelet's directory of profiles");
    }
  }
}

function checkSysctls(report: Report, sysctls: Field, spec: Field): void {
  const seen = new Set<string>();
  for (const sysctl of sysctls.items) {
    const name = sysctl.at("name");
    const { text } = name;
    if (text === undefined) continue;
    if (text.length > 253 || !SYSCTL.test(text)) report.error(RULE, name, "it must be the name of a kernel setting");
    else if (seen.has(text)) report.error(RULE, name, "a setting must be given once");
    seen.add(text);
    if (spec.at("hostNetwork").value === true && NETWORK_SYSCTL.test(text)) {
      report.error(RULE, name, "it must not be set for the host's network (hostNetwork)");
    }
    if (spec.at("hostIPC").value === true && IPC_SYSCTL.test(text)) {
      report.error(RULE, name, "it must not be set for the host's processes (hostIPC)");
    }
  }
}
