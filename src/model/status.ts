/** What the daemon says of itself and of its apps. */
import type { Diagnostic } from "./diagnostic.ts";
import type { ErrorCode } from "./errors.ts";
import type { Health } from "./health.ts";
import type { AttemptKey } from "./ledger.ts";
import type { ObjectId } from "./object.ts";
import type { CommitId } from "./source.ts";

/**
 * - `Starting`: nothing read yet. `Synced`: what git wants is applied and its rollouts are complete.
 * - `Progressing`: applied, rollouts under way. `Rejected`: the head is invalid, what ran before still runs.
 * - `Held`: applied but for deletions that wait for approval. `Failed`: the head was applied and did not get healthy.
 * - `RolledBack`: the head failed, and the last good commit was applied again; it stays until the ref moves.
 * - `Contested`: applied, and somebody else keeps changing it back; left alone for a while.
 * - `Unreadable`: git or the backend cannot be read; nothing is changed until it can.
 */
export type AppPhase =
  | "Starting"
  | "Synced"
  | "Progressing"
  | "Rejected"
  | "Held"
  | "Failed"
  | "RolledBack"
  | "Contested"
  | "Unreadable";

export interface AppStatus {
  app: string;
  target: string;
  /** Absolute path of the repository. */
  repository: string;
  ref: string;
  /** Directory of the repository that is the app; "" for all of it. */
  path: string;
  head: { commit: CommitId; subject: string; author: string; authoredAt: string } | null;
  /** Commit whose manifests were applied last. */
  applied: CommitId | null;
  phase: AppPhase;
  /** Why, with what it waits for; "" when Synced. */
  reason: string;
  /** What kind of failure keeps it from being read; only of an app that is `Unreadable`. */
  trouble?: ErrorCode;
  health: Health;
  /** Of the head. */
  diagnostics: Diagnostic[];
  attempt: AttemptKey | null;
  held: { id: ObjectId; reason: string }[];
  /** Objects that somebody else keeps changing, and until when (RFC 3339) they are left alone. */
  contested: { id: ObjectId; fields: string[]; until: string }[];
  planDigest: string | null;
}

/** Where a daemon's objects live. */
export interface TargetStatus {
  /** As the operator's configuration, or the kubeconfig, calls it; the ledger knows attempts by it. */
  name: string;
  kind: "embedded" | "kubernetes";
  /** Address of the API server, without credentials; of a cluster only. */
  server?: string;
  /** `cluster`: the history is kept there, too; absent: in the state directory. */
  ledger?: "cluster";
  /** Context of the kubeconfig; absent when the credentials are those of the pod that the daemon runs in. */
  context?: string;
}

export interface KubeletStatus {
  connected: boolean;
  pid: number | null;
  /** It is there and has not answered since then, RFC 3339. */
  silentSince?: string;
}

export interface DaemonStatus {
  version: string;
  pid: number;
  startedAt: string;
  stateDir: string;
  target: TargetStatus;
  /** How pods are run; absent where the cluster's own nodes run them, as is `kubelet`. */
  runtime?: string;
  kubelet?: KubeletStatus;
  apps: AppStatus[];
}

/** Where a running daemon is found: `daemon.json` in its socket directory. */
export interface DaemonRecord {
  pid: number;
  version: string;
  startedAt: string;
  repository: string;
  stateDir: string;
  socket: string;
}
