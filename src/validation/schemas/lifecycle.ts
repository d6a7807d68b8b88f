/** Which API version of a kind to write: what a Kubernetes version serves, will stop to serve, has removed, or does not know yet. */
import { groupOf } from "../../model/object.ts";
import { removalOf } from "../kinds.ts";
import { type KindQuery, type KnownKind, KUBERNETES_VERSIONS, knownKinds } from "./index.ts";

export type Lifecycle =
  /** Served; with `use`, a more stable version is served too, `since` where that is known. */
  | { state: "served"; use?: string; since?: string }
  /** Served before, until the Kubernetes version `in`. */
  | { state: "removed"; in: string; use?: string }
  /** Served by newer Kubernetes versions only. */
  | { state: "not-yet"; since: string; use?: string }
  /** The kind is a built-in one, but in these API versions. */
  | { state: "elsewhere"; apiVersions: string[] }
  | { state: "unknown" };

/** Kinds that Kubernetes asks people to give up although their version is a stable one: `apiVersion kind` to what to use, since when. */
const GIVEN_UP: Readonly<Record<string, { use: string; since: string }>> = {
  "v1 Endpoints": { use: "discovery.k8s.io/v1 EndpointSlice", since: "1.33" },
};

let byKind: ReadonlyMap<string, KnownKind[]> | undefined;

function versionsOf(kind: string): readonly KnownKind[] {
  byKind ??= Map.groupBy(knownKinds(), (each) => each.kind);
  return byKind.get(kind) ?? [];
}

/** What was found of served kinds: all objects of a kind ask the same. Others are not kept, as their names are anybody's. */
const served = new Map<string, Lifecycle>();

/** Where an API version stands, as a Kubernetes version sees it. */
export function lifecycleOf(query: KindQuery): Lifecycle {
  const key = `${query.version} ${query.apiVersion} ${query.kind}`;
  const known = served.get(key);
  if (known !== undefined) return known;
  const found = findLifecycle(query);
  if (found.state === "served") served.set(key, found);
  return found;
}

function findLifecycle({ version, apiVersion, kind }: KindQuery): Lifecycle {
  const candidates = versionsOf(kind);
  const own = candidates.find((each) => each.apiVersion === apiVersion);
  const siblings = candidates.filter(
    (each) => groupOf(each.apiVersion) === groupOf(apiVersion) && each.in.includes(version),
  );
  const best = siblings.toSorted((a, b) => stability(b.apiVersion) - stability(a.apiVersion))[0];
  if (own?.in.includes(version) === true) return servedState(own, best);
  const use = best === undefined ? {} : { use: best.apiVersion };
  const earliest = own?.in[0];
  const latest = own?.in.at(-1);
  if (earliest !== undefined && latest !== undefined) {
    const order = KUBERNETES_VERSIONS;
    if (order.indexOf(earliest) > order.indexOf(version)) return { state: "not-yet", since: earliest, ...use };
    return { state: "removed", in: order[order.indexOf(latest) + 1] ?? version, ...use };
  }
  const removal = removalOf(apiVersion, kind);
  if (removal !== undefined) return { state: "removed", ...removal };
  const elsewhere = candidates.filter((each) => each.in.includes(version));
  if (elsewhere.length > 0) {
    const apiVersions = elsewhere.map((each) => each.apiVersion).toSorted((a, b) => stability(b) - stability(a));
    return { state: "elsewhere", apiVersions };
  }
  return { state: "unknown" };
}

function servedState(own: KnownKind, best: KnownKind | undefined): Lifecycle {
  const given = GIVEN_UP[`${own.apiVersion} ${own.kind}`];
  if (given !== undefined) return { state: "served", ...given };
  if (best === undefined || stability(best.apiVersion) <= stability(own.apiVersion)) return { state: "served" };
  const since = best.in[0];
  // What the oldest version serves may have been served long before.
  const isKnown = since !== undefined && since !== KUBERNETES_VERSIONS[0];
  return { state: "served", use: best.apiVersion, ...(isKnown && { since }) };
}

/** Orders versions as Kubernetes does: stable before beta before alpha, newer first. */
function stability(apiVersion: string): number {
  const {
    major = "0",
    level,
    minor = "0",
  } = /v(?<major>\d+)(?:(?<level>alpha|beta)(?<minor>\d+))?$/.exec(apiVersion)?.groups ?? {};
  const rank = level === undefined ? 2 : level === "beta" ? 1 : 0;
  return rank * 1_000_000 + Number(major) * 1_000 + Number(minor);
}
