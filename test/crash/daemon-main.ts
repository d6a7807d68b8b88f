/** A daemon that may be doomed, with such a kubelet. It prints each commit at which all is at rest. Arguments: repository, state directory, doom. */
import { join } from "node:path";
import { startDaemon } from "../../src/daemon/daemon.ts";
import { doomed } from "./doom.ts";

const [repository = "", stateDir = "", directory = ""] = process.argv.slice(2);
// The clock's timers keep no process alive; the command line holds it in this way, too.
const alive = setInterval(() => undefined, 2 ** 30);
const tell = (message: string): void => console.error(message);
const daemon = await startDaemon({
  version: "0.0.0-test",
  repository,
  ref: "main",
  stateDir,
  env: process.env,
  imagePaths: [],
  kubeletArgv: (state, socket) => [
    process.execPath,
    join(import.meta.dirname, "kubelet-main.ts"),
    state,
    socket,
    directory,
  ],
  log: { info: tell, warn: tell, error: tell },
  fault: doomed(directory, "daemon"),
}).catch((error: unknown) => {
  clearInterval(alive);
  throw error;
});
const { service } = daemon;
const ending = new AbortController();
let told = "";

async function look(): Promise<void> {
  const [app] = service.status().apps;
  const { items } = await service.backend.list({ kind: "Pod" }, ending.signal);
  const isResting = items.every(({ object: { metadata } }) => metadata.deletionTimestamp === undefined);
  if (app?.phase !== "Synced" || app.applied !== app.head?.commit || !isResting || told === app.applied) return;
  told = app.applied ?? "";
  console.log(`at rest at ${told}`);
}

async function watch(): Promise<void> {
  const { version } = await service.backend.list({}, ending.signal);
  await look();
  for await (const _event of service.backend.watch({}, version, ending.signal)) await look();
}

process.once("SIGTERM", () => {
  ending.abort();
  void daemon.stop({ stopPods: false });
});
service.onChange(() => void look());
await watch().catch((error: unknown) => {
  if (!ending.signal.aborted) throw error;
});
await daemon.ended;
clearInterval(alive);
