/** A Kubernetes cluster as the target: its own controllers and nodes do what the embedded cluster does here. */
import type { Backend } from "../model/backend.ts";
import type { DurableLedger } from "../model/ledger.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import type { Begun } from "./begun.ts";
import { readOwnerId } from "./owner-id.ts";
import { hash12 } from "./paths.ts";
import type { KubernetesSettings, RunningTarget } from "./target.ts";
import { writeTargetRecord } from "./target-record.ts";

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
  /** Opens the ledger of this name, which is kept where trueup's own objects are. */
  openLedger(name: string): Promise<DurableLedger>;
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
  begun: Begun;
}

const NEVER = new AbortController().signal;
/** The nodes fetch images: none is laid down here, and which digest a tag stood for only the running pods can say. */
const NO_IMAGES: RunningTarget["images"] = { update: () => Promise.resolve(), digests: () => ({}) };

/** @throws {TrueupError} What connecting throws */
export async function beginKubernetes(options: KubernetesOptions): Promise<RunningTarget> {
  const { settings, connect, stateDir, env, clock, random, begun } = options;
  const { name, kind, namespace, owner, ledger } = settings;
  const ownerId = owner ?? (await readOwnerId(stateDir, random));
  const connection = await connect({ ...settings, ownerId, env, clock, random }, NEVER);
  begun.add("the connection to the cluster", () => connection.close());
  const { backend, server, context } = connection;
  const isElsewhere = ledger === "cluster";
  const place = { ...(context !== undefined && { context }), ...(isElsewhere && { ledger }) };
  const target = { name, kind, server, ...place };
  await writeTargetRecord(stateDir, { ...target, namespace, ownerId });
  return {
    backend,
    images: NO_IMAGES,
    onImages: () => undefined,
    ...(isElsewhere && { openLedger: () => connection.openLedger(`trueup-${hash12(ownerId)}`) }),
    status: () => ({ target }),
    onChange: () => () => undefined,
    stopPods: () => Promise.resolve(),
  };
}
