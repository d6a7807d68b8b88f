/** What an object needs by name: ConfigMaps, Secrets, claims, ServiceAccounts, Services, Roles, and what it scales. */
import { groupOf, type ObjectId } from "../model/object.ts";
import type { Field } from "./field.ts";
import { makesPods, podSpecOf } from "./pod-spec.ts";

export interface Reference {
  group: string;
  kind: string;
  /** Where another namespace than the object's own is named. */
  namespace?: string;
  /** The field that holds the name. */
  name: Field;
  /** The field that holds the key of a ConfigMap or Secret. */
  key?: Field;
}

const RBAC = "rbac.authorization.k8s.io";
/** What Kubernetes puts into every namespace. */
const ALWAYS_THERE = new Set(["/ServiceAccount/default", "/ConfigMap/kube-root-ca.crt"]);
/** Kinds of HorizontalPodAutoscaler targets that Kubernetes itself knows, by group; others may be anyone's. */
const SCALED: Readonly<Record<string, readonly string[]>> = { apps: ["Deployment", "ReplicaSet", "StatefulSet"] };

/** Everything that an object cannot do without, each with the place that names it. Optional references are none. */
export function referencesOf(id: ObjectId, root: Field): Reference[] {
  const found = referencesOfKind(`${id.group}/${id.kind}`, root);
  const spec = makesPods(id.group, id.kind) ? podSpecOf(id.kind, root) : undefined;
  if (spec !== undefined) podReferences(spec, found, claimTemplates(root));
  return found.filter(({ group, kind, name }) => name.text && !ALWAYS_THERE.has(`${group}/${kind}/${name.text}`));
}

function referencesOfKind(kind: string, root: Field): Reference[] {
  switch (kind) {
    case "networking.k8s.io/Ingress":
      return ingressReferences(root.at("spec"));
    case "gateway.networking.k8s.io/HTTPRoute":
    case "gateway.networking.k8s.io/GRPCRoute":
      return routeReferences(root.at("spec"));
    case "autoscaling/HorizontalPodAutoscaler":
      return scaleReferences(root.at("spec", "scaleTargetRef"));
    case `${RBAC}/RoleBinding`:
      return [...roleReferences(root), ...subjectReferences(root)];
    case `${RBAC}/ClusterRoleBinding`:
      return subjectReferences(root);
    default:
      return [];
  }
}

/** Volumes of claim templates are made for each pod. */
function claimTemplates(root: Field): ReadonlySet<string> {
  const templates = root.at("spec", "volumeClaimTemplates").items;
  return new Set(templates.flatMap((claim) => claim.at("metadata", "name").text ?? []));
}

function podReferences(spec: Field, found: Reference[], claims: ReadonlySet<string>): void {
  const add = (kind: string, owner: Field, nameField = "name"): void => {
    if (owner.record === undefined || owner.at("optional").value === true) return;
    const key = owner.at("key");
    found.push({ group: "", kind, name: owner.at(nameField), ...(key.isGiven && { key }) });
  };
  for (const list of ["initContainers", "containers"]) {
    for (const container of spec.at(list).items) {
      for (const variable of container.at("env").items) {
        add("ConfigMap", variable.at("valueFrom", "configMapKeyRef"));
        add("Secret", variable.at("valueFrom", "secretKeyRef"));
      }
      for (const source of container.at("envFrom").items) {
        add("ConfigMap", source.at("configMapRef"));
        add("Secret", source.at("secretRef"));
      }
    }
  }
  for (const volume of spec.at("volumes").items) {
    add("ConfigMap", volume.at("configMap"));
    add("Secret", volume.at("secret"), "secretName");
    if (!claims.has(volume.at("name").text ?? "")) {
      add("PersistentVolumeClaim", volume.at("persistentVolumeClaim"), "claimName");
    }
    for (const source of volume.at("projected", "sources").items) {
      add("ConfigMap", source.at("configMap"));
      add("Secret", source.at("secret"));
    }
  }
  for (const secret of spec.at("imagePullSecrets").items) add("Secret", secret);
  found.push({ group: "", kind: "ServiceAccount", name: spec.at("serviceAccountName") });
}

function ingressReferences(spec: Field): Reference[] {
  const paths = spec.at("rules").items.flatMap((rule) => rule.at("http", "paths").items);
  const backends = [spec.at("defaultBackend"), ...paths.map((path) => path.at("backend"))];
  return [
    ...backends.map((backend) => ({ group: "", kind: "Service", name: backend.at("service", "name") })),
    ...spec.at("tls").items.map((tls) => ({ group: "", kind: "Secret", name: tls.at("secretName") })),
  ];
}

/** Services that get the requests; other kinds of backends are anybody's. */
function routeReferences(spec: Field): Reference[] {
  const backends = spec.at("rules").items.flatMap((rule) => rule.at("backendRefs").items);
  return backends.flatMap((backend) => {
    const isService = (backend.at("group").text ?? "") === "" && (backend.at("kind").text ?? "Service") === "Service";
    const namespace = backend.at("namespace").text;
    const reference = { group: "", kind: "Service", name: backend.at("name") };
    return isService ? [{ ...reference, ...(namespace !== undefined && { namespace }) }] : [];
  });
}

function scaleReferences(target: Field): Reference[] {
  const group = groupOf(target.at("apiVersion").text ?? "");
  const kind = target.at("kind").text ?? "";
  return SCALED[group]?.includes(kind) === true ? [{ group, kind, name: target.at("name") }] : [];
}

/** ClusterRoles are mostly others', so they are taken to be there. */
function roleReferences(root: Field): Reference[] {
  const role = root.at("roleRef");
  return role.at("kind").text === "Role" ? [{ group: RBAC, kind: "Role", name: role.at("name") }] : [];
}

function subjectReferences(root: Field): Reference[] {
  return root.at("subjects").items.flatMap((subject) => {
    const namespace = subject.at("namespace").text;
    if (subject.at("kind").text !== "ServiceAccount" || namespace === undefined) return [];
    return [{ group: "", kind: "ServiceAccount", namespace, name: subject.at("name") }];
  });
}
