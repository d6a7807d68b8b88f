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
  for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
    const page = await api.request({ method: "GET", path, query: { limit: PAGE, continue: token } }, signal);
    for (const item of (page.items ?? []) as unknown as KubeObject[]) {
      const { observed } = cache.keep({ ...item, ...typed });
      if (matchesQuery(query, observed)) found.push(observed);
    }
    token = (page.metadata as { continue?: string } | undefined)?.continue || undefined;
  }
  return found;
}

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
  if (!items.some(({ object }) => isShortened(object))) return items;
  const whole: Observed[] = [];
  for (const observed of items) {
    const found = isShortened(observed.object) ? await readWhole(api, resource, observed, signal) : observed;
    if (found !== null) whole.push(found);
  }
  return whole;
}

/** @returns `null` when it is gone meanwhile */
async function readWhole(
  api: KubeApi,
  resource: KubeResource,
  { object: { metadata }, owner }: Observed,
  signal: AbortSignal,
): Promise<Observed | null> {
  const path = pathOf(resource, metadata.namespace ?? "", metadata.name);
  try {
    const object = (await api.request({ method: "GET", path }, signal)) as unknown as KubeObject;
    // As another object is shown that is whole; nobody applied this one, so that nobody asks who set its fields.
    const {
      managedFields: _managedFields,
      annotations,
      ...others
    } = object.metadata as typeof metadata & {
      managedFields?: unknown;
    };
    const { [ANNOTATION.lastApplied]: _lastApplied, ...kept } = annotations ?? {};
    const shown = { ...others, ...(annotations !== undefined && { annotations: kept }) };
    return { object: { ...object, metadata: shown }, applied: null, owner };
  } catch (error) {
    if (statusOf(error)?.code === 404) return null;
    throw error;
  }
}
