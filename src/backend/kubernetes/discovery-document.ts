/**
 * Reads what an API server says of the kinds it serves, in the aggregated form and in the older one. Pure.
 *
 * @see Kubernetes' page "The Kubernetes API", sections "Aggregated Discovery" and "Unaggregated discovery"
 */
import { type KindQuery, type KubeResource, kindKey } from "./resource.ts";

export interface ServedVersion {
  name: string;
  /** What serves it (an aggregated API) does not answer now: what it would serve is not known, or as it was. */
  isAway: boolean;
  /** `null` when the answer only names the version. */
  resources: readonly KubeResource[] | null;
}

/** Versions in the server's order: the preferred one first. */
export interface ServedGroup {
  name: string;
  versions: readonly ServedVersion[];
}

type Tree = Readonly<Record<string, unknown>>;

/** The groups of an answer to `/api` or `/apis`, of whichever form. */
export function readGroups(answer: Tree): ServedGroup[] {
  switch (answer.kind) {
    case "APIGroupDiscoveryList":
      return trees(answer.items).map(aggregatedGroup);
    case "APIVersions":
      return [{ name: "", versions: texts(answer.versions).map(unread) }];
    case "APIGroupList":
      return trees(answer.groups).map(namedGroup);
    default:
      throw new RangeError(`Cannot read the API groups as they must be a list of groups: kind is ${answer.kind}.`);
  }
}

/** The resources of an `APIResourceList`, without subresources. */
export function readResources(group: string, version: string, answer: Tree): KubeResource[] {
  return trees(answer.resources)
    .filter(({ name }) => typeof name === "string" && !name.includes("/"))
    .map(({ name, kind, namespaced, verbs }) => ({
      group,
      version,
      kind: text(kind),
      plural: text(name),
      namespaced: namespaced === true,
      verbs: texts(verbs),
    }));
}

function aggregatedGroup(item: Tree): ServedGroup {
  const name = text(tree(item.metadata).name);
  return {
    name,
    versions: trees(item.versions).map((each) => {
      const version = text(each.version);
      return {
        name: version,
        isAway: each.freshness === "Stale",
        resources: trees(each.resources).map(({ resource, responseKind, scope, verbs }) => ({
          group: name,
          version,
          kind: text(tree(responseKind).kind),
          plural: text(resource),
          namespaced: scope === "Namespaced",
          verbs: texts(verbs),
        })),
      };
    }),
  };
}

function namedGroup(group: Tree): ServedGroup {
  const preferred = text(tree(group.preferredVersion).version);
  const versions = trees(group.versions).map(({ version }) => text(version));
  const ordered = preferred === "" ? versions : [preferred, ...versions.filter((version) => version !== preferred)];
  return { name: text(group.name), versions: ordered.map(unread) };
}

function unread(name: string): ServedVersion {
  return { name, isAway: false, resources: null };
}

/** Kinds by group, kind and version. */
export class ServedKinds {
  readonly #versions = new Map<string, KubeResource[]>();
  readonly #away: ReadonlySet<string>;

  constructor(groups: readonly ServedGroup[]) {
    this.#away = new Set(
      groups.filter(({ versions }) => versions.some(({ isAway }) => isAway)).map(({ name }) => name),
    );
    for (const resource of groups.flatMap(({ versions }) => versions.flatMap(({ resources }) => resources ?? []))) {
      // Kinds without list and watch, as TokenReview, are questions rather than objects.
      if (!["list", "watch"].every((verb) => resource.verbs.includes(verb))) continue;
      const key = kindKey(resource);
      this.#versions.set(key, [...(this.#versions.get(key) ?? []), resource]);
    }
  }

  /** In the version asked for where it is served, else in the first one that has the kind. */
  find({ group, kind, version }: KindQuery): KubeResource | null {
    const found = this.#versions.get(`${group}/${kind}`);
    return found?.find((resource) => resource.version === version) ?? found?.[0] ?? null;
  }

  /** Whether a version of the group is served by something that does not answer now. */
  isAway(group: string): boolean {
    return this.#away.has(group);
  }

  preferred(): KubeResource[] {
    return [...this.#versions.values()].flatMap((versions) => versions.slice(0, 1));
  }
}

function tree(value: unknown): Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Tree) : {};
}

function trees(value: unknown): Tree[] {
  return (Array.isArray(value) ? value : []).map(tree);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return (Array.isArray(value) ? value : []).filter((item) => typeof item === "string");
}
