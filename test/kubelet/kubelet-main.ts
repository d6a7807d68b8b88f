/** A kubelet process for tests: what `trueup kubelet` does, without the command line around it. */
import { runKubelet } from "../../src/kubelet/process.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { systemRandom } from "../../src/util/random.ts";

const [stateDir = "", socketPath = ""] = process.argv.slice(2);
await runKubelet({
  stateDir,
  socketPath,
  version: "0.0.0-test",
  clock: new SystemClock(),
  random: systemRandom,
  log: (level, message) => console.error(`${level} ${message}`),
});
