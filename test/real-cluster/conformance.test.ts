/** The conformance suite of backends on a real API server. */
import { connectKubernetes } from "../../src/backend/kubernetes/connect.ts";
import { backendConformance } from "../../src/conformance/suite.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { randomSuffix, systemRandom } from "../../src/util/random.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";

const cluster = clusterForTests();

backendConformance(
  "kubernetes",
  async () => {
    // Each test is a daemon of its own, in a Namespace of its own: nothing needs to be gone before the next one begins.
    const namespace = await cluster.namespace("conformance");
    // There is no kubelet, so nobody keeps what containers print: `says` is not said.
    cluster.play([namespace]);
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
  },
  { pods: { image: "web:v1" } },
);
