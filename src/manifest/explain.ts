/** Says what the parser found wrong: where, in which words, and what to do about it. */
import { YAMLException } from "js-yaml";
import { messageOf } from "../model/errors.ts";
import { type Fault, mayHoldSecret } from "./faults.ts";
import { positionOf } from "./lines.ts";

/** Of a line, behind its fault, no more characters are looked at for a hint. */
const LONGEST_LINE = 200;

export const TEMPLATE_HINT =
  "This looks like a template: render it first, and keep templates out of the app's directory.";

/** A thrown error as a fault: with its place, a hint, and without the content of what may be a Secret. */
export function faultOf(thrown: unknown, text: string): Fault {
  if (!(thrown instanceof YAMLException)) {
    return {
      rule: "yaml-syntax",
      message: mayHoldSecret(text) ? "Cannot read the document" : `Cannot read the document: ${messageOf(thrown)}`,
      position: { line: 1, column: 1 },
    };
  }
  const position = { line: (thrown.mark?.line ?? 0) + 1, column: (thrown.mark?.column ?? 0) + 1 };
  if (/^(?:nesting exceeded|aliases exceeded|merge keys exceeded|abnormal merge)/.test(thrown.reason)) {
    return {
      rule: "yaml-limits",
      message: `Cannot read the document as it is too deep or too entangled: ${thrown.reason}`,
      position,
    };
  }
  const conflict = conflictBefore(text, thrown.mark?.position ?? 0);
  if (conflict >= 0) {
    return {
      rule: "yaml-syntax",
      message: "Cannot read the document as its merge must be finished: a conflict begins here",
      hint: "Keep what is right of both sides, and remove the lines with <<<<<<<, ======= and >>>>>>>.",
      position: positionOf(text, conflict),
    };
  }
  const line = lineAt(text, thrown.mark?.position ?? 0);
  const hint = hintFor(thrown.reason, line, text);
  return {
    rule: "yaml-syntax",
    message: `Cannot read the document as it must be well-formed YAML: ${withoutContent(thrown.reason, text)}`,
    position,
    ...(hint !== undefined && { hint }),
  };
}

/** Where the last conflict begins that git left before the end of an offset's line; -1: there is none. */
function conflictBefore(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  const at = text.lastIndexOf("\n<<<<<<< ", end < 0 ? text.length : end) + 1;
  return at > 0 || text.startsWith("<<<<<<< ") ? at : -1;
}

function lineAt(text: string, offset: number): string {
  const before = Math.max(text.lastIndexOf("\n", offset - 1), text.lastIndexOf("\r", offset - 1));
  return /[^\r\n]*/.exec(text.slice(before + 1, offset + LONGEST_LINE))?.[0] ?? "";
}

/** The parser quotes what it took for a tag or an alias, and that may be a password that begins with `!` or `*`. */
function withoutContent(reason: string, text: string): string {
  return mayHoldSecret(text) ? reason.replace(/ (?:".*"|!<.*>)|: .*$/s, "") : reason;
}

function hintFor(reason: string, line: string, text: string): string | undefined {
  if (/\{\{.*\}\}|\{%.*%\}/.test(line) || (/\{\{/.test(text) && /flow|mapping/.test(reason))) return TEMPLATE_HINT;
  if (reason.includes("tab characters") || /^\s*\t/.test(line)) return "Indent with spaces.";
  if (reason.includes("unknown") && reason.includes("tag")) return "Remove the tag: manifests use plain YAML.";
  if (reason === "deficient indentation") {
    return "Indent each line of a quoted text or a bracket, the closing one too, further than its key.";
  }
  if (reason.includes("indentation")) return "Check the spaces before this line against the lines above it.";
  if (reason.includes("unidentified alias")) return "Define the anchor (&name) before the alias, in the same document.";
  return undefined;
}

/** Whether a text was UTF-16 before it was taken for UTF-8: a byte order mark that is lost, or every other character nothing. */
export function isUtf16(text: string): boolean {
  return /^(?:\uFFFD\uFFFD(?:\0|.\0)|(?:[^\0]\0){4}|(?:\0[^\0]){4})/s.test(text);
}
