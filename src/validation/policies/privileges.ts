/** Policies on what containers may do on their host: users, privileges, and what they share with it. */
import type { Field } from "../field.ts";
import type { PolicyCheck } from "./subject.ts";

export const runAsNonRoot: PolicyCheck = ({ pod, containers }, findings) => {
  if (pod === undefined) return;
  for (const container of containers) {
    const setting = (name: string): Field => {
      const own = container.at("securityContext", name);
      return own.isGiven ? own : pod.at("securityContext", name);
    };
    const [user, group, nonRoot] = [setting("runAsUser"), setting("runAsGroup"), setting("runAsNonRoot")];
    if (group.value === 0) findings.refuse(group, "the group must not be root's");
    if (user.value === 0) findings.refuse(user, "the user must not be root");
    else if (user.integer !== undefined || nonRoot.value === true) continue;
    else if (nonRoot.isGiven) findings.refuse(nonRoot, "it must be true");
    else findings.lack(container, ["securityContext", "runAsNonRoot"], "Set it to true, for the container or its pod.");
  }
};

export const privilegeEscalation: PolicyCheck = ({ containers, isWindows }, findings) => {
  for (const container of isWindows ? [] : containers) {
    const allows = container.at("securityContext", "allowPrivilegeEscalation");
    if (!allows.isGiven) {
      findings.lack(
        container,
        ["securityContext", "allowPrivilegeEscalation"],
        "Set it to false: the default is true.",
      );
    } else if (allows.value !== false) findings.refuse(allows, "it must be false");
  }
};

export const privileged: PolicyCheck = ({ containers }, findings) => {
  for (const container of containers) {
    const given = container.at("securityContext", "privileged");
    if (given.value === true) findings.refuse(given, "it must be false");
  }
};

export const readOnlyRoot: PolicyCheck = ({ containers, isWindows }, findings) => {
  for (const container of isWindows ? [] : containers) {
    const given = container.at("securityContext", "readOnlyRootFilesystem");
    if (!given.isGiven) {
      const hint = "Set it to true, and mount a volume where the container writes.";
      findings.lack(container, ["securityContext", "readOnlyRootFilesystem"], hint);
    } else if (given.value !== true) findings.refuse(given, "it must be true");
  }
};

const capability = (text: string): string => text.toUpperCase().replace(/^CAP_/, "");

/** The one that a server needs to listen on a port below 1024. */
const ALWAYS_ALLOWED = "NET_BIND_SERVICE";

export const dropCapabilities: PolicyCheck = ({ containers, isWindows }, findings) => {
  const wanted = (findings.setting.capabilities ?? ["ALL"]).map(capability);
  for (const container of isWindows ? [] : containers) {
    const drop = container.at("securityContext", "capabilities", "drop");
    const dropped = new Set(drop.items.map(({ text }) => capability(text ?? "")));
    const kept = dropped.has("ALL") ? [] : wanted.filter((each) => !dropped.has(each));
    if (kept.length > 0) {
      const hint = `Drop ${kept.join(", ")}.`;
      if (drop.isGiven) findings.refuse(drop, `it must name ${kept.join(", ")}`, hint);
      else findings.lack(container, ["securityContext", "capabilities", "drop"], hint);
    }
    for (const added of container.at("securityContext", "capabilities", "add").items) {
      const name = capability(added.text ?? "");
      const isDropped = wanted.includes(name) || (wanted.includes("ALL") && name !== ALWAYS_ALLOWED);
      if (isDropped || (name === "ALL" && wanted.length > 0)) findings.refuse(added, "it must not be added");
    }
  }
};

/** A policy against one of a pod's switches that share something with the host. */
export function notShared(name: "hostNetwork" | "hostPID" | "hostIPC"): PolicyCheck {
  return ({ pod }, findings) => {
    const given = pod?.at(name);
    if (given?.value === true) findings.refuse(given, "it must be false");
  };
}

export const hostPath: PolicyCheck = ({ pod }, findings) => {
  for (const volume of pod?.at("volumes").items ?? []) {
    const given = volume.at("hostPath");
    if (given.isGiven) findings.refuse(given, "pods must not reach files of the host");
  }
};

export const hostPort: PolicyCheck = ({ containers }, findings) => {
  for (const container of containers) {
    for (const port of container.at("ports").items) {
      const given = port.at("hostPort");
      if (given.isGiven && given.value !== 0) {
        findings.refuse(given, "containers must not take ports of the host", "Use a Service.");
      }
    }
  }
};

export const defaultServiceAccount: PolicyCheck = ({ pod }, findings) => {
  if (pod === undefined) return;
  const named = pod.at("serviceAccountName");
  const account = named.isGiven && named.value !== "" ? named : pod.at("serviceAccount");
  const mounts = pod.at("automountServiceAccountToken");
  if (mounts.value === false) return;
  if (account.isGiven && account.value !== "" && account.value !== "default") return;
  const hint = "Name a service account of the workload's own, or set automountServiceAccountToken: false.";
  if (mounts.isGiven) findings.refuse(mounts, "pods must not mount the default service account's token", hint);
  else if (account.isGiven) findings.refuse(account, "pods must not mount the default service account's token", hint);
  else findings.lack(pod, ["serviceAccountName"], hint);
};
