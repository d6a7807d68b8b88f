/** How one container runs. The kubelet decides when; a runtime only does, and tells what happened. */
import type { ImageResolution } from "./image.ts";

/** Everything needed to start a container; all names, ports and values are resolved. */
export interface ContainerLaunch {
  podUid: string;
  podName: string;
  namespace: string;
  container: string;
  /** 0 for the first start in this pod, then 1, 2, …: names the run in logs and reports. */
  run: number;
  image: Extract<ImageResolution, { found: true }>;
  /** Program and arguments, never interpreted by a shell. */
  argv: string[];
  /** The whole environment: nothing is inherited. */
  env: Record<string, string>;
  workingDir: string;
  /** An init container: it is to end by itself before the others start. */
  isInit?: boolean;
}

/** What is known of an ended run. `exitCode` and `signal` are both absent when the end was not seen. */
export interface ContainerExit {
  exitCode?: number;
  /** Signal name, `SIGKILL`. */
  signal?: string;
  /** Why it is not known, or what kept it from starting. */
  message?: string;
}

/** A started run. */
export interface RunningContainer {
  /** `process://4711`, `simulated://12`. */
  readonly id: string;
  /** Process id of the group's leader, for the process runtime. */
  readonly pid?: number;
  /** Settles when the run has ended, and never rejects. */
  readonly exited: Promise<ContainerExit>;
  /** Sends a signal to the whole group; nothing happens when it is gone. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

/** What to probe, with the local port already found. */
export type ProbeTarget =
  | { kind: "http"; host: string; port: number; path: string; scheme: "HTTP" | "HTTPS"; headers: [string, string][] }
  | { kind: "tcp"; host: string; port: number }
  | { kind: "exec"; argv: string[] };

export interface ProbeOutcome {
  ok: boolean;
  /** What was seen, for the event: `HTTP probe failed with statuscode: 500`. Empty when ok. */
  message: string;
}

/** Runs containers. Implementations: processes of this machine, and a simulation on a virtual clock. */
export interface Runtime {
  readonly name: string;
  /**
   * Starts a run.
   *
   * @throws {TrueupError} When it cannot start: `invalid` (no such program, no such directory), `io`
   */
  start(launch: ContainerLaunch): Promise<RunningContainer>;
  /** Finds a run that an earlier kubelet started, by the uid in its environment; `null` when it is gone. */
  adopt(launch: ContainerLaunch, id: string): Promise<RunningContainer | null>;
  /** Probes; a time-out is a failed outcome, not an error. */
  probe(launch: ContainerLaunch, target: ProbeTarget, timeoutMs: number): Promise<ProbeOutcome>;
  /** A port on the loopback interface that nothing listens on, different from all that were given before and not released. */
  allocatePort(): Promise<number>;
  releasePort(port: number): void;
  /**
   * Whether the run listens on `port`, its declared one, though it was told another; to explain a probe that fails.
   * `null` when this cannot be found out on this machine.
   */
  listensOn(running: RunningContainer, port: number): Promise<boolean | null>;
  /** Last lines that the run printed, oldest first, at most `count`. */
  tail(launch: ContainerLaunch, count: number): Promise<string[]>;
}
