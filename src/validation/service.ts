/** Rules on Services: ports, names, and what goes with which type. */

import type { Field } from "./field.ts";
import { checkLabels } from "./metadata.ts";
import { checkDnsLabel, checkQualifiedName, checkSubdomain } from "./names.ts";
import { checkPortNumber, checkPortReference } from "./ports.ts";
import { warnAboutProtocol } from "./process.ts";
import type { Report } from "./report.ts";

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

export function checkService(report: Report, root: Field): void {
  const spec = root.at("spec");
  if (!spec.isGiven) {
    report.missing("service-ports", spec.at("ports"));
    return;
  }
  const type = spec.at("type");
  report.oneOf(type, TYPES);
  report.oneOf(spec.at("sessionAffinity"), ["ClientIP", "None"]);
  checkLabels(report, spec.at("selector"));
  const kind = type.text ?? "ClusterIP";
  const headless = spec.at("clusterIP").text === "None";
  if (headless && (kind === "NodePort" || kind === "LoadBalancer")) {
    report.error("service-ports", spec.at("clusterIP"), `it may not be set to 'None' for ${kind} services`);
  }
  if (kind === "ExternalName") checkExternalName(report, spec.at("externalName"));
  checkPorts(report, spec.at("ports"), kind, headless);
}

function checkExternalName(report: Report, name: Field): void {
  if (!name.isGiven || name.value === "") {
    report.missing("service-ports", name);
    return;
  }
  const wrong = name.text === undefined ? null : checkSubdomain(name.text.replace(/\.$/, ""));
  if (wrong !== null) report.error("name-format", name, wrong);
}

function checkPorts(report: Report, ports: Field, type: string, headless: boolean): void {
  const { items } = ports;
  if (items.length === 0 && !headless && type !== "ExternalName") {
    if (!ports.isGiven) report.missing("service-ports", ports);
    else if (Array.isArray(ports.value))
      report.error("service-ports", ports, "a Service must have at least one port", { at: "key" });
  }
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  for (const port of items) {
    checkPortNameOf(report, port, names, items.length > 1);
    const protocol = port.at("protocol");
    report.oneOf(protocol, ["TCP", "UDP", "SCTP"]);
    warnAboutProtocol(report, protocol);
    const number = port.at("port");
    checkPortNumber(report, number);
    const key = `${protocol.text ?? "TCP"}/${number.integer}`;
    if (number.integer !== undefined && numbers.has(key))
      report.error("port-duplicate", number, "a Service's ports must be unique");
    numbers.add(key);
    const target = port.at("targetPort");
    if (target.value !== 0 && target.value !== "") checkPortReference(report, target);
    checkAppProtocol(report, port.at("appProtocol"));
    checkNodePort(report, port.at("nodePort"), type, protocol.text ?? "TCP", nodePorts);
  }
}

function checkPortNameOf(report: Report, port: Field, names: Set<string>, required: boolean): void {
  const name = port.at("name");
  if (!name.isGiven || name.value === "") {
    if (required && port.record !== undefined) {
      report.missing("port-name", name, { hint: "A Service with several ports names each of them." });
    }
    return;
  }
  if (name.text === undefined) return;
  const wrong = checkDnsLabel(name.text);
  if (wrong !== null) report.error("port-name", name, wrong);
  else if (names.has(name.text)) report.error("port-name", name, "a Service's port names must be unique");
  names.add(name.text);
}

function checkAppProtocol(report: Report, protocol: Field): void {
  const wrong = protocol.text === undefined ? null : checkQualifiedName(protocol.text);
  if (wrong !== null) report.error("service-ports", protocol, wrong);
}

function checkNodePort(report: Report, nodePort: Field, type: string, protocol: string, taken: Set<string>): void {
  if (!nodePort.isGiven || nodePort.integer === 0) return;
  if (type !== "NodePort" && type !== "LoadBalancer") {
    report.error("service-ports", nodePort, `it may not be used when \`type\` is '${type}'`, {
      hint: "Set type: NodePort or LoadBalancer to fix the local port.",
    });
    return;
  }
  checkPortNumber(report, nodePort);
  const key = `${protocol}/${nodePort.integer}`;
  if (taken.has(key)) report.error("port-duplicate", nodePort, "a Service's node ports must be unique");
  taken.add(key);
}
