/** A backend whose every call has a deadline: one that never answers is a failed read or write, not a wait without end. */
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
import { displayId, idOf, type KubeObject } from "../model/object.ts";
import type { Condition } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import { withDeadline } from "../util/deadline.ts";
import { Turns } from "../util/turns.ts";

const LIST_MS = 60_000;
const APPLY_MS = 30_000;
/** Beyond the grace period of what is deleted. */
const DELETE_MS = 60_000;
/** To see why a deletion is not done. */
const LOOK_MS = 5_000;
/** A grace period that nobody told; longer ones are rare, and a deletion that takes longer is tried again. */
const UNKNOWN_GRACE_MS = 540_000;

/** Watches and logs are streams: they wait by nature, and end with their signal. */
export class BoundedBackend implements Backend {
  readonly #inner: Backend;
  readonly #clock: Clock;
  readonly #turns: Turns;

  /** @param turns Of all who write to the backend: while a write waits for others of our own, the backend is not late */
  constructor(inner: Backend, clock: Clock, turns: Turns = new Turns(Number.POSITIVE_INFINITY)) {
    this.#inner = inner;
    this.#clock = clock;
    this.#turns = turns;
  }

  get capabilities(): BackendCapabilities {
    return this.#inner.capabilities;
  }

  list(query: ListQuery, signal: AbortSignal): Promise<ObjectList> {
    const what = query.kind === undefined ? "list the objects" : `list the ${query.kind} objects`;
    return this.#within(LIST_MS, what, signal, (own) => this.#inner.list(query, own));
  }

  async isNamespaced(kind: { group: string; kind: string }, signal: AbortSignal): Promise<boolean | null> {
    const asked = (own: AbortSignal) => this.#inner.isNamespaced?.(kind, own) ?? Promise.resolve(null);
    return this.#within(LIST_MS, `look up ${kind.kind}`, signal, asked);
  }

  dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    const what = `try ${displayId(idOf(request.desired))}`;
    return this.#inTurn(what, signal, (own) => this.#inner.dryRun(request, own));
  }

  apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    const what = `apply ${displayId(idOf(request.desired))}`;
    return this.#inTurn(what, signal, (own) => this.#inner.apply(request, own));
  }

  delete(request: DeleteRequest, signal: AbortSignal): Promise<void> {
    const { id, gracePeriodSeconds } = request;
    const graceMs = gracePeriodSeconds === undefined ? UNKNOWN_GRACE_MS : gracePeriodSeconds * 1_000;
    const what = `delete ${displayId(id)}`;
    const deletion = this.#within(DELETE_MS + graceMs, what, signal, (own) => this.#inner.delete(request, own));
    return deletion.catch(async (error: unknown) => {
      if (signal.aborted || !(error instanceof TrueupError && error.code === "timeout")) throw error;
      throw (await this.#held(request, error, signal)) ?? error;
    });
  }

  /** What keeps an object that does not go, as it says itself; `null` when nobody can tell. */
  async #held({ id }: DeleteRequest, late: TrueupError, signal: AbortSignal): Promise<TrueupError | null> {
    try {
      const look = (own: AbortSignal): Promise<ObjectList> => this.#inner.list({ ...id }, own);
      const { items } = await this.#within(LOOK_MS, "look", signal, look);
      const why = items[0] === undefined ? [] : whatKeeps(items[0].object);
      if (why.length === 0) return null;
      const message = `${late.message.replace(/: it was not\.$/, "")}: it is kept by ${why.join("; ")}.`;
      return new TrueupError("timeout", message, {
        hint: "Whoever set a finalizer must take it off again.",
        cause: late,
      });
    } catch (error) {
      // The deletion failed already: that its reason cannot be seen either is no second failure.
      if (error instanceof TrueupError) return null;
      throw error;
    }
  }

  watch(query: ListQuery, version: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    return this.#inner.watch(query, version, signal);
  }

  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string> {
    return this.#inner.logs(query, signal);
  }

  #inTurn<T>(what: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#turns.run(signal, () => this.#within(APPLY_MS, what, signal, work));
  }

  #within<T>(ms: number, what: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { name } = this.#inner.capabilities;
    return withDeadline(this.#clock, ms, signal, work, () => {
      return new TrueupError(
        "timeout",
        `Cannot ${what} as the ${name} backend must be done within ${ms / 1_000} s: it was not.`,
        { hint: "It is tried again; a newer commit ends the wait." },
      );
    });
  }
}

/** Finalizers, and what a Namespace says of what is left in it. */
function whatKeeps(object: KubeObject): string[] {
  const { finalizers = [] } = object.metadata;
  const own = (object.spec as { finalizers?: string[] } | undefined)?.finalizers ?? [];
  const { conditions = [] } = (object.status ?? {}) as { conditions?: Condition[] };
  const told = conditions
    .filter(({ type, status }) => object.kind === "Namespace" && status === "True" && LEFT.has(type))
    .map(({ message = "" }) => message);
  // Its own finalizer is what empties a Namespace: it says something only together with what is left.
  const names = [...finalizers, ...(told.length > 0 ? own : [])];
  return [...(names.length === 0 ? [] : [`finalizer ${names.join(", ")}`]), ...told].filter((text) => text !== "");
}

/** Conditions of a Namespace that is being emptied. */
const LEFT: ReadonlySet<string> = new Set([
  "NamespaceDeletionDiscoveryFailure",
  "NamespaceDeletionGroupVersionParsingFailure",
  "NamespaceDeletionContentFailure",
  "NamespaceContentRemaining",
  "NamespaceFinalizersRemaining",
]);
