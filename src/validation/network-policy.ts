/** Rules on NetworkPolicies: peers, address blocks, ports and directions. */
import { isIP } from "node:net";
import { isInside, parseBlock } from "./address-block.ts";
import type { Field } from "./field.ts";
import { checkPortNumber, checkPortReference } from "./ports.ts";
import type { Report } from "./report.ts";
import { checkSelector } from "./selector.ts";

const RULE = "network-policy";

export function checkNetworkPolicy(report: Report, root: Field): void {
  const spec = root.at("spec");
  checkSelector(report, spec.at("podSelector"));
  for (const [direction, peers] of [
    ["ingress", "from"],
    ["egress", "to"],
  ] as const) {
    for (const rule of spec.at(direction).items) {
      for (const port of rule.at("ports").items) checkPort(report, port);
      for (const peer of rule.at(peers).items) checkPeer(report, peer);
    }
  }
  for (const type of spec.at("policyTypes").items) report.oneOf(type, ["Egress", "Ingress"]);
}

function checkPort(report: Report, item: Field): void {
  report.oneOf(item.at("protocol"), ["SCTP", "TCP", "UDP"]);
  const port = item.at("port");
  const end = item.at("endPort");
  checkPortReference(report, port);
  if (!end.isGiven) return;
  if (port.integer === undefined) {
    report.error(RULE, end, `it may not be given ${port.isGiven ? "beside a port's name" : "without port"}`);
  } else if (end.integer !== undefined && end.integer < port.integer) {
    report.error(RULE, end, `it must be greater than or equal to port (${port.integer})`);
  } else checkPortNumber(report, end);
}

function checkPeer(report: Report, peer: Field): void {
  if (peer.record === undefined) return;
  const block = peer.at("ipBlock");
  const selectors = ["podSelector", "namespaceSelector"].map((key) => peer.at(key)).filter(({ isGiven }) => isGiven);
  for (const selector of selectors) checkSelector(report, selector);
  if (!block.isGiven && selectors.length === 0) {
    const message = `Cannot use ${peer.name} as it must name a peer: it is empty`;
    report.say("error", RULE, peer.path, message, { hint: "To allow all peers, leave the whole list out." });
  } else if (block.isGiven && selectors.length > 0) {
    report.say("error", RULE, block.path, `Cannot use ${block.name} as it may not stand beside another peer`, {
      at: "key",
      hint: "Make it an item of its own.",
    });
  }
  if (block.isGiven) checkBlock(report, block);
}

function checkBlock(report: Report, block: Field): void {
  const whole = checkCidr(report, block.at("cidr"));
  for (const item of block.at("except").items) {
    const part = checkCidr(report, item);
    if (whole === undefined || part === undefined) continue;
    if (!isInside(part, whole))
      report.error(RULE, item, `it must be a strict subset of cidr (${block.at("cidr").text})`);
  }
}

function checkCidr(report: Report, cidr: Field): ReturnType<typeof parseBlock> {
  const { text } = cidr;
  if (text === undefined) return undefined;
  const block = parseBlock(text);
  if (block === undefined) {
    const hint =
      isIP(text) === 0 ? "Such as 10.0.0.0/8." : `Write ${text}/${isIP(text) === 4 ? 32 : 128} for this address alone.`;
    report.error(RULE, cidr, "it must be a block of addresses", { hint });
  }
  return block;
}
