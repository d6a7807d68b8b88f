/** Rules on Roles and bindings: what is allowed, and to whom. */
import type { Field } from "./field.ts";
import { checkName } from "./metadata.ts";
import { checkPathSegment, checkSubdomain } from "./names.ts";
import type { Report } from "./report.ts";
import { checkSelector } from "./selector.ts";

const RULE = "rbac";
const GROUP = "rbac.authorization.k8s.io";

export function checkRole(report: Report, root: Field): void {
  for (const rule of root.at("rules").items) checkPermission(report, rule, true);
}

export function checkClusterRole(report: Report, root: Field): void {
  for (const rule of root.at("rules").items) checkPermission(report, rule, false);
  const aggregation = root.at("aggregationRule");
  const selectors = aggregation.at("clusterRoleSelectors");
  if (aggregation.record !== undefined && selectors.items.length === 0) report.missing(RULE, selectors);
  for (const selector of selectors.items) checkSelector(report, selector);
}

export function checkRoleBinding(report: Report, root: Field): void {
  checkBinding(report, root, ["ClusterRole", "Role"]);
}

export function checkClusterRoleBinding(report: Report, root: Field): void {
  checkBinding(report, root, ["ClusterRole"]);
}

function checkPermission(report: Report, rule: Field, isNamespaced: boolean): void {
  if (rule.record === undefined) return;
  const verbs = rule.at("verbs");
  if (Array.isArray(verbs.value) && verbs.items.length === 0)
    report.error(RULE, verbs, "it must have at least one verb");
  const urls = rule.at("nonResourceURLs");
  if (urls.items.length > 0) {
    if (isNamespaced) {
      report.error(RULE, urls, "a Role cannot allow URLs", { at: "key", hint: "Use a ClusterRole." });
    }
    const beside = ["apiGroups", "resources", "resourceNames"].find((key) => rule.at(key).items.length > 0);
    if (beside !== undefined)
      report.error(RULE, urls, `it may not stand beside ${beside}`, { at: "key", hint: "Make two rules of it." });
    return;
  }
  if (rule.at("apiGroups").items.length === 0) {
    report.missing(RULE, rule.at("apiGroups"), { hint: 'The core group is written as [""].' });
  }
  if (rule.at("resources").items.length === 0) report.missing(RULE, rule.at("resources"));
}

function checkBinding(report: Report, root: Field, kinds: readonly string[]): void {
  const role = root.at("roleRef");
  if (role.record !== undefined) {
    const group = role.at("apiGroup");
    if (group.value !== "") report.oneOf(group, [GROUP]);
    report.oneOf(role.at("kind"), kinds);
    const name = role.at("name");
    if (name.value === "") report.missing(RULE, name);
    else checkName(report, name, checkPathSegment);
  }
  for (const subject of root.at("subjects").items) checkSubject(report, subject, root);
}

function checkSubject(report: Report, subject: Field, root: Field): void {
  const kind = subject.at("kind");
  const name = subject.at("name");
  report.oneOf(kind, ["Group", "ServiceAccount", "User"]);
  if (name.value === "") report.missing(RULE, name);
  const group = subject.at("apiGroup");
  if (kind.text !== "ServiceAccount") {
    // Filled in where it is absent.
    if (group.value !== "" && (kind.text === "User" || kind.text === "Group")) report.oneOf(group, [GROUP]);
    return;
  }
  if (name.value !== "") checkName(report, name, checkSubdomain);
  if (group.isGiven && group.value !== "") {
    report.error(RULE, group, "a ServiceAccount is of the core group", { hint: "Remove the field." });
  }
  const namespace = subject.at("namespace");
  if (!namespace.isGiven || namespace.value === "") {
    // The API server asks for it in a ClusterRoleBinding alone, but nobody is bound by a RoleBinding without it either.
    if (root.at("kind").text === "ClusterRoleBinding") report.missing(RULE, namespace);
    else report.warning(RULE, namespace, `${subject.name} names no namespace, so it stands for no ServiceAccount`);
  }
}
