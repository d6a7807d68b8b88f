/** What validation says: a severity, a rule, a sentence, a place, and what to do. */
import type { ObjectId } from "./object.ts";
import type { Location } from "./source.ts";

export type Severity = "error" | "warning";

export interface Diagnostic {
  severity: Severity;
  /** Rule id, stable, kebab-case: `image-tag-latest`. */
  rule: string;
  /** One sentence; without the location, which is printed beside it. */
  message: string;
  location: Location;
  /** Field path inside the object, `spec.template.spec.containers[0].image`; absent when it is about the whole file. */
  field?: string;
  object?: ObjectId;
  /** What to do next, one sentence. */
  hint?: string;
}

export function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === "error";
}

/** Orders by file, line, column, rule, so that output is stable. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return (
    compareText(a.location.file, b.location.file) ||
    a.location.line - b.location.line ||
    a.location.column - b.location.column ||
    compareText(a.rule, b.rule)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
