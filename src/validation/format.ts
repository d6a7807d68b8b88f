/** Diagnostics as text for people: place, severity, sentence, code frame, hint. */
import { compareDiagnostics, type Diagnostic } from "../model/diagnostic.ts";
import { displayId } from "../model/object.ts";
import { FramedSource } from "./output/frame.ts";

export interface FormatOptions {
  color: boolean;
  /** Text of a file, for the code frame; `undefined` when it is not at hand. */
  sourceOf?: (file: string) => string | undefined;
}

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
 * What may be a Secret's value is masked in source lines.
 */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], options: FormatOptions): string {
  const palette = options.color ? COLORS : PLAIN;
  let read: { file: string; source: FramedSource | undefined } | undefined;
  const sourceOf = (file: string): FramedSource | undefined => {
    // Diagnostics come file by file: the latest is enough.
    if (read?.file !== file) {
      const text = options.sourceOf?.(file);
      read = { file, source: text === undefined ? undefined : new FramedSource(file, text) };
    }
    return read.source;
  };
  const blocks = diagnostics.toSorted(compareDiagnostics).map((diagnostic) => formatOne(diagnostic, sourceOf, palette));
  return blocks.length === 0 ? "" : `${blocks.join("\n\n")}\n`;
}

function formatOne(
  diagnostic: Diagnostic,
  sourceOf: (file: string) => FramedSource | undefined,
  palette: Palette,
): string {
  const { location, severity, rule, message, object, hint } = diagnostic;
  const place = palette.strong(`${printable(location.file)}:${location.line}:${location.column}`);
  const about = object === undefined ? "" : ` (${printable(displayId(object))})`;
  const lines = [
    `${place}: ${palette[severity](severity)}: ${printable(message)}${about} ${palette.faint(`[${rule}]`)}`,
  ];
  for (const { gutter, text, isMark } of sourceOf(location.file)?.frame(location) ?? []) {
    const shown = isMark ? text.replace(/\^+/, (marks) => palette[severity](marks)) : text;
    lines.push(`${palette.faint(`  ${gutter} |`)} ${shown}`.trimEnd());
  }
  if (hint !== undefined) lines.push(`  ${palette.faint("hint:")} ${printable(hint)}`);
  return lines.join("\n");
}

/** Text without characters that a terminal would act on. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\uFFFD");
}
