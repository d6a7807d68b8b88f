/** Diagnostics as GitLab's code quality report. Pure. */
import { type Diagnostic, isError } from "../../model/diagnostic.ts";
import { type OutputContext, rootedPath } from "./context.ts";
import { fingerprints } from "./fingerprint.ts";

/** The report as JSON text, with a line end. */
export function gitlabOutput(diagnostics: readonly Diagnostic[], context: OutputContext): string {
  const marks = fingerprints(diagnostics, (file) => rootedPath(file, context));
  const issues = diagnostics.map((diagnostic, at) => {
    const { rule, message, hint, location } = diagnostic;
    const { file, line, end } = location;
    return {
      description: hint === undefined ? message : `${message}. ${hint}`,
      check_name: rule,
      fingerprint: marks[at],
      severity: isError(diagnostic) ? "major" : "minor",
      location: {
        path: rootedPath(file, context),
        lines: { begin: line, end: Math.max(line, end?.line ?? line) },
      },
    };
  });
  return `${JSON.stringify(issues, null, 2)}\n`;
}
