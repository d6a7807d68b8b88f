/** The backend over the embedded cluster. */
import { APPLIED_KINDS } from "../cluster/admission.ts";
import type { EmbeddedCluster } from "../cluster/cluster.ts";
import type { RecordedEvent, SqliteObjectStore } from "../cluster/store.ts";
import type {
  ApplyRequest,
  ApplyResult,
  Backend,
  BackendCapabilities,
  DeleteRequest,
  ListQuery,
  LogQuery,
  ObjectList,
  WatchEvent,
} from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import { displayId, type KubeObject, keyOf, keyOfId } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";
import { untilAborted } from "./abort.ts";
import { applyDeclared } from "./apply.ts";
import { matchesQuery, WatchLog } from "./watch-log.ts";

/** What is answered was made durable before: a reader never knows more than a restarted daemon. */
export class EmbeddedBackend implements Backend {
  readonly capabilities: BackendCapabilities = {
    name: "embedded",
    cheapDryRun: true,
    localImages: true,
    followLogs: true,
    kinds: APPLIED_KINDS,
  };
  readonly #store: SqliteObjectStore;
  readonly #cluster: EmbeddedCluster;
  readonly #log: WatchLog;
  readonly #unsubscribe: () => void;

  constructor(cluster: EmbeddedCluster) {
    this.#cluster = cluster;
    this.#store = cluster.store;
    this.#log = new WatchLog(cluster.store.version);
    this.#unsubscribe = cluster.store.subscribe((event) => this.#record(event));
  }

  async list(query: ListQuery, signal: AbortSignal): Promise<ObjectList> {
    this.#ready(signal);
    const items = this.#candidates(query)
      .map((object) => this.#observed(object))
      .filter((observed) => matchesQuery(query, observed));
    this.#store.flush();
    return { items, version: String(this.#store.version) };
  }

  watch(query: ListQuery, version: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    return this.#log.watch(query, version, () => this.#flush(), signal);
  }

  async dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    this.#ready(signal);
    return this.#store.rehearse(() => applyDeclared(this.#store, request));
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    this.#ready(signal);
    const { anew: _dryRunAlone, ...real } = request;
    const result = applyDeclared(this.#store, real);
    this.#store.flush();
    return result;
  }

  async delete(request: DeleteRequest, signal: AbortSignal): Promise<void> {
    this.#ready(signal);
    const { id, uid, owner, gracePeriodSeconds } = request;
    const key = keyOfId(id);
    const live = this.#store.get(key);
    if (live === undefined) return;
    const appliedBy = this.#store.applied(key)?.owner ?? null;
    if (owner !== undefined && owner !== appliedBy) {
      const by = appliedBy === null ? "no app" : `app ${appliedBy}`;
      throw new TrueupError(
        "forbidden",
        `Cannot delete ${displayId(id)} for app ${owner} as that app must have applied it: ${by} did.`,
      );
    }
    this.#store.delete(key, {
      ...(uid !== undefined && { uid }),
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    });
    this.#store.flush();
    await this.#untilGone(live, signal);
    this.#flush();
  }

  async *logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string> {
    this.#ready(signal);
    const { namespace, pod: name, ...rest } = query;
    const id = { group: "", kind: "Pod", namespace, name };
    const pod = this.#store.get(keyOfId(id));
    if (pod?.metadata.uid === undefined) {
      throw new TrueupError("not-found", `Cannot show logs of ${displayId(id)} as it must exist: it does not.`);
    }
    yield* untilAborted(this.#cluster.kubelet.logs({ ...rest, uid: pod.metadata.uid }, signal), signal);
  }

  /** Ends all watches; the cluster itself is closed by whoever made it. */
  close(): void {
    this.#unsubscribe();
    this.#log.close(closed());
  }

  #ready(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#store.closed) throw closed();
  }

  #flush(): void {
    if (this.#store.closed) throw closed();
    this.#store.flush();
  }

  #candidates(query: ListQuery): KubeObject[] {
    const { group, kind, namespace, name, owner } = query;
    if (group !== undefined && kind !== undefined && namespace !== undefined && name !== undefined) {
      const object = this.#store.get(keyOfId({ group, kind, namespace, name }));
      return object === undefined ? [] : [object];
    }
    return owner === undefined ? this.#store.list(query) : this.#store.ownedBy(owner);
  }

  #observed(object: KubeObject): Observed {
    const record = this.#store.applied(keyOf(object));
    return { object, applied: record?.object ?? null, owner: record?.owner ?? null };
  }

  #record({ type, object, version, record }: RecordedEvent): void {
    const observed = { object, applied: record?.object ?? null, owner: record?.owner ?? null };
    this.#log.add({ type, observed, version });
  }

  /** Settles when the object with this uid is gone: at once for most kinds, when its processes have ended for a pod. */
  #untilGone(object: KubeObject, signal: AbortSignal): Promise<void> {
    const uid = object.metadata.uid ?? "";
    const store = this.#store;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        unsubscribe();
        signal.removeEventListener("abort", abort);
        settle();
      };
      const abort = (): void => end(() => reject(signal.reason));
      const unsubscribe = store.subscribe((event) => {
        if (event.type === "deleted" && event.object.metadata.uid === uid) end(resolve);
      });
      if (store.byUid(uid) === undefined) end(resolve);
      else if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }
}

function closed(): TrueupError {
  return new TrueupError("unavailable", "Cannot reach the embedded cluster as it must be running: it is closed.");
}
