/** Lists from the server what is not kept: one answer, as large as it is. */
import type { ListQuery } from "../../model/backend.ts";
import type { KubeApi } from "../../model/kube-api.ts";
import type { KubeObject } from "../../model/object.ts";
import type { Observed } from "../../model/plan.ts";
import { matchesQuery } from "../watch-log.ts";
import type { ObjectCache } from "./cache.ts";
import { apiVersionOf, type KubeResource, pathOf } from "./resource.ts";

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
