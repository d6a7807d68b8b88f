/** Many apps of one repository, each of four small objects, on the embedded backend: time and memory of one process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedBackend } from "../src/backend/embedded.ts";
import { EmbeddedCluster } from "../src/cluster/cluster.ts";
import { Fleet } from "../src/daemon/fleet.ts";
import { openRepository } from "../src/git/repository.ts";
import { ImageStore } from "../src/image/store.ts";
import { Journal } from "../src/kubelet/journal.ts";
import { LocalKubelet } from "../src/kubelet/kubelet.ts";
import { nullProxy } from "../src/kubelet/proxy-contract.ts";
import { parseScenario } from "../src/kubelet/scenario.ts";
import { SimulatedRuntime } from "../src/kubelet/simulated-runtime.ts";
import { SqliteLedger } from "../src/ledger/sqlite-ledger.ts";
import { SystemClock } from "../src/util/clock.ts";
import { seededRandom } from "../src/util/random.ts";
import { machineLine, printTable } from "./support.ts";
import { git, until } from "./trueup.ts";

const APPS = Number(process.env.APPS ?? 1_000);
const MIB = 2 ** 20;

function manifest(app: number, value: string): string {
  const name = `app-${app}`;
  const labels = { app: name };
  const container = { name: "web", image: "web:v1" };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  const objects = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: { key: name } },
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { value } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: { replicas: 0, selector: { matchLabels: labels }, template },
    },
  ];
  return objects.map((object) => `${JSON.stringify(object)}\n`).join("---\n");
}

function write(repository: string, app: number, value: string): void {
  mkdirSync(join(repository, `apps/${app}`), { recursive: true });
  writeFileSync(join(repository, `apps/${app}/all.yaml`), manifest(app, value));
}

function commit(repository: string, message: string): string {
  git(repository, "add", "--all");
  git(repository, "commit", "--quiet", "--message", message);
  return git(repository, "rev-parse", "HEAD").trim();
}

function prepare(folder: string): string {
  const repository = join(folder, "repository");
  mkdirSync(join(repository, "images/web/v1"), { recursive: true });
  git(repository, "init", "--quiet", "--initial-branch", "main");
  writeFileSync(join(repository, "images/web/v1/config.json"), '{"config": {"Entrypoint": ["true"]}}');
  const apps = Array.from(
    { length: APPS },
    (_, app) => `- { name: app-${app}, path: apps/${app}, namespace: app-${app} }\n`,
  );
  writeFileSync(join(repository, "trueup.yaml"), `apps:\n${apps.join("")}`);
  for (let app = 0; app < APPS; app++) write(repository, app, "first");
  commit(repository, "first");
  return repository;
}

const folder = mkdtempSync(join(tmpdir(), "trueup-bench-"));
try {
  const path = prepare(folder);
  const clock = new SystemClock();
  const random = seededRandom(1);
  const repository = await openRepository(path);
  const images = await ImageStore.open(join(folder, "images"));
  const runtime = new SimulatedRuntime({ clock, random, scenario: parseScenario({ containers: [] }) });
  const journal = Journal.inMemory();
  const kubelet = new LocalKubelet({ runtime, clock, random, proxy: nullProxy, journal, directory: null });
  const cluster = new EmbeddedCluster({ path: join(folder, "cluster.db"), clock, random, kubelet, images });
  const backend = new EmbeddedBackend(cluster);
  cluster.start();
  const ledger = new SqliteLedger({ path: join(folder, "ledger.db") });
  const log = { info: () => undefined, warn: console.error, error: console.error };
  const fleet = new Fleet({
    target: "local",
    repository,
    ref: "main",
    backend,
    ledger,
    images,
    imagePaths: [],
    clock,
    configKey: new Uint8Array(32),
    log,
    onImages: () => cluster.node.imagesChanged(),
  });
  const rows: string[][] = [];
  /** Does something, and waits until every app has said how it went. */
  const measure = async (what: string, doIt: () => unknown): Promise<void> => {
    const begun = performance.now();
    const cpu = process.cpuUsage();
    await doIt();
    await fleet.settled();
    const wall = performance.now() - begun;
    const { user, system } = process.cpuUsage(cpu);
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
    rows.push([what, wall.toFixed(0), ((user + system) / 1_000).toFixed(0), mib(heapUsed), mib(rss)]);
  };
  const atHead = (head: string) => async (): Promise<void> => {
    await until("all apps at the head", () => fleet.statuses().every((app) => app.head?.commit === head) || undefined);
  };
  await measure("all apps first applied", () => fleet.start());
  write(path, 7, "second");
  await measure("a commit that changes one object", atHead(commit(path, "second")));
  writeFileSync(join(path, "README.md"), "nothing\n");
  await measure("a commit that changes none", atHead(commit(path, "third")));
  const bad = fleet.statuses().filter(({ phase }) => phase !== "Synced");
  if (bad.length > 0) throw new Error(`${bad.length} apps are not synced: ${JSON.stringify(bad[0])}`);
  await fleet.close();
  backend.close();
  await cluster.close();
  await kubelet.close();
  ledger.close();
  await repository.close();
  console.log(machineLine());
  console.log(`${APPS} apps of 4 objects`);
  printTable(["what", "wall ms", "CPU ms", "heap MiB", "RSS MiB"], rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
