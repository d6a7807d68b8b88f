/** What a check of `trueup doctor` is: a name, and what it found; and what it may look at. */
import type { ClusterReport } from "../../backend/kubernetes/examine.ts";
import type { SocketPaths } from "../../daemon/paths.ts";
import type { TargetRecord } from "../../daemon/target-record.ts";
import type { ProcessTable } from "../../kubelet/process-table.ts";

export type FindingLevel = "ok" | "warning" | "problem";

export interface Finding {
  check: string;
  level: FindingLevel;
  message: string;
  /** What to do; always there unless all is well. */
  hint?: string;
  /** What `--fix` may do about it: remove these, while nobody holds `lock`. */
  removable?: Removable;
}

/** Files that nobody can need as long as nobody holds the lock beside them. */
export interface Removable {
  paths: string[];
  lock: LockName;
}

export type LockName = "daemon" | "kubelet";

/** All that checks look at; each takes what it needs of it, and changes nothing. */
export interface DoctorWorld {
  /** Absolute, symbolic links resolved; it exists. */
  stateDir: string;
  sockets: SocketPaths;
  /** What the last daemon followed; `null` when no record says. */
  repository: string | null;
  userId: number;
  /** Milliseconds since the epoch. */
  now: number;
  nodeVersion: string;
  /** Soft limit of open files; `null` when the system does not say. */
  openFiles: number | null;
  table: ProcessTable;
  /** Whether somebody answers on a unix socket within a few seconds. */
  answers(socket: string): Promise<boolean>;
  /** Asks the cluster of a target, as its daemon would, within some seconds. @throws {TrueupError} When that cannot be done */
  examine(record: TargetRecord): Promise<ClusterReport>;
}

export interface Check {
  /** As it is printed: `cluster.db`. */
  name: string;
  /** Of which state directories it is; absent: of all. */
  only?: "embedded" | "own ledger";
  run(world: DoctorWorld): Finding[] | Promise<Finding[]>;
}

export function ok(check: string, message: string): Finding {
  return { check, level: "ok", message };
}

export function warning(check: string, message: string, hint: string): Finding {
  return { check, level: "warning", message, hint };
}

export function problem(check: string, message: string, hint: string): Finding {
  return { check, level: "problem", message, hint };
}
