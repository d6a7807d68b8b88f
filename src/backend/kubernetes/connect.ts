/** Opens the way to a cluster: from a kubeconfig, or from what a pod is given. */
import type { Clock } from "../../util/clock.ts";
import type { Random } from "../../util/random.ts";
import type { UndiciKubeApi } from "./api.ts";
import { type ClusterAccess, type KubeconfigOptions, readAccess } from "./kubeconfig.ts";
import type { KubernetesBackend } from "./kubernetes.ts";

export interface ConnectOptions extends KubeconfigOptions {
  clock: Clock;
  random: Random;
  /** Id of the daemon's state: apps of other daemons are told from its own by it. */
  ownerId: string;
  /** Where trueup keeps its own objects. */
  namespace?: string;
  /** Only these namespaces are read; absent: all of them. */
  namespaces?: readonly string[];
  /** Says in the server's audit log who asks. */
  userAgent?: string;
}

const NAMESPACE = "trueup-system";
const USER_AGENT = "trueup";

/**
 * A backend on the cluster that the kubeconfig names. Nothing is asked of the server yet: one that is away is an error of the
 * first read.
 *
 * @throws {TrueupError} `usage` when the kubeconfig does not name a cluster and a user, `io` when it cannot be read
 */
export async function connectKubernetes(options: ConnectOptions): Promise<KubernetesBackend> {
  const { clock, random, ownerId, namespace = NAMESPACE, namespaces } = options;
  const { api, access } = await connectApi(options);
  const { KubernetesBackend: Kubernetes } = await import("./kubernetes.ts");
  const { context } = access;
  return new Kubernetes({
    api,
    clock,
    random,
    ownerId,
    namespace,
    ...(context !== undefined && { context }),
    ...(namespaces !== undefined && { namespaces }),
  });
}

/** The requests alone, for whoever keeps something else than an app's objects there, and where they go. */
export async function connectApi(
  options: Pick<ConnectOptions, "clock" | "random" | "userAgent"> & KubeconfigOptions,
): Promise<{ api: UndiciKubeApi; access: ClusterAccess }> {
  const access = await readAccess(options);
  const { clock, random, userAgent = USER_AGENT } = options;
  // Loaded when a cluster is meant: commands that are about none start without undici.
  const [{ UndiciKubeApi: Api }, { Credentials }] = await Promise.all([import("./api.ts"), import("./credentials.ts")]);
  const { server, tls, user } = access;
  return {
    api: new Api({ server, tls, credentials: new Credentials(user, clock), clock, random, userAgent }),
    access,
  };
}
