/** Judges an edited manifest as the app that it belongs to will be judged: an edit that makes it invalid is never committed. */
import type { AppSettings } from "../../daemon/apps.ts";
import { parseManifestFile } from "../../manifest/parse.ts";
import { type Diagnostic, isError } from "../../model/diagnostic.ts";
import { TrueupError } from "../../model/errors.ts";
import type { Declared } from "../../model/manifest.ts";
import { keyOfId } from "../../model/object.ts";
import { imageUses } from "../../reconcile/images.ts";
import { checkImageRules, judge, validateDeclared } from "../../validation/index.ts";

/** Whose rules an edit must keep to, and when. */
export interface EditJudge {
  /** The app that the file lies in; `undefined`: nobody asks anything beyond what Kubernetes does. */
  app: AppSettings | undefined;
  /** For which exceptions count, `2026-11-26`. */
  day: string;
}

/**
 * The object as edited, with what is said of it that was not said before: that is the branch's own affair. What the operator
 * asks beyond `trueup.yaml` is not known here; the daemon rejects the commit then.
 *
 * @throws {TrueupError} `invalid` when the edit brought an error
 */
export function checkEdited(
  text: string,
  before: Declared,
  defaultNamespace: string,
  by: EditJudge,
): { declared: Declared; warnings: readonly Diagnostic[] } {
  const parsed = parseManifestFile({ file: before.file, blob: before.blob, text, defaultNamespace });
  const declared = parsed.declared.find(({ id }) => keyOfId(id) === keyOfId(before.id));
  if (declared === undefined) {
    const why = parsed.diagnostics.find(isError)?.message ?? "the object is no longer there";
    throw new TrueupError("invalid", `Cannot change ${before.file} as it must stay a valid manifest: ${why}`);
  }
  // With the message: a value that is wrong in the place of another wrong one is new.
  const keyOf = ({ rule, field, message }: Diagnostic): string => JSON.stringify([rule, field, message]);
  const known = new Set(findings(before, by).map(keyOf));
  const fresh = findings(declared, by).filter((each) => !known.has(keyOf(each)));
  const error = fresh.find(isError);
  if (error !== undefined) {
    throw new TrueupError("invalid", `Cannot change ${before.file} as it must stay valid: ${error.message}`, {
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  }
  return { declared, warnings: fresh };
}

/** What is wrong with an object by itself, as the app has it: also its policies, own rules, image rules, levels and exceptions. */
function findings(declared: Declared, { app, day }: EditJudge): Diagnostic[] {
  if (app === undefined) return validateDeclared(declared);
  const { kubernetesVersion, allowUnknownKinds, validation, images } = app;
  const { policies, rules } = validation;
  const version = kubernetesVersion === undefined ? {} : { kubernetesVersion };
  const found = [
    ...validateDeclared(declared, { allowUnknownKinds, policies, rules, ...version }),
    ...checkImageRules(imageUses(declared), images),
  ];
  return judge(found, { settings: validation, day, objects: () => [] });
}
