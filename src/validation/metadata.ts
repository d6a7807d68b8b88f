/** Rules on names, namespaces, labels, annotations and finalizers, which every kind shares. */
import type { ObjectId } from "../model/object.ts";
import type { Field } from "./field.ts";
import {
  checkDnsLabel,
  checkLabelValue,
  checkPathSegment,
  checkQualifiedName,
  checkServiceName,
  checkSubdomain,
  type NameCheck,
} from "./names.ts";
import type { Report } from "./report.ts";
import type { Scope } from "./schemas/types.ts";

/** Kinds whose names are not DNS subdomains, by `group/Kind`. */
const NAME_CHECKS: Readonly<Record<string, NameCheck>> = {
  "/Service": checkServiceName,
  "/Namespace": checkDnsLabel,
  "apps/StatefulSet": checkDnsLabel,
  "rbac.authorization.k8s.io/Role": checkPathSegment,
  "rbac.authorization.k8s.io/RoleBinding": checkPathSegment,
  "rbac.authorization.k8s.io/ClusterRole": checkPathSegment,
  "rbac.authorization.k8s.io/ClusterRoleBinding": checkPathSegment,
  "certificates.k8s.io/ClusterTrustBundle": checkPathSegment,
  "networking.k8s.io/IPAddress": checkPathSegment,
};
/** A kind with its group. */
export type KindName = Pick<ObjectId, "group" | "kind">;

interface ScopedKind extends KindName {
  scope: Scope;
}

const STANDARD_FINALIZERS = new Set(["kubernetes", "orphan", "foregroundDeletion"]);
/** Keys and values of an object's annotations together, in bytes. */
const ANNOTATIONS_LIMIT = 256 * 1024;

/**
 * Checks the metadata of a whole object.
 *
 * @param version Kubernetes version: what a name may be has changed
 */
export function checkMetadata(
  report: Report,
  { group, kind, scope }: ScopedKind,
  metadata: Field,
  version: string,
): void {
  const name = metadata.at("name");
  const check = NAME_CHECKS[`${group}/${kind}`] ?? checkSubdomain;
  checkName(report, name, check === checkServiceName ? serviceNameCheck(version) : check);
  const namespace = metadata.at("namespace");
  if (scope === "Cluster") {
    // The API server drops it without a word, whether the object is created, updated or patched.
    if (namespace.isGiven && namespace.value !== "") {
      const message = `${namespace.name} means nothing: a ${kind} lives in no namespace`;
      report.warning("namespace-scope", namespace, message, { hint: "Remove the field." });
    }
  } else if (namespace.value !== "") checkName(report, namespace, checkDnsLabel);
  checkLabelsAndAnnotations(report, metadata);
  for (const finalizer of metadata.at("finalizers").items) checkFinalizer(report, finalizer);
}

/** Since 1.36 a Service's name may begin with a digit (relaxed Service names). */
export function serviceNameCheck(version: string): NameCheck {
  return version === "1.34" || version === "1.35" ? checkServiceName : checkDnsLabel;
}

/** Checks what pod templates have of metadata too. */
export function checkLabelsAndAnnotations(report: Report, metadata: Field): void {
  checkLabels(report, metadata.at("labels"));
  const annotations = metadata.at("annotations");
  let size = 0;
  for (const [key, value] of annotations.entries) {
    const wrong = checkQualifiedName(key.toLowerCase());
    if (wrong !== null)
      report.say("error", "annotation-format", value.path, `Cannot use the annotation key "${key}" as ${wrong}`, {
        at: "key",
      });
    size += Buffer.byteLength(key) + Buffer.byteLength(value.text ?? "");
  }
  if (size > ANNOTATIONS_LIMIT) {
    report.say(
      "error",
      "annotation-format",
      annotations.path,
      `Cannot use ${annotations.name} as they must take at most ${ANNOTATIONS_LIMIT} bytes: they take ${size}`,
      { at: "key" },
    );
  }
}

/** Checks the keys and values of labels, and of anything else that names labels (selectors, node selectors). */
export function checkLabels(report: Report, labels: Field): void {
  for (const [key, value] of labels.entries) {
    const wrongKey = checkQualifiedName(key);
    if (wrongKey !== null)
      report.say("error", "label-format", value.path, `Cannot use the label key "${key}" as ${wrongKey}`, {
        at: "key",
      });
    const wrongValue = value.text === undefined ? null : checkLabelValue(value.text);
    if (wrongValue !== null) report.error("label-format", value, wrongValue);
  }
}

const PLACEHOLDER_HINT = "This looks like a placeholder that another tool fills in: commit what it fills in.";

/** Checks a name, if it is given as text. */
export function checkName(report: Report, field: Field, check: NameCheck): void {
  const wrong = field.text === undefined ? null : check(field.text);
  if (wrong === null) return;
  // What another tool fills in is no name yet, and the rule for names would leave people puzzled.
  const isOpen = /\$\{|\$\(/.test(field.text ?? "");
  report.error("name-format", field, wrong, isOpen ? { hint: PLACEHOLDER_HINT } : {});
}

function checkFinalizer(report: Report, finalizer: Field): void {
  const { text } = finalizer;
  if (text === undefined) return;
  const wrong = checkQualifiedName(text);
  if (wrong !== null) report.error("finalizer-format", finalizer, wrong);
  else if (!text.includes("/") && !STANDARD_FINALIZERS.has(text)) {
    report.error("finalizer-format", finalizer, "name is neither a standard finalizer name nor is it fully qualified");
  }
}
