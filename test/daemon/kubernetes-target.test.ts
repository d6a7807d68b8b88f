/** A daemon whose target is a cluster: no kubelet, no objects of its own, nothing deleted at its end, and one owner for them. */
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EmbeddedBackend } from "../../src/backend/embedded.ts";
import { EmbeddedCluster } from "../../src/cluster/cluster.ts";
import { backUp } from "../../src/daemon/backup.ts";
import { type DaemonOptions, type RunningDaemon, startDaemon } from "../../src/daemon/daemon.ts";
import type { ConnectOptions } from "../../src/daemon/kubernetes-target.ts";
import type { KubernetesSettings } from "../../src/daemon/target.ts";
import { readTargetRecord } from "../../src/daemon/target-record.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import type { Backend } from "../../src/model/backend.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { systemRandom } from "../../src/util/random.ts";
import { allImages, ScriptedKubelet } from "../cluster/scripted-kubelet.ts";
import { commitAll, initRepository } from "../git/support.ts";
import { configMap } from "../reconcile/world.ts";
import { type Home, makeHome } from "../support/processes.ts";

const NO_ABORT = new AbortController().signal;
const SERVER = "https://cluster.example:6443";

let home: Home;
let repository: string;
let stateDir: string;
/** Stands in for the cluster: it outlives every daemon. */
let cluster: EmbeddedCluster;
let connected: ConnectOptions[];
/** What the cluster says of itself, whenever it is asked. */
let identify: () => Promise<string | null>;
let ping: () => Promise<void>;
let heardAt: number | null;
/** Tells the daemon that another one has its ledger. */
let loseLedger: (error: TrueupError) => void;
let open: number;
const daemons: RunningDaemon[] = [];

beforeEach(() => {
  home = makeHome();
  repository = join(home.dir, "shop");
  stateDir = join(home.dir, "state");
  mkdirSync(repository);
  initRepository(repository);
  commitAll(repository, { "a.json": configMap("a") }, "first");
  cluster = new EmbeddedCluster({
    path: ":memory:",
    clock: new SystemClock(),
    random: systemRandom,
    kubelet: new ScriptedKubelet(),
    images: allImages,
  });
  cluster.start();
  connected = [];
  identify = async () => "cluster-1";
  ping = async () => undefined;
  heardAt = null;
  open = 0;
});

afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.stop({ stopPods: false });
  await cluster.close();
  home.remove();
});

/** What the embedded backend does, said to be a cluster's. */
function clusterBackend(): { backend: Backend; inner: EmbeddedBackend } {
  const inner = new EmbeddedBackend(cluster);
  const capabilities = {
    ...inner.capabilities,
    name: "kubernetes",
    cheapDryRun: false,
    localImages: false,
    kinds: null,
  };
  const backend: Backend = {
    capabilities,
    list: (query, signal) => inner.list(query, signal),
    watch: (query, version, signal) => inner.watch(query, version, signal),
    dryRun: (request, signal) => inner.dryRun(request, signal),
    apply: (request, signal) => inner.apply(request, signal),
    delete: (request, signal) => inner.delete(request, signal),
    logs: (query, signal) => inner.logs(query, signal),
  };
  return { backend, inner };
}

const OPTIONS: Pick<DaemonOptions, "connectKubernetes" | "target"> = {
  target: {
    ...{ kind: "kubernetes", name: "stage", context: "admin" },
    ...{ inCluster: false, ledger: "local", namespace: "trueup-system" },
  },
  connectKubernetes: async (options) => {
    connected.push(options);
    open++;
    const { backend, inner } = clusterBackend();
    return {
      backend,
      server: SERVER,
      context: "admin",
      ping: () => ping(),
      heardAt: () => heardAt,
      identify: () => identify(),
      openLedger: async (name, onLost) => {
        loseLedger = onLost;
        return new SqliteLedger({ path: join(home.dir, `${name}.db`) });
      },
      close: async () => {
        open--;
        inner.close();
      },
    };
  },
};

function daemonOptions(rest: Partial<DaemonOptions> = {}): DaemonOptions {
  return {
    version: "9.9.9",
    repository,
    ref: "main",
    stateDir,
    env: home.env,
    imagePaths: [],
    kubeletArgv: () => [process.execPath, "-e", "process.exit(9)"],
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    ...OPTIONS,
    ...rest,
  };
}

async function start(rest: Partial<DaemonOptions> = {}): Promise<RunningDaemon> {
  const daemon = await startDaemon(daemonOptions(rest));
  daemons.push(daemon);
  await daemon.settled();
  return daemon;
}

async function applied(): Promise<KubeObject | undefined> {
  const { items } = await clusterBackend().backend.list({ kind: "ConfigMap", name: "a" }, NO_ABORT);
  return items[0]?.object;
}

it("applies to it, under its name, with no kubelet and no objects in the state directory", async () => {
  const daemon = await start();
  const { target, runtime, kubelet, apps } = daemon.service.status();
  expect({ target, runtime, kubelet }).toEqual({
    target: { name: "stage", kind: "kubernetes", server: SERVER, context: "admin" },
  });
  expect(apps.map(({ app, target: on, phase }) => [app, on, phase])).toEqual([["shop", "stage", "Synced"]]);
  expect((await daemon.service.ledger.attempts({})).map((attempt) => attempt.target)).toEqual(["stage"]);
  expect(await applied()).toMatchObject({ data: { a: "1" } });
  expect(["cluster.db", "kubelet", "images"].filter((name) => existsSync(join(stateDir, name)))).toEqual([]);
});

it("ends without deleting anything, also when its pods are to end with it, and lets go of the cluster", async () => {
  const daemon = await start();
  await daemon.service.shutdown({ stopPods: true });
  await daemon.ended;
  expect(open).toBe(0);
  expect(await applied()).toBeDefined();
});

it("is the same owner each time it starts, unless the operator names one; and records where it was", async () => {
  await (await start()).stop({ stopPods: false });
  await (await start()).stop({ stopPods: false });
  const kept = readFileSync(join(stateDir, "owner.id"), "utf8").trim();
  expect(connected.map(({ ownerId }) => ownerId)).toEqual([kept, kept]);
  expect(kept).toMatch(/^[0-9a-f-]{36}$/);
  expect(await readTargetRecord(realpathSync(stateDir))).toEqual({
    ...{ name: "stage", kind: "kubernetes", server: SERVER, context: "admin" },
    ...{ namespace: "trueup-system", ownerId: kept, clusterId: "cluster-1" },
  });
  await start({
    target: { kind: "kubernetes", name: "in", inCluster: true, ledger: "local", namespace: "ops", owner: "us" },
  });
  expect(connected.at(-1)).toMatchObject({ ownerId: "us", inCluster: true, namespace: "ops" });
});

it("may keep the ledger, so that a daemon without any state of its own goes on with the history", async () => {
  const target = { ...OPTIONS.target, ledger: "cluster", owner: "us" } as KubernetesSettings;
  const first = await start({ target });
  expect(first.service.status().target).toMatchObject({ name: "stage", ledger: "cluster" });
  expect(await first.service.proveLedger()).toMatchObject({ intact: true, attempts: 1 });
  await first.stop({ stopPods: false });
  expect(existsSync(join(stateDir, "ledger.db"))).toBe(false);
  await expect(
    backUp({ stateDir: realpathSync(stateDir), directory: join(home.dir, "backup"), version: "9.9.9", nowMs: 0 }),
  ).rejects.toMatchObject({ code: "not-found", message: expect.stringContaining("stage keeps that") });
  stateDir = join(home.dir, "other");
  const next = await start({ target });
  expect(await next.service.ledger.attempts({})).toHaveLength(1);
});

it("makes no app of what others applied, be it another tool or another daemon", async () => {
  for (const [index, owner] of ["applyset-Ab12-v1", "applyset-ab12-v1", "shop of 2f1c9e"].entries()) {
    const metadata = { name: `theirs-${index}`, namespace: "default" };
    await clusterBackend().backend.apply(
      { desired: { apiVersion: "v1", kind: "ConfigMap", metadata }, owner },
      NO_ABORT,
    );
  }
  const daemon = await start();
  expect(daemon.service.status().apps.map(({ app }) => app)).toEqual(["shop"]);
});

it.each(["applyset-Ab12-v1", "shop of 2f1c9e"])("takes nothing over that is owned by %s", async (owner) => {
  const metadata = { name: "a", namespace: "default" };
  const theirs = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "1" } };
  await clusterBackend().backend.apply({ desired: theirs, owner }, NO_ABORT);
  const daemon = await start();
  const [app] = daemon.service.status().apps;
  expect({ phase: app?.phase, reason: app?.reason }).toEqual({
    phase: "Rejected",
    reason: expect.stringContaining(`one app only may own it: app ${owner} applied it`),
  });
  const { items } = await clusterBackend().backend.list({ kind: "ConfigMap", name: "a" }, NO_ABORT);
  expect(items[0]?.owner).toBe(owner);
});

it("cannot be reached: the daemon says why and leaves the state directory to the next one", async () => {
  const refused = new TrueupError("forbidden", "Cannot list: no.");
  await expect(start({ connectKubernetes: () => Promise.reject(refused) })).rejects.toBe(refused);
  await start();
});

it("has a state directory of its own: neither kind takes the other's", async () => {
  await (await start()).stop({ stopPods: false });
  const embedded = { kind: "embedded", name: "local" } as const;
  await expect(start({ target: embedded })).rejects.toMatchObject({
    code: "conflict",
    message: `Cannot use the state directory ${stateDir} as it must be the embedded cluster's: it is of a Kubernetes target.`,
  });
  stateDir = join(home.dir, "other");
  mkdirSync(stateDir, { mode: 0o700 });
  writeFileSync(join(stateDir, "cluster.db"), "objects");
  await expect(start()).rejects.toMatchObject({
    code: "conflict",
    message: `Cannot use the state directory ${stateDir} as it must be a Kubernetes target's: it is the embedded cluster's.`,
  });
});

it.each(["", "A b", "x".repeat(64)])("is no owner when the file says %j", async (text) => {
  mkdirSync(stateDir, { mode: 0o700 });
  writeFileSync(join(stateDir, "owner.id"), text);
  await expect(start()).rejects.toMatchObject({ code: "io", hint: expect.stringContaining("owner of the target") });
});

describe("the cluster that a state directory is about", () => {
  const record = (): ReturnType<typeof readTargetRecord> => readTargetRecord(realpathSync(stateDir));

  it("is no other one, wherever the context leads by now: nothing is applied, and the record stays", async () => {
    await (await start()).stop({ stopPods: false });
    const before = await record();
    identify = async () => "cluster-2";
    await expect(
      start({ target: { ...OPTIONS.target, context: "other" } as KubernetesSettings }),
    ).rejects.toMatchObject({
      code: "forbidden",
      message: `Cannot keep stage true from ${stateDir} as that must be about the same cluster: ${SERVER} is another one than when it was last used.`,
      hint: expect.stringContaining(`remove ${join(stateDir, "target.json")}`),
    });
    expect(await record()).toEqual(before);
    rmSync(join(stateDir, "target.json"));
    await start();
    expect((await record())?.clusterId).toBe("cluster-2");
  });

  it("is asked again where it does not answer, before anything else is asked of it", async () => {
    await (await start()).stop({ stopPods: false });
    commitAll(repository, { "a.json": configMap("a", { a: "2" }) }, "second");
    const answer = Promise.withResolvers<string>();
    const away = new TrueupError("unavailable", "Cannot reach it.");
    let asked = 0;
    identify = () => (asked++ === 0 ? Promise.reject(away) : answer.promise);
    const starting = startDaemon(daemonOptions());
    await expect.poll(() => asked).toBeGreaterThan(1);
    answer.resolve("cluster-2");
    const daemon = await starting;
    daemons.push(daemon);
    await expect.poll(() => daemon.service.status().apps[0]?.trouble).toBe("forbidden");
    expect(daemon.service.status().apps[0]?.reason).toContain("is another one than when it was last used");
    expect(await applied()).toMatchObject({ data: { a: "1" } });
    expect((await record())?.clusterId).toBe("cluster-1");
  });

  it("is believed to be the same where nobody may ask, and known again when somebody may", async () => {
    await (await start()).stop({ stopPods: false });
    identify = async () => null;
    await (await start()).stop({ stopPods: false });
    expect((await record())?.clusterId).toBe("cluster-1");
  });
});

it("ends when another daemon has taken its ledger over, and says so to whoever waits", async () => {
  const daemon = await start({ target: { ...OPTIONS.target, ledger: "cluster", owner: "us" } as KubernetesSettings });
  const taken = new TrueupError("conflict", "Cannot go on with the ledger: b took it over.");
  loseLedger(taken);
  await expect(daemon.ended).rejects.toBe(taken);
  await expect(daemons.pop()?.stop({ stopPods: false })).rejects.toBe(taken);
  expect(open).toBe(0);
});

it("is asked whether it answers by whoever lists its objects", async () => {
  const daemon = await start();
  expect(await daemon.service.doubt(NO_ABORT)).toBeNull();
  heardAt = Date.now() - 5_000;
  ping = () => Promise.reject(new TrueupError("unavailable", "Cannot reach it."));
  expect(await daemon.service.doubt(NO_ABORT)).toMatch(
    /^The API server https:.* does not answer: Cannot reach it\. What is shown is as it was [56] s ago\.$/,
  );
});
