/** What the kubelet needs of a runtime beyond starting containers: their logs, and the end of everything a pod left behind. */
import type { ContainerLaunch, Runtime } from "../model/runtime.ts";

export interface LogReadOptions {
  /** Stay and give lines as they are printed, until the run has ended or the signal ends it. */
  follow?: boolean;
  /** Only the last so many of the lines that are there now. */
  tail?: number;
}

export interface PodRuntime extends Runtime {
  /** Lines that a run printed, without their line ends. */
  logs(launch: ContainerLaunch, options: LogReadOptions, signal: AbortSignal): AsyncIterable<string>;
  /** A container of an earlier kubelet has this port: it is not given to another one. */
  keepPort(port: number): void;
  /** Kills what carries the pod's uid (of one container, or of all) and is still there though its run has ended. */
  sweep(podUid: string, container?: string): Promise<void>;
  /** The pod is gone: its files may go. */
  forget(podUid: string): Promise<void>;
}

/** How the kubelet tells of trouble that concerns no single pod. */
export type KubeletLog = (level: "info" | "warn" | "error", message: string) => void;
