/** The guard of a state directory: it is about one cluster, and a context that leads to another one must not be taken for it. */
import { join } from "node:path";
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
import { orAborted } from "../util/or-aborted.ts";
import { TARGET_FILE } from "./target-record.ts";

const NEVER = new AbortController().signal;

/** What a cluster calls itself. @returns `null` where nobody may ask; a server that is away is an error */
export type Identify = (signal: AbortSignal) => Promise<string | null>;

export interface SameClusterOptions {
  identify: Identify;
  /** The cluster that the state is about; undefined when nothing says so yet. */
  known: string | undefined;
  /** For the message: name and address of the target, and where its record is. */
  name: string;
  server: string;
  stateDir: string;
  /** Hears, once, which cluster it is; `null` when nobody may ask. */
  onIdentified(id: string | null): Promise<void>;
}

/** Asks a cluster who it is before anything else is asked of it, again until it has answered. */
export class SameCluster {
  readonly #options: SameClusterOptions;
  #isSure = false;
  #refusal: TrueupError | null = null;
  #asking: Promise<void> | null = null;

  constructor(options: SameClusterOptions) {
    this.#options = options;
  }

  /** That it is another cluster; `null` as long as nobody knows. */
  get refusal(): TrueupError | null {
    return this.#refusal;
  }

  /** @throws {TrueupError} `forbidden` when it is another cluster; what asking throws when it does not answer; the signal's reason */
  async require(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isSure) return;
    if (this.#refusal !== null) throw this.#refusal;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    // One question for all who wait; each of them may stop to.
    await orAborted(this.#asking, signal);
  }

  async #ask(): Promise<void> {
    const { identify, known, name, server, stateDir, onIdentified } = this.#options;
    const id = await identify(NEVER);
    if (known !== undefined && id !== null && id !== known) {
      const is = `${server} is another one than when it was last used`;
      this.#refusal = new TrueupError(
        "forbidden",
        `Cannot keep ${name} true from ${stateDir} as that must be about the same cluster: ${is}.`,
        {
          hint: `Give this cluster a state directory of its own with --state; if it has taken the place of the other one, remove ${join(stateDir, TARGET_FILE)}.`,
        },
      );
      throw this.#refusal;
    }
    await onIdentified(id);
    this.#isSure = true;
  }
}

/** A backend that does nothing before the cluster is known to be the right one. */
export class GuardedBackend implements Backend {
  readonly capabilities: BackendCapabilities;
  readonly #inner: Backend;
  readonly #guard: SameCluster;

  constructor(inner: Backend, guard: SameCluster) {
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#guard = guard;
  }

  async isNamespaced(kind: { group: string; kind: string }, signal: AbortSignal): Promise<boolean | null> {
    await this.#guard.require(signal);
    return (await this.#inner.isNamespaced?.(kind, signal)) ?? null;
  }

  async list(query: ListQuery, signal: AbortSignal): Promise<ObjectList> {
    await this.#guard.require(signal);
    return this.#inner.list(query, signal);
  }

  async *watch(query: ListQuery, version: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    await this.#guard.require(signal);
    yield* this.#inner.watch(query, version, signal);
  }

  async dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    await this.#guard.require(signal);
    return this.#inner.dryRun(request, signal);
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    await this.#guard.require(signal);
    return this.#inner.apply(request, signal);
  }

  async delete(request: DeleteRequest, signal: AbortSignal): Promise<void> {
    await this.#guard.require(signal);
    return this.#inner.delete(request, signal);
  }

  async *logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string> {
    await this.#guard.require(signal);
    yield* this.#inner.logs(query, signal);
  }
}
