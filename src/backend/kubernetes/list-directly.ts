/** Reads from the server what is not kept: whole kinds, and contents that are too large for how seldom they are read. */
import type { ListQuery } from "../../model/backend.ts";
import type { KubeApi } from "../../model/kube-api.ts";
import type { KubeObject } from "../../model/object.ts";
import type { Observed } from "../../model/plan.ts";
import { ANNOTATION } from "../../model/workload.ts";
import { matchesQuery } from "../watch-log.ts";
import type { ObjectCache } from "./cache.ts";
import { apiVersionOf, type KubeResource, pathOf } from "./resource.ts";
import { statusOf } from "./status.ts";
import { isShortened } from "./trim.ts";

const PAGE = 500;
/** Of what is bulky: up to a megabyte each. */
const WHOLE_PAGE = 50;

/** @throws {TrueupError} When a page cannot be read: a part is no answer */
export async function listDirectly(
  api: KubeApi,
  cache: ObjectCache,
  resource: KubeResource,
  query: ListQuery,
  signal: AbortSignal,
): Promise<Observed[]> {
  const path = pathOf(resource, query.namespace ?? "");
  const typed = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const found: Observed[] = [];
  for await (const item of pages(api, path, { limit: PAGE }, signal)) {
    const { observed } = cache.keep({ ...item, ...typed });
    if (matchesQuery(query, observed)) found.push(observed);
  }
  return found;
}

/** So few of a namespace are read by themselves; of more, the namespace is listed. */
const FEW = 3;

/**
 * The same objects, those that are not kept whole as the server has them now. Few are: what is declared is kept whole once it
 * is applied.
 */
export async function completed(
  api: KubeApi,
  resource: KubeResource,
  items: Observed[],
  signal: AbortSignal,
): Promise<Observed[]> {
  const short = items.filter(({ object }) => isShortened(object));
  if (short.length === 0) return items;
  const namespaces = Map.groupBy(short, ({ object }) => object.metadata.namespace ?? "");
  const whole = new Map<Observed, Observed | null>();
  for (const [namespace, some] of namespaces) {
    if (some.length <= FEW) for (const each of some) whole.set(each, await readWhole(api, resource, each, signal));
    else for (const [each, found] of await listWhole(api, resource, namespace, some, signal)) whole.set(each, found);
  }
  return items.flatMap((observed) => (whole.has(observed) ? (whole.get(observed) ?? []) : observed));
}

/** `null` for those that are gone meanwhile. */
async function listWhole(
  api: KubeApi,
  resource: KubeResource,
  namespace: string,
  wanted: readonly Observed[],
  signal: AbortSignal,
): Promise<Map<Observed, Observed | null>> {
  const byUid = new Map(wanted.map((observed) => [observed.object.metadata.uid, observed]));
  const found = new Map<Observed, Observed | null>(wanted.map((observed) => [observed, null]));
  const types = new Set(wanted.map(({ object }) => object.type));
  const [type] = types;
  // Helm's releases alone are asked for by their type; ConfigMaps have none.
  const fieldSelector = types.size === 1 && typeof type === "string" ? `type=${type}` : undefined;
  const typed = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  for await (const item of pages(api, pathOf(resource, namespace), { fieldSelector, limit: WHOLE_PAGE }, signal)) {
    const observed = byUid.get(item.metadata.uid);
    if (observed !== undefined) found.set(observed, shownWhole({ ...item, ...typed }, observed));
  }
  return found;
}

/** @returns `null` when it is gone meanwhile */
async function readWhole(
  api: KubeApi,
  resource: KubeResource,
  observed: Observed,
  signal: AbortSignal,
): Promise<Observed | null> {
  const { metadata } = observed.object;
  const path = pathOf(resource, metadata.namespace ?? "", metadata.name);
  try {
    return shownWhole((await api.request({ method: "GET", path }, signal)) as unknown as KubeObject, observed);
  } catch (error) {
    if (statusOf(error)?.code === 404) return null;
    throw error;
  }
}

/** As another object is shown that is whole; nobody applied this one, so that nobody asks who set its fields. */
function shownWhole(object: KubeObject, { owner }: Observed): Observed {
  const {
    managedFields: _managedFields,
    annotations,
    ...others
  } = object.metadata as KubeObject["metadata"] & {
    managedFields?: unknown;
  };
  const { [ANNOTATION.lastApplied]: _lastApplied, ...kept } = annotations ?? {};
  const shown = { ...others, ...(annotations !== undefined && { annotations: kept }) };
  return { object: { ...object, metadata: shown }, applied: null, owner };
}

/** The items of a list, page by page; they do not say of what kind they are. */
async function* pages(
  api: KubeApi,
  path: string,
  query: { fieldSelector?: string | undefined; limit: number },
  signal: AbortSignal,
): AsyncGenerator<KubeObject> {
  for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
    const page = await api.request({ method: "GET", path, query: { ...query, continue: token } }, signal);
    yield* (page.items ?? []) as unknown as KubeObject[];
    token = (page.metadata as { continue?: string } | undefined)?.continue || undefined;
  }
}
