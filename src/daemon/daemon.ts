/** One running daemon: which store, ledger, kubelet, reconcilers and server it is made of, begun in order and ended in reverse. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { EmbeddedBackend } from "../backend/embedded.ts";
import { EmbeddedCluster } from "../cluster/cluster.ts";
import { openRepository } from "../git/repository.ts";
import { ImageStore } from "../image/store.ts";
import { SqliteLedger } from "../ledger/sqlite-ledger.ts";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { CommitId } from "../model/source.ts";
import type { DaemonStatus } from "../model/status.ts";
import type { Service, ServicePort } from "../model/workload.ts";
import { startServer } from "../server/server.ts";
import type { DaemonService } from "../server/service.ts";
import { type Clock, SystemClock } from "../util/clock.ts";
import { type Random, systemRandom } from "../util/random.ts";
import { takeLock } from "../util/state-lock.ts";
import { Fleet, type FleetPolicy } from "./fleet.ts";
import { KubeletKeeper } from "./kubelet-keeper.ts";
import type { DaemonLog } from "./log.ts";
import { ensurePrivateDirectory, prepareSocketPaths, removeDaemonRecord, writeDaemonRecord } from "./paths.ts";

export interface DaemonOptions {
  version: string;
  /** A path inside the repository. */
  repository: string;
  /** What to follow: `HEAD`, a branch, a full ref. */
  ref: string;
  /** Stay at this commit instead. */
  pin?: CommitId;
  /** This directory is the one app; absent: `trueup.yaml` or the whole repository. */
  only?: { path: string; namespace: string };
  /** What the operator's configuration allows. */
  policy?: FleetPolicy;
  stateDir: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Directories searched for images after the repository's own. */
  imagePaths: readonly string[];
  /** Program and arguments that run a kubelet for a state directory and a socket. */
  kubeletArgv(stateDir: string, socket: string): string[];
  /** Where to look for a free local port of a Service that has none yet; 0: any. */
  preferredPort?: (service: Service, port: ServicePort) => number;
  log: DaemonLog;
  clock?: Clock;
  random?: Random;
}

export interface RunningDaemon {
  readonly service: DaemonService;
  readonly stateDir: string;
  /** Settles when it has ended, by `stop` or through its API. */
  readonly ended: Promise<void>;
  /** Resolves when every app's head has been tried and its attempt has ended. */
  settled(): Promise<DaemonStatus>;
  /** Ends the daemon; its pods too, or they run on and the next daemon adopts them. */
  stop(options: { stopPods: boolean }): Promise<void>;
}

/** What has been begun, to be ended in reverse order, also when a later beginning fails. */
class Begun {
  readonly #ends: { what: string; end: () => void | Promise<void> }[] = [];
  readonly #log: DaemonLog;

  constructor(log: DaemonLog) {
    this.#log = log;
  }

  add(what: string, end: () => void | Promise<void>): void {
    this.#ends.push({ what, end });
  }

  /** Ends all of it; a failing end is logged and does not keep the others from ending. */
  async end(): Promise<void> {
    for (let next = this.#ends.pop(); next !== undefined; next = this.#ends.pop()) {
      try {
        await next.end();
      } catch (error) {
        this.#log.error(`Cannot end ${next.what} cleanly: ${messageOf(error)}`);
      }
    }
  }
}

/**
 * Starts a daemon on a state directory.
 *
 * @throws {TrueupError} `conflict` when another daemon has the state directory; `not-found` or `invalid` when the repository
 *   cannot be used; `io` when the state directory cannot
 */
export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const begun = new Begun(options.log);
  try {
    return await begin(options, begun);
  } catch (error) {
    await begun.end();
    throw error;
  }
}

async function begin(options: DaemonOptions, begun: Begun): Promise<RunningDaemon> {
  const { log, clock = new SystemClock(), random = systemRandom } = options;
  const startedAt = new Date(clock.now()).toISOString();
  const stateDir = await ensurePrivateDirectory(options.stateDir);
  lock(stateDir, options, begun);
  const sockets = await prepareSocketPaths(stateDir, options.env);

  const kubeletOptions = {
    stateDir,
    socketPath: sockets.kubeletSocket,
    argv: options.kubeletArgv(stateDir, sockets.kubeletSocket),
    clock,
  };
  // Before there is a kubelet: a path that is no repository must leave nothing running.
  const repository = await openRepository(options.repository);
  begun.add("the repository", () => repository.close());
  const keeper = await KubeletKeeper.start(kubeletOptions, log);
  let isUp = false;
  begun.add("the kubelet", () => (isUp ? keeper.client.close() : keeper.abandon()));
  const images = await ImageStore.open(join(stateDir, "images"));
  const ledger = new SqliteLedger({ path: join(stateDir, "ledger.db") });
  begun.add("the ledger", () => ledger.close());

  const { preferredPort } = options;
  const cluster = new EmbeddedCluster({
    path: join(stateDir, "cluster.db"),
    clock,
    random,
    kubelet: keeper.client,
    images,
    preferredPort,
    reconnect: () => keeper.ensure(),
    onError: (doing, error) => log.error(`${doing}: ${messageOf(error)}`),
  });
  const backend = new EmbeddedBackend(cluster);
  let closing: Promise<void> | undefined;
  const closeCluster = (): Promise<void> => {
    backend.close();
    closing ??= cluster.close();
    return closing;
  };
  begun.add("the cluster", closeCluster);
  cluster.start();

  const fleet = new Fleet({
    ...options,
    repository,
    backend,
    ledger,
    images,
    clock,
    onImages: () => cluster.node.imagesChanged(),
  });
  begun.add("the reconcilers", () => fleet.close());

  const ended = Promise.withResolvers<void>();
  let stopping: Promise<void> | undefined;
  const stopWork = (stopPods: boolean): Promise<void> => {
    stopping ??= (async () => {
      log.info(stopPods ? "ending, pods included" : "ending; pods keep running");
      try {
        await fleet.close();
        if (stopPods) {
          // First the controllers: they would replace each pod that ends.
          await closeCluster();
          await keeper.stopWithPods();
          // Otherwise the record stays: by it, "trueup down" finds the pods that were left.
          await removeDaemonRecord(sockets, process.pid);
        }
      } finally {
        queueMicrotask(() => void begun.end().then(ended.resolve, ended.reject));
      }
    })();
    return stopping;
  };

  const status = (): DaemonStatus => ({
    version: options.version,
    pid: process.pid,
    startedAt,
    stateDir,
    runtime: "process",
    kubelet: { connected: cluster.node.connected, pid: keeper.pid },
    apps: fleet.statuses(),
  });
  const service: DaemonService = {
    backend,
    ledger,
    status,
    onChange: (listener) => fleet.onChange(listener),
    plan: (app, revision, signal) => fleet.plan(app, revision, signal),
    shutdown: ({ stopPods }) => stopWork(stopPods),
  };
  const server = await startServer({
    service,
    clock,
    socket: sockets.daemonSocket,
    onInternalError: (error, route) => log.error(`Cannot answer ${route}: ${stackOf(error)}`),
  });
  begun.add("the server", () => server.close());

  const repositoryPath = await realpath(repository.workTree ?? repository.path);
  await writeDaemonRecord(sockets, {
    pid: process.pid,
    version: options.version,
    startedAt,
    repository: repositoryPath,
    stateDir,
    socket: sockets.daemonSocket,
  });
  await fleet.start();
  isUp = true;
  log.info(`daemon ${process.pid} keeps ${repositoryPath} true, state in ${stateDir}`);
  return {
    service,
    stateDir,
    ended: ended.promise,
    settled: async () => {
      await fleet.settled();
      return status();
    },
    stop: async ({ stopPods }) => {
      await stopWork(stopPods);
      await ended.promise;
    },
  };
}

function lock(stateDir: string, options: DaemonOptions, begun: Begun): void {
  const attempt = takeLock(join(stateDir, "daemon.lock"), `pid ${process.pid}, on ${options.repository}`);
  if (!attempt.held) {
    throw new TrueupError(
      "conflict",
      `Cannot use the state directory ${stateDir} as no other daemon must have it: ${attempt.holder || "another process"} has.`,
      { hint: "End that daemon with trueup down, or choose another directory with --state." },
    );
  }
  begun.add("the lock", attempt.release);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
