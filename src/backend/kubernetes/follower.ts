/** Keeps the objects of one kind in the cache, wherever and in which version the server serves it, for as long as it does. */
import { asTrueupError, type TrueupError } from "../../model/errors.ts";
import type { KubeApi } from "../../model/kube-api.ts";
import { backoffMs } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { Random } from "../../util/random.ts";
import type { Entry, ObjectCache } from "./cache.ts";
import type { Discovery } from "./discovery.ts";
import { Reflector } from "./reflector.ts";
import type { KindQuery, KubeResource } from "./resource.ts";

/** Who asks sooner after a failure gets that failure; later, the kind is tried again first. */
const FRESH_MS = 1_000;
const BACKOFF = { baseMs: 250, maxMs: 30_000 };

export interface FollowOptions {
  api: KubeApi;
  discovery: Discovery;
  cache: ObjectCache;
  clock: Clock;
  random: Random;
  /** Only these namespaces, for kinds that live in one; all of them when absent. */
  namespaces?: readonly string[];
  /** Called when the server does not serve the kind. */
  onAbsent?: () => void;
}

type State =
  | { is: "starting" }
  | { is: "in-step"; resource: KubeResource }
  /** The server does not serve the kind: there are no such objects. */
  | { is: "absent" }
  | { is: "failed"; error: TrueupError; at: number };

export class Follower {
  readonly #options: FollowOptions;
  readonly #fieldSelector: string | undefined;
  readonly #end = new AbortController();
  #kind: KindQuery;
  #state: State = { is: "starting" };
  /** In a row. */
  #failures = 0;
  readonly #waiting = new Set<() => void>();
  /** Ends what the loop waits for: a rest after a failure, or for somebody to ask for a kind that was not there. */
  #wake: () => void = () => {};
  /** Ends the reflectors, so that the kind is looked up again. */
  #restart: () => void = () => {};
  readonly #running: Promise<void>;

  constructor(options: FollowOptions, kind: KindQuery, fieldSelector?: string) {
    this.#options = options;
    this.#kind = kind;
    this.#fieldSelector = fieldSelector;
    this.#running = this.#run(this.#end.signal);
  }

  get kind(): KindQuery {
    return this.#kind;
  }

  /** Whether the cache answers for the kind, so that there is nothing to wait for. */
  get isSettled(): boolean {
    return this.#state.is === "in-step" || this.#state.is === "absent";
  }

  get isAbsent(): boolean {
    return this.#state.is === "absent";
  }

  /** Looks again for a kind that was not served. */
  lookAgain(): void {
    if (this.#state.is === "absent") this.#wake();
  }

  /** Why the kind cannot be read now; `null` when it can, is not there, or was not read yet. */
  get problem(): TrueupError | null {
    return this.#state.is === "failed" ? this.#state.error : null;
  }

  /**
   * Waits until the cache answers for the kind. A failure of a while ago is no answer: it is tried again first.
   *
   * @param looksAgain Whether a kind that was not served is looked for again
   * @returns Where it is served, `null` when the server does not serve it
   * @throws {TrueupError} Why it cannot be read
   */
  async ready(signal: AbortSignal, looksAgain = true): Promise<KubeResource | null> {
    let isRetried = false;
    for (;;) {
      signal.throwIfAborted();
      const state = this.#state;
      if (state.is === "in-step") return state.resource;
      if (state.is === "absent" && (isRetried || !looksAgain)) return null;
      if (state.is === "failed" && isRetried) throw state.error;
      const isFresh = state.is === "failed" && this.#options.clock.monotonic() - state.at < FRESH_MS;
      // The first time that a server is away it restarts, most often: the next try comes in a moment.
      if (isFresh && (this.#failures > 1 || state.error.code !== "unavailable")) throw state.error;
      if (state.is !== "starting") isRetried = true;
      if (state.is !== "starting" && !isFresh) this.#wake();
      await this.#changed(signal);
    }
  }

  /** Reads the kind in this version from now on, unless one was asked for before: objects cannot be kept in two. */
  prefer(version: string): void {
    if (this.#kind.version !== undefined) return;
    this.#kind = { ...this.#kind, version };
    if (this.#state.is === "in-step" && this.#state.resource.version === version) return;
    if (this.#state.is === "in-step") this.#set({ is: "starting" });
    this.#restart();
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  #set(state: State): void {
    this.#state = state;
    if (state.is === "in-step" || state.is === "absent") this.#failures = 0;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async #changed(signal: AbortSignal): Promise<void> {
    const changed = Promise.withResolvers<void>();
    const onAbort = (): void => changed.reject(signal.reason);
    this.#waiting.add(changed.resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await changed.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      // Who gave up is told of nothing: a kind that never comes would gather all who ever asked.
      this.#waiting.delete(changed.resolve);
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const began = clock.monotonic();
        const resource = await this.#options.discovery.find(this.#kind, signal);
        if (resource === null) {
          this.#leave();
          this.#set({ is: "absent" });
          this.#options.onAbsent?.();
          await this.#pause(null, signal);
          this.#set({ is: "starting" });
          continue;
        }
        const isGone = await this.#reflect(resource, signal);
        this.#set({ is: "starting" });
        if (!isGone) continue;
        // Told as served and yet not found: the next look-up must not come at once, again and again.
        if (clock.monotonic() - began > FRESH_MS) failures = 0;
      } catch (thrown) {
        if (signal.aborted) return;
        this.#fail(asTrueupError(thrown, `follow ${this.#kind.kind}`));
      }
      await this.#pause(backoffMs(failures++, BACKOFF) * (1 + random.next() / 2), signal);
    }
  }

  #fail(error: TrueupError): void {
    this.#failures++;
    this.#set({ is: "failed", error, at: this.#options.clock.monotonic() });
  }

  /** Objects of a kind that is no more are no more. */
  #leave(): void {
    const { group, kind } = this.#kind;
    this.#options.cache.replace({ group, kind, namespace: "" }, [], null);
  }

  /** Until the time is up (`null`: for ever), or somebody asks. */
  async #pause(ms: number | null, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    this.#restart = this.#wake;
    const either = AbortSignal.any([signal, woken.signal]);
    try {
      if (ms !== null) await sleep(this.#options.clock, ms, either);
      else if (!either.aborted) await new Promise((done) => either.addEventListener("abort", done, { once: true }));
    } catch (thrown) {
      // Only the two signals end a sleep early.
      if (!either.aborted) throw thrown;
    }
    this.#wake = () => {};
  }

  /**
   * Runs until the server does not serve the resource any more, or another version of it is wanted.
   *
   * @returns Whether the server did not serve it
   */
  async #reflect(resource: KubeResource, signal: AbortSignal): Promise<boolean> {
    const { namespaces } = this.#options;
    const scopes = resource.namespaced && namespaces !== undefined ? namespaces : [""];
    const left = new AbortController();
    const either = AbortSignal.any([signal, left.signal]);
    const behind = new Set(scopes);
    const reflectors = scopes.map((namespace) => {
      const inStep = (): void => {
        behind.delete(namespace);
        if (behind.size === 0) this.#set({ is: "in-step", resource });
      };
      return this.#reflector(resource, namespace, inStep, () => behind.add(namespace));
    });
    this.#wake = () => {
      for (const reflector of reflectors) reflector.wake();
    };
    this.#restart = () => left.abort();
    const runs = reflectors.map((reflector) => reflector.run(either));
    try {
      // One is enough: what is not served in one namespace is not served in another.
      await Promise.race(runs);
      this.#options.discovery.invalidate();
      return true;
    } catch (thrown) {
      if (!left.signal.aborted || signal.aborted) throw thrown;
      return false;
    } finally {
      left.abort();
      await Promise.allSettled(runs);
    }
  }

  #reflector(resource: KubeResource, namespace: string, inStep: () => void, behind: () => void): Reflector<Entry> {
    const { api, clock, random, cache } = this.#options;
    const { group, kind } = resource;
    const sink = {
      keep: cache.keep.bind(cache),
      replace: (kept: readonly Entry[], version: string | null) => {
        cache.replace({ group, kind, namespace }, kept, version);
      },
      event: cache.event.bind(cache),
      inStep,
      failed: (error: TrueupError) => {
        behind();
        this.#fail(error);
      },
    };
    const selector = this.#fieldSelector;
    return new Reflector({
      api,
      clock,
      random,
      resource,
      namespace,
      sink,
      ...(selector !== undefined && { fieldSelector: selector }),
    });
  }
}
