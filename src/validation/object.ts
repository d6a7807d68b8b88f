/** Checks one declared object by itself: kind, schema, and the rules of its kind. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import { groupOf } from "../model/object.ts";
import { checkConfigMap, checkSecret } from "./data.ts";
import { Field, withoutNulls } from "./field.ts";
import { checkMetadata } from "./metadata.ts";
import { checkPod } from "./pod.ts";
import { Report } from "./report.ts";
import { checkRestartOn } from "./restart-on.ts";
import { checkSchema } from "./schema.ts";
import { DEFAULT_KUBERNETES_VERSION } from "./schemas/index.ts";
import { schemaOf } from "./served.ts";
import { checkService } from "./service.ts";
import { checkDeployment, checkReplicaSet } from "./workload.ts";

export interface ValidateOptions {
  /** Rule ids whose diagnostics are left out. */
  disabledRules?: readonly string[];
  /** Kubernetes version whose schemas count; the newest unless given. */
  kubernetesVersion?: string;
  /** Leaves out everything that no schema can say. */
  schemasOnly?: boolean;
}

/** What the API server checks beyond a kind's schema, by `group/Kind`. */
const KIND_RULES: Readonly<Record<string, (report: Report, root: Field) => void>> = {
  "apps/Deployment": checkDeployment,
  "apps/ReplicaSet": checkReplicaSet,
  "/Pod": checkPod,
  "/Service": checkService,
  "/ConfigMap": checkConfigMap,
  "/Secret": checkSecret,
};

/** Checks one object by itself: schema, semantics, names, images. Pure, so the result may be kept per blob. */
export function validateDeclared(declared: Declared, options: ValidateOptions = {}): Diagnostic[] {
  const report = new Report(declared, options.disabledRules);
  const schema = schemaOf(report, declared, options.kubernetesVersion ?? DEFAULT_KUBERNETES_VERSION);
  if (schema === undefined) return report.diagnostics;
  checkSchema(report, schema, declared.object);
  if (options.schemasOnly === true) return report.diagnostics;
  const name = { group: groupOf(schema.apiVersion), kind: schema.kind };
  const root = new Field(withoutNulls(declared.object));
  checkMetadata(report, name, root.at("metadata"));
  checkRestartOn(report, root);
  KIND_RULES[`${name.group}/${name.kind}`]?.(report, root);
  return report.diagnostics;
}
