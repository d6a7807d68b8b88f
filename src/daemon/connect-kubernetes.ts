/** Opens a Kubernetes target's connection; what that takes is loaded only then, as most commands are about no cluster. */
import type { ConnectKubernetes } from "./kubernetes-target.ts";

export const connectToCluster: ConnectKubernetes = async (options) => {
  const { clock, random, ownerId, namespace, namespaces } = options;
  const [{ connectApi }, { KubernetesBackend }] = await Promise.all([
    import("../backend/kubernetes/connect.ts"),
    import("../backend/kubernetes/kubernetes.ts"),
  ]);
  const { api, access } = await connectApi(options);
  const scope = namespaces === undefined ? {} : { namespaces };
  const backend = new KubernetesBackend({ api, clock, random, ownerId, namespace, ...scope });
  const context = access.context === undefined ? {} : { context: access.context };
  return { backend, server: access.server, ...context, close: () => backend.close() };
};
