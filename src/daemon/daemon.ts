/** One running daemon: which store, ledger, kubelet, reconcilers and server it is made of, begun in order and ended in reverse. */
import { randomBytes } from "node:crypto";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { openRepository, type Repository } from "../git/repository.ts";
import { requireOwnState } from "../kubelet/own-state.ts";
import type { RetentionRules } from "../ledger/retention.ts";
import { SqliteLedger } from "../ledger/sqlite-ledger.ts";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { DurableLedger } from "../model/ledger.ts";
import type { CommitId } from "../model/source.ts";
import type { DaemonStatus } from "../model/status.ts";
import { startServer } from "../server/server.ts";
import type { DaemonService } from "../server/service.ts";
import { type Clock, SystemClock, settle } from "../util/clock.ts";
import type { Fault } from "../util/fault.ts";
import { collectGarbage, heapHeld } from "../util/heap.ts";
import { type Random, systemRandom } from "../util/random.ts";
import { type LockAttempt, takeLock } from "../util/state-lock.ts";
import { Begun } from "./begun.ts";
import { readConfigKey } from "./config-key.ts";
import { connectToCluster } from "./connect-kubernetes.ts";
import { beginEmbedded, type EmbeddedOptions } from "./embedded-target.ts";
import { Fleet, type FleetPolicy } from "./fleet.ts";
import { giveBackMemory } from "./give-back.ts";
import { beginKubernetes, type ConnectKubernetes } from "./kubernetes-target.ts";
import type { DaemonLog } from "./log.ts";
import {
  ensurePrivateDirectory,
  prepareSocketPaths,
  removeDaemonRecord,
  type SocketPaths,
  writeDaemonRecord,
} from "./paths.ts";
import { keepRetention } from "./retention.ts";
import { EMBEDDED_TARGET, type RunningTarget, type TargetSettings } from "./target.ts";
import { requireStateFor } from "./target-record.ts";
import { requireWholeState } from "./whole-state.ts";
import { explainWhy } from "./why.ts";

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
  /** What the ledger keeps at least; absent: everything. */
  retention?: RetentionRules;
  stateDir: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Directories searched for images after the repository's own. */
  imagePaths: readonly string[];
  /** Where objects live; the embedded cluster unless given. */
  target?: TargetSettings;
  /** How a cluster is reached, for a target that is one. */
  connectKubernetes?: ConnectKubernetes;
  /** As the embedded target has it. */
  kubeletArgv: EmbeddedOptions["kubeletArgv"];
  preferredPort?: EmbeddedOptions["preferredPort"];
  log: DaemonLog;
  clock?: Clock;
  random?: Random;
  /** Hears of every effect on the state, so that a test can end the daemon there. */
  fault?: Fault;
}

export interface RunningDaemon {
  readonly service: DaemonService;
  readonly stateDir: string;
  /** Resolves when it has ended, by `stop` or through its API; rejects when it ended because it could not go on. */
  readonly ended: Promise<void>;
  /** Resolves when every app's head has been tried and its attempt has ended. */
  settled(): Promise<DaemonStatus>;
  /** Ends the daemon; its pods too, or they run on and the next daemon adopts them. */
  stop(options: { stopPods: boolean }): Promise<void>;
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

/** The parts of one daemon, begun. */
interface Parts {
  stateDir: string;
  sockets: SocketPaths;
  repository: Repository;
  target: RunningTarget;
  ledger: DurableLedger;
  fleet: Fleet;
}

async function begin(options: DaemonOptions, begun: Begun): Promise<RunningDaemon> {
  const { log, clock = new SystemClock() } = options;
  const startedAt = new Date(clock.now()).toISOString();
  const start = { isDone: false };
  const lost = Promise.withResolvers<TrueupError>();
  const parts = await beginParts(options, clock, begun, start, lost.resolve);
  const { fleet, ledger, repository, sockets, stateDir, target } = parts;
  const { backend } = target;
  const ended = Promise.withResolvers<void>();
  let failure: TrueupError | undefined;
  const settleEnd = (): void => (failure === undefined ? ended.resolve() : ended.reject(failure));
  const stopWork = stopper(parts, log, () => void begun.end().then(settleEnd, ended.reject));
  // Whoever waits for the end hears it; nobody has to.
  ended.promise.catch(() => undefined);
  const status = (): DaemonStatus => ({
    version: options.version,
    pid: process.pid,
    startedAt,
    stateDir,
    ...target.status(),
    apps: fleet.statuses(),
  });
  const service: DaemonService = {
    backend,
    ledger,
    status,
    onChange: (listener) => {
      const stops = [fleet.onChange(listener), target.onChange(listener)];
      return () => {
        for (const stop of stops) stop();
      };
    },
    doubt: (signal) => target.doubt?.(signal) ?? Promise.resolve(null),
    proveLedger: (expect) => ledger.prove(expect),
    why: (query, signal) =>
      explainWhy({ repository, backend, ledger, clock, ignored: (app, id) => fleet.ignored(app, id) }, query, signal),
    plan: (app, revision, signal, adopt) => fleet.plan(app, revision, signal, adopt),
    approve: (app, request, signal) => fleet.approve(app, request, signal),
    discard: (app, request) => fleet.discard(app, request),
    retry: (app, request) => fleet.retry(app, request),
    shutdown: ({ stopPods }) => stopWork(stopPods),
  };
  const server = await startServer({
    service,
    clock,
    socket: sockets.daemonSocket,
    onInternalError: (error, route) => log.error(`Cannot answer ${route}: ${stackOf(error)}`),
  });
  begun.add("the server", () => server.close());

  const path = await realpath(repository.workTree ?? repository.path);
  const { version } = options;
  const socket = sockets.daemonSocket;
  await writeDaemonRecord(sockets, { pid: process.pid, version, startedAt, repository: path, stateDir, socket });
  await fleet.start();
  start.isDone = true;
  void lost.promise
    .then((error) => {
      log.error(error.message);
      failure = error;
      return stopWork(false);
    })
    .catch(ended.reject);
  log.info(`daemon ${process.pid} keeps ${path} true, state in ${stateDir}`);
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

/** Begins the parts, each only when those that it needs are there. */
async function beginParts(
  options: DaemonOptions,
  clock: Clock,
  begun: Begun,
  start: { readonly isDone: boolean },
  onLost: (error: TrueupError) => void,
): Promise<Parts> {
  const { log, random = systemRandom, fault } = options;
  const settings = options.target ?? { kind: "embedded", name: EMBEDDED_TARGET };
  const stateDir = await ensurePrivateDirectory(options.stateDir);
  lock(stateDir, options, begun);
  const sockets = await prepareSocketPaths(stateDir, options.env);
  const { kubeletSocket } = sockets;
  await requireOwnState({ stateDir, socketPath: kubeletSocket, clock, random });
  requireStateFor(settings.kind, stateDir);
  if (settings.kind === "embedded") requireWholeState(stateDir);
  // Before there is a kubelet: a path that is no repository must leave nothing running.
  const repository = await openRepository(options.repository);
  begun.add("the repository", () => repository.close());
  const isLedgerHere = settings.kind === "embedded" || settings.ledger === "local";
  const hook = fault === undefined ? {} : { fault };
  const local = isLedgerHere ? new SqliteLedger({ path: join(stateDir, "ledger.db"), ...hook }) : null;
  if (local !== null) begun.add("the ledger", () => local.close());
  const { connectKubernetes: connect = connectToCluster } = options;
  const target =
    settings.kind === "embedded"
      ? await beginEmbedded({ ...options, ...settings, stateDir, kubeletSocket, clock, random, begun, start })
      : await beginKubernetes({ ...options, settings, connect, stateDir, clock, random, begun });
  const { backend, images, onImages, openLedger } = target;
  const ledger = local ?? (await openLedger?.(onLost));
  if (ledger === undefined) {
    throw new TrueupError("internal", "Cannot open the ledger as the target must keep it: it does not.");
  }
  if (local === null) begun.add("the ledger", () => ledger.close());
  begun.add("the retention", keepRetention({ ledger, rules: options.retention ?? {}, clock, log }));
  const configKey = await readConfigKey(stateDir, randomBytes);
  const fleet = new Fleet({
    ...options,
    target: settings.name,
    repository,
    backend,
    ledger,
    images,
    clock,
    configKey,
    onImages,
  });
  begun.add("the reconcilers", () => fleet.close());
  const giving = { clock, onChange: (listener: () => void) => fleet.onChange(listener) };
  begun.add("giving memory back", giveBackMemory({ ...giving, held: heapHeld, collect: collectGarbage }));
  return { stateDir, sockets, repository, target, ledger, fleet };
}

/**
 * What ends a daemon: its work first, then, through `endRest`, all that was begun. A second call waits for the first,
 * whatever it asks for.
 */
function stopper(parts: Parts, log: DaemonLog, endRest: () => void): (stopPods: boolean) => Promise<void> {
  const { fleet, sockets, target } = parts;
  const stop = async (stopPods: boolean): Promise<void> => {
    log.info(stopPods ? "ending, pods included" : "ending; pods keep running");
    try {
      await fleet.close();
      if (!stopPods) return;
      await target.stopPods();
      // Otherwise the record stays: by it, "trueup down" finds the pods that were left.
      await removeDaemonRecord(sockets, process.pid);
    } finally {
      // Not at once: whoever asked for it hears first how it went, and then the server ends.
      void settle().then(endRest);
    }
  };
  let stopping: Promise<void> | undefined;
  return (stopPods) => {
    stopping ??= stop(stopPods);
    return stopping;
  };
}

function lock(stateDir: string, options: DaemonOptions, begun: Begun): void {
  const attempt = tryLock(stateDir, options.repository);
  if (!attempt.held) {
    throw new TrueupError(
      "conflict",
      `Cannot use the state directory ${stateDir} as no other daemon must have it: ${attempt.holder || "another process"} has.`,
      { hint: "End that daemon with trueup down, or choose another directory with --state." },
    );
  }
  begun.add("the lock", attempt.release);
}

function tryLock(stateDir: string, repository: string): LockAttempt {
  try {
    return takeLock(join(stateDir, "daemon.lock"), `pid ${process.pid}, on ${repository}`);
  } catch (error) {
    throw new TrueupError("io", `Cannot use the state directory ${stateDir}: ${messageOf(error)}`, {
      cause: error,
      hint: "It must be writable and have room; trueup doctor says what else is wrong with it.",
    });
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
