/** Opens a Kubernetes target's connection; what that takes is loaded only then, as most commands are about no cluster. */
import { hostname } from "node:os";
import { TrueupError } from "../model/errors.ts";
import type { KubeApi } from "../model/kube-api.ts";
import type { ConnectKubernetes } from "./kubernetes-target.ts";

const NEVER = new AbortController().signal;

export const connectToCluster: ConnectKubernetes = async (options) => {
  const { clock, random, ownerId, namespace, namespaces } = options;
  const [{ connectApi }, { KubernetesBackend }, { clusterIdOf }] = await Promise.all([
    import("../backend/kubernetes/connect.ts"),
    import("../backend/kubernetes/kubernetes.ts"),
    import("../backend/kubernetes/identity.ts"),
  ]);
  const { api, access } = await connectApi(options);
  const scope = namespaces === undefined ? {} : { namespaces };
  const backend = new KubernetesBackend({ api, clock, random, ownerId, namespace, ...scope });
  const context = access.context === undefined ? {} : { context: access.context };
  return {
    backend,
    server: access.server,
    ...context,
    async ping(signal) {
      await api.request({ method: "GET", path: "/version" }, signal);
    },
    heardAt: () => api.heardAt,
    identify: (signal) => clusterIdOf(api, signal),
    async openLedger(name, onLost) {
      const { openClusterLedger } = await import("../ledger/cluster-ledger.ts");
      const open = (): ReturnType<typeof openClusterLedger> =>
        openClusterLedger({ api, namespace, name, clock, random, onLost, holder: `${hostname()}/${process.pid}` });
      try {
        return await open();
      } catch (error) {
        if (!(error instanceof TrueupError && error.code === "not-found")) throw error;
        await makeNamespace(api, namespace);
        return open();
      }
    },
    close: () => backend.close(),
  };
};

/** Made here when it is not there: the ledger is opened before anything is applied, and so before anything else would make it. */
async function makeNamespace(api: KubeApi, name: string): Promise<void> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  try {
    await api.request({ method: "POST", path: "/api/v1/namespaces", body }, NEVER);
  } catch (error) {
    // Somebody else was faster.
    if (!(error instanceof TrueupError && error.code === "conflict")) throw error;
  }
}
