/** The conformance suite of the embedded backend whose pods are processes of this machine, run by a kubelet process. */
import { EmbeddedBackend } from "../../src/backend/embedded.ts";
import { EmbeddedCluster } from "../../src/cluster/cluster.ts";
import { type BackendUnderTest, backendConformance } from "../../src/conformance/suite.ts";
import { systemRandom } from "../../src/util/random.ts";
import { Bench } from "../kubelet/processes.ts";

const SAYS = "started, as the suite asks";
const PROGRAM = `
process.on("SIGTERM", () => process.exit(0));
console.log(${JSON.stringify(SAYS)});
setInterval(() => undefined, 60_000);
`;

async function makeBackend(): Promise<BackendUnderTest> {
  const bench = new Bench();
  const image = bench.image({ "main.js": PROGRAM });
  let cluster: EmbeddedCluster | undefined;
  let backend: EmbeddedBackend | undefined;
  const close = async (): Promise<void> => {
    // What no kubelet ends any more, the bench does, by the uid that its process carries.
    for (const { metadata } of cluster?.store.list({ kind: "Pod" }) ?? []) bench.track(metadata.uid ?? "");
    backend?.close();
    await cluster?.close();
    await bench.close();
  };
  try {
    // A kubelet of its own for each test, as a daemon starts it: over its socket, with its files.
    const { client: kubelet } = await bench.process();
    const images = { resolve: (reference: string) => ({ ...image, reference }) };
    cluster = new EmbeddedCluster({ path: ":memory:", clock: bench.clock, random: systemRandom, kubelet, images });
    cluster.start();
    backend = new EmbeddedBackend(cluster);
    return { backend, close };
  } catch (error) {
    await close();
    throw error;
  }
}

backendConformance("embedded, with processes", makeBackend, { pods: { image: "web:v1", says: SAYS } });
