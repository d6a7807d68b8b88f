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
import { displayId, idOf } from "../model/object.ts";
import type { Clock } from "../util/clock.ts";
import { withDeadline } from "../util/deadline.ts";

const LIST_MS = 60_000;
const APPLY_MS = 30_000;
/** Beyond the grace period of what is deleted. */
const DELETE_MS = 60_000;
/** A grace period that nobody told; longer ones are rare, and a deletion that takes longer is tried again. */
const UNKNOWN_GRACE_MS = 540_000;

/** Watches and logs are streams: they wait by nature, and end with their signal. */
export class BoundedBackend implements Backend {
  readonly #inner: Backend;
  readonly #clock: Clock;

  constructor(inner: Backend, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  get capabilities(): BackendCapabilities {
    return this.#inner.capabilities;
  }

  list(query: ListQuery, signal: AbortSignal): Promise<ObjectList> {
    const what = query.kind === undefined ? "list the objects" : `list the ${query.kind} objects`;
    return this.#within(LIST_MS, what, signal, (own) => this.#inner.list(query, own));
  }

  dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    const what = `try ${displayId(idOf(request.desired))}`;
    return this.#within(APPLY_MS, what, signal, (own) => this.#inner.dryRun(request, own));
  }

  apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    const what = `apply ${displayId(idOf(request.desired))}`;
    return this.#within(APPLY_MS, what, signal, (own) => this.#inner.apply(request, own));
  }

  delete(request: DeleteRequest, signal: AbortSignal): Promise<void> {
    const { id, gracePeriodSeconds } = request;
    const graceMs = gracePeriodSeconds === undefined ? UNKNOWN_GRACE_MS : gracePeriodSeconds * 1_000;
    const what = `delete ${displayId(id)}`;
    return this.#within(DELETE_MS + graceMs, what, signal, (own) => this.#inner.delete(request, own));
  }

  watch(query: ListQuery, version: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    return this.#inner.watch(query, version, signal);
  }

  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string> {
    return this.#inner.logs(query, signal);
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
