/** The daemon's API as typed calls over its unix socket, with watches that outlive a restart of the daemon. */
import type { ListQuery, LogQuery } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import type { Attempt, LedgerProof, RevisionRecord } from "../model/ledger.ts";
import type { DaemonStatus } from "../model/status.ts";
import type { ShutdownRequest, WhyQuery } from "../server/service.ts";
import type { ObjectEvent, ObjectListBody, PlanView } from "../server/wire.ts";
import { backoffMs } from "../util/backoff.ts";
import { type Clock, sleep } from "../util/clock.ts";
import type { WhyAnswer } from "../why/types.ts";
import { getJson, openStream, type Parameters } from "./http.ts";

export interface DaemonClient {
  /** Path of the socket it speaks over. */
  readonly socket: string;
  status(signal: AbortSignal): Promise<DaemonStatus>;
  /** A new status whenever it changes, the present one first; ends with the daemon or the signal. */
  watchStatus(signal: AbortSignal): AsyncIterable<DaemonStatus>;
  list(query: ListQuery, signal: AbortSignal): Promise<ObjectListBody>;
  /** Those there (`added`), then `synced`, then each change; after a lost connection `reset`, and so on from the start. */
  watch(query: ListQuery, signal: AbortSignal): AsyncIterable<ObjectEvent>;
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string>;
  attempts(query: { app?: string; limit?: number }, signal: AbortSignal): Promise<Attempt[]>;
  /** Has the daemon walk its ledger's chain. */
  proof(query: { expect?: string }, signal: AbortSignal): Promise<LedgerProof>;
  revisions(query: { app?: string; workload?: string; uid?: string }, signal: AbortSignal): Promise<RevisionRecord[]>;
  plan(
    query: { app?: string; revision?: string; diff?: boolean; adopt?: boolean },
    signal: AbortSignal,
  ): Promise<PlanView>;
  why(query: WhyQuery, signal: AbortSignal): Promise<WhyAnswer>;
  approve(order: { app: string; digest: string; by: string }, signal: AbortSignal): Promise<void>;
  discard(order: { app: string; by: string }, signal: AbortSignal): Promise<void>;
  retry(order: { app: string; by: string }, signal: AbortSignal): Promise<void>;
  /** Done when the daemon says that it has ended what is to end, or has gone. */
  shutdown(request: ShutdownRequest, signal: AbortSignal): Promise<void>;
}

/** How often and how long a watch tries to reach a daemon that went away: a restart takes well under a second. */
const RECONNECT = { baseMs: 50, maxMs: 2_000, tries: 12 };

export interface ClientOptions {
  socket: string;
  clock: Clock;
  /** Told when a watch has lost the daemon and tries again, and when it is back. */
  onConnection?(state: "lost" | "back"): void;
  /** Told why what was listed may be old by now. */
  onDoubt?(why: string): void;
}

export function createClient({ socket, clock, onConnection, onDoubt }: ClientOptions): DaemonClient {
  const get = <T>(path: string, query: Parameters, signal: AbortSignal): Promise<T> =>
    getJson<T>({ socket, path, query, signal });
  const post = async (path: string, body: object, signal: AbortSignal): Promise<void> => {
    await getJson({ socket, path, method: "POST", body, signal });
  };
  return {
    socket,
    status: (signal) => get("/v1/status", {}, signal),
    async *watchStatus(signal) {
      const messages = openStream({ socket, path: "/v1/status", query: { watch: true }, signal });
      for await (const { data } of messages) yield data as DaemonStatus;
    },
    async list(query, signal) {
      const body = await get<ObjectListBody>("/v1/objects", { ...query }, signal);
      if (body.doubt !== undefined) onDoubt?.(body.doubt);
      return body;
    },
    watch: (query, signal) => watchAgain({ socket, clock, query, signal, onConnection }),
    async *logs(query, signal) {
      for await (const message of openStream({ socket, path: "/v1/logs", query: { ...query }, signal })) {
        if (message.event === "end") return;
        yield message.data as string;
      }
      throw new TrueupError("unavailable", `Cannot go on with the logs of ${query.pod} as the daemon has gone.`, {
        hint: "The pod may still run: try again when the daemon does.",
      });
    },
    attempts: (query, signal) => get("/v1/attempts", { ...query }, signal),
    proof: (query, signal) => get("/v1/proof", { ...query }, signal),
    revisions: (query, signal) => get("/v1/revisions", { ...query }, signal),
    plan: (query, signal) => get("/v1/plan", { ...query }, signal),
    why: (query, signal) => get("/v1/why", { ...query }, signal),
    approve: (order, signal) => post("/v1/approve", order, signal),
    discard: (order, signal) => post("/v1/discard", order, signal),
    retry: (order, signal) => post("/v1/retry", order, signal),
    async shutdown(request, signal) {
      for await (const _ of openStream({ socket, path: "/v1/shutdown", method: "POST", body: request, signal })) {
        // Nothing is sent but the end, or an error, which the stream throws.
      }
    },
  };
}

interface WatchOptions {
  socket: string;
  clock: Clock;
  query: ListQuery;
  signal: AbortSignal;
  onConnection: ((state: "lost" | "back") => void) | undefined;
}

/** Watches until the signal ends it; a stream that breaks off is opened again, as long as the daemon comes back soon. */
async function* watchAgain({ socket, clock, query, signal, onConnection }: WatchOptions): AsyncIterable<ObjectEvent> {
  let failures = 0;
  let began = false;
  for (;;) {
    try {
      for await (const { data } of openStream({
        socket,
        path: "/v1/objects",
        query: { ...query, watch: true },
        signal,
      })) {
        if (failures > 0) {
          failures = 0;
          onConnection?.("back");
          yield { type: "reset" };
        }
        began = true;
        yield data as ObjectEvent;
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const lost = error instanceof TrueupError && error.code === "unavailable";
      if (!lost || !began || failures >= RECONNECT.tries) throw error;
    }
    signal.throwIfAborted();
    if (failures === 0) onConnection?.("lost");
    await sleep(clock, backoffMs(failures, RECONNECT), signal);
    failures += 1;
  }
}
