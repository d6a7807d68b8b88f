/**
 * A daemon on a real cluster that kills itself with SIGKILL at a moment: right before or after a write to the API server, or an append to
 * its ledger. Arguments: repository, state directory, kubeconfig, namespace, directory, where
 * the ledger is. `doom` in the directory names the moment, once.
 */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UndiciKubeApi } from "../../../src/backend/kubernetes/api.ts";
import { connectToCluster } from "../../../src/daemon/connect-kubernetes.ts";
import { startDaemon } from "../../../src/daemon/daemon.ts";
import type { KubeCall } from "../../../src/model/kube-api.ts";
import type { JsonObject } from "../../../src/model/object.ts";

const [repository = "", stateDir = "", kubeconfig = "", namespace = "", directory = "", place = ""] =
  process.argv.slice(2);
const ledger = place === "cluster" ? "cluster" : "local";
const file = join(directory, "doom");
const doom = existsSync(file) ? readFileSync(file, "utf8") : "";
rmSync(file, { force: true });
const seen = new Map<string, number>();

/** The so manieth of its name: `after PATCH configmaps/a 2`. */
function moment(when: "before" | "after", what: string): void {
  const count = (seen.get(`${when} ${what}`) ?? 0) + 1;
  seen.set(`${when} ${what}`, count);
  const name = `${when} ${what} ${count}`;
  appendFileSync(join(directory, "moments"), `${name}\n`);
  if (name !== doom) return;
  appendFileSync(join(directory, "deaths"), `${name}\n`);
  process.kill(process.pid, "SIGKILL");
}

const { prototype } = UndiciKubeApi;
const { request } = prototype;
prototype.request = async function (this: UndiciKubeApi, call: KubeCall, signal: AbortSignal): Promise<JsonObject> {
  if (call.method === "GET" || call.query?.dryRun !== undefined) return request.call(this, call, signal);
  // Parents of ApplySets, and parts of the ledger, are named by an id that each run has anew.
  const name = call.path.replace(/^.*\/namespaces\/[^/]+\//, "").replace(/trueup-[\w-]+|applyset-[\w-]+/g, "own");
  const what = `${call.method} ${name}`;
  moment("before", what);
  const answer = await request.call(this, call, signal);
  moment("after", what);
  return answer;
};

// The clock's timers keep no process alive; the command line holds it in this way, too.
const alive = setInterval(() => undefined, 2 ** 30);
const tell = (message: string): void => console.error(message);
const { service, ended, stop } = await startDaemon({
  version: "0.0.0-test",
  repository,
  ref: "main",
  only: { path: "", namespace },
  stateDir,
  env: process.env,
  imagePaths: [],
  kubeletArgv: () => [process.execPath, "-e", "process.exit(9)"],
  log: { info: tell, warn: tell, error: tell },
  target: { kind: "kubernetes", name: "cluster", kubeconfig, inCluster: false, namespace, ledger },
  connectKubernetes: connectToCluster,
  fault: (when, kind) => moment(when, kind),
}).catch((error: unknown) => {
  clearInterval(alive);
  throw error;
});
let told = "";
async function look(): Promise<void> {
  const [app] = service.status().apps;
  if (app?.phase !== "Synced" || app.applied !== app.head?.commit || told === app.applied) return;
  const attempts = await service.ledger.attempts({});
  if (attempts.some(({ ending }) => ending === undefined)) return;
  told = app.applied ?? "";
  console.log(
    `at rest at ${told}: ${JSON.stringify(attempts.map(({ subject, ending }) => `${subject}: ${ending?.outcome}`))}`,
  );
}
service.onChange(() => void look());
await look();
process.once("SIGTERM", () => void stop({ stopPods: false }));
await ended;
clearInterval(alive);
