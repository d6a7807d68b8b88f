/** The daemon's API as typed calls over its unix socket. */
import type { ListQuery, LogQuery } from "../model/backend.ts";
import type { Attempt, RevisionRecord } from "../model/ledger.ts";
import type { KubeObject } from "../model/object.ts";
import type { DaemonStatus } from "../model/status.ts";
import type { ShutdownRequest } from "../server/service.ts";
import type { ObjectEvent, PlanView } from "../server/wire.ts";

export interface DaemonClient {
  /** Path of the socket it speaks over. */
  readonly socket: string;
  status(signal: AbortSignal): Promise<DaemonStatus>;
  /** A new status whenever it changes, the present one first; ends with the daemon or the signal. */
  watchStatus(signal: AbortSignal): AsyncIterable<DaemonStatus>;
  list(query: ListQuery, signal: AbortSignal): Promise<{ items: KubeObject[]; version: string }>;
  /** Those there (`added`), then `synced`, then each change; after a lost connection it starts over with `reset`. */
  watch(query: ListQuery, signal: AbortSignal): AsyncIterable<ObjectEvent>;
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string>;
  attempts(query: { app?: string; limit?: number }, signal: AbortSignal): Promise<Attempt[]>;
  revisions(query: { app?: string; workload?: string; uid?: string }, signal: AbortSignal): Promise<RevisionRecord[]>;
  plan(query: { app?: string; revision?: string; diff?: boolean }, signal: AbortSignal): Promise<PlanView>;
  shutdown(request: ShutdownRequest, signal: AbortSignal): Promise<void>;
}
