/** What is kept of a container over a kubelet's restart, and what a container needs of its pod. */
import type { PodAssignment } from "../model/kubelet.ts";
import type { Container, ContainerStatus } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import type { LocalPort } from "./env.ts";
import type { FoundImage } from "./launch-spec.ts";
import type { PodRuntime } from "./pod-runtime.ts";

/** Kubernetes' waits between restarts and between image pulls. */
export const BACK_OFF = { baseMs: 10_000, maxMs: 300_000 };

/** What a kubelet needs to know of a container after a restart. */
export interface ContainerRecord {
  status: ContainerStatus;
  run: number;
  /** Id of the run that is under way, "" while it is being started; `null` when there is none. */
  running: string | null;
  /** When it started, milliseconds since the epoch. */
  runningSince: number;
  /** Image of the last run. */
  image: FoundImage | null;
  /** Failures in a row, for the back-off. */
  failures: number;
  /** Whether it has ended for good. */
  finished: boolean;
}

/** What a container needs of its pod. */
export interface ContainerContext {
  runtime: PodRuntime;
  clock: Clock;
  random: Random;
  assignment(): PodAssignment;
  ports: readonly LocalPort[];
  workDirectory: string;
  path: string;
  /** Why it waits before its first turn. */
  firstReason: "ContainerCreating" | "PodInitializing";
  /** When it is restarted after its end. */
  restartPolicy: "Always" | "OnFailure" | "Never";
  /** The pod's own grace period, milliseconds; for restarts. */
  graceMs: number;
  event(type: "Normal" | "Warning", reason: string, message: string): void;
  /** Its status is another one. */
  changed(): void;
  /** Writes the pod's record; durable when it returns. */
  persist(): void;
  /** Takes secret values out of a text that others will read. */
  redact(text: string): string;
}

/** The record of a container that has not had its turn. */
export function newRecord(spec: Container, reason: string): ContainerRecord {
  return {
    status: {
      name: spec.name,
      image: spec.image ?? "",
      imageID: "",
      ready: false,
      started: false,
      restartCount: 0,
      state: { waiting: { reason } },
      lastState: {},
    },
    run: 0,
    running: null,
    runningSince: 0,
    image: null,
    failures: 0,
    finished: false,
  };
}
