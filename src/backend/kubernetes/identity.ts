/** Which cluster it is that answers: names and addresses are given anew, this is not. */
import { TrueupError } from "../../model/errors.ts";
import type { KubeApi } from "../../model/kube-api.ts";
import { statusOf } from "./status.ts";

/**
 * The uid of the Namespace that every cluster has from its first to its last day.
 *
 * @returns `null` where the credentials do not reach so far
 * @throws {TrueupError} What the request fails with otherwise
 */
export async function clusterIdOf(api: KubeApi, signal: AbortSignal): Promise<string | null> {
  try {
    const { metadata } = await api.request({ method: "GET", path: "/api/v1/namespaces/kube-system" }, signal);
    const { uid } = metadata as { uid?: unknown };
    return typeof uid === "string" ? uid : null;
  } catch (error) {
    const isUnknown = error instanceof TrueupError && [403, 404].includes(statusOf(error)?.code ?? 0);
    if (isUnknown) return null;
    throw error;
  }
}
