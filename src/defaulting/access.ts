/** What the API server fills in for roles and bindings (Kubernetes 1.37, pkg/apis/rbac/v1/defaults.go). */
import { each, type Fields, fillEmpty, withinAlways } from "./fill.ts";

const GROUP = "rbac.authorization.k8s.io";

export function defaultBinding(binding: Fields): Fields {
  const referred = withinAlways(binding, "roleRef", (ref) => fillEmpty(ref, { apiGroup: GROUP }));
  return each(referred, "subjects", (subject) =>
    subject.kind === "User" || subject.kind === "Group" ? fillEmpty(subject, { apiGroup: GROUP }) : subject,
  );
}
