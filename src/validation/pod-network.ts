/** Rules on how a pod finds others and is found: name servers, aliases, host ports, gates. */
import { isIP } from "node:net";
import type { Field } from "./field.ts";
import { checkQualifiedName, checkSubdomain } from "./names.ts";
import type { Report } from "./report.ts";

const RULE = "pod-network";
const MOST_SERVERS = 3;
const MOST_SEARCHES = 32;
const LONGEST_SEARCHES = 2048;

/** @param spec A pod's */
export function checkPodNetwork(report: Report, spec: Field): void {
  checkDns(report, spec);
  for (const alias of spec.at("hostAliases").items) {
    const ip = alias.at("ip");
    if (ip.text !== undefined && isIP(ip.text) === 0) report.error(RULE, ip, "it must be an IP address");
    for (const name of alias.at("hostnames").items) {
      const wrong = name.text === undefined ? null : checkSubdomain(name.text);
      if (wrong !== null) report.error(RULE, name, wrong);
    }
  }
  if (spec.at("hostNetwork").value === true) checkHostPorts(report, spec);
  for (const gate of spec.at("readinessGates").items) checkGate(report, gate.at("conditionType"), new Set());
  const gates = new Set<string>();
  for (const gate of spec.at("schedulingGates").items) checkGate(report, gate.at("name"), gates);
}

function checkGate(report: Report, name: Field, seen: Set<string>): void {
  const { text } = name;
  if (text === undefined) return;
  const wrong = checkQualifiedName(text);
  if (wrong !== null) report.error("label-format", name, wrong);
  else if (seen.has(text)) report.error(RULE, name, "a gate must be given once");
  seen.add(text);
}

function checkDns(report: Report, spec: Field): void {
  const config = spec.at("dnsConfig");
  const servers = config.at("nameservers");
  if (spec.at("dnsPolicy").text === "None" && servers.items.length === 0) {
    report.missing(RULE, config.isGiven ? servers : config, {
      hint: "With dnsPolicy: None a pod has the name servers that are named here.",
    });
  }
  tooMany(report, servers, MOST_SERVERS);
  for (const server of servers.items) {
    if (server.text !== undefined && isIP(server.text) === 0) report.error(RULE, server, "it must be an IP address");
  }
  const searches = config.at("searches");
  tooMany(report, searches, MOST_SEARCHES);
  if (searches.items.map(({ text = "" }) => text).join(" ").length > LONGEST_SEARCHES) {
    report.error(RULE, searches, `it must have at most ${LONGEST_SEARCHES} characters`, { at: "key" });
  }
  for (const search of searches.items) {
    const { text } = search;
    if (text === undefined || text === ".") continue;
    const wrong = checkSubdomain(withoutUnderscores(text.replace(/\.$/, "")));
    if (wrong !== null) report.error(RULE, search, wrong);
  }
  for (const option of config.at("options").items) {
    if (option.record !== undefined && !option.at("name").text) report.missing(RULE, option.at("name"));
  }
}

/** Underscores may lead a part, and stand inside it, as in names of service records. */
function withoutUnderscores(text: string): string {
  return text.replaceAll(/(^|\.)_(?=[a-z0-9])/g, "$1").replaceAll(/(?<=[a-z0-9_-])_(?=[a-z0-9_-])/g, "-");
}

function tooMany(report: Report, list: Field, most: number): void {
  if (list.items.length <= most) return;
  const message = `Cannot use ${list.name} as it must have at most ${most} items: it has ${list.items.length}`;
  report.say("error", RULE, list.path, message, { at: "key" });
}

function checkHostPorts(report: Report, spec: Field): void {
  for (const container of spec.at("containers").items) {
    for (const port of container.at("ports").items) {
      const host = port.at("hostPort").integer ?? 0;
      const own = port.at("containerPort");
      if (host === 0 || own.integer === undefined || host === own.integer) continue;
      report.error(RULE, own, `it must match hostPort (${host}) when hostNetwork is true`);
    }
  }
}
