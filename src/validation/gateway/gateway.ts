/** Rules on Gateways: listeners that can be told apart, with certificates where their protocol needs them. */
import { isIP } from "node:net";
import type { Field } from "../field.ts";
import { checkSubdomain, checkWildcard } from "../names.ts";
import { checkPortNumber } from "../ports.ts";
import type { Report } from "../report.ts";

const RULE = "gateway";
/** Protocols in which a client says whom it wants before it says anything else. */
const WITH_HOSTNAME = new Set(["HTTP", "HTTPS", "TLS"]);

/** @param isDefined Whether the kind's definition is known: what its schema and its rules say is not said again */
export function checkGateway(report: Report, root: Field, isDefined: boolean): void {
  const spec = root.at("spec");
  const listeners = spec.at("listeners");
  for (const listener of listeners.items) {
    const hostname = listener.at("hostname");
    if (hostname.text !== undefined && isIP(hostname.text) !== 0) {
      report.error(RULE, hostname, "it must be a DNS name, not an IP address");
    }
  }
  if (isDefined) return;
  if (!spec.at("gatewayClassName").text) report.missing(RULE, spec.at("gatewayClassName"));
  if (listeners.items.length === 0) report.missing(RULE, listeners);
  checkDistinct(report, listeners);
  for (const listener of listeners.items) checkListener(report, listener);
}

function checkDistinct(report: Report, listeners: Field): void {
  const names = new Set<string>();
  const doors = new Set<string>();
  for (const listener of listeners.items) {
    const name = listener.at("name");
    if (name.text !== undefined && names.has(name.text)) report.error(RULE, name, "a listener's name must be its own");
    names.add(name.text ?? "");
    const { port, protocol, hostname = "" } = (listener.record ?? {}) as Record<string, unknown>;
    const door = JSON.stringify([port, protocol, hostname]);
    if (doors.has(door)) {
      report.error(RULE, listener.at("port"), "no two listeners may share port, protocol and hostname");
    }
    doors.add(door);
  }
}

function checkListener(report: Report, listener: Field): void {
  for (const field of ["name", "port", "protocol"]) {
    if (!listener.at(field).isGiven) report.missing(RULE, listener.at(field));
  }
  const port = listener.at("port");
  if (port.integer !== undefined) checkPortNumber(report, port);
  const protocol = listener.at("protocol").text;
  if (protocol === undefined) return;
  const hostname = listener.at("hostname");
  const { text } = hostname;
  if (text !== undefined && text !== "") {
    const wrong = text.startsWith("*") ? checkWildcard(text) : checkSubdomain(text);
    if (isIP(text) === 0 && wrong !== null) report.error(RULE, hostname, wrong);
    const isKnown = protocol === "TCP" || protocol === "UDP" || WITH_HOSTNAME.has(protocol);
    if (isKnown && !WITH_HOSTNAME.has(protocol)) report.error(RULE, hostname, `a ${protocol} listener must have none`);
  }
  const tls = listener.at("tls");
  if (protocol === "HTTPS" || protocol === "TLS") checkTls(report, tls, protocol);
  else if (tls.isGiven && (protocol === "HTTP" || protocol === "TCP" || protocol === "UDP")) {
    const message = `Cannot use ${tls.name} as protocol must be HTTPS or TLS: it is ${JSON.stringify(protocol)}`;
    report.say("error", RULE, tls.path, message, { at: "key" });
  }
}

function checkTls(report: Report, tls: Field, protocol: string): void {
  if (!tls.isGiven) {
    report.missing(RULE, tls, { hint: "It names the certificate." });
    return;
  }
  const mode = tls.at("mode");
  report.oneOf(mode, ["Terminate", "Passthrough"]);
  if (protocol === "HTTPS" && mode.text === "Passthrough") {
    report.error(RULE, mode, "a listener of HTTPS must end the encryption itself (Terminate)");
  }
  const hasCertificate = tls.at("certificateRefs").items.length > 0 || tls.at("options").isGiven;
  if (mode.text !== "Passthrough" && !hasCertificate) report.missing(RULE, tls.at("certificateRefs"));
}
