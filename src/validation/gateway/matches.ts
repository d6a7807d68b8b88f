/** Rules on what a route takes: paths, headers, query parameters, methods. */
import type { Field } from "../field.ts";
import { quote, type Report } from "../report.ts";

const RULE = "gateway-route";
const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
const TEXT_MATCHES = ["Exact", "RegularExpression"];
const PATH_MATCHES = ["Exact", "PathPrefix", "RegularExpression"];
/** Parts that a path may not hold, as proxies read them in different ways. */
const CONFUSING = ["//", "/./", "/../", "%2f", "%2F", "#"];
const CONFUSING_ENDS = ["/..", "/."];

/** @param isDefined Whether the kind's definition is known: what its schema and its rules say is not said again */
export function checkHttpMatch(report: Report, match: Field, isDefined: boolean): void {
  checkNames(report, match.at("headers"), (name) => name.toLowerCase());
  checkNames(report, match.at("queryParams"), (name) => name);
  if (isDefined) return;
  checkPath(report, match.at("path"));
  report.oneOf(match.at("method"), HTTP_METHODS);
  for (const list of ["headers", "queryParams"]) {
    for (const item of match.at(list).items) report.oneOf(item.at("type"), TEXT_MATCHES);
  }
}

/** @param isDefined As for HTTP */
export function checkGrpcMatch(report: Report, match: Field, isDefined: boolean): void {
  checkNames(report, match.at("headers"), (name) => name.toLowerCase());
  if (isDefined) return;
  const method = match.at("method");
  report.oneOf(method.at("type"), TEXT_MATCHES);
  if (method.record !== undefined && !method.at("service").text && !method.at("method").text) {
    const message = `Cannot use ${method.name} as it must have service or method: it has neither`;
    report.say("error", RULE, method.path, message, { at: "key" });
  }
}

function checkPath(report: Report, path: Field): void {
  const type = path.at("type");
  report.oneOf(type, PATH_MATCHES);
  const value = path.at("value");
  const { text } = value;
  if (text === undefined || type.text === "RegularExpression") return;
  if (!text.startsWith("/")) {
    report.error(RULE, value, "it must be an absolute path", { hint: "Begin it with a slash." });
    return;
  }
  for (const part of CONFUSING) if (text.includes(part)) report.error(RULE, value, `it must not contain '${part}'`);
  for (const end of CONFUSING_ENDS) if (text.endsWith(end)) report.error(RULE, value, `it must not end with '${end}'`);
}

/** Of two conditions on one header or parameter only the first counts. */
function checkNames(report: Report, list: Field, keyOf: (name: string) => string): void {
  const seen = new Set<string>();
  for (const item of list.items) {
    const name = item.at("name");
    const { text } = name;
    if (text === undefined) continue;
    const key = keyOf(text);
    if (seen.has(key)) {
      const message = `${item.name} counts for nothing, as ${quote(text)} stands before it in ${list.name}`;
      report.warning(RULE, name, message, { at: "value" });
    }
    seen.add(key);
  }
}
