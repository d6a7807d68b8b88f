/** Rules on HTTPRoutes and GRPCRoutes: parents, hostnames, matches, filters, and where requests go. */
import { isIP } from "node:net";
import type { Field } from "../field.ts";
import { checkSubdomain, checkWildcard } from "../names.ts";
import { checkPortNumber } from "../ports.ts";
import { quote, type Report } from "../report.ts";
import { checkFilters, GRPC_FILTERS, HTTP_FILTERS } from "./filters.ts";
import { checkGrpcMatch, checkHttpMatch } from "./matches.ts";

const RULE = "gateway-route";
const LARGEST_WEIGHT = 1_000_000;

interface RouteKind {
  filters: Readonly<Record<string, string>>;
  checkMatch(report: Report, match: Field, isDefined: boolean): void;
}

const HTTP: RouteKind = { filters: HTTP_FILTERS, checkMatch: checkHttpMatch };
const GRPC: RouteKind = { filters: GRPC_FILTERS, checkMatch: checkGrpcMatch };

/** @param isDefined Whether the kind's definition is known: what its schema and its rules say is not said again */
export function checkHttpRoute(report: Report, root: Field, isDefined: boolean): void {
  checkRoute(report, root.at("spec"), HTTP, isDefined);
}

/** @param isDefined As for HTTPRoutes */
export function checkGrpcRoute(report: Report, root: Field, isDefined: boolean): void {
  checkRoute(report, root.at("spec"), GRPC, isDefined);
}

function checkRoute(report: Report, spec: Field, kind: RouteKind, isDefined: boolean): void {
  if (!isDefined) checkParents(report, spec.at("parentRefs"));
  checkHostnames(report, spec.at("hostnames"), isDefined);
  const earlier = new Map<string, Field>();
  for (const rule of spec.at("rules").items) {
    for (const match of rule.at("matches").items) {
      kind.checkMatch(report, match, isDefined);
      checkShadowed(report, match, earlier);
    }
    if (!isDefined) {
      checkFilters(report, rule, kind.filters);
      for (const backend of rule.at("backendRefs").items) checkFilters(report, backend, kind.filters);
      for (const target of targetsOf(rule)) checkTarget(report, target);
    }
    checkWeights(report, rule.at("backendRefs"));
  }
}

function checkParents(report: Report, parents: Field): void {
  const seen = new Set<string>();
  for (const parent of parents.items) {
    const part = (name: string, fallback = ""): string => String(parent.at(name).value ?? fallback);
    if (!parent.at("name").text) report.missing(RULE, parent.at("name"));
    const port = parent.at("port");
    if (port.integer !== undefined) checkPortNumber(report, port);
    const of = [part("group", "gateway.networking.k8s.io"), part("kind", "Gateway"), part("namespace"), part("name")];
    const key = JSON.stringify([...of, part("sectionName"), part("port")]);
    if (seen.has(key)) {
      report.error(RULE, parent, "it must name another parent, section or port than those before it");
    }
    seen.add(key);
  }
}

function checkHostnames(report: Report, hostnames: Field, isDefined: boolean): void {
  const seen = new Set<string>();
  for (const hostname of hostnames.items) {
    const { text } = hostname;
    if (text === undefined) continue;
    if (isIP(text) !== 0) report.error(RULE, hostname, "it must be a DNS name, not an IP address");
    else if (!isDefined) {
      const wrong = text.startsWith("*") ? checkWildcard(text) : checkSubdomain(text);
      if (wrong !== null) report.error(RULE, hostname, wrong);
    }
    if (seen.has(text)) report.warning(RULE, hostname, `${hostname.name} repeats ${quote(text)}`, { at: "value" });
    seen.add(text);
  }
}

/** Of two equal matches the first one counts, so the rule of the second never does anything for it. */
function checkShadowed(report: Report, match: Field, earlier: Map<string, Field>): void {
  const key = JSON.stringify(canonical(match.value));
  const first = earlier.get(key);
  if (first === undefined) earlier.set(key, match);
  else {
    report.warning(RULE, match, `${match.name} matches nothing: ${first.name} takes the same requests first`, {
      at: "value",
      hint: "Remove one of the two.",
    });
  }
}

/** The same matches have the same text: keys in order, and what is filled in written out. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, child]): [string, unknown] => [key, canonical(child)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Everything that a rule sends requests to: backends, and those that get a copy. */
function targetsOf(rule: Field): Field[] {
  const backends = rule.at("backendRefs").items;
  const filters = [rule, ...backends].flatMap((holder) => holder.at("filters").items);
  return [...backends, ...filters.map((filter) => filter.at("requestMirror", "backendRef"))];
}

function checkTarget(report: Report, target: Field): void {
  if (target.record === undefined) return;
  if (!target.at("name").text) report.missing(RULE, target.at("name"));
  const isService = (target.at("group").text ?? "") === "" && (target.at("kind").text ?? "Service") === "Service";
  const port = target.at("port");
  if (isService && !port.isGiven) {
    report.missing(RULE, port, { hint: "A Service is addressed by the number of one of its ports." });
  } else if (port.integer !== undefined) checkPortNumber(report, port);
}

function checkWeights(report: Report, backends: Field): void {
  for (const backend of backends.items) {
    const weight = backend.at("weight");
    const value = weight.integer;
    if (value !== undefined && (value < 0 || value > LARGEST_WEIGHT)) {
      report.error(RULE, weight, `it must be between 0 and ${LARGEST_WEIGHT}`);
    }
  }
  const weights = backends.items.map((backend) => backend.at("weight").value);
  if (weights.length > 0 && weights.every((weight) => weight === 0)) {
    report.warning(RULE, backends, `No request is answered, as all weights of ${backends.name} are 0`);
  }
}
