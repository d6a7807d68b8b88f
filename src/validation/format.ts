/** Diagnostics as text for people: place, severity, sentence, code frame, hint. */
import { mayHoldSecret } from "../manifest/faults.ts";
import { compareDiagnostics, type Diagnostic } from "../model/diagnostic.ts";
import { displayId } from "../model/object.ts";

export interface FormatOptions {
  color: boolean;
  /** Text of a file, for the code frame; `undefined` when it is not at hand. */
  sourceOf?: (file: string) => string | undefined;
}

/** Lines shown before the line in question. */
const LINES_BEFORE = 2;
/** Longest source line shown, in characters. */
const LONGEST_LINE = 160;

type Paint = (text: string) => string;

interface Palette {
  error: Paint;
  warning: Paint;
  strong: Paint;
  faint: Paint;
}

const PLAIN: Palette = { error: String, warning: String, strong: String, faint: String };

function ansi(open: number, close: number): Paint {
  return (text) => `\u001b[${open}m${text}\u001b[${close}m`;
}

const COLORS: Palette = { error: ansi(31, 39), warning: ansi(33, 39), strong: ansi(1, 22), faint: ansi(2, 22) };

/**
 * Renders diagnostics in the order of `compareDiagnostics`, ending in a newline; "" when there are none.
 * Source lines that may hold a Secret's values are never shown.
 */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], options: FormatOptions): string {
  const palette = options.color ? COLORS : PLAIN;
  const blocks = diagnostics.toSorted(compareDiagnostics).map((diagnostic) => formatOne(diagnostic, options, palette));
  return blocks.length === 0 ? "" : `${blocks.join("\n\n")}\n`;
}

function formatOne(diagnostic: Diagnostic, options: FormatOptions, palette: Palette): string {
  const { location, severity, rule, message, object, hint } = diagnostic;
  const place = palette.strong(`${printable(location.file)}:${location.line}:${location.column}`);
  const about = object === undefined ? "" : ` (${printable(displayId(object))})`;
  const lines = [
    `${place}: ${palette[severity](severity)}: ${printable(message)}${about} ${palette.faint(`[${rule}]`)}`,
  ];
  const source = options.sourceOf?.(location.file);
  if (source !== undefined) lines.push(...codeFrame(diagnostic, source, palette));
  if (hint !== undefined) lines.push(`  ${palette.faint("hint:")} ${printable(hint)}`);
  return lines.join("\n");
}

function codeFrame(diagnostic: Diagnostic, source: string, palette: Palette): string[] {
  const { location, severity } = diagnostic;
  // The line, and those around it, may hold a Secret's values.
  if (mayHoldSecret(source)) return [];
  const lines = source.split(/\r\n?|\n/);
  const first = Math.max(1, location.line - LINES_BEFORE);
  const width = String(location.line).length;
  const frame: string[] = [];
  for (let number = first; number <= location.line; number++) {
    const line = lines[number - 1];
    if (line === undefined) continue;
    const gutter = palette.faint(`  ${String(number).padStart(width)} |`);
    frame.push(`${gutter} ${printable(line.slice(0, LONGEST_LINE)).replaceAll("\t", " ")}`.trimEnd());
  }
  if (location.column <= LONGEST_LINE) {
    const end = location.end?.line === location.line ? location.end.column : location.column + 1;
    const marks = "^".repeat(Math.max(1, Math.min(end, LONGEST_LINE + 1) - location.column));
    frame.push(
      `${palette.faint(`  ${" ".repeat(width)} |`)} ${" ".repeat(location.column - 1)}${palette[severity](marks)}`,
    );
  }
  return frame;
}

/** Text without characters that a terminal would act on. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\uFFFD");
}
