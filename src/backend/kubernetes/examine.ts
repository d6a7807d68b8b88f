/** What a cluster says to somebody who looks whether trueup can work with it: who asks, what it is, and what it does not allow. */
import type { KubeApi } from "../../model/kube-api.ts";
import type { KubeObject } from "../../model/object.ts";
import type { Clock } from "../../util/clock.ts";
import type { Random } from "../../util/random.ts";
import { applySetOf, extentOf, ID_LABEL } from "./applyset.ts";
import { connectApi } from "./connect.ts";
import { Discovery } from "./discovery.ts";
import { kindsBeside } from "./health-kinds.ts";
import { clusterIdOf } from "./identity.ts";
import type { KubeconfigOptions } from "./kubeconfig.ts";
import { type KindQuery, type KubeResource, kindKey } from "./resource.ts";
import { describeRights, missingRights, rightsNeeded } from "./rights.ts";
import { statusOf } from "./status.ts";

export interface ExamineOptions extends KubeconfigOptions {
  clock: Clock;
  random: Random;
  ownerId: string;
  /** Of trueup's own objects. */
  namespace: string;
  namespaces?: readonly string[];
  isLedgerThere: boolean;
}

export interface ClusterReport {
  /** Address that was asked. */
  server: string;
  /** As `v1.37.0`. */
  version: string;
  /** Whom the server takes the asker for; "" when it does not say. */
  user: string;
  /** `null` where nobody may ask. */
  clusterId: string | null;
  /** How many rights were asked for, and those that are missing, in words. */
  rights: number;
  missing: string[];
}

/** What is asked about as long as no app has anything there. */
const USUAL: readonly KindQuery[] = [
  { group: "apps", kind: "Deployment" },
  { group: "", kind: "Service" },
  { group: "", kind: "ConfigMap" },
  { group: "", kind: "Secret" },
];

/**
 * Asks with the credentials that the daemon has, and changes nothing.
 *
 * @throws {TrueupError} `usage`, `io` for what the kubeconfig lacks; `forbidden` when the server does not know who asks;
 *   `unavailable` when it does not answer
 */
export async function examineCluster(options: ExamineOptions, signal: AbortSignal): Promise<ClusterReport> {
  const { clock, namespace, namespaces, isLedgerThere } = options;
  const { api } = await connectApi(options);
  try {
    const user = await userOf(api, signal);
    const { gitVersion } = await api.request({ method: "GET", path: "/version" }, signal);
    const clusterId = await clusterIdOf(api, signal);
    const discovery = new Discovery(api, clock);
    const kinds = await appliedKinds(api, options, signal);
    const find = async (queries: readonly KindQuery[]): Promise<KubeResource[]> => {
      const once = new Map(queries.map((query) => [kindKey(query), query])).values();
      const found = await Promise.all([...once].map((query) => discovery.find(query, signal)));
      return found.filter((resource) => resource !== null);
    };
    const [applied, read] = [await find(kinds), await find(kinds.flatMap(kindsBeside))];
    const rights = rightsNeeded({ own: namespace, namespaces, isLedgerThere, applied, read });
    const missing = describeRights(await missingRights(api, rights, signal));
    return { server: api.server, version: String(gitVersion), user, clusterId, rights: rights.length, missing };
  } finally {
    await api.close();
  }
}

async function userOf(api: KubeApi, signal: AbortSignal): Promise<string> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  try {
    const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const { status } = await api.request({ method: "POST", path, body }, signal);
    return (status as { userInfo?: { username?: string } } | undefined)?.userInfo?.username ?? "";
  } catch (error) {
    // Kubernetes 1.27 and older do not know it; and who may not ask is known all the same.
    if ([403, 404].includes(statusOf(error)?.code ?? 0)) return "";
    throw error;
  }
}

/** Kinds of what the daemon's apps have there, as their parents say. */
async function appliedKinds(
  api: KubeApi,
  { namespace, ownerId }: ExamineOptions,
  signal: AbortSignal,
): Promise<KindQuery[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`;
  try {
    const { items } = await api.request({ method: "GET", path, query: { labelSelector: ID_LABEL } }, signal);
    const parents = (items as unknown as KubeObject[]).map((item) => ({
      ...item,
      apiVersion: "v1",
      kind: "ConfigMap",
    }));
    const own = parents.filter((parent) => applySetOf(parent, ownerId)?.app.includes(" of ") === false);
    const kinds = own.flatMap((parent) => extentOf(parent).kinds.map(kindOf));
    return kinds.length === 0 ? [...USUAL] : kinds;
  } catch (error) {
    // Then it is among the rights that are missing.
    if ([403, 404].includes(statusOf(error)?.code ?? 0)) return [...USUAL];
    throw error;
  }
}

/** `Deployment.apps`, `ConfigMap`. */
function kindOf(text: string): KindQuery {
  const dot = text.indexOf(".");
  return dot < 0 ? { group: "", kind: text } : { group: text.slice(dot + 1), kind: text.slice(0, dot) };
}
