/** Rules on Ingresses: hosts, paths, what they lead to, and certificates. */
import { isIP } from "node:net";
import type { Field } from "./field.ts";
import { checkName } from "./metadata.ts";
import { checkDnsLabel, checkPortName, checkSubdomain, checkWildcard } from "./names.ts";
import { checkPortNumber } from "./ports.ts";
import type { Report } from "./report.ts";

const RULE = "ingress";
/** Parts that a path may not hold, as proxies read them in different ways. */
const CONFUSING = ["//", "/./", "/../", "%2f", "%2F"];
const CONFUSING_ENDS = ["/..", "/."];
const CLASS_ANNOTATION = "kubernetes.io/ingress.class";

export function checkIngress(report: Report, root: Field): void {
  const spec = root.at("spec");
  const fallback = spec.at("defaultBackend");
  const rules = spec.at("rules");
  if (!fallback.isGiven && rules.items.length === 0) {
    const message = "Cannot use spec as it must have defaultBackend or rules: it has neither";
    report.say("error", RULE, spec.path, message, { at: "key" });
  }
  if (fallback.isGiven) checkBackend(report, fallback);
  for (const rule of rules.items) checkRule(report, rule);
  for (const tls of spec.at("tls").items) {
    for (const host of tls.at("hosts").items) checkHost(report, host);
    if (tls.at("secretName").value !== "") checkName(report, tls.at("secretName"), checkSubdomain);
  }
  const name = spec.at("ingressClassName");
  checkName(report, name, checkSubdomain);
  const annotation = root.at("metadata", "annotations").at(CLASS_ANNOTATION);
  if (name.isGiven && annotation.isGiven && annotation.value !== name.value) {
    report.error(RULE, annotation, `it must match ingressClassName (${String(name.value)})`, {
      hint: "Remove the annotation.",
    });
  }
}

function checkHost(report: Report, host: Field): void {
  const { text } = host;
  if (text === undefined) return;
  const wrong = text.includes("*") ? checkWildcard(text) : checkSubdomain(text);
  if (wrong !== null) report.error(RULE, host, wrong);
}

function checkRule(report: Report, rule: Field): void {
  const host = rule.at("host");
  if (host.text !== undefined && isIP(host.text) !== 0) {
    report.error(RULE, host, "it must be a DNS name, not an IP address");
  } else if (host.value !== "") checkHost(report, host);
  const paths = rule.at("http", "paths");
  if (Array.isArray(paths.value) && paths.items.length === 0)
    report.error(RULE, paths, "it must have at least one path");
  for (const path of paths.items) checkPath(report, path);
}

function checkPath(report: Report, item: Field): void {
  const type = item.at("pathType");
  report.oneOf(type, ["Exact", "ImplementationSpecific", "Prefix"]);
  const path = item.at("path");
  const text = path.text ?? "";
  const isOwn = type.text === "ImplementationSpecific";
  if (type.text !== undefined && !text.startsWith("/") && !(isOwn && text === "")) {
    if (path.isGiven) report.error(RULE, path, "it must be an absolute path", { hint: "Begin it with a slash." });
    else report.missing(RULE, path, { hint: "The path of everything is /." });
  } else if (!isOwn) {
    for (const part of CONFUSING) if (text.includes(part)) report.error(RULE, path, `it must not contain '${part}'`);
    for (const end of CONFUSING_ENDS) if (text.endsWith(end)) report.error(RULE, path, `it must not end with '${end}'`);
  }
  if (item.at("backend").isGiven) checkBackend(report, item.at("backend"));
}

function checkBackend(report: Report, backend: Field): void {
  const service = backend.at("service");
  const resource = backend.at("resource");
  if (service.isGiven === resource.isGiven) {
    const has = service.isGiven ? "both" : "neither";
    const message = `Cannot use ${backend.name} as it must have exactly one of service and resource: it has ${has}`;
    report.say("error", RULE, backend.path, message, { at: "key" });
    return;
  }
  if (service.record === undefined) return;
  const name = service.at("name");
  if (name.value === "") report.missing(RULE, name);
  else checkName(report, name, checkDnsLabel);
  const portName = service.at("port", "name");
  const portNumber = service.at("port", "number");
  const hasName = portName.isGiven && portName.value !== "";
  const hasNumber = portNumber.isGiven && portNumber.value !== 0;
  if (hasName === hasNumber) {
    const has = hasName ? "both" : "neither";
    const message = `Cannot use ${service.name} as its port must have exactly one of name and number: it has ${has}`;
    report.say("error", RULE, service.path, message, { at: "key" });
  } else if (hasNumber) checkPortNumber(report, portNumber);
  else if (portName.text !== undefined) {
    const wrong = checkPortName(portName.text);
    if (wrong !== null) report.error("port-name", portName, wrong);
  }
}
