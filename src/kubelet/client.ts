/** stub */
import type {
  Kubelet,
  KubeletLogQuery,
  KubeletPodSummary,
  KubeletReport,
  PodAssignment,
  ServiceAssignment,
} from "../model/kubelet.ts";

export interface KubeletInfo {
  pid: number;
  version: string;
  stateDir: string;
}

export class KubeletClient implements Kubelet {
  readonly socketPath: string;
  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }
  async info(): Promise<KubeletInfo> {
    return { pid: 0, version: "", stateDir: "" };
  }
  async assign(_assignment: PodAssignment): Promise<void> {}
  async stop(_uid: string, _graceSeconds: number): Promise<void> {}
  async serve(_services: ServiceAssignment[]): Promise<void> {}
  async pods(): Promise<KubeletPodSummary[]> {
    return [];
  }
  async *reports(_after: number, _signal: AbortSignal): AsyncGenerator<KubeletReport> {}
  async acknowledge(_seq: number): Promise<void> {}
  async *logs(_query: KubeletLogQuery, _signal: AbortSignal): AsyncGenerator<string> {}
  /** Ends the kubelet process: with its pods, or leaving them to be adopted by the next one. Resolves when it is gone. */
  async shutdown(_options: { stopPods: boolean }): Promise<void> {}
  close(): void {}
}
