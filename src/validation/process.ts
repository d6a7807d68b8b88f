/** Warnings on what the process runtime does not do, so that nobody relies on it. */
import type { Field } from "./field.ts";
import type { Report } from "./report.ts";

const RULE = "process-runtime-ignores";

/** Kinds whose pods the process runtime can get to run. */
const RUN_HERE = new Set(["Deployment", "Pod", "ReplicaSet"]);

export function warnAboutContainer(report: Report, container: Field): void {
  if (!RUN_HERE.has(report.declared.id.kind)) return;
  const mounts = container.at("volumeMounts");
  if (mounts.items.length > 0) {
    report.warning(
      RULE,
      mounts,
      `${mounts.name} is ignored by the process runtime: processes see the machine's own files`,
      {
        hint: "Pass configuration through env or envFrom.",
      },
    );
  }
  for (const port of container.at("ports").items) {
    const hostPort = port.at("hostPort");
    if (hostPort.isGiven && hostPort.integer !== 0) {
      report.warning(
        RULE,
        hostPort,
        `${hostPort.name} is ignored by the process runtime: each pod gets a free local port`,
        {
          hint: "Reach the pods through a Service.",
        },
      );
    }
    warnAboutProtocol(report, port.at("protocol"));
  }
  const limits = container.at("resources", "limits");
  if (limits.entries.length > 0) {
    report.warning(RULE, limits, `${limits.name} is not enforced by the process runtime`);
  }
  const security = container.at("securityContext");
  if (security.entries.length > 0) {
    report.warning(RULE, security, `${security.name} is ignored by the process runtime: it is no sandbox`);
  }
}

export function warnAboutPod(report: Report, spec: Field, _metadata: Field): void {
  if (!RUN_HERE.has(report.declared.id.kind)) return;
  const security = spec.at("securityContext");
  if (security.entries.length > 0) {
    report.warning(RULE, security, `${security.name} is ignored by the process runtime: it is no sandbox`);
  }
}

/** For ports of containers and Services. */
export function warnAboutProtocol(report: Report, protocol: Field): void {
  if (protocol.text === "UDP" || protocol.text === "SCTP") {
    report.warning(RULE, protocol, `${protocol.name} is ignored by the process runtime: only TCP is served`, {
      at: "value",
    });
  }
}
