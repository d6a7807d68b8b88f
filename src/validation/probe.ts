/** Rules on probes and lifecycle hooks. */

import type { Field } from "./field.ts";
import { checkPortReference } from "./ports.ts";
import type { Report } from "./report.ts";

const TIMINGS = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
] as const;
const HANDLERS = ["exec", "grpc", "httpGet", "tcpSocket"] as const;

/** Checks a probe. @param ports The container's ports, which a named port must be among */
export function checkProbe(report: Report, probe: Field, name: string, ports: Field): void {
  checkHandler(report, probe, HANDLERS, ports);
  for (const key of TIMINGS) {
    const field = probe.at(key);
    if ((field.integer ?? 0) < 0) report.error("probe-setting", field, "it must be greater than or equal to 0");
  }
  const successes = probe.at("successThreshold");
  if (name !== "readinessProbe" && (successes.integer ?? 1) > 1) {
    report.error("probe-setting", successes, `it must be 1 in a ${name}`);
  }
  const grace = probe.at("terminationGracePeriodSeconds");
  if (grace.isGiven && name === "readinessProbe") {
    report.error("probe-setting", grace, "it must not be set for readinessProbes", { at: "key" });
  } else if ((grace.integer ?? 1) < 1) report.error("probe-setting", grace, "it must be greater than 0");
}

/** Checks that exactly one handler is given, and that it is sound. */
export function checkHandler(report: Report, owner: Field, known: readonly string[], ports: Field): void {
  if (owner.record === undefined) return;
  const given = known.filter((key) => owner.at(key).isGiven);
  if (given.length !== 1) {
    const clause =
      given.length === 0 ? "it must specify a handler type" : "it may not specify more than 1 handler type";
    const was = given.length === 0 ? `one of ${known.join(", ")}` : given.join(", ");
    report.say("error", "probe-handler", owner.path, `Cannot use ${owner.name} as ${clause}: ${was}`, { at: "key" });
  }
  for (const key of given) {
    const handler = owner.at(key);
    if (key === "exec" && handler.record !== undefined && handler.at("command").items.length === 0) {
      report.missing("probe-handler", handler.at("command"));
    }
    if (key === "httpGet") report.oneOf(handler.at("scheme"), ["HTTP", "HTTPS"]);
    if (key === "sleep" && (handler.at("seconds").integer ?? 0) < 0) {
      report.error("probe-setting", handler.at("seconds"), "it must be greater than or equal to 0");
    }
    if (key === "httpGet" || key === "tcpSocket" || key === "grpc") checkHandlerPort(report, handler.at("port"), ports);
  }
}

function checkHandlerPort(report: Report, port: Field, ports: Field): void {
  const before = report.diagnostics.length;
  checkPortReference(report, port);
  if (port.text === undefined || report.diagnostics.length > before) return;
  const names = ports.items.map((each) => each.at("name").text);
  if (!names.includes(port.text)) {
    report.warning(
      "probe-setting",
      port,
      `${port.name} names a port that the container does not declare: "${port.text}"`,
      {
        at: "value",
        hint: "Name one of the container's ports, or give the number.",
      },
    );
  }
}
