/** Test helpers: manifests from text, and diagnostics as lines. */
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { compareDiagnostics, type Diagnostic } from "../../src/model/diagnostic.ts";
import type { Declared } from "../../src/model/manifest.ts";
import { asObjectHash } from "../../src/model/source.ts";
import { type ValidateOptions, validateApp, validateDeclared } from "../../src/validation/index.ts";

export const BLOB = asObjectHash("0".repeat(40));

/** All objects of a text; fails when it cannot be parsed. */
export function declare(text: string, file = "a.yaml"): Declared[] {
  const { declared, diagnostics } = parseManifestFile({ file, blob: BLOB, text });
  if (diagnostics.length > 0) throw new Error(lines(diagnostics).join("\n"));
  return declared;
}

/** Everything that is said of a text, in order. */
export function diagnose(text: string, file = "a.yaml", options: ValidateOptions = {}): Diagnostic[] {
  const { declared, diagnostics } = parseManifestFile({ file, blob: BLOB, text });
  return [
    ...diagnostics,
    ...declared.flatMap((each) => validateDeclared(each, options)),
    ...validateApp(declared, { defaultNamespace: "default", ...options }),
  ].sort(compareDiagnostics);
}

/** `line:column severity rule: message (hint)`. */
export function lines(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map(({ location, severity, rule, message, hint }) => {
    const suffix = hint === undefined ? "" : ` (${hint})`;
    return `${location.line}:${location.column} ${severity} ${rule}: ${message}${suffix}`;
  });
}
