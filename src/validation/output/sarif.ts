/** Diagnostics as a SARIF 2.1.0 log, for code scanning. Pure. */
import type { Diagnostic } from "../../model/diagnostic.ts";
import { displayId } from "../../model/object.ts";
import type { Location } from "../../model/source.ts";
import {
  EXPLANATIONS,
  type Explanation,
  isReconcilerRuleId,
  isRuleId,
  RECONCILER_EXPLANATIONS,
} from "../explain/index.ts";
import { RECONCILER_RULES, RULES } from "../rules.ts";
import { type OutputContext, rootedPath } from "./context.ts";
import { fingerprints } from "./fingerprint.ts";

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/** The log as JSON text, with a line end. Rules that were broken are described in it, and no others. */
export function sarifOutput(diagnostics: readonly Diagnostic[], context: OutputContext): string {
  const rules = [...new Set(diagnostics.map(({ rule }) => rule))].sort();
  const marks = fingerprints(diagnostics, (file) => rootedPath(file, context));
  const log = {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "trueup", version: context.version, rules: rules.map(describe) } },
        columnKind: "utf16CodeUnits",
        results: diagnostics.map(({ rule, severity, message, hint, location, object, field }, at) => ({
          ruleId: rule,
          ruleIndex: rules.indexOf(rule),
          level: severity,
          message: { text: hint === undefined ? message : `${message}. ${hint}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(rootedPath(location.file, context)) },
                region: regionOf(location),
              },
              ...(object !== undefined && {
                logicalLocations: [
                  {
                    name: field ?? object.name,
                    fullyQualifiedName: [displayId(object), field].filter(Boolean).join("/"),
                  },
                ],
              }),
            },
          ],
          partialFingerprints: { "trueup/v1": marks[at] },
        })),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function describe(id: string): object {
  if (isRuleId(id)) return described(id, RULES[id], EXPLANATIONS[id]);
  if (!isReconcilerRuleId(id)) return { id };
  return described(id, RECONCILER_RULES[id], { why: RECONCILER_EXPLANATIONS[id], severity: "error" });
}

function described(id: string, checks: string, { why, severity }: Pick<Explanation, "why" | "severity">): object {
  return {
    id,
    shortDescription: { text: checks },
    fullDescription: { text: why },
    help: { text: `${why} More: trueup explain ${id}`, markdown: `${why}\n\nMore: \`trueup explain ${id}\`` },
    defaultConfiguration: { level: severity },
  };
}

function regionOf({ line, column, end }: Location): object {
  const region = { startLine: line, startColumn: column };
  const isAhead = end !== undefined && (end.line > line || (end.line === line && end.column > column));
  return isAhead ? { ...region, endLine: end.line, endColumn: end.column } : region;
}

/** Relative paths stay relative; characters that a URI reserves are encoded. */
function uriOf(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
