/** What a daemon asks of the place where its objects live, and how such a place is named. */
import type { Backend } from "../model/backend.ts";
import type { TrueupError } from "../model/errors.ts";
import type { DurableLedger } from "../model/ledger.ts";
import type { DaemonStatus } from "../model/status.ts";
import type { FleetOptions } from "./fleet.ts";

/** Name of the target that needs no configuration. */
export const EMBEDDED_TARGET = "local";
/** Namespace of what trueup itself keeps on a cluster, unless the operator says otherwise. */
export const SYSTEM_NAMESPACE = "trueup-system";

export interface KubernetesSettings {
  kind: "kubernetes";
  /** Of the target; attempts in the ledger carry it. */
  name: string;
  /** Absolute path; absent: `KUBECONFIG`, else the one in the home directory. */
  kubeconfig?: string;
  /** Absent: the kubeconfig's current one. */
  context?: string;
  /** Credentials are those of the pod that the daemon runs in; no kubeconfig is read. */
  inCluster: boolean;
  /** Of trueup's own objects. */
  namespace: string;
  /** Only these are read, where the credentials reach no further; absent: all. */
  namespaces?: readonly string[];
  /** Where the history is kept: in the state directory, or in the cluster itself. */
  ledger: "local" | "cluster";
  /** Under which id objects are owned; absent: the one kept in the state directory. */
  owner?: string;
}

export type TargetSettings = { kind: "embedded"; name: string } | KubernetesSettings;

/** A target that has begun. Whoever began it hands what ends it to `Begun`. */
export interface RunningTarget {
  readonly backend: Backend;
  /** Images that pods are run from; one that knows none where the nodes fetch them. */
  readonly images: FleetOptions["images"];
  /** Images may resolve otherwise now. */
  onImages(): void;
  /**
   * Opens the ledger where the target keeps it; absent: it is kept in the state directory.
   *
   * @param onLost Hears that another daemon has taken it over
   */
  openLedger?: (onLost: (error: TrueupError) => void) => Promise<DurableLedger>;
  /** Why what is read may be old by now, in a sentence; `null` when it is not. Absent: it never is. */
  doubt?: (signal: AbortSignal) => Promise<string | null>;
  /** What of the daemon's status is the target's to say. */
  status(): Pick<DaemonStatus, "target" | "runtime" | "kubelet">;
  /** Calls the listener after each change of `status()`; returns what ends that. */
  onChange(listener: () => void): () => void;
  /** Ends the pods, where they are processes of this machine; what runs on a cluster is not this machine's to end. */
  stopPods(): Promise<void>;
}
