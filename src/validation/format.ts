/** Diagnostics as text for people: place, severity, sentence, code frame, hint. */
import type { Diagnostic } from "../model/diagnostic.ts";

export interface FormatOptions {
  color: boolean;
  /** Text of a file, for the code frame; `undefined` when it is not at hand. */
  sourceOf?: (file: string) => string | undefined;
}

/** Renders diagnostics in the order of `compareDiagnostics`, ending in a newline; "" when there are none. */
export function formatDiagnostics(_diagnostics: readonly Diagnostic[], _options: FormatOptions): string {
  return "";
}
