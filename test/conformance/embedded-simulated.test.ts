/** The conformance suite of the embedded backend whose pods are simulated: seconds of theirs pass while a test takes milliseconds. */
import { EmbeddedBackend } from "../../src/backend/embedded.ts";
import { EmbeddedCluster } from "../../src/cluster/cluster.ts";
import { type BackendUnderTest, backendConformance } from "../../src/conformance/suite.ts";
import { Journal } from "../../src/kubelet/journal.ts";
import { LocalKubelet } from "../../src/kubelet/kubelet.ts";
import { nullProxy } from "../../src/kubelet/proxy-contract.ts";
import { parseScenario, scenarioCatalog } from "../../src/kubelet/scenario.ts";
import { SimulatedRuntime } from "../../src/kubelet/simulated-runtime.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";

const SAYS = "started, as the suite asks";
/** Less than a second of the pods' time goes by in each turn of the test's own. */
const TURN_MS = 100;

async function makeBackend(): Promise<BackendUnderTest> {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const scenario = parseScenario({ seed: 1, containers: [{ image: "*", logs: [SAYS] }] });
  const runtime = new SimulatedRuntime({ clock, random, scenario });
  const journal = Journal.inMemory();
  const kubelet = new LocalKubelet({ runtime, clock, random, proxy: nullProxy, journal, directory: null });
  const cluster = new EmbeddedCluster({ path: ":memory:", clock, random, kubelet, images: scenarioCatalog(scenario) });
  cluster.start();
  const backend = new EmbeddedBackend(cluster);
  let isOver = false;
  const passing = (async () => {
    while (!isOver) await clock.advance(TURN_MS);
  })();
  const close = async (): Promise<void> => {
    isOver = true;
    await passing;
    backend.close();
    await cluster.close();
    await kubelet.close();
  };
  return { backend, close };
}

backendConformance("embedded, with simulated pods", makeBackend, { pods: { image: "web:v1", says: SAYS } });
