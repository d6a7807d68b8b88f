/**
 * A cluster to try things on by hand, until Ctrl-C. All its pods are played: those with an annotation as it says, others run.
 *
 *     node test/support/kubernetes/main.ts
 *
 * Not for TRUEUP_TEST_KUBECONFIG: it plays the pods of all namespaces, so those of tests would be played twice.
 */
import { once } from "node:events";
import { asTrueupError } from "../../../src/model/errors.ts";
import { readKubeconfig } from "./access.ts";
import { Api } from "./api.ts";
import { PLAY_ANNOTATION } from "./play.ts";
import { Player } from "./player.ts";
import { type RunningCluster, startCluster } from "./running.ts";

async function main(): Promise<void> {
  const cluster: RunningCluster = await startCluster();
  const { kubeconfig, own } = cluster.shared;
  const api = new Api(readKubeconfig(kubeconfig));
  const player = new Player(api, []);
  console.log(`export KUBECONFIG=${kubeconfig}`);
  if (own !== null) {
    console.log(`alias kubectl='${own.program} kubectl'`);
    console.log(`# ${JSON.stringify({ directory: own.directory, pids: own.pids })}`);
  }
  console.log(`# pods do as their annotation says, such as ${PLAY_ANNOTATION}: '{"does":"crash","exitCode":3}'`);
  console.log("# ready; Ctrl-C ends it");
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await player
    .stop()
    .finally(() => api.close())
    .finally(() => cluster.stop());
}

await main().catch((error: unknown) => {
  const { message, hint } = asTrueupError(error, "start a cluster for tests");
  console.error(hint === undefined ? message : `${message}\n${hint}`);
  process.exitCode = 1;
});
