/** The backend as a daemon sees it in bad weather: reads fail, also half-way, changes are refused or their answers get lost. */
import type {
  ApplyRequest,
  ApplyResult,
  Backend,
  DeleteRequest,
  ListQuery,
  LogQuery,
  ObjectList,
  WatchEvent,
} from "../../src/model/backend.ts";
import { broken, type Weather } from "./weather.ts";

export interface BackendHooks {
  /** Whether the daemon that calls was killed: then nobody hears it any more. */
  isDead(): boolean;
  /** A place at which a daemon can be killed. */
  step(): void;
  applying(request: ApplyRequest): void;
  deleting(request: DeleteRequest): void;
  listing(query: ListQuery): void;
  /** A list was asked for and could not be had. */
  failed(query: ListQuery): void;
}

export class FaultyBackend implements Backend {
  readonly #inner: Backend;
  readonly #weather: Weather;
  readonly #hooks: BackendHooks;

  constructor(inner: Backend, weather: Weather, hooks: BackendHooks) {
    this.#inner = inner;
    this.#weather = weather;
    this.#hooks = hooks;
  }

  get capabilities(): Backend["capabilities"] {
    return this.#inner.capabilities;
  }

  async list(query: ListQuery, signal: AbortSignal): Promise<ObjectList> {
    this.#require();
    await this.#weather.slow("reads slow", 1_500);
    this.#require();
    this.#hooks.listing(query);
    // An app's own objects are read first, then what else stands where git declares something.
    const isRest = query.kind !== undefined;
    if (this.#weather.hits(isRest ? "reads fail half-way" : "reads fail")) {
      this.#hooks.failed(query);
      throw broken("list objects");
    }
    return this.#inner.list(query, signal);
  }

  async *watch(query: ListQuery, version: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    this.#require();
    for await (const event of this.#inner.watch(query, version, signal)) {
      this.#require();
      if (this.#weather.hits("watch breaks")) throw broken("watch on");
      yield event;
    }
  }

  dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    return this.#inner.dryRun(request, signal);
  }

  apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    return this.#change(
      () => this.#hooks.applying(request),
      () => this.#inner.apply(request, signal),
    );
  }

  delete(request: DeleteRequest, signal: AbortSignal): Promise<void> {
    return this.#change(
      () => this.#hooks.deleting(request),
      () => this.#inner.delete(request, signal),
    );
  }

  async *logs(query: LogQuery, signal: AbortSignal): AsyncGenerator<string> {
    this.#require();
    if (this.#weather.hits("logs hang")) await aborted(signal);
    yield* this.#inner.logs(query, signal);
  }

  async #change<T>(announce: () => void, make: () => Promise<T>): Promise<T> {
    this.#hooks.step();
    this.#require();
    if (this.#weather.hits("changes refused")) throw broken("change an object", "io");
    announce();
    const result = await make();
    this.#hooks.step();
    this.#require();
    if (this.#weather.hits("changes unanswered")) throw broken("hear of a change");
    return result;
  }

  #require(): void {
    if (this.#hooks.isDead()) throw broken("go on after a kill");
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
