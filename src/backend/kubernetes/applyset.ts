/**
 * ApplySets, the convention by which kubectl and others know what belongs together: each object of an app is labelled with
 * the id of the app's parent, a ConfigMap that says which kinds and namespaces there are. Pure.
 *
 * @see Kubernetes enhancement 3659; kubectl/pkg/cmd/apply/applyset.go
 */
import { createHash } from "node:crypto";
import { declaredMembership, FIELD_MANAGER, PART_OF_LABEL } from "../../diff/managed-fields.ts";
import { groupOf, type KubeObject, type ObjectId } from "../../model/object.ts";

export { PART_OF_LABEL };

/** On the parent: its own id. */
export const ID_LABEL = "applyset.kubernetes.io/id";
const TOOLING = "applyset.kubernetes.io/tooling";
const KINDS = "applyset.kubernetes.io/contains-group-kinds";
const NAMESPACES = "applyset.kubernetes.io/additional-namespaces";
/** Name and version of the convention's user: other tools refuse to change this parent. */
const TOOL = "trueup/v1";

/** On the parent: the app it stands for, and the daemon whose app that is. */
const APP = "trueup/app";
const DAEMON = "trueup/daemon";

/** Longest part of a parent's name that is the app's: the name stays readable in a list. */
const LONGEST_APP = 40;

/** Which daemon's app it is, and where that daemon keeps its own objects. */
export interface AppScope {
  app: string;
  /** Id of the daemon's state: two daemons may each have an app of one name. */
  ownerId: string;
  namespace: string;
}

/** Kinds as `Deployment.apps`, `ConfigMap`; namespaces besides the parent's own; both sorted. */
export interface SetExtent {
  kinds: readonly string[];
  namespaces: readonly string[];
}

export const NO_EXTENT: SetExtent = { kinds: [], namespaces: [] };

/** Identity of the app's parent. */
export function parentIdOf({ app, ownerId, namespace }: AppScope): ObjectId {
  const readable = app
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  const digest = createHash("sha256").update(`${ownerId}/${app}`).digest("hex").slice(0, 10);
  const name = ["trueup", readable.slice(0, LONGEST_APP).replace(/-+$/, ""), digest].filter((part) => part !== "");
  return { group: "", kind: "ConfigMap", namespace, name: name.join("-") };
}

/** `applyset-<base64url(sha256(<name>.<namespace>.<kind>.<group>))>-v1` of a parent. */
export function applySetId({ name, namespace, kind, group }: ObjectId): string {
  const digest = createHash("sha256").update([name, namespace, kind, group].join(".")).digest("base64url");
  return `applyset-${digest}-v1`;
}

/** Id of the set that an app's objects are in. */
export function setIdOf(scope: AppScope): string {
  return applySetId(parentIdOf(scope));
}

/** The parent as it is to be. */
export function parentObject(scope: AppScope, { kinds, namespaces }: SetExtent): KubeObject {
  const id = parentIdOf(scope);
  return {
    apiVersion: "v1",
    kind: id.kind,
    metadata: {
      name: id.name,
      namespace: id.namespace,
      labels: { [ID_LABEL]: applySetId(id) },
      annotations: {
        [TOOLING]: TOOL,
        [KINDS]: kinds.join(","),
        [NAMESPACES]: namespaces.join(","),
        [APP]: scope.app,
        [DAEMON]: scope.ownerId,
      },
    },
  };
}

/** What a parent says that its set holds; nothing of what it does not say. */
export function extentOf(parent: KubeObject): SetExtent {
  const { annotations = {} } = parent.metadata;
  return { kinds: listed(annotations[KINDS]), namespaces: listed(annotations[NAMESPACES]) };
}

/** Kinds and namespaces of objects, as the parent in `parentNamespace` is to list them. */
export function extentOfMembers(members: Iterable<ObjectId>, parentNamespace: string): SetExtent {
  const kinds = new Set<string>();
  const namespaces = new Set<string>();
  for (const { group, kind, namespace } of members) {
    kinds.add(group === "" ? kind : `${kind}.${group}`);
    if (namespace !== "" && namespace !== parentNamespace) namespaces.add(namespace);
  }
  return { kinds: [...kinds].sort(), namespaces: [...namespaces].sort() };
}

/** What is in either. */
export function joinExtents(a: SetExtent, b: SetExtent): SetExtent {
  const join = (x: readonly string[], y: readonly string[]): string[] => [...new Set([...x, ...y])].sort();
  return { kinds: join(a.kinds, b.kinds), namespaces: join(a.namespaces, b.namespaces) };
}

export function coversExtent(whole: SetExtent, part: SetExtent): boolean {
  const covers = (x: readonly string[], y: readonly string[]): boolean => y.every((item) => x.includes(item));
  return covers(whole.kinds, part.kinds) && covers(whole.namespaces, part.namespaces);
}

function listed(text: string | undefined): string[] {
  return text === undefined || text === "" ? [] : text.split(",").map((item) => item.trim());
}

/**
 * The set whose parent this object is, and the app that it stands for; `null` for every other object.
 *
 * An app of another daemon is named with it (`web of 3f2a…`), so that it is nobody's here; so is a parent that says it
 * stands for an app whose parent it is not: whoever may write ConfigMaps could otherwise hand objects to an app.
 */
export function applySetOf(object: KubeObject, ownerId: string): { id: string; app: string } | null {
  const { labels = {}, annotations = {}, name, namespace = "" } = object.metadata;
  const id = labels[ID_LABEL];
  const app = annotations[APP];
  const isParent = object.kind === "ConfigMap" && groupOf(object.apiVersion) === "";
  if (!isParent || id === undefined || app === undefined || toolOf(object) !== "trueup") return null;
  const daemon = annotations[DAEMON] ?? "";
  const own = parentIdOf({ app, ownerId: daemon, namespace });
  if (own.name !== name || applySetId(own) !== id) return null;
  return { id, app: daemon === ownerId ? app : `${app} of ${daemon}` };
}

/** The tool that a parent belongs to, without its version; `undefined` for what is no parent. */
export function toolOf(parent: KubeObject): string | undefined {
  const tooling = parent.metadata.annotations?.[TOOLING];
  if (tooling === undefined) return undefined;
  const slash = tooling.lastIndexOf("/");
  return slash < 0 ? tooling : tooling.slice(0, slash);
}

/**
 * The set that an object belongs to, as far as it can be proved: trueup declared its label. One that came by a copy (of a
 * manifest, of a Service to its EndpointSlices) makes nothing anybody's to delete, and one of another tool is that tool's.
 *
 * @param object With its managedFields
 */
export function membershipOf(object: KubeObject): string | undefined {
  const id = object.metadata.labels?.[PART_OF_LABEL];
  return id === undefined || !declaredMembership(object, FIELD_MANAGER) ? undefined : id;
}
