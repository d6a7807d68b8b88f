/** What other stages use of validation. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";

export { type OperatorConfig, parseOperatorConfig, parseRepositoryConfig, type RepositoryConfig } from "./config.ts";
export { type FormatOptions, formatDiagnostics } from "./format.ts";

export interface ValidateOptions {
  /** Rule ids whose diagnostics are left out. */
  disabledRules?: readonly string[];
}

export interface AppContext extends ValidateOptions {
  /** Commit under validation, named in messages. */
  commit?: string;
  defaultNamespace: string;
}

/** Checks one object by itself: schema, semantics, names, images. Pure, so the result may be kept per blob. */
export function validateDeclared(_declared: Declared, _options: ValidateOptions = {}): Diagnostic[] {
  return [];
}

/** Checks the objects of an app against each other. Does not repeat what `validateDeclared` says. */
export function validateApp(_declared: readonly Declared[], _context: AppContext): Diagnostic[] {
  return [];
}
