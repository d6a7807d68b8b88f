/** Prints diagnostics to stderr, in colour where a person reads them. */
import { type Diagnostic, isError } from "../model/diagnostic.ts";
import { formatDiagnostics } from "../validation/index.ts";
import type { CommandContext } from "./command.ts";

export async function printDiagnostics(
  { err }: CommandContext,
  diagnostics: readonly Diagnostic[],
  sourceOf?: (file: string) => string | undefined,
): Promise<void> {
  if (diagnostics.length === 0) return;
  const color = err.style.red("") !== "";
  await err.write(formatDiagnostics(diagnostics, { color, ...(sourceOf !== undefined && { sourceOf }) }));
}

/** `2 errors, 1 warning in 5 files` */
export function countText(diagnostics: readonly Diagnostic[], files: number): string {
  const errors = diagnostics.filter(isError).length;
  const warnings = diagnostics.length - errors;
  const parts = [
    ...(errors > 0 ? [`${errors} error${errors === 1 ? "" : "s"}`] : []),
    ...(warnings > 0 ? [`${warnings} warning${warnings === 1 ? "" : "s"}`] : []),
  ];
  return `${parts.join(", ") || "no errors"} in ${files} file${files === 1 ? "" : "s"}`;
}
