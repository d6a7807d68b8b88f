/** Diagnostics as GitHub's workflow commands, which show them beside the lines of a pull request. Pure. */
import type { Diagnostic } from "../../model/diagnostic.ts";
import { type OutputContext, rootedPath } from "./context.ts";

/** `::error file=…,line=…,col=…,title=…::message`, a line each; "" when there are none. */
export function githubOutput(diagnostics: readonly Diagnostic[], context: OutputContext): string {
  return diagnostics.map((diagnostic) => `${command(diagnostic, context)}\n`).join("");
}

function command({ severity, rule, message, location, hint }: Diagnostic, context: OutputContext): string {
  const { file, line, column, end } = location;
  const properties: [string, string | number][] = [
    ["file", rootedPath(file, context)],
    ["line", line],
    ["col", column],
  ];
  // GitHub takes an end column only of a place within one line; it is the last column, ours the one behind it.
  if (end !== undefined && end.line === line && end.column > column) properties.push(["endColumn", end.column - 1]);
  else if (end !== undefined && end.line > line) properties.push(["endLine", end.line]);
  properties.push(["title", rule]);
  const text = hint === undefined ? message : `${message}\n${hint}`;
  const list = properties.map(([name, value]) => `${name}=${escapeProperty(String(value))}`).join(",");
  return `::${severity} ${list}::${escapeData(text)}`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
