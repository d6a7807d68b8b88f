/** Rules on the filters of routes: a type with its own settings, each once, and none that exclude each other. */
import type { Field } from "../field.ts";
import type { Report } from "../report.ts";

const RULE = "gateway-route";

/** Type to the field that holds its settings. */
export const GRPC_FILTERS = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestMirror: "requestMirror",
  ExtensionRef: "extensionRef",
} as const;

export const HTTP_FILTERS = {
  ...GRPC_FILTERS,
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
  CORS: "cors",
  ExternalAuth: "externalAuth",
} as const;

/** A route may copy requests to several backends, and name several extensions. */
const REPEATABLE = new Set(["RequestMirror", "ExtensionRef"]);
const REDIRECT_CODES = [301, 302, 303, 307, 308];

/**
 * Checks the filters of a rule, or of one of its backends.
 *
 * @param types Type to the field that holds its settings
 */
export function checkFilters(report: Report, holder: Field, types: Readonly<Record<string, string>>): void {
  const seen = new Map<string, Field>();
  for (const filter of holder.at("filters").items) {
    const type = filter.at("type");
    report.oneOf(type, Object.keys(types));
    const { text } = type;
    if (text === undefined || types[text] === undefined) continue;
    checkSettings(report, filter, text, types);
    if (seen.has(text) && !REPEATABLE.has(text)) {
      report.error(RULE, type, `it must be given once in ${holder.at("filters").name}`);
    }
    seen.set(text, filter);
  }
  checkTogether(report, holder, seen);
}

function checkSettings(report: Report, filter: Field, type: string, types: Readonly<Record<string, string>>): void {
  const own = types[type] ?? "";
  if (!filter.at(own).isGiven) report.missing(RULE, filter.at(own), { hint: `It holds what a ${type} does.` });
  for (const field of Object.values(types)) {
    if (field === own || !filter.at(field).isGiven) continue;
    const message = `Cannot use ${filter.at(field).name} as type must be the one of it: it is ${JSON.stringify(type)}`;
    report.say("error", RULE, filter.at(field).path, message, { at: "key" });
  }
  for (const modifier of ["requestHeaderModifier", "responseHeaderModifier"]) checkHeaders(report, filter.at(modifier));
  for (const changer of ["requestRedirect", "urlRewrite"]) checkPathModifier(report, filter.at(changer, "path"));
  const redirect = filter.at("requestRedirect");
  report.oneOf(redirect.at("scheme"), ["http", "https"]);
  const code = redirect.at("statusCode");
  if (code.integer !== undefined && !REDIRECT_CODES.includes(code.integer)) {
    report.error(RULE, code, `it must be one of ${REDIRECT_CODES.join(", ")}`);
  }
}

function checkPathModifier(report: Report, path: Field): void {
  if (path.record === undefined) return;
  const type = path.at("type");
  report.oneOf(type, ["ReplaceFullPath", "ReplacePrefixMatch"]);
  const field = { ReplaceFullPath: "replaceFullPath", ReplacePrefixMatch: "replacePrefixMatch" }[type.text ?? ""];
  if (field !== undefined && !path.at(field).isGiven) report.missing(RULE, path.at(field));
}

/** A header is set, added or removed, and once. */
function checkHeaders(report: Report, modifier: Field): void {
  for (const list of ["set", "add"]) {
    const seen = new Set<string>();
    for (const item of modifier.at(list).items) {
      const name = item.at("name");
      const key = name.text?.toLowerCase();
      if (key === undefined) continue;
      if (seen.has(key)) report.error(RULE, name, `a header must be given once in ${modifier.at(list).name}`);
      seen.add(key);
    }
  }
}

function checkTogether(report: Report, holder: Field, seen: ReadonlyMap<string, Field>): void {
  const redirect = seen.get("RequestRedirect");
  if (redirect === undefined) return;
  const type = redirect.at("type");
  if (seen.has("URLRewrite")) report.error(RULE, type, "it must not stand beside a URLRewrite");
  if (holder.at("backendRefs").items.length > 0) {
    report.error(RULE, type, "a rule must either redirect or have backendRefs");
  }
}
