/** Judges an edited manifest as the app that it belongs to will be judged: an edit that makes it invalid is never committed. */
import type { AppSettings } from "../../daemon/apps.ts";
import { parseManifestFile } from "../../manifest/parse.ts";
import { type Diagnostic, isError } from "../../model/diagnostic.ts";
import { TrueupError } from "../../model/errors.ts";
import type { Declared } from "../../model/manifest.ts";
import { keyOfId } from "../../model/object.ts";
import { type ValidateOptions, validateDeclared } from "../../validation/index.ts";

/** How the app of a file checks it: of apps that lie in each other, the innermost; what none has, as nobody asks otherwise. */
export function optionsFor(apps: readonly AppSettings[], file: string): ValidateOptions {
  const holding = apps.filter(({ path }) => path === "" || file.startsWith(`${path}/`));
  const app = holding.toSorted((a, b) => b.path.length - a.path.length)[0];
  if (app === undefined) return {};
  const { kubernetesVersion, allowUnknownKinds } = app;
  return { allowUnknownKinds, ...(kubernetesVersion !== undefined && { kubernetesVersion }) };
}

/**
 * The object as edited, with what is said of it that was not said before: that is the branch's own affair.
 *
 * @throws {TrueupError} `invalid` when the edit brought an error
 */
export function checkEdited(
  text: string,
  before: Declared,
  defaultNamespace: string,
  options: ValidateOptions,
): { declared: Declared; warnings: readonly Diagnostic[] } {
  const parsed = parseManifestFile({ file: before.file, blob: before.blob, text, defaultNamespace });
  const declared = parsed.declared.find(({ id }) => keyOfId(id) === keyOfId(before.id));
  if (declared === undefined) {
    const why = parsed.diagnostics.find(isError)?.message ?? "the object is no longer there";
    throw new TrueupError("invalid", `Cannot change ${before.file} as it must stay a valid manifest: ${why}`);
  }
  const known = new Set(validateDeclared(before, options).map(({ rule, field }) => `${rule} ${field}`));
  const fresh = validateDeclared(declared, options).filter(({ rule, field }) => !known.has(`${rule} ${field}`));
  const error = fresh.find(isError);
  if (error !== undefined) {
    throw new TrueupError("invalid", `Cannot change ${before.file} as it must stay valid: ${error.message}`, {
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  }
  return { declared, warnings: fresh };
}
