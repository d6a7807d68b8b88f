/** stub */
import type {
  Kubelet,
  KubeletLogQuery,
  KubeletPodSummary,
  KubeletReport,
  PodAssignment,
  ServiceAssignment,
} from "../model/kubelet.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import type { Journal } from "./journal.ts";
import type { KubeletLog, PodRuntime } from "./pod-runtime.ts";
import type { Proxy as ServiceTraffic } from "./proxy-contract.ts";

export interface LocalKubeletOptions {
  runtime: PodRuntime;
  clock: Clock;
  random: Random;
  proxy: ServiceTraffic;
  journal: Journal;
  /** `<state>/kubelet`; `null`: nothing is kept, for simulations. */
  directory: string | null;
  log?: KubeletLog;
}

/** Runs pods in this process. Call `start` first: it takes up what an earlier kubelet of the directory left. */
export class LocalKubelet implements Kubelet {
  readonly options: LocalKubeletOptions;
  constructor(options: LocalKubeletOptions) {
    this.options = options;
  }
  async start(): Promise<void> {}
  async assign(_assignment: PodAssignment): Promise<void> {}
  async stop(_uid: string, _graceSeconds: number): Promise<void> {}
  async serve(_services: ServiceAssignment[]): Promise<void> {}
  async pods(): Promise<KubeletPodSummary[]> {
    return [];
  }
  async *reports(_after: number, _signal: AbortSignal): AsyncGenerator<KubeletReport> {}
  async acknowledge(_seq: number): Promise<void> {}
  async *logs(_query: KubeletLogQuery, _signal: AbortSignal): AsyncGenerator<string> {}
  /** Ends all pods, each within its own grace period. */
  async stopAll(): Promise<void> {}
  /** Lets go of the proxy and the journal; pods run on. */
  async close(): Promise<void> {}
}
