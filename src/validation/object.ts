/** Checks one declared object by itself: kind, schema, and the rules of its kind. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import { checkConfigMap, checkSecret } from "./data.ts";
import { Field, withoutNulls } from "./field.ts";
import { removalOf, SUPPORTED_KINDS } from "./kinds.ts";
import { checkMetadata } from "./metadata.ts";
import { nearest } from "./names.ts";
import { checkPod } from "./pod.ts";
import { Report } from "./report.ts";
import { checkRestartOn } from "./restart-on.ts";
import { checkSchema } from "./schema.ts";
import { checkService } from "./service.ts";
import { checkDeployment, checkReplicaSet } from "./workload.ts";

export interface ValidateOptions {
  /** Rule ids whose diagnostics are left out. */
  disabledRules?: readonly string[];
}

const KIND_RULES: Readonly<Record<string, (report: Report, root: Field) => void>> = {
  Deployment: checkDeployment,
  ReplicaSet: checkReplicaSet,
  Pod: checkPod,
  Service: checkService,
  ConfigMap: checkConfigMap,
  Secret: checkSecret,
  Namespace: () => {},
};

/** Checks one object by itself: schema, semantics, names, images. Pure, so the result may be kept per blob. */
export function validateDeclared(declared: Declared, options: ValidateOptions = {}): Diagnostic[] {
  const report = new Report(declared, options.disabledRules);
  const { kind } = declared.object;
  if (!checkKind(report, declared)) return report.diagnostics;
  const root = new Field(withoutNulls(declared.object));
  checkSchema(report, kind, root);
  checkMetadata(report, kind, root.at("metadata"));
  checkRestartOn(report, root);
  KIND_RULES[kind]?.(report, root);
  return report.diagnostics;
}

/** Reports kinds and versions that cannot be applied; returns whether the object's fields can be checked all the same. */
function checkKind(report: Report, declared: Declared): boolean {
  const { apiVersion, kind } = declared.object;
  const served = Object.hasOwn(SUPPORTED_KINDS, kind) ? SUPPORTED_KINDS[kind] : undefined;
  if (served === apiVersion) return true;
  const removal = removalOf(apiVersion, kind);
  if (removal !== undefined) {
    const what = removal.use === undefined ? "nothing replaces it" : `use ${removal.use}`;
    report.say(
      "error",
      "api-removed",
      ["apiVersion"],
      `${apiVersion} was removed in Kubernetes ${removal.in}: ${what}`,
      {
        ...(removal.use !== undefined && { hint: `Write apiVersion: ${removal.use}.` }),
      },
    );
    // The successor has nearly the same fields: what is wrong with them is said at once.
    return served !== undefined && served === removal.use;
  }
  if (served !== undefined) {
    report.say(
      "error",
      "unknown-kind",
      ["apiVersion"],
      `Cannot apply ${kind} as its apiVersion must be ${served}: it is ${JSON.stringify(apiVersion)}`,
      {
        hint: `Write apiVersion: ${served}.`,
      },
    );
    return false;
  }
  const kinds = Object.keys(SUPPORTED_KINDS);
  const close = nearest(kind, kinds);
  report.say(
    "error",
    "unknown-kind",
    ["kind"],
    `Cannot apply ${kind} of ${apiVersion} as the kind must be one of ${kinds.join(", ")}: it is ${JSON.stringify(kind)}`,
    {
      hint:
        close === undefined
          ? "Move the file out of the app's directory: nothing of it would run."
          : `Did you mean ${close}?`,
    },
  );
  return false;
}
