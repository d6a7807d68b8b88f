/** Diagnostics as plain data: the shape of `validate -o json`, which stays. Pure. */
import type { Diagnostic, Severity } from "../../model/diagnostic.ts";
import type { Position } from "../../model/source.ts";

/** One finding. Fields may be added; none is renamed or removed. */
export interface Finding {
  severity: Severity;
  /** Rule id; `trueup explain RULE` says more. */
  rule: string;
  message: string;
  /** Lines and columns from 1, columns in UTF-16 code units; `end` is the place behind the last one. */
  location: { file: string; line: number; column: number; end?: Position };
  /** `spec.template.spec.containers[0].image` */
  field?: string;
  object?: { group: string; kind: string; namespace: string; name: string };
  hint?: string;
}

/** Findings with their fields in one order, whatever made them. */
export function findingsOf(diagnostics: readonly Diagnostic[]): Finding[] {
  return diagnostics.map(({ severity, rule, message, location, field, object, hint }) => ({
    severity,
    rule,
    message,
    location: {
      file: location.file,
      line: location.line,
      column: location.column,
      ...(location.end !== undefined && { end: { line: location.end.line, column: location.end.column } }),
    },
    ...(field !== undefined && { field }),
    ...(object !== undefined && {
      object: { group: object.group, kind: object.kind, namespace: object.namespace, name: object.name },
    }),
    ...(hint !== undefined && { hint }),
  }));
}
