/** What is kept of a pod, so that the next kubelet can go on with it. */
import type { PodAssignment } from "../model/kubelet.ts";
import type { Condition } from "../model/workload.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { LocalPort } from "./env.ts";

/** All that a kubelet must know to take up a pod again. */
export interface PodRecord {
  format: 1;
  assignment: PodAssignment;
  /** By container name. */
  ports: Record<string, LocalPort[]>;
  /** RFC 3339. */
  startTime: string;
  conditions: Condition[];
  containers: Record<string, ContainerRecord>;
  /** When the end began, milliseconds since the epoch; `null` when it has not. */
  terminating: { at: number; graceSeconds: number } | null;
}
