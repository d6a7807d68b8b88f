/** The embedded target: a cluster in the state directory, whose pods are processes that a kubelet beside the daemon runs. */
import { join } from "node:path";
import { EmbeddedBackend } from "../backend/embedded.ts";
import { EmbeddedCluster } from "../cluster/cluster.ts";
import { ImageStore } from "../image/store.ts";
import { messageOf } from "../model/errors.ts";
import type { KubeletStatus } from "../model/status.ts";
import type { Service, ServicePort } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import type { Fault } from "../util/fault.ts";
import type { Random } from "../util/random.ts";
import type { Begun } from "./begun.ts";
import { KubeletKeeper } from "./kubelet-keeper.ts";
import type { DaemonLog } from "./log.ts";
import type { RunningTarget } from "./target.ts";

export interface EmbeddedOptions {
  name: string;
  stateDir: string;
  kubeletSocket: string;
  /** Program and arguments that run a kubelet for a state directory and a socket. */
  kubeletArgv(stateDir: string, socket: string): string[];
  /** Where to look for a free local port of a Service that has none yet; 0: any. */
  preferredPort?: ((service: Service, port: ServicePort) => number) | undefined;
  clock: Clock;
  random: Random;
  log: DaemonLog;
  fault?: Fault | undefined;
  begun: Begun;
  /** Whether the daemon has started: until then a kubelet that it started is of no use to anybody. */
  start: { readonly isDone: boolean };
}

/** @throws {TrueupError} `unavailable` when no kubelet can be started; `io`, `invalid` when the state cannot be used */
export async function beginEmbedded(options: EmbeddedOptions): Promise<RunningTarget> {
  const { stateDir, kubeletSocket, clock, random, log, preferredPort, fault, begun, start } = options;
  const argv = options.kubeletArgv(stateDir, kubeletSocket);
  const keeper = await KubeletKeeper.start({ stateDir, socketPath: kubeletSocket, argv, clock }, log);
  begun.add("the kubelet", () => (start.isDone ? keeper.close() : keeper.abandon()));
  const images = await ImageStore.open(join(stateDir, "images"), fault);
  const cluster = new EmbeddedCluster({
    path: join(stateDir, "cluster.db"),
    clock,
    random,
    kubelet: keeper.client,
    images,
    preferredPort,
    reconnect: () => keeper.ensure(),
    onError: (doing, error) => log.error(`${doing}: ${messageOf(error)}`),
    ...(fault !== undefined && { fault }),
  });
  const backend = new EmbeddedBackend(cluster);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    backend.close();
    closing ??= cluster.close();
    return closing;
  };
  begun.add("the cluster", close);
  cluster.start();
  return {
    backend,
    images,
    onImages: () => cluster.node.imagesChanged(),
    status: () => ({
      target: { name: options.name, kind: "embedded" },
      runtime: "process",
      kubelet: statusOf(keeper, cluster.node.connected),
    }),
    onChange: (listener) => keeper.onChange(listener),
    async stopPods() {
      // First the controllers: they would replace each pod that ends.
      await close();
      await keeper.stopWithPods();
    },
  };
}

function statusOf({ pid, silentSince }: KubeletKeeper, connected: boolean): KubeletStatus {
  return { connected, pid, ...(silentSince !== null && { silentSince }) };
}
