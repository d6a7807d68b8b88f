/** Diagnostics as JUnit's XML, which most CI systems show as test results. Pure. */
import { type Diagnostic, isError } from "../../model/diagnostic.ts";
import { displayId } from "../../model/object.ts";
import { type OutputContext, rootedPath } from "./context.ts";

/** A suite for each file, a case for each finding; warnings pass, with their text as output. A clean file is one case. */
export function junitOutput(diagnostics: readonly Diagnostic[], context: OutputContext): string {
  const byFile = new Map<string, Diagnostic[]>(context.files.map((file) => [file, []]));
  for (const diagnostic of diagnostics) {
    const { file } = diagnostic.location;
    const own = byFile.get(file);
    if (own === undefined) byFile.set(file, [diagnostic]);
    else own.push(diagnostic);
  }
  const suites = [...byFile].map(([file, own]) => suite(rootedPath(file, context), own));
  const tests = [...byFile.values()].reduce((sum, own) => sum + Math.max(1, own.length), 0);
  const failures = diagnostics.filter(isError).length;
  const head = `<testsuites name="trueup validate" tests="${tests}" failures="${failures}" errors="0">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${head}\n${suites.join("")}</testsuites>\n`;
}

function suite(file: string, diagnostics: readonly Diagnostic[]): string {
  const cases =
    diagnostics.length === 0
      ? [`    <testcase name="valid" classname="${xmlAttribute(file)}"/>\n`]
      : diagnostics.map((diagnostic) => testCase(file, diagnostic));
  const counts = `tests="${cases.length}" failures="${diagnostics.filter(isError).length}" errors="0"`;
  return `  <testsuite name="${xmlAttribute(file)}" ${counts}>\n${cases.join("")}  </testsuite>\n`;
}

function testCase(file: string, diagnostic: Diagnostic): string {
  const { rule, message, location, object, hint } = diagnostic;
  const { line, column } = location;
  const about = object === undefined ? "" : ` ${displayId(object)}`;
  const head = `    <testcase name="${xmlAttribute(`${rule}${about} ${line}:${column}`)}" classname="${xmlAttribute(file)}">\n`;
  const text = [`${file}:${line}:${column}: ${message}`, ...(hint === undefined ? [] : [hint])].join("\n");
  const body = isError(diagnostic)
    ? `      <failure type="${xmlAttribute(rule)}" message="${xmlAttribute(message)}">${xmlText(text)}</failure>\n`
    : `      <system-out>${xmlText(`warning: ${text}`)}</system-out>\n`;
  return `${head}${body}    </testcase>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\r": "&#13;",
};

/** Text for XML 1.0, which has no place for most control characters and for half surrogate pairs. */
function xmlText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\uFFFD")
    .replace(/[&<>"'\r]/g, (character) => ENTITIES[character] ?? character);
}

/** The same for an attribute, in which a reader makes every white space a blank unless it is spelled by number. */
function xmlAttribute(text: string): string {
  return xmlText(text).replace(/[\t\n]/g, (character) => `&#${character.charCodeAt(0)};`);
}
