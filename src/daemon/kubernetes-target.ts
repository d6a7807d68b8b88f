/** A Kubernetes cluster as the target: its own controllers and nodes do what the embedded cluster does here. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Backend } from "../model/backend.ts";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { DurableLedger } from "../model/ledger.ts";
import type { Clock } from "../util/clock.ts";
import { withDeadline } from "../util/deadline.ts";
import type { Random } from "../util/random.ts";
import type { Begun } from "./begun.ts";
import type { DaemonLog } from "./log.ts";
import { readOwnerId } from "./owner-id.ts";
import { hash12 } from "./paths.ts";
import { doubtOf } from "./pulse.ts";
import { GuardedBackend, type Identify, SameCluster } from "./same-cluster.ts";
import type { KubernetesSettings, RunningTarget } from "./target.ts";
import { readTargetRecord, TARGET_FILE, type TargetRecord, writeTargetRecord } from "./target-record.ts";

/** How a cluster is reached, and what for. */
export interface ConnectOptions
  extends Pick<KubernetesSettings, "kubeconfig" | "context" | "inCluster" | "namespace" | "namespaces"> {
  /** Under which id objects are owned: what another daemon applied is told from what this one did. */
  ownerId: string;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  random: Random;
}

export interface KubernetesConnection {
  readonly backend: Backend;
  /** Address of the API server, without credentials. */
  readonly server: string;
  /** The context that was taken; absent in a cluster. */
  readonly context?: string;
  /** Asks something that costs the server nothing. */
  ping(signal: AbortSignal): Promise<void>;
  /** When the server last said anything, milliseconds since the epoch; `null` when it never has. */
  heardAt(): number | null;
  /** Says which cluster it is; `null` where nobody may ask. */
  identify: Identify;
  /**
   * Opens the ledger of this name, which is kept where trueup's own objects are.
   *
   * @param onLost Hears that another daemon has taken it over
   */
  openLedger(name: string, onLost: (error: TrueupError) => void): Promise<DurableLedger>;
  /** Ends all watches and requests. */
  close(): Promise<void>;
}

/** @throws {TrueupError} `not-found`, `invalid` for what the kubeconfig lacks; `forbidden`, `unavailable` of the server */
export type ConnectKubernetes = (options: ConnectOptions, signal: AbortSignal) => Promise<KubernetesConnection>;

export interface KubernetesOptions {
  settings: KubernetesSettings;
  connect: ConnectKubernetes;
  stateDir: string;
  env: ConnectOptions["env"];
  clock: Clock;
  random: Random;
  log: DaemonLog;
  begun: Begun;
}

/** How long the start waits for a cluster that does not say which it is; it is asked again before anything is asked of it. */
const IDENTIFY_MS = 10_000;

const NEVER = new AbortController().signal;
/** The nodes fetch images: none is laid down here, and which digest a tag stood for only the running pods can say. */
const NO_IMAGES: RunningTarget["images"] = { update: () => Promise.resolve(), digests: () => ({}) };

/** @throws {TrueupError} What connecting throws; `forbidden` when the state directory is about another cluster */
export async function beginKubernetes(options: KubernetesOptions): Promise<RunningTarget> {
  const { settings, connect, stateDir, env, clock, random, begun } = options;
  const { name, kind, namespace, owner, ledger } = settings;
  const ownerId = owner ?? (await readOwnerId(stateDir, random));
  const connection = await connect({ ...settings, ownerId, env, clock, random }, NEVER);
  begun.add("the connection to the cluster", () => connection.close());
  const { server, context } = connection;
  const isElsewhere = ledger === "cluster";
  const place = { ...(context !== undefined && { context }), ...(isElsewhere && { ledger }) };
  const target = { name, kind, server, ...place };
  const guard = await guardOf(options, connection, { ...target, namespace, ownerId, ...reachedBy(settings) });
  return {
    backend: new GuardedBackend(connection.backend, guard),
    images: NO_IMAGES,
    onImages: () => undefined,
    ...(isElsewhere && {
      async openLedger(onLost) {
        await guard.require(NEVER);
        return connection.openLedger(`trueup-${hash12(ownerId)}`, onLost);
      },
    }),
    status: () => ({ target }),
    doubt: (signal) => doubtOf({ ...connection, clock }, signal),
    onChange: () => () => undefined,
    stopPods: () => Promise.resolve(),
  };
}

/** What `trueup doctor` needs to go the same way. */
function reachedBy({ kubeconfig, namespaces }: KubernetesSettings): Pick<TargetRecord, "kubeconfig" | "namespaces"> {
  return { ...(kubeconfig !== undefined && { kubeconfig }), ...(namespaces !== undefined && { namespaces }) };
}

/** Asks the cluster who it is, and keeps the record of a state directory true to that. */
async function guardOf(
  { clock, log, stateDir }: KubernetesOptions,
  { identify, server }: KubernetesConnection,
  record: TargetRecord,
): Promise<SameCluster> {
  const known = (await readTargetRecord(stateDir))?.clusterId;
  const guard = new SameCluster({
    ...{ identify, known, name: record.name, server, stateDir },
    // Where nobody may ask, what was known before stays: another day it may be told again.
    onIdentified: (id) => writeTargetRecord(stateDir, withCluster(record, id ?? known)),
  });
  const late = (): Error => new TrueupError("timeout", `${server} does not answer within ${IDENTIFY_MS / 1_000} s`);
  try {
    await withDeadline(clock, IDENTIFY_MS, NEVER, (signal) => guard.require(signal), late);
  } catch (error) {
    if (guard.refusal !== null || !(error instanceof TrueupError) || error.code === "io") throw error;
    // A daemon that starts while its cluster is away waits for it. Whose directory it is must be said even so.
    log.warn(`It is not known yet which cluster ${record.name} is: ${messageOf(error)}`);
    if (!existsSync(join(stateDir, TARGET_FILE))) await writeTargetRecord(stateDir, record);
  }
  return guard;
}

function withCluster(record: TargetRecord, clusterId: string | undefined): TargetRecord {
  return { ...record, ...(clusterId !== undefined && { clusterId }) };
}
