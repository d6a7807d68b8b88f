/** What the parts of the Kubernetes backend share. */
import type { KubeApi } from "../../model/kube-api.ts";
import type { Clock } from "../../util/clock.ts";
import type { SetExtent } from "./applyset.ts";
import type { ObjectCache } from "./cache.ts";
import type { Declarations } from "./declarations.ts";
import type { Discovery } from "./discovery.ts";
import type { KubeResource } from "./resource.ts";

export interface KubeContext {
  readonly api: KubeApi;
  readonly discovery: Discovery;
  readonly cache: ObjectCache;
  readonly declarations: Declarations;
  readonly clock: Clock;
  /** Id of the daemon's state: what another daemon applied is told from what this one did. */
  readonly ownerId: string;
  /** Where trueup keeps its own objects, among them the parents of ApplySets. */
  readonly namespace: string;
  /**
   * Where a kind is served, in the given version if the server has it, with its objects followed: the cache then answers for it.
   *
   * @throws {TrueupError} `invalid` when the server does not serve the kind, or what its list failed with
   */
  follow(kind: { group: string; kind: string; version?: string }, signal: AbortSignal): Promise<KubeResource>;
  /** Whether the cache answers for all kinds and namespaces of a set now: else what it does not show may be there all the same. */
  isRead(extent: SetExtent): boolean;
}
