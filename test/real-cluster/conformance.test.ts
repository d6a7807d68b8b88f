/** The conformance suite of backends on a real API server. */
import { connectKubernetes } from "../../src/backend/kubernetes/connect.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { randomSuffix, systemRandom } from "../../src/util/random.ts";
import { backendConformance } from "../backend/conformance/suite.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";

const cluster = clusterForTests();

backendConformance("kubernetes", async () => {
  // Each test is a daemon of its own, in a Namespace of its own: nothing needs to be gone before the next one begins.
  const namespace = await cluster.namespace("conformance");
  const backend = await connectKubernetes({
    kubeconfig: cluster.kubeconfigFor("trueup"),
    env: {},
    clock: new SystemClock(),
    random: systemRandom,
    ownerId: `conformance-${randomSuffix(systemRandom)}`,
    namespace,
  });
  const close = async (): Promise<void> => {
    await backend.close();
    // Made by the suite through the backend.
    await cluster.api.remove(`/api/v1/namespaces/${namespace}-other`);
  };
  return { backend, namespace, close };
});
