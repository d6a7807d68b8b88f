/** A kubelet that may be doomed: what `trueup kubelet` does, with a fault hook. Arguments: state directory, socket, doom. */
import { runKubelet } from "../../src/kubelet/process.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { systemRandom } from "../../src/util/random.ts";
import { doomed } from "./doom.ts";

const [stateDir = "", socketPath = "", directory = ""] = process.argv.slice(2);
await runKubelet({
  stateDir,
  socketPath,
  version: "0.0.0-test",
  clock: new SystemClock(),
  random: systemRandom,
  log: (level, message) => console.error(`${level} ${message}`),
  fault: doomed(directory, "kubelet"),
});
